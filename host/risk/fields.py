"""Every limit that people set, taken from where it is declared.

The NIC's come from `hdl.registers`: each field there with a `Limit`. The firm's and the strategies' notional and
loss are watched by the host and declared here; one that the NIC comes to hold under the same name is the NIC's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hdl.layouts import Reason
from hdl.registers import GATE, LIMITS, STRATEGY, WORD_BITS, Limit, Reg

#: Ends of names that are units: how many of the machine's are in one of the file's.
USD, MICROSECOND = 10_000, 1_000
SCALES = {"_usd": USD, "_us": MICROSECOND}

#: Levels of a limits file, each with the registers that hold it.
FIRM, STRATEGY_LEVEL, SYMBOL = "firm", "strategies", "symbols"
BLOCKS = {FIRM: GATE, STRATEGY_LEVEL: STRATEGY, SYMBOL: LIMITS}


@dataclass(frozen=True, slots=True)
class LimitField:
    """One limit of one level.

    Parameters
    ----------
    level : `firm`, `strategies` or `symbols`.
    limit : its declaration.
    width : bits that it has.
    reg, bits : where the NIC holds it, `bits` empty where it has the whole register; None where the host holds it.
    doc : what it is.
    """

    level: str
    limit: Limit
    width: int
    reg: Reg | None = None
    bits: str = ""
    doc: str = ""

    @property
    def name(self) -> str:
        """Its path below its level's table."""
        return self.limit.name

    @property
    def scale(self) -> int:
        """Units of the machine in one of the file."""
        return next((scale for end, scale in SCALES.items() if self.name.endswith(end)), 1)

    @property
    def most(self) -> int:
        """Largest value, in units of the machine."""
        return (1 << self.width) - 1

    @property
    def is_switch(self) -> bool:
        return self.width == 1

    def loosens(self, old: int, new: int) -> bool:
        """Whether `new` lets through anything that `old` does not; so does what nobody declared."""
        if new == old:
            return False
        if self.limit.loosens == "up":
            return new > old
        if self.limit.loosens == "down":
            return new < old
        if self.limit.loosens == "other":
            return not old or new % old != 0
        return True

    def tighter(self, one: int, other: int) -> int | None:
        """The one that lets nothing through that the other does not; None where neither is."""
        if not self.loosens(one, other):
            return other
        return None if self.loosens(other, one) else one


def _declared(level: str) -> Iterable[LimitField]:
    for reg in BLOCKS[level].regs:
        if reg.limit:
            yield LimitField(level, reg.limit, WORD_BITS, reg, "", reg.doc)
        for bits in reg.bits:
            if bits.limit:
                yield LimitField(level, bits.limit, bits.width, reg, bits.name, bits.doc or reg.doc)


#: So much (1e-4 USD) is no limit: of those that a file need not have.
UNLIMITED = 10**15

#: What the host watches: bits of an amount as wide as the NIC's.
HOST = (
    LimitField(FIRM, Limit("gross_usd", Reason.GROSS, "up"), WORD_BITS,
               doc="positions at their marks plus everything open"),
    LimitField(FIRM, Limit("loss_usd", Reason.LOSS, "up"), WORD_BITS, doc="realised and unrealised, after fees"),
    LimitField(FIRM, Limit("drawdown_usd", Reason.LOSS, "up", default=UNLIMITED), WORD_BITS,
               doc="from the best result of the day, after fees: the host kills at it"),
    LimitField(FIRM, Limit("var_usd", Reason.LOSS, "up", default=UNLIMITED), WORD_BITS,
               doc="value at risk: at it the host reduces and hedges"),
    LimitField(FIRM, Limit("stress_usd", Reason.LOSS, "up", default=UNLIMITED), WORD_BITS,
               doc="loss in the worst scenario: at it the host reduces and hedges"),
    LimitField(STRATEGY_LEVEL, Limit("gross_usd", Reason.GROSS, "up"), WORD_BITS, doc="everything open"),
    LimitField(STRATEGY_LEVEL, Limit("enabled", Reason.RESTRICTED, "up", default=1), 1, doc="0: may not trade"),
)


def _fields(level: str) -> dict[str, LimitField]:
    own = {field.name: field for field in HOST if field.level == level}
    return own | {field.name: field for field in _declared(level)}


#: Every limit by level and name, in the order of declaration.
FIELDS: dict[str, dict[str, LimitField]] = {level: _fields(level) for level in BLOCKS}


def by_reason(reason: Reason) -> list[LimitField]:
    """The limits that a check looks at, firm first."""
    return [field for fields in FIELDS.values() for field in fields.values() if field.limit.check == reason]

"""Limits as the NIC's registers: a whole set, which one last write puts in force."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from hdl.registers import EXPOSURE, GATE, LIMITS, Block, Reg, is_staged
from hdl.risk.delta import FRACTION
from host.risk.fields import BLOCKS, FIELDS, FIRM, MICROSECOND, STRATEGY_LEVEL, SYMBOL, LimitField
from host.risk.limits import Limits, Table
from host.universe import Universe

#: Register of a symbol that closes it, all zero.
_DOOR = "control"
#: Register of GATE that puts in force what was written.
SWITCH = "limits_switch"


@dataclass(slots=True)
class Write:
    """One register write: instance `index` of `block`."""
    block: Block
    register: str
    index: int
    value: int


def _held(level: str) -> dict[str, list[LimitField]]:
    """The limits of a level that the NIC holds, by register."""
    held: dict[str, list[LimitField]] = {}
    for one in FIELDS[level].values():
        if one.reg:
            held.setdefault(one.reg.name, []).append(one)
    return held


def _to_register(one: LimitField, value: int) -> int:
    """Times are written in microseconds, and held in ns; amounts are in 1e-4 USD on both sides."""
    return value * one.scale if one.scale == MICROSECOND else value


def _word(reg: Reg, fields: list[LimitField], table: Table | None) -> int:
    """The register of a table; all zero, which rejects, without one."""
    values = {one.bits: _to_register(one, table[one.name]) if table else 0 for one in fields}
    return reg.pack(**values) if reg.bits else values[""]


def _writes(level: str, index: int, table: Table | None) -> list[Write]:
    block = BLOCKS[level]
    return [Write(block, name, index, _word(block[name], fields, table)) for name, fields in _held(level).items()]


def switched(writes: Iterable[Write], serial: int) -> list[Write]:
    """With the switch that puts them in force: it says how many come before it, so that a lost one is noticed. What is
    not part of the set comes after it.
    """
    writes = list(writes)
    staged = [write for write in writes if is_staged(write.block, write.register)]
    others = [write for write in writes if not is_staged(write.block, write.register)]
    return [*staged, Write(GATE, SWITCH, 0, GATE[SWITCH].pack(serial=serial, words=len(staged))), *others]


def delta_write(index: int, delta: int | None) -> Write:
    """What one share counts in the portfolio's delta, in 1/256; None: nobody knows, which rejects.

    Raises ValueError where its register does not hold it.
    """
    width = EXPOSURE["delta"].bits[0].width
    if delta is not None and not -(1 << width - 1) <= delta < 1 << width - 1:
        raise ValueError(f"a delta of {delta / (1 << FRACTION):g} a share: it must be below "
                         f"{1 << width - FRACTION - 1} either way")
    word = EXPOSURE["delta"].pack(per_share=(delta or 0) % (1 << width), known=delta is not None)
    return Write(EXPOSURE, "delta", index, word)


def writes(limits: Limits, universe: Universe, before: Limits | None = None) -> list[Write]:
    """Everything the NIC needs: the set, its switch, and what acts by itself. A stock without limits stays restricted,
    and a strategy that is not enabled gets no tokens: its armed triggers are rejected too.

    Parameters
    ----------
    before : limits that the NIC may hold: strategies that are no more get no tokens either. Without them every stock
        gets the delta of a stock, 1; with them deltas are left alone.
    """
    result = []
    tables = {one.index: None for one in (before.strategies if before else {}).values()} | {
        one.index: one if one.enabled else None for one in limits.strategies.values()}
    for index, strategy in tables.items():
        result += _writes(STRATEGY_LEVEL, index, strategy)
    for listing in universe.listings:
        if symbol := limits.symbols.get(listing.stock):
            result += _writes(SYMBOL, listing.index, symbol)
        else:
            result.append(Write(LIMITS, _DOOR, listing.index, 0))
    if before is None:
        result += [delta_write(listing.index, 1 << FRACTION) for listing in universe.listings]
    return switched([*result, *_writes(FIRM, 0, limits.firm)], limits.serial)


class Reader(Protocol):
    """What reads registers: a `Link`."""

    def read_many(self, places: list[tuple[Block, str, int]]) -> list[int]: ...


def _places(limits: Limits, universe: Universe) -> Iterator[tuple[str, LimitField, int]]:
    """(path in the file, limit, instance) of everything that the NIC holds."""
    instances = [(FIRM, FIRM, 0), *((STRATEGY_LEVEL, f"{STRATEGY_LEVEL}.{name}", one.index)
                                    for name, one in limits.strategies.items()),
                 *((SYMBOL, f"{SYMBOL}.{listing.stock}", listing.index) for listing in universe.listings)]
    for level, path, index in instances:
        for fields in _held(level).values():
            yield from ((f"{path}.{one.name}", one, index) for one in fields)


def in_force(reader: Reader, limits: Limits, universe: Universe) -> dict[str, str]:
    """What the NIC itself holds, by path of the limits file; different values on venues are all shown."""
    places = list(_places(limits, universe))
    asked = [(BLOCKS[one.level], one.reg.name, index) for _, one, index in places if one.reg]
    *words, state = reader.read_many([*asked, (GATE, "limits_serial", 0)])
    in_force = GATE["limits_serial"].unpack(state)
    serial = f"{in_force['serial']}" + (", and not what is shown: that was written, and never switched to"
                                        if in_force["staged"] else "")
    shown: dict[str, list[str]] = {}
    for (path, one, _), word in zip(places, words, strict=True):
        assert one.reg
        value = one.reg.unpack(word)[one.bits] if one.bits else word
        texts = shown.setdefault(path, [])
        if (text := written(one, value)) not in texts:
            texts.append(text)
    return {path: " / ".join(texts) for path, texts in shown.items()} | {"serial": serial}


def written(one: LimitField, value: int) -> str:
    """A register's value as the file has it."""
    if one.is_switch:
        return "true" if value else "false"
    return str(Decimal(value) / one.scale if value % one.scale else value // one.scale)

"""Limits as the NIC's registers: every write, in an order in which no moment is looser than both sides."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from hdl.registers import GATE, LIMITS, STRATEGY, Block
from host.risk.limits import UNIT, Limits, Rate, Symbol
from host.universe import Universe


@dataclass(slots=True)
class Write:
    """One register write: instance `index` of `block`."""
    block: Block
    register: str
    index: int
    value: int


def _rate(block: Block, index: int, rate: Rate) -> list[Write]:
    return [Write(block, "rate_interval", index, rate.interval_us * 1000),
            Write(block, "rate_burst", index, rate.burst)]


def _symbol(index: int, symbol: Symbol) -> list[Write]:
    control = LIMITS["control"]
    return [
        # closed while its figures change, opened last
        Write(LIMITS, "control", index, 0),
        Write(LIMITS, "qty", index, LIMITS["qty"].pack(min=symbol.min_qty, max=symbol.max_qty)),
        Write(LIMITS, "notional", index, symbol.notional_usd),
        Write(LIMITS, "collar", index, LIMITS["collar"].pack(band=symbol.collar_usd)),
        Write(LIMITS, "position", index, LIMITS["position"].pack(long=symbol.long, short=symbol.short)),
        Write(LIMITS, "max_age", index, symbol.max_age_us * 1000),
        Write(LIMITS, "control", index, control.pack(enable=symbol.enabled, lot=symbol.lot, tick=symbol.tick_usd)),
    ]


def writes(limits: Limits, universe: Universe) -> list[Write]:
    """Everything the NIC needs; the serial number last. A stock without limits stays restricted."""
    result = []
    for strategy in limits.strategies.values():
        result += _rate(STRATEGY, strategy.index, strategy.rate)
    for listing in universe.listings:
        if symbol := limits.symbols.get(listing.stock):
            result += _symbol(listing.index, symbol)
        else:
            result.append(Write(LIMITS, "control", listing.index, 0))
    result += _rate(GATE, 0, limits.firm.rate)
    result.append(Write(GATE, "limits_serial", 0, limits.serial))
    return result


#: Limits of a symbol that the NIC holds: name in the file, register, field, units of the register in one of the file.
_SYMBOL_FIELDS = (
    ("lot", "control", "lot", 1), ("tick_usd", "control", "tick", UNIT), ("min_qty", "qty", "min", 1),
    ("max_qty", "qty", "max", 1), ("notional_usd", "notional", "", UNIT), ("collar_usd", "collar", "band", UNIT),
    ("long", "position", "long", 1), ("short", "position", "short", 1), ("max_age_us", "max_age", "", 1000))


class Reader(Protocol):
    """What reads registers: a `Link`."""

    def read_many(self, places: list[tuple[Block, str, int]]) -> list[int]: ...


def in_force(reader: Reader, limits: Limits, universe: Universe) -> dict[str, str]:
    """What the NIC itself holds, by path of the limits file; different values on venues are all shown."""
    places: list[tuple[str, Block, str, str, int, int]] = []  # path, block, register, field, instance, divisor
    for path, block, index in (("firm.rate", GATE, 0), *((f"strategies.{name}.rate", STRATEGY, one.index)
                                                         for name, one in limits.strategies.items())):
        places += [(f"{path}.burst", block, "rate_burst", "", index, 1),
                   (f"{path}.interval_us", block, "rate_interval", "", index, 1000)]
    for listing in universe.listings:
        places += [(f"symbols.{listing.stock}.{name}", LIMITS, register, field, listing.index, divisor)
                   for name, register, field, divisor in _SYMBOL_FIELDS]
    places.append(("serial", GATE, "limits_serial", "", 0, 1))
    values = reader.read_many([(block, register, index) for _, block, register, _, index, _ in places])
    shown: dict[str, list[str]] = {}
    for (path, block, register, field, _, divisor), word in zip(places, values, strict=True):
        value = block[register].unpack(word)[field] if field else word
        text = str(Decimal(value) / divisor if value % divisor else value // divisor)
        if text not in shown.setdefault(path, []):
            shown[path].append(text)
    return {path: " / ".join(texts) for path, texts in shown.items()}

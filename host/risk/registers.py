"""Limits as the NIC's registers: every write, in an order in which no moment is looser than both sides."""

from dataclasses import dataclass

from hdl.registers import GATE, LIMITS, STRATEGY, Block
from host.risk.limits import Limits, Rate, Symbol
from host.universe import Universe


@dataclass(frozen=True, slots=True)
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

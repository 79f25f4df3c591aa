"""What the tests of the triggers share: records of the golden model as ports take them, and random traffic."""

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass

from hdl.config import NicConfig
from hdl.layouts import Condition, Side
from sim.models.triggers import Print, Row, Top, crossed

#: What an intent says that the model knows.
OFFERED = ("symbol", "rx_time", "order_id", "price", "qty", "side", "tif", "strategy", "venue")


@dataclass(frozen=True)
class Cycle:
    """What the ports get in one clock cycle."""
    ready: bool = False
    top: Top | None = None
    trade: Print | None = None
    arm: tuple[int, Row] | None = None
    shown: int = 0      # the symbol of the port for tops


def top_fields(top: Top) -> dict:
    """`TopOfBook`."""
    bid, ask = ({"price": price, "qty": qty} for price, qty in (top.bid, top.ask))
    return {"symbol": top.symbol, "event": top.event, "inexact": top.inexact, "crossed": crossed(top),
            "bid": bid, "ask": ask, "rx_time": top.rx_time, "needed": top.rx_time}


def trade_fields(trade: Print) -> dict:
    """`BookMessage`."""
    return {"symbol": trade.symbol, "message": {
        "type": trade.type, "price": trade.price, "detail": ord("Y" if trade.printable else "N"),
        "rx_time": trade.rx_time, "needed": trade.rx_time}}


def arm_fields(arm: tuple[int, Row]) -> dict:
    """ARM record."""
    symbol, row = arm
    return {"symbol": symbol, **dataclasses.asdict(row)}


def traffic(rng: random.Random, config: NicConfig, cycles: int) -> Iterator[Cycle]:
    """Few prices and quantities, so that every condition is met and missed often; events and ARMs often meet."""
    def level(middle: int) -> tuple[int, int]:
        return middle + rng.randrange(-3, 4), rng.choice((0, 1, 5, 10, 20))

    def row() -> Row:
        return Row(rng.choice(list(Condition)), rng.choice((97, 99, 100, 103, 60, 128, 200)), rng.randrange(3),
                   rng.getrandbits(64), rng.randrange(95, 106), rng.getrandbits(32), rng.choice(list(Side)),
                   rng.getrandbits(8), rng.randrange(16), rng.randrange(4))

    def top(n: int) -> Top | None:
        if rng.random() < 0.5:
            return None
        return Top(rng.randrange(config.symbols), level(98), level(100), rng.random() < 0.9, int(rng.random() < 0.1), n)

    now = None
    for n in range(cycles):
        following = top(n + 1)
        shown = now or (following if rng.random() < 0.95 else None)     # as a rule, a top's symbol is there before it
        trade = Print(rng.randrange(config.symbols), rng.choice(b"PCEA"), rng.randrange(95, 106), rng.random() < 0.8, n)
        arm = (rng.randrange(config.symbols), row()) if rng.random() < 0.15 else None
        yield Cycle(rng.random() < 0.4, now, trade if rng.random() < 0.3 else None, arm,
                    shown.symbol if shown else rng.randrange(config.symbols))
        now = following


__all__ = ["OFFERED", "Cycle", "arm_fields", "top_fields", "trade_fields", "traffic"]

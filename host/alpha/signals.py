"""Signals from the top of book, in integers."""

from hdl.layouts import Side
from host.marketdata.books import Top

#: Imbalance is a share in 1/256, the unit of the NIC's IMBALANCE condition.
FULL = 256


def microprice(top: Top) -> int:
    """Mid-price weighted by the opposite quantities (1e-4 USD, rounded down).

    The heavier side pulls the price towards the other: with more bid than ask it is nearer the ask.
    Needs a usable top.
    """
    total = top.bid_qty + top.ask_qty
    return (top.bid * top.ask_qty + top.ask * top.bid_qty) // total


def imbalance(top: Top, side: Side = Side.BUY) -> int:
    """Share of `side` in the two top quantities, 0 to 256, rounded down as the NIC does."""
    own = top.bid_qty if side == Side.BUY else top.ask_qty
    total = top.bid_qty + top.ask_qty
    return own * FULL // total if total else 0


def round_down(price: int, tick: int) -> int:
    return price // tick * tick


def round_up(price: int, tick: int) -> int:
    return -(-price // tick) * tick

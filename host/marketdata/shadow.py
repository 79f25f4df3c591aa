"""Order by order, what the NIC's books hold: kept from its MARKET_EVENT records, so that a book can be made again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hdl.feed.spec import ALPHA, MESSAGES
from hdl.layouts import Side

#: Trading state (H) and operational halt action (h) in which a stock trades; ITCH 5.0, 1.2.2 and 1.2.8.
TRADING = "T"
_FIELDS = ["type", "symbol", "side", "detail", "price", "qty", "seq", "ref", "new_ref"]


class Change(NamedTuple):
    """What a MARKET_EVENT or an ITCH message says, as far as books go. `type` and `detail` are characters' codes."""
    type: int
    symbol: int
    side: int
    detail: int
    price: int
    qty: int
    seq: int
    ref: int
    new_ref: int


class Order(NamedTuple):
    side: int
    price: int
    qty: int


@dataclass
class Shadow:
    """One symbol: live orders in the order of their coming, and whether it trades."""
    orders: dict[int, Order] = field(default_factory=dict)
    state: str = TRADING
    halt: str = TRADING

    def apply(self, change: Change) -> None:
        """ITCH 5.0, 1.3 and 1.4. What contradicts the book leaves it as it is: the NIC is then inexact too."""
        match chr(change.type):
            case "A" | "F":
                self.orders[change.ref] = Order(change.side, change.price, change.qty)
            case "E" | "C" | "X":
                self._take(change.ref, change.qty)
            case "D":
                self.orders.pop(change.ref, None)
            case "U":
                old = self.orders.pop(change.ref, None)
                if old is not None:
                    self.orders[change.new_ref] = Order(old.side, change.price, change.qty)
            case "H":
                self.state = chr(change.detail)
            case "h":
                self.halt = chr(change.detail)

    def _take(self, ref: int, qty: int) -> None:
        order = self.orders.get(ref)
        if order is None:
            return
        if qty >= order.qty:
            del self.orders[ref]
        else:
            self.orders[ref] = order._replace(qty=order.qty - qty)


def changes(events: np.ndarray) -> list[Change]:
    """Those of MARKET_EVENT records, in order."""
    return [Change(*event) for event in events[_FIELDS].tolist()]


def change_of(message: bytes, seq: int, symbols: dict[int, int]) -> Change | None:
    """That of an ITCH message, by its stock locate; None where it is for no symbol of ours, or not ITCH 5.0."""
    spec = MESSAGES.get(chr(message[0])) if message else None
    if spec is None or spec.length != len(message):
        return None
    values = {item.name: message[item.offset:item.end] for item in spec.items}
    symbol = symbols.get(int.from_bytes(values["locate"], "big"))
    if symbol is None:
        return None
    number = {name: int.from_bytes(values.get(name, b""), "big") for name in (
        "price", "shares", "ref", "new_ref", "trading_state", "halt_action")}
    side = Side.SELL if values.get("side") == b"S" else Side.BUY
    return Change(spec.code, symbol, side, number["trading_state"] or number["halt_action"], number["price"],
                  number["shares"], seq, number["ref"], number["new_ref"])


def itch(type_: str, **fields: int | str) -> bytes:
    """An ITCH message; fields not named are 0, or spaces."""
    message = type_.encode()
    for item in MESSAGES[type_].items:
        value = fields.get(item.name, "" if item.kind == ALPHA else 0)
        message += (value.ljust(item.width).encode("ascii") if isinstance(value, str)
                    else value.to_bytes(item.width, "big"))
    return message


def stock_of(message: bytes) -> tuple[int, str] | None:
    """(stock locate, stock) of a Stock Directory message (R); None of any other."""
    spec = MESSAGES["R"]
    if message[:1] != b"R" or len(message) != spec.length:
        return None
    locate, stock = (message[spec.by_name[name].offset:spec.by_name[name].end] for name in ("locate", "stock"))
    return int.from_bytes(locate, "big"), stock.decode("latin-1").rstrip()


def best_first(orders: Iterable[tuple[int, Order]], side: Side) -> list[tuple[int, Order]]:
    """(reference, order) of one side, best price first, then as they came."""
    own = [one for one in orders if one[1].side == side]
    return sorted(own, key=lambda one: -one[1].price if side == Side.BUY else one[1].price)


__all__ = ["TRADING", "Change", "Order", "Shadow", "best_first", "change_of", "changes", "itch", "stock_of"]

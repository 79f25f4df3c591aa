"""The application side of order entry: new, cancel and replace against the books of one venue.

Source: FIX 4.4 volume 4 (35=D, F, G, 8, 9) and appendix D, "order state changes". Numbers may have
leading zeros (FIX 4.4 volume 1, data types), as the NIC writes them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from fixparse.codec import Message
from fixparse.enums import (
    CxlRejReason,
    CxlRejResponseTo,
    ExecType,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from fixparse.fields import TAGS
from fixparse.orders import cancel_reject
from sim.exchange.clients import ClientOrder, Listing, Reporter
from sim.exchange.fade import Fade
from sim.exchange.matching import Event

_CL_ORD_ID, _ORIG_CL_ORD_ID, _SYMBOL, _SIDE = TAGS["ClOrdID"], TAGS["OrigClOrdID"], TAGS["Symbol"], TAGS["Side"]
_QTY, _PRICE, _ORD_TYPE, _TIF = TAGS["OrderQty"], TAGS["Price"], TAGS["OrdType"], TAGS["TimeInForce"]
_TEXT, _ORD_REJ_REASON = TAGS["Text"], TAGS["OrdRejReason"]
_SIDES = (Side.BUY, Side.SELL, Side.SELL_SHORT)
_TIMES = (TimeInForce.DAY, TimeInForce.IMMEDIATE_OR_CANCEL)
#: Largest OrderQty and Price (ITCH 5.0 carries both in 32 bits, and a price up to 199,999.9900).
_MAX_QTY, _MAX_PRICE = 1_000_000, 1_999_999_900


@dataclass
class Answer:
    """`messages` go back on the session; `changes` are book events by stock locate, for the feed."""
    messages: list[bytes] = field(default_factory=list)
    changes: list[tuple[int, list[Event]]] = field(default_factory=list)


class Refusal(Exception):
    """A request that the venue does not take: its reason code (103 or 102), and why."""

    def __init__(self, reason: bytes, text: str):
        super().__init__(text)
        self.reason = reason


class Desk:
    """Orders of one session. `fade` is how the venue treats large ones. `count` gets `accepted`, `rejected`,
    `canceled`, `replaced`, `fills` and `cancel_rejected`."""

    def __init__(self, listings: Iterable[Listing], reporter: Reporter, counter: Counter[str],
                 fade: Fade | None = None):
        self.listings = {listing.stock.name.encode(): listing for listing in listings}
        #: By every ClOrdID an order has had.
        self.orders: dict[bytes, ClientOrder] = {}
        self.count = counter
        self.fade = fade
        self._reporter = reporter
        self._used: set[bytes] = set()
        self._order_ids = count(1)

    def fills(self, now: int, events: Iterable[Event]) -> list[bytes]:
        reports = self._reporter.fills(now, events)
        self.count["fills"] += len(reports)
        return reports

    def new(self, message: Message, now: int, answer: Answer) -> None:
        """35=D: accepted (150=0), then its fills (150=F), and 150=4 for what an immediate order has left."""
        order = ClientOrder(self.listings.get(message[_SYMBOL]), message[_SYMBOL], message[_CL_ORD_ID],
                            b"%010d" % next(self._order_ids), message[_SIDE], message.qty(_QTY), message.price(_PRICE),
                            message.get(_TIF) or TimeInForce.DAY)
        try:
            listing = self._listing(order)
            self._check_form(message, order, listing)
            self._claim(order.cl_ord_id, OrdRejReason.DUPLICATE_ORDER)
        except Refusal as refusal:
            order.status = OrdStatus.REJECTED
            self.count["rejected"] += 1
            answer.messages.append(self._reporter.report(
                now, order, ExecType.REJECTED,
                extra=((_ORD_REJ_REASON, refusal.reason), (_TEXT, str(refusal).encode()))))
            return
        self.count["accepted"] += 1
        self.orders[order.cl_ord_id] = order
        answer.messages.append(self._reporter.report(now, order, ExecType.NEW))
        immediate = order.time_in_force == TimeInForce.IMMEDIATE_OR_CANCEL
        if self.fade and (gone := self.fade.before(listing, order, now)):
            answer.changes.append((listing.locate, gone))
        order.ref, events = listing.book.submit(order.book_side, order.qty, order.price, rest=not immediate,
                                                owner=order)
        self._settle(listing, events, now, answer)
        if immediate and order.live:
            order.status = OrdStatus.CANCELED
            self.count["canceled"] += 1
            answer.messages.append(self._reporter.report(now, order, ExecType.CANCELED,
                                                         extra=((_TEXT, b"nothing left to trade with"),)))

    def cancel(self, message: Message, now: int, answer: Answer) -> None:
        """35=F: canceled (150=4, with 41), or 35=9."""
        try:
            order = self._find(message)
        except Refusal as refusal:
            self._refuse(message, refusal, CxlRejResponseTo.ORDER_CANCEL_REQUEST, answer, now)
            return
        original, order.cl_ord_id = order.cl_ord_id, message[_CL_ORD_ID]
        self.orders[order.cl_ord_id] = order
        order.status = OrdStatus.CANCELED
        self.count["canceled"] += 1
        listing = self._listing(order)
        self._settle(listing, listing.book.cancel(order.ref), now, answer)
        answer.messages.append(self._reporter.report(now, order, ExecType.CANCELED, orig_cl_ord_id=original))

    def replace(self, message: Message, now: int, answer: Answer) -> None:
        """35=G: replaced (150=5, with 41) and then its fills, or 35=9. A smaller quantity at the same price keeps
        its place in the queue."""
        try:
            order = self._find(message)
            qty, price = message.qty(_QTY), message.price(_PRICE)
            listing = self._listing(order)
            asked = ClientOrder(listing, order.symbol, b"", b"", order.side, qty, price, order.time_in_force)
            self._check_form(message, asked, listing, CxlRejReason.OTHER)
            if qty <= order.cum_qty:
                raise Refusal(CxlRejReason.OTHER, f"{order.cum_qty} shares have been executed already")
        except Refusal as refusal:
            self._refuse(message, refusal, CxlRejResponseTo.ORDER_CANCEL_REPLACE_REQUEST, answer, now)
            return
        smaller = price == order.price and qty < order.qty
        taken_off = order.qty - qty
        original, order.cl_ord_id = order.cl_ord_id, message[_CL_ORD_ID]
        self.orders[order.cl_ord_id] = order
        order.qty, order.price = qty, price
        self.count["replaced"] += 1
        answer.messages.append(self._reporter.report(now, order, ExecType.REPLACED, orig_cl_ord_id=original))
        if smaller:
            events = listing.book.cancel(order.ref, taken_off)
        else:
            order.ref, events = listing.book.replace(order.ref, order.leaves_qty, price)
        self._settle(listing, events, now, answer)

    def _settle(self, listing: Listing, events: list[Event], now: int, answer: Answer) -> None:
        answer.changes.append((listing.locate, events))
        answer.messages += self.fills(now, events)

    @staticmethod
    def _listing(order: ClientOrder) -> Listing:
        if order.listing is None:
            raise Refusal(OrdRejReason.UNKNOWN_SYMBOL, f"{order.symbol.decode('latin-1')} is not listed here")
        return order.listing

    @staticmethod
    def _check_form(message: Message, order: ClientOrder, listing: Listing, code: bytes | None = None) -> None:
        """Raise `Refusal`, with its own reason or with `code`, for an order that this venue does not trade."""
        unsupported = OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC
        if listing.halted:
            raise Refusal(code or OrdRejReason.EXCHANGE_CLOSED, f"{listing.stock.name} is halted")
        if order.side not in _SIDES or order.time_in_force not in _TIMES or message[_ORD_TYPE] != OrdType.LIMIT:
            raise Refusal(code or unsupported, "Side (54) must be 1, 2 or 5, TimeInForce (59) 0 or 3, OrdType (40) 2")
        if not 0 < order.qty <= _MAX_QTY:
            raise Refusal(code or OrdRejReason.INCORRECT_QUANTITY, f"OrderQty must be 1 to {_MAX_QTY}")
        if order.price % listing.stock.tick or not 0 < order.price <= _MAX_PRICE:
            raise Refusal(code or unsupported, f"Price must be a positive multiple of {listing.stock.tick} / 10000")

    def _claim(self, cl_ord_id: bytes, reason: bytes) -> None:
        """A ClOrdID is used once a day."""
        if cl_ord_id in self._used:
            raise Refusal(reason, "ClOrdID has been used before")
        self._used.add(cl_ord_id)

    def _find(self, message: Message) -> ClientOrder:
        """The live order that a cancel or replace names."""
        self._claim(message[_CL_ORD_ID], CxlRejReason.DUPLICATE_CL_ORD_ID)
        order = self.orders.get(message[_ORIG_CL_ORD_ID])
        if order is None:
            raise Refusal(CxlRejReason.UNKNOWN_ORDER, "no such order")
        if not order.live or order.cl_ord_id != message[_ORIG_CL_ORD_ID]:
            raise Refusal(CxlRejReason.TOO_LATE_TO_CANCEL, "the order is no longer live under this ClOrdID")
        if (order.symbol, order.side) != (message[_SYMBOL], message[_SIDE]):
            raise Refusal(CxlRejReason.OTHER, "Symbol or Side is not that of the order")
        return order

    def _refuse(self, message: Message, refusal: Refusal, response_to: bytes, answer: Answer, now: int) -> None:
        """35=9. An unknown order has OrderID NONE and OrdStatus rejected."""
        self.count["cancel_rejected"] += 1
        order = self.orders.get(message[_ORIG_CL_ORD_ID])
        answer.messages.append(cancel_reject(
            self._reporter.header, now, order_id=order.order_id if order else b"NONE",
            cl_ord_id=message[_CL_ORD_ID], orig_cl_ord_id=message[_ORIG_CL_ORD_ID],
            ord_status=order.status if order else OrdStatus.REJECTED, response_to=response_to,
            reason=refusal.reason, text=str(refusal).encode()))


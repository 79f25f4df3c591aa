"""The services' values as FIX 4.4, and back.

What the desk says to itself on the bus carries the tags of "The flow of one trade" and few more: the
ClOrdID is 16 hexadecimal digits, as the NIC writes it; Account (1) is the strategy; ExDestination
(100) the venue once it is chosen. Tags and values: FIX 4.4 volumes 4 and 6.
"""

from fixparse import orders
from fixparse.codec import parse
from fixparse.enums import MsgType, OrdStatus
from fixparse.enums import Side as FixSide
from fixparse.errors import FixError
from fixparse.fields import FIX44
from fixparse.forms import Header
from fixparse.message import Message
from hdl.layouts import Side
from host import messages
from host.messages import UNROUTED, CancelOrder, NewOrder, Rejection, ReplaceOrder, Report, reason_names

#: Side (54).
SIDES = {Side.BUY: FixSide.BUY, Side.SELL: FixSide.SELL, Side.SELL_SHORT: FixSide.SELL_SHORT}
_SIDE_OF = {text: side for side, text in SIDES.items()}
#: LastLiquidityInd (851): added liquidity. OrdRejReason (103): order exceeds limit.
_ADDED, _EXCEEDS_LIMIT = b"1", b"3"
#: A tag of the user-defined range (5000 to 9999, FIX 4.4 volume 1): the gate's reason bits.
REASONS_TAG = 5047
_TOO_LATE = "too late"
#: Decimals of seconds that the desk writes: its times are in ns.
_PLACES = 9


def order_id_text(order_id: int) -> bytes:
    """A ClOrdID as the NIC writes it: 16 hexadecimal digits."""
    return b"%016X" % order_id


def order_id(text: bytes) -> int:
    """The number of a ClOrdID of ours; raises `ValueError` where it is none."""
    if len(text) != 16:
        raise ValueError(f"{text[:40].decode('latin-1')!r} is not 16 hexadecimal digits")
    return int(text, 16)


class Desk:
    """Builds the messages of one service to another.

    Parameters
    ----------
    sender, target : SenderCompID (49) and TargetCompID (56).
    """

    def __init__(self, sender: str, target: str):
        self.header = Header(FIX44.encode(), sender.encode(), target.encode(), places=_PLACES)

    def new_order(self, order: NewOrder, venue: str = "", *, algo: tuple[int, str] | None = None,
                  parent: int | None = None) -> bytes:
        """35=D; `venue` is the name of the one it is routed to. A parent order says its TargetStrategy (847, 848),
        a child the parent's ClOrdID as SecondaryClOrdID (526)."""
        extra = [(1, b"%d" % order.strategy)]
        if venue:
            extra.append((100, venue.encode()))
        if algo:
            extra.append((847, b"%d" % algo[0]))
            extra += [(848, algo[1].encode())] if algo[1] else []
        if parent is not None:
            extra.append((526, order_id_text(parent)))
        return orders.new_order_single(
            self.header, order.time, cl_ord_id=order_id_text(order.order_id), symbol=order.stock.encode(),
            side=SIDES[order.side], qty=order.qty, price=order.price, time_in_force=order.tif.encode(), extra=extra)

    def cancel(self, cancel: CancelOrder) -> bytes:
        """35=F."""
        return orders.cancel_request(
            self.header, cancel.time, orig_cl_ord_id=order_id_text(cancel.orig_id),
            cl_ord_id=order_id_text(cancel.order_id), symbol=cancel.stock.encode(), side=SIDES[cancel.side],
            qty=cancel.qty, extra=[(1, b"%d" % cancel.strategy)])

    def replace(self, replace: ReplaceOrder, cancel_id: int) -> bytes:
        """35=G. SecondaryClOrdID (526) is the ClOrdID that the cancel gets at a venue that has no 35=G."""
        return orders.cancel_replace_request(
            self.header, replace.time, orig_cl_ord_id=order_id_text(replace.orig_id),
            cl_ord_id=order_id_text(replace.order_id), symbol=replace.stock.encode(), side=SIDES[replace.side],
            qty=replace.qty, price=replace.price,
            extra=[(1, b"%d" % replace.strategy), (526, order_id_text(cancel_id))])

    def rejection(self, rejection: Rejection) -> bytes:
        """35=8 with ExecType (150) rejected: the reasons by name in Text (58), the gate's bits in `REASONS_TAG`; none
        where it was the EMS that came too late."""
        return orders.execution_report(
            self.header, rejection.time, order_id=b"NONE", cl_ord_id=order_id_text(rejection.order_id),
            exec_id=b"G%d" % self.header.seq, exec_type=messages.REJECTED.encode(), ord_status=OrdStatus.REJECTED,
            symbol=rejection.stock.encode(), side=SIDES[rejection.side], qty=rejection.qty, price=rejection.price,
            extra=[(1, b"%d" % rejection.strategy), (103, _EXCEEDS_LIMIT),
                   (58, " ".join(reason_names(rejection.reasons) or (_TOO_LATE,)).encode()),
                   (REASONS_TAG, b"%d" % rejection.reasons)])


def read_order(raw: bytes, venues: tuple[str, ...] = ()) -> NewOrder | CancelOrder | ReplaceOrder:
    """A 35=D, 35=F or 35=G, of the desk or as the NIC sent it.

    The venue is its destination (100), or who it is for (56). What goes to a venue does not say its
    strategy, which is then -1. Raises `FixError` where it is none of them, or a tag is missing or wrong.
    """
    message = parse(raw)
    common = (message.text(55), _side(message))
    strategy = message.number(1) if 1 in message else -1
    venue = next((venues.index(name) for tag in (100, 56) if (name := _text(message, tag)) in venues), UNROUTED)
    if message.msg_type == MsgType.ORDER_CANCEL_REQUEST:
        return CancelOrder(_id(message, 11), _id(message, 41), *common, qty=message.qty(38), strategy=strategy,
                           venue=venue, time=message.time(60))
    if message.msg_type == MsgType.ORDER_CANCEL_REPLACE_REQUEST:
        return ReplaceOrder(_id(message, 11), _id(message, 41), *common, qty=message.qty(38), price=message.price(44),
                            strategy=strategy, venue=venue, time=message.time(60))
    if message.msg_type != MsgType.NEW_ORDER_SINGLE:
        raise FixError(35, message.offset(35), f"is {message.text(35)}, no order, cancel or replace", reject=11)
    return NewOrder(_id(message, 11), *common, qty=message.qty(38), price=message.price(44), strategy=strategy,
                    tif=message.text(59), venue=venue, time=message.time(60))


def read_algo(raw: bytes) -> tuple[int, str] | None:
    """TargetStrategy (847) and its parameters (848) of a parent order; None for any other."""
    if b"\x01847=" not in raw:
        return None
    message = parse(raw)
    return message.number(847), _text(message, 848)


def read_parent(raw: bytes) -> int | None:
    """SecondaryClOrdID (526): the parent order of a child, the cancel of a replace; None where there is none."""
    return order_id(parse(raw)[526]) if b"\x01526=" in raw else None


def sender(raw: bytes) -> str:
    """SenderCompID (49)."""
    return parse(raw).text(49)


def read_rejection(raw: bytes) -> Rejection:
    """The gate's 35=8."""
    message = parse(raw)
    return Rejection(_id(message, 11), message.text(55), _side(message), message.qty(38), message.price(44),
                     message.number(1), message.number(REASONS_TAG), message.time(60))


def read_report(raw: bytes, venues: tuple[str, ...]) -> Report | None:
    """A venue's 35=8 or 35=9; None for any other message (session traffic).

    Raises `FixError` where the message is garbled or a field is missing or wrong, or where it comes
    from none of `venues` (SenderCompID).
    """
    message = parse(raw)
    if message.msg_type not in (MsgType.EXECUTION_REPORT, MsgType.ORDER_CANCEL_REJECT):
        return None
    if message.text(49) not in venues:
        raise FixError(49, message.offset(49), f"is {message.text(49)!r}, which is no venue of ours", reject=9)
    venue = venues.index(message.text(49))
    order, request = _id(message, 41 if 41 in message else 11), _id(message, 11) if 41 in message else 0
    if message.msg_type == MsgType.ORDER_CANCEL_REJECT:
        return Report(order, "", messages.CANCEL_REFUSED, message.text(39), "", Side.BUY, venue,
                      text=_text(message, 58), request_id=request)
    return Report(
        order, message.text(17), message.text(150), message.text(39), message.text(55), _side(message), venue,
        last_qty=message.qty(32) if 32 in message else 0, last_price=message.price(31) if 31 in message else 0,
        leaves_qty=message.qty(151), cum_qty=message.qty(14), ref_id=_text(message, 19),
        maker=message.get(851) == _ADDED, text=_text(message, 58), time=message.time(60) if 60 in message else 0,
        request_id=request, price=message.price(44) if 44 in message else 0)


def _text(message: Message, tag: int) -> str:
    return message.text(tag) if tag in message else ""


def _id(message: Message, tag: int) -> int:
    try:
        return order_id(message[tag])
    except FixError:
        raise
    except ValueError as error:
        raise FixError(tag, message.offset(tag), str(error), reject=5) from None


def _side(message: Message) -> Side:
    text = message[54]
    if text not in _SIDE_OF:
        raise FixError(54, message.offset(54), f"is {text.decode('latin-1')!r}, not 1, 2 or 5", reject=5)
    return _SIDE_OF[text]

"""Builders of the order messages: 35=D, F, G, 8, 9, 3 and j, for FIX 4.4 and FIXT.1.1.

Source: FIX 4.4 volume 4 (orders, executions) and volume 2 (Reject, BusinessMessageReject). Ids, symbols
and enumerated values (`fixparse.enums`) are bytes; prices integers in 1e-4 USD; quantities shares; times
ns since the epoch, UTC. Each builder takes the next MsgSeqNum of its header and gives the whole message.
"""

from collections.abc import Iterable

from fixparse.enums import MsgType, OrdType, TimeInForce
from fixparse.fields import TAGS
from fixparse.forms import Form, Header
from fixparse.values import format_price, format_time

Extra = Iterable[tuple[int, bytes]]

_NEW_ORDER = Form(MsgType.NEW_ORDER_SINGLE, "ClOrdID Symbol Side TransactTime OrderQty OrdType Price TimeInForce")
_MARKET_ORDER = Form(MsgType.NEW_ORDER_SINGLE, "ClOrdID Symbol Side TransactTime OrderQty OrdType TimeInForce")
_CANCEL = Form(MsgType.ORDER_CANCEL_REQUEST, "OrigClOrdID ClOrdID Symbol Side TransactTime OrderQty")
_REPLACE = Form(MsgType.ORDER_CANCEL_REPLACE_REQUEST,
                "OrigClOrdID ClOrdID Symbol Side TransactTime OrderQty OrdType Price TimeInForce")
_EXECUTION = Form(MsgType.EXECUTION_REPORT,
                  "OrderID ClOrdID ExecID ExecType OrdStatus Symbol Side OrderQty Price LastQty LastPx "
                  "LeavesQty CumQty AvgPx TransactTime")
_CANCEL_REJECT = Form(MsgType.ORDER_CANCEL_REJECT,
                      "OrderID ClOrdID OrigClOrdID OrdStatus CxlRejResponseTo CxlRejReason Text")
_REJECT = Form(MsgType.REJECT, "RefSeqNum SessionRejectReason Text")
_BUSINESS_REJECT = Form(MsgType.BUSINESS_MESSAGE_REJECT, "RefSeqNum RefMsgType BusinessRejectReason Text")


def new_order_single(header: Header, sending_ns: int, *, cl_ord_id: bytes, symbol: bytes, side: bytes, qty: int,
                     price: int | None, time_in_force: bytes = TimeInForce.DAY, transact_ns: int | None = None,
                     extra: Extra = ()) -> bytes:
    """35=D: a limit order, or a market order where `price` is None. `transact_ns`: when it was decided."""
    transact = format_time(sending_ns if transact_ns is None else transact_ns, header.places)
    if price is None:
        return _MARKET_ORDER.encode(header, sending_ns, cl_ord_id, symbol, side, transact, b"%d" % qty,
                                    OrdType.MARKET, time_in_force, extra=extra)
    return _NEW_ORDER.encode(header, sending_ns, cl_ord_id, symbol, side, transact, b"%d" % qty, OrdType.LIMIT,
                             format_price(price), time_in_force, extra=extra)


def cancel_request(header: Header, sending_ns: int, *, orig_cl_ord_id: bytes, cl_ord_id: bytes, symbol: bytes,
                   side: bytes, qty: int, transact_ns: int | None = None, extra: Extra = ()) -> bytes:
    """35=F. `qty` is the quantity of the order it cancels."""
    transact = format_time(sending_ns if transact_ns is None else transact_ns, header.places)
    return _CANCEL.encode(header, sending_ns, orig_cl_ord_id, cl_ord_id, symbol, side, transact, b"%d" % qty,
                          extra=extra)


def cancel_replace_request(header: Header, sending_ns: int, *, orig_cl_ord_id: bytes, cl_ord_id: bytes,
                           symbol: bytes, side: bytes, qty: int, price: int, time_in_force: bytes = TimeInForce.DAY,
                           transact_ns: int | None = None, extra: Extra = ()) -> bytes:
    """35=G for a limit order. `qty` is the new total, what has been executed included."""
    transact = format_time(sending_ns if transact_ns is None else transact_ns, header.places)
    return _REPLACE.encode(header, sending_ns, orig_cl_ord_id, cl_ord_id, symbol, side, transact, b"%d" % qty,
                           OrdType.LIMIT, format_price(price), time_in_force, extra=extra)


def execution_report(header: Header, sending_ns: int, *, order_id: bytes, cl_ord_id: bytes, exec_id: bytes,
                     exec_type: bytes, ord_status: bytes, symbol: bytes, side: bytes, qty: int, price: int,
                     last_qty: int = 0, last_price: int = 0, leaves_qty: int = 0, cum_qty: int = 0,
                     avg_price: int = 0, transact_ns: int | None = None, orig_cl_ord_id: bytes | None = None,
                     extra: Extra = ()) -> bytes:
    """35=8. `orig_cl_ord_id` (41) goes with reports that answer a cancel or a replace."""
    transact = format_time(sending_ns if transact_ns is None else transact_ns, header.places)
    if orig_cl_ord_id is not None:
        extra = ((TAGS["OrigClOrdID"], orig_cl_ord_id), *extra)
    return _EXECUTION.encode(header, sending_ns, order_id, cl_ord_id, exec_id, exec_type, ord_status, symbol, side,
                             b"%d" % qty, format_price(price), b"%d" % last_qty, format_price(last_price),
                             b"%d" % leaves_qty, b"%d" % cum_qty, format_price(avg_price), transact, extra=extra)


def cancel_reject(header: Header, sending_ns: int, *, order_id: bytes, cl_ord_id: bytes, orig_cl_ord_id: bytes,
                  ord_status: bytes, response_to: bytes, reason: bytes, text: bytes, extra: Extra = ()) -> bytes:
    """35=9. `order_id` is `NONE` where the order is unknown (FIX 4.4 volume 4, OrderCancelReject)."""
    return _CANCEL_REJECT.encode(header, sending_ns, order_id, cl_ord_id, orig_cl_ord_id, ord_status, response_to,
                                 reason, text, extra=extra)


def reject(header: Header, sending_ns: int, *, ref_seq: int, reason: int, text: bytes,
           ref_tag: int | None = None) -> bytes:
    """35=3, the session's answer to a message that breaks its form. `reason`: SessionRejectReason (373)."""
    extra = () if ref_tag is None else ((TAGS["RefTagID"], b"%d" % ref_tag),)
    return _REJECT.encode(header, sending_ns, b"%d" % ref_seq, b"%d" % reason, text, extra=extra)


def business_reject(header: Header, sending_ns: int, *, ref_seq: int, ref_type: bytes, reason: bytes,
                    text: bytes) -> bytes:
    """35=j, the application's answer to a message that it cannot take."""
    return _BUSINESS_REJECT.encode(header, sending_ns, b"%d" % ref_seq, ref_type, reason, text)

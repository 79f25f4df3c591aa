"""Builders: every message parses, is valid, and says what it was given."""

import pytest

from fixparse import orders
from fixparse.bench import figures
from fixparse.codec import encode, parse
from fixparse.dictionary import dictionary
from fixparse.enums import CxlRejReason, CxlRejResponseTo, ExecType, OrdStatus, Side
from fixparse.forms import Header

NOW = 1_767_364_200_123_456_789
COMMON = {"cl_ord_id": b"00000000000000FF", "symbol": b"AAPL", "side": Side.BUY, "qty": 300}
CALLS = {
    "limit": (orders.new_order_single, {**COMMON, "price": 1_850_100}),
    "market": (orders.new_order_single, {**COMMON, "price": None}),
    "cancel": (orders.cancel_request, {**COMMON, "orig_cl_ord_id": b"1"}),
    "replace": (orders.cancel_replace_request, {**COMMON, "orig_cl_ord_id": b"1", "price": 1_850_000}),
    "fill": (orders.execution_report, {
        **COMMON, "order_id": b"7", "exec_id": b"E1", "exec_type": ExecType.TRADE, "price": 1_850_100,
        "ord_status": OrdStatus.PARTIALLY_FILLED, "last_qty": 100, "last_price": 1_850_050, "leaves_qty": 200,
        "cum_qty": 100, "avg_price": 1_850_050, "orig_cl_ord_id": b"1", "transact_ns": NOW - 10**6}),
    "cancel_reject": (orders.cancel_reject, {
        "order_id": b"NONE", "cl_ord_id": b"2", "orig_cl_ord_id": b"1", "ord_status": OrdStatus.REJECTED,
        "response_to": CxlRejResponseTo.ORDER_CANCEL_REQUEST, "reason": CxlRejReason.UNKNOWN_ORDER, "text": b"no"}),
    "reject": (orders.reject, {"ref_seq": 5, "reason": 5, "text": b"bad", "ref_tag": 44}),
    "business": (orders.business_reject, {"ref_seq": 5, "ref_type": b"V", "reason": b"3", "text": b"no"}),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("places", [3, 6, 9])
def test_built_messages_are_valid(name, places):
    build, arguments = CALLS[name]
    header = Header(b"FIX.4.4", b"TICKGATE", b"XTGA", seq=41, places=places)
    message = parse(build(header, NOW, **arguments))
    dictionary(b"FIX.4.4").validate(message)
    assert encode(message) == message.raw
    assert (message.number(34), message.text(49), message.text(56)) == (41, "TICKGATE", "XTGA")
    assert header.seq == 42
    step = 10**(9 - places)
    assert message.time(52) == NOW // step * step


def test_an_order_says_what_it_was_given():
    build, arguments = CALLS["limit"]
    message = parse(build(Header(b"FIX.4.4", b"A", b"B"), NOW, time_in_force=b"3", transact_ns=NOW - 5 * 10**6,
                          extra=[(1, b"alpha"), (100, b"XTGA")], **arguments))
    assert (message.price(44), message.qty(38), message[40], message[59]) == (1_850_100, 300, b"2", b"3")
    assert message.time(60) == (NOW - 5 * 10**6) // 10**6 * 10**6
    assert (message[1], message[100]) == (b"alpha", b"XTGA")
    assert 44 not in parse(CALLS["market"][0](Header(b"FIX.4.4", b"A", b"B"), NOW, **CALLS["market"][1]))


def test_a_fill_says_what_it_was_given():
    build, arguments = CALLS["fill"]
    message = parse(build(Header(b"FIX.4.4", b"XTGA", b"TICKGATE"), NOW, **arguments))
    assert [message.qty(tag) for tag in (38, 32, 151, 14)] == [300, 100, 200, 100]
    assert [message.price(tag) for tag in (44, 31, 6)] == [1_850_100, 1_850_050, 1_850_050]
    assert (message[41], message[150], message[39]) == (b"1", b"F", b"1")


def test_bench_names_its_figures():
    measured = figures(seconds=0.01)
    assert set(measured) == {"fix.parse_execution_reports_per_second", "fix.encode_new_orders_per_second"}
    assert all(value > 0 for value in measured.values())

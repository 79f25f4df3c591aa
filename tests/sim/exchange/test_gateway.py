"""Order entry: what comes back for every kind of order, cancel and replace, and for what is wrong."""

import pytest

from fixparse.checksum import finish
from fixparse.codec import encode, parse
from fixparse.dictionary import dictionary
from fixparse.orders import cancel_replace_request, cancel_request, new_order_single
from hdl.layouts import Side
from hdl.venue import SIMULATED
from sim.exchange.client import Client
from sim.exchange.clients import Listing
from sim.exchange.gateway import Gateway
from sim.exchange.matching import Book
from sim.exchange.stocks import Stock

NOW = 1_767_364_200_000_000_000
SPEC = SIMULATED[0]
BUY, SELL, SHORT, DAY, IOC = b"1", b"2", b"5", b"0", b"3"


class Session:
    """A client, a gateway and one book; every answer is checked for form."""

    def __init__(self):
        self.listing = Listing(Stock("AAPL", 185_0000), 1, Book())
        self.book = self.listing.book
        self.gateway = Gateway(SPEC, [self.listing])
        self.header = Client(SPEC).header
        self.ids = 0
        self.changes = []

    def send(self, raw):
        answer = self.gateway.receive(raw, NOW)
        self.changes += [event for _, events in answer.changes for event in events]
        messages = [parse(one) for one in answer.messages]
        for message in messages:
            dictionary(b"FIX.4.4").validate(message)
        return messages

    def next_id(self):
        self.ids += 1
        return b"%016X" % self.ids

    def order(self, side, qty, price, tif=DAY, **other):
        fields = {"cl_ord_id": self.next_id(), "symbol": b"AAPL", "side": side, "qty": qty, "price": price,
                  "time_in_force": tif, **other}
        return self.send(new_order_single(self.header, NOW, **fields))

    def cancel(self, original, side=BUY, **other):
        fields = {"cl_ord_id": self.next_id(), "orig_cl_ord_id": original, "symbol": b"AAPL", "side": side, "qty": 1}
        return self.send(cancel_request(self.header, NOW, **{**fields, **other}))

    def replace(self, original, qty, price, side=BUY, **other):
        fields = {"cl_ord_id": self.next_id(), "orig_cl_ord_id": original, "symbol": b"AAPL", "side": side}
        return self.send(cancel_replace_request(self.header, NOW, qty=qty, price=price, **{**fields, **other}))


@pytest.fixture
def session():
    return Session()


def shown(messages):
    """ExecType, OrdStatus, LastQty, LeavesQty, CumQty of each report."""
    return [(message.text(150), message.text(39), message.qty(32), message.qty(151), message.qty(14))
            for message in messages]


def test_a_resting_order_is_accepted(session):
    (report,) = session.order(BUY, 300, 184_9900)
    assert shown([report]) == [("0", "0", 0, 300, 0)]
    assert [report[tag] for tag in (11, 37, 17, 55, 54)] == [
        b"%016X" % 1, b"0000000001", b"XTGA000000001", b"AAPL", b"1"]
    assert (report.qty(38), report.price(44), report.price(6), report.time(60)) == (300, 184_9900, 0, NOW)
    assert 41 not in report
    assert session.book.depth(Side.BUY) == [(184_9900, 300)]


def test_fills_of_aggressor_and_resting_order(session):
    session.order(SELL, 100, 185_0000)
    session.book.submit(Side.SELL, 50, 185_0100)  # the flow's
    reports = session.order(BUY, 300, 185_0100)
    assert shown(reports) == [("0", "0", 0, 300, 0), ("F", "1", 100, 200, 100), ("F", "2", 100, 0, 100),
                              ("F", "1", 50, 150, 150)]
    assert [report.text(11)[-1] for report in reports] == ["2", "2", "1", "2"]
    assert [report.price(31) for report in reports[1:]] == [185_0000, 185_0000, 185_0100]
    assert [report[851] for report in reports[1:]] == [b"2", b"1", b"2"]
    assert reports[-1].price(6) == (100 * 185_0000 + 50 * 185_0100 + 75) // 150
    assert session.gateway.count["fills"] == 3


def test_immediate_or_cancel(session):
    session.order(SELL, 100, 185_0000)
    assert shown(session.order(BUY, 250, 185_0000, IOC))[1:] == [
        ("F", "1", 100, 150, 100), ("F", "2", 100, 0, 100), ("4", "4", 0, 0, 100)]
    assert shown(session.order(BUY, 100, 185_0000, IOC)) == [("0", "0", 0, 100, 0), ("4", "4", 0, 0, 0)]
    assert not session.book.orders


def test_flow_trades_with_a_resting_client_order(session):
    session.order(BUY, 300, 185_0000)
    _, events = session.book.submit(Side.SELL, 120, 185_0000, rest=False)
    reports = [parse(raw) for raw in session.gateway.fills(events, NOW)]
    assert shown(reports) == [("F", "1", 120, 180, 120)]
    assert reports[0][851] == b"1"


def test_cancel(session):
    session.order(BUY, 300, 184_0000)
    (report,) = session.cancel(b"%016X" % 1)
    assert shown([report]) == [("4", "4", 0, 0, 0)]
    assert (report[41], report[11]) == (b"%016X" % 1, b"%016X" % 2)
    assert not session.book.orders
    (late,) = session.cancel(b"%016X" % 1)
    assert [late[tag] for tag in (35, 102, 434, 39, 37)] == [b"9", b"0", b"1", b"4", b"0000000001"]


@pytest.mark.parametrize(("original", "other", "reason"), [
    (b"nothing", {}, b"1"), (b"%016X" % 1, {"cl_ord_id": b"%016X" % 1}, b"6"), (b"%016X" % 1, {"side": SELL}, b"99"),
    (b"%016X" % 1, {"symbol": b"MSFT"}, b"99")])
def test_cancels_that_are_refused(session, original, other, reason):
    session.order(BUY, 300, 184_0000)
    for refused in (session.cancel(original, **other), session.replace(original, 100, 184_0000, **other)):
        if other.get("cl_ord_id") is None and reason == b"6":
            continue
        (reject,) = refused
        assert (reject[35], reject[102]) == (b"9", reason)
        assert reject[37] == (b"NONE" if reason == b"1" else b"0000000001")
    assert session.book.depth(Side.BUY) == [(184_0000, 300)]
    assert session.gateway.count["cancel_rejected"] == 2


def test_replace_keeps_or_loses_its_place(session):
    session.order(BUY, 300, 184_0000)
    session.order(BUY, 300, 184_0000)
    (report,) = session.replace(b"%016X" % 1, 200, 184_0000)
    assert shown([report]) == [("5", "0", 0, 200, 0)]
    assert (report[41], report[11]) == (b"%016X" % 1, b"%016X" % 3)
    assert [order.owner.cl_ord_id[-1:] for order in session.book.queue(Side.BUY, 184_0000)] == [b"3", b"2"]
    session.replace(b"%016X" % 3, 400, 184_0000)
    assert [order.owner.cl_ord_id[-1:] for order in session.book.queue(Side.BUY, 184_0000)] == [b"2", b"4"]
    (late,) = session.cancel(b"%016X" % 1)
    assert late[102] == b"0"
    assert session.cancel(b"%016X" % 4)[0][150] == b"4"


def test_replace_that_crosses_trades(session):
    session.order(BUY, 300, 184_0000)
    session.book.submit(Side.SELL, 100, 185_0000)
    reports = session.replace(b"%016X" % 1, 300, 185_0000)
    assert shown(reports) == [("5", "0", 0, 300, 0), ("F", "1", 100, 200, 100)]
    assert session.book.depth(Side.BUY) == [(185_0000, 200)]
    assert session.replace(b"%016X" % 2, 100, 184_0000)[0][35] == b"9"
    assert shown(session.replace(b"%016X" % 2, 150, 184_0000)) == [("5", "1", 0, 50, 100)]


@pytest.mark.parametrize(("change", "reason"), [
    ({"symbol": b"ZZZZ"}, b"1"), ({"qty": 0}, b"13"), ({"qty": 10**7}, b"13"), ({"price": 184_9950}, b"11"),
    ({"price": 0}, b"11"), ({"price": -100}, b"11"), ({"price": 2_000_000_000}, b"11"), ({"side": b"8"}, b"11"),
    ({"time_in_force": b"4"}, b"11"), ({"cl_ord_id": b"%016X" % 1}, b"6")])
def test_orders_that_are_rejected(session, change, reason):
    session.order(BUY, 100, 184_0000)
    (report,) = session.order(**{"side": BUY, "qty": 100, "price": 184_0000, **change})
    assert (report[150], report[39], report[103]) == (b"8", b"8", reason)
    assert report.qty(151) == 0
    assert session.gateway.count["rejected"] == 1
    assert session.book.depth(Side.BUY) == [(184_0000, 100)]


def test_a_halted_stock_takes_cancels_alone(session):
    session.order(BUY, 100, 184_0000)
    session.listing.halted = True
    assert session.order(BUY, 100, 184_0000)[0][103] == b"2"
    assert session.cancel(b"%016X" % 1)[0][150] == b"4"


def test_padded_numbers_as_the_nic_writes_them(session):
    body = (b"35=D\x0149=TICKGATE\x0156=XTGA\x0134=000000001\x0152=20260102-14:30:00.000\x0111=00000000000000AB\x01"
            b"55=AAPL\x0138=000000100\x0144=0000185.0000\x0154=5\x0140=2\x0159=0\x0160=20260102-14:30:00.000\x01")
    (report,) = session.send(finish(b"FIX.4.4", body, 4))
    assert shown([report]) == [("0", "0", 0, 100, 0)]
    assert (report[11], report[54], report.price(44)) == (b"00000000000000AB", b"5", 185_0000)
    assert session.book.depth(Side.SELL) == [(185_0000, 100)]


def test_messages_in_pieces_and_together(session):
    raws = [new_order_single(session.header, NOW, cl_ord_id=b"%d" % n, symbol=b"AAPL", side=BUY, qty=100,
                             price=184_0000) for n in range(3)]
    stream = b"".join(raws)
    answers = [message for at in range(0, len(stream), 50) for message in session.send(stream[at:at + 50])]
    assert [message[11] for message in answers] == [b"0", b"1", b"2"]


def test_sequence_numbers_are_kept(session):
    session.order(BUY, 100, 184_0000)
    for seq in (1, 3, 99):
        session.header.seq = seq
        (reject,) = session.order(BUY, 100, 184_0000)
        assert (reject[35], reject[371], reject.number(45)) == (b"3", b"34", seq)
        assert "expected 2" in reject.text(58)
    session.header.seq = 2
    assert session.order(BUY, 100, 184_0000)[0][150] == b"0"
    assert session.gateway.count["refused"] == 3


def test_what_breaks_the_form_gets_a_reject(session):
    def changed(fields):
        """An order with some fields changed or, where the value is None, left out."""
        message = parse(new_order_single(session.header, NOW, cl_ord_id=session.next_id(), symbol=b"AAPL", side=BUY,
                                         qty=100, price=184_0000))
        kept = [(tag, fields.get(tag, value)) for tag, value in message if tag not in (8, 9, 10)]
        return finish(b"FIX.4.4", b"".join(b"%d=%b\x01" % field for field in kept if field[1] is not None))

    for fields, tag, reason in (({11: None}, 11, 1), ({55: None}, 55, 1), ({44: None}, 44, 1), ({38: b"ten"}, 38, 6),
                                ({38: b"1.5"}, 38, 6), ({44: b"1.00001"}, 44, 6), ({54: b"Z"}, 54, 5),
                                ({58: b""}, 58, 4), ({49: b"SOMEONE"}, 49, 9), ({60: b"now"}, 60, 6)):
        if 58 in fields:
            raw = changed({})[:-7] + b"58=\x01"
            raw = finish(b"FIX.4.4", raw[raw.index(b"35="):])
        else:
            raw = changed(fields)
        (reject,) = session.send(raw)
        assert (reject[35], reject.number(371), reject.number(373)) == (b"3", tag, reason), fields
    assert session.order(BUY, 100, 184_0000)[0][150] == b"0"


def test_bad_checksum_and_body_length_are_garbage(session):
    good = new_order_single(session.header, NOW, cl_ord_id=b"1", symbol=b"AAPL", side=BUY, qty=100, price=184_0000)
    assert session.send(good[:-4] + (b"001\x01" if good.endswith(b"000\x01") else b"000\x01")) == []
    assert session.send(good.replace(b"\x019=1", b"\x019=", 1)) == []
    assert session.send(b"noise" + good)[0][150] == b"0"
    assert session.gateway.count["garbage"] == len(good) + len(good) - 1 + 5


def test_session_messages(session):
    def build(kind, *fields):
        seq = session.header.next()
        head = b"35=%b\x0134=%d\x0149=TICKGATE\x0152=20260102-14:30:00\x0156=XTGA\x01" % (kind, seq)
        return finish(b"FIX.4.4", head + b"".join(b"%d=%b\x01" % field for field in fields))

    assert session.send(build(b"0")) == []
    (beat,) = session.send(build(b"1", (112, b"ping")))
    assert (beat[35], beat[112]) == (b"0", b"ping")
    (refused,) = session.send(build(b"V"))
    assert (refused[35], refused[372], refused[380]) == (b"j", b"V", b"3")


def test_answers_count_up(session):
    messages = [*session.order(BUY, 100, 184_0000), *session.order(SELL, 100, 184_0000), *session.cancel(b"none")]
    assert [message.number(34) for message in messages] == list(range(1, len(messages) + 1))
    assert len({message[17] for message in messages if 17 in message}) == len(messages) - 1
    assert all(encode(message) == message.raw for message in messages)

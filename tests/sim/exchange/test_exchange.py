"""The whole exchange: its feeds rebuild its books, its times hold, the same seed gives the same bytes."""

import hashlib
import itertools
from collections import Counter

import pytest

from fixparse.orders import cancel_request, new_order_single
from hdl.feed.spec import MOLD_HEADER_BYTES
from hdl.layouts import Side
from hdl.net.headers import ETHERNET, IPV4, UDP
from hdl.venue import SIMULATED
from sim import frames, itch
from sim.exchange import Exchange, FlowRates, Latency, Stock
from sim.exchange.client import Client, datagrams
from sim.exchange.feed import DAY_NS, MAX_DATAGRAM

START = 1_767_364_200_000_000_000
MS = 1_000_000
NAMES = ("AAPL", "MSFT", "NVDA")


class Replica:
    """Books rebuilt from the ITCH of one venue, as a subscriber would."""

    def __init__(self):
        self.sequence, self.orders, self.names, self.types = 1, {}, {}, Counter()
        self.ended, self.trading = False, {}
        self.last_time = 0

    def take(self, payload):
        sequence = int.from_bytes(payload[10:18], "big")
        count = int.from_bytes(payload[18:20], "big")
        assert sequence == self.sequence
        assert not self.ended
        if count == 0xFFFF:
            self.ended = True
            return
        at = MOLD_HEADER_BYTES
        for _ in range(count):
            size = int.from_bytes(payload[at:at + 2], "big")
            self.message(itch.decode(payload[at + 2:at + 2 + size]))
            at += 2 + size
        assert at == len(payload)
        self.sequence += count

    def message(self, message):
        self.types[message.type] += 1
        assert message.timestamp >= self.last_time
        self.last_time = message.timestamp
        orders = self.orders
        match message.type:
            case "R":
                self.names[message.locate] = message.stock
            case "H":
                self.trading[message.stock] = message.trading_state
            case "A" | "F":
                assert message.ref not in orders
                assert self.names[message.locate] == message.stock
                orders[message.ref] = [message.locate, message.side, message.price, message.shares]
            case "E" | "C" | "X":
                orders[message.ref][3] -= message.shares
                assert orders[message.ref][3] >= 0
                if not orders[message.ref][3]:
                    assert message.type != "X"
                    del orders[message.ref]
            case "D":
                del orders[message.ref]
            case "U":
                locate, side, _, _ = orders.pop(message.ref)
                orders[message.new_ref] = [locate, side, message.price, message.shares]

    def depth(self, name, side):
        levels = Counter()
        for locate, letter, price, qty in self.orders.values():
            if self.names[locate] == name and letter == "BS"[side]:
                levels[price] += qty
        return sorted(levels.items(), reverse=side is Side.BUY)


def run(seed=7, milliseconds=60, symbols=NAMES, **options):
    exchange = Exchange(SIMULATED, symbols, seed, START, **options)
    sent = []
    for step in range(milliseconds + 1):
        sent += exchange.advance(START + step * MS)
    return exchange, sent


def test_feeds_rebuild_the_books():
    exchange, sent = run()
    exchange.close(START + 61 * MS)
    sent += exchange.advance(START + 70 * MS)
    for venue, spec in enumerate(SIMULATED):
        replica = Replica()
        for payload in datagrams((one.frame for one in sent), spec.feed_ip):
            replica.take(payload)
        assert replica.ended
        for name in NAMES:
            for side, levels in exchange.book(venue, name).items():
                assert replica.depth(name, side) == levels
                assert len(levels) > 2
        assert set("SRHAFECXDUP") == set(replica.types)
        assert replica.types == exchange.summary()[venue]["feed"]
        assert replica.names[exchange.listing(venue, "MSFT").locate] == "MSFT"


def test_same_seed_same_bytes_other_seed_other_bytes():
    def digest(seed):
        hasher = hashlib.sha256()
        for one in run(seed, 20)[1]:
            hasher.update(b"%d %d " % (one.time_ns, one.port) + one.frame)
        return hasher.hexdigest()

    assert digest(7) == digest(7)
    assert digest(7) != digest(8)


def test_step_of_the_driver_does_not_matter():
    whole = Exchange(SIMULATED, NAMES, 3, START).advance(START + 10 * MS)
    exchange, pieces = Exchange(SIMULATED, NAMES, 3, START), []
    while (time_ns := exchange.next_time()) <= START + 10 * MS:
        got = exchange.advance(time_ns)
        assert all(one.time_ns == time_ns for one in got)
        pieces += got
    assert pieces == whole


def test_frames_are_right_and_do_not_overlap():
    _, sent = run(milliseconds=20, rates=FlowRates(step_ns=3_000))
    free = {0: 0, 1: 0}
    for before, one in itertools.pairwise(sent):
        assert before.time_ns <= one.time_ns
    for one in sent:
        assert one.time_ns >= free[one.port]
        free[one.port] = one.time_ns + 8 * (len(one.frame) + 24)
        assert 60 <= len(one.frame) <= 1514
        ip = one.frame[ETHERNET.bytes:]
        assert frames.checksum(ip[:IPV4.bytes]) == 0
        header = IPV4.unpack(ip)
        spec = SIMULATED[one.port]
        assert header["destination"] == spec.feed_ip
        assert ETHERNET.unpack(one.frame)["destination"] == frames.multicast_mac(spec.feed_ip)
        datagram = ip[IPV4.bytes:header["total_length"]]
        pseudo = ip[12:20] + bytes((0, 17)) + len(datagram).to_bytes(2, "big")
        assert frames.checksum(pseudo + datagram) == 0
        assert UDP.unpack(datagram)["destination"] == spec.feed_port
        assert datagram[UDP.bytes:UDP.bytes + 10] == spec.mold_session
        assert len(datagram) - UDP.bytes <= MAX_DATAGRAM


def test_time_stamps_count_from_midnight_utc():
    _, sent = run(milliseconds=0, rates=None, latency=Latency(0, 0, 0))
    assert not run(milliseconds=0, rates=None)[1]  # the wire takes its time
    payload = datagrams([sent[0].frame], SIMULATED[0].feed_ip)[0]
    assert itch.decode(payload[22:34]).timestamp == START % DAY_NS


def test_heartbeats_when_idle_and_end_of_session():
    exchange = Exchange(SIMULATED, ["AAPL"], 1, START, rates=None)
    sent = exchange.advance(START + 3_500 * MS)
    payloads = datagrams((one.frame for one in sent), SIMULATED[1].feed_ip)
    assert [int.from_bytes(payload[18:20], "big") for payload in payloads] == [5, 0, 0, 0]
    assert {int.from_bytes(payload[10:18], "big") for payload in payloads[1:]} == {6}
    assert [one.time_ns - START for one in sent if one.port == 1] == [3_000 + 1_000 * MS * n for n in range(4)]
    exchange.close(START + 3_600 * MS)
    payloads = datagrams((one.frame for one in exchange.advance(START + 9_000 * MS)), SIMULATED[1].feed_ip)
    assert [int.from_bytes(payload[18:20], "big") for payload in payloads] == [3, 0xFFFF]
    assert exchange.next_time() is None


def test_books_move_diverge_and_stay_two_sided():
    exchange = Exchange(SIMULATED, ["AAPL"], 11, START)
    seen, apart = set(), 0
    for step in range(1, 400):
        exchange.advance(START + step * MS // 4)
        books = [exchange.book(venue, "AAPL", 1) for venue in (0, 1)]
        if all(book[side] for book in books for side in Side if side in book):
            seen.add((books[0][Side.BUY][0][0], books[0][Side.SELL][0][0]))
            apart += any(books[n][Side.BUY][0][0] > books[1 - n][Side.SELL][0][0] for n in (0, 1))
    assert len(seen) > 20
    assert apart > 0


@pytest.fixture
def quiet():
    """An exchange without flow, after its start, and the clients of both venues."""
    exchange = Exchange(SIMULATED, NAMES, 1, START, rates=None, latency=Latency(wire_ns=2_000, match_ns=3_000))
    exchange.advance(START + MS)
    return exchange, [Client(spec) for spec in SIMULATED]


def order(client, number, side=b"1", qty=100, price=185_0000, symbol=b"AAPL", tif=b"0"):
    return client.frame(new_order_single(client.header, START, cl_ord_id=b"%016X" % number, symbol=symbol, side=side,
                                         qty=qty, price=price, time_in_force=tif))


def test_an_order_and_its_answers_take_their_time(quiet):
    exchange, (client, _) = quiet
    frame = order(client, 1)
    sent_at = START + 2 * MS
    exchange.receive(sent_at, frame)
    matched = sent_at + 8 * len(frame) + 2_000 + 3_000
    assert exchange.advance(matched + 1_999) == []
    answer, = exchange.advance(matched + 2_000)
    assert (answer.time_ns, answer.port) == (matched + 2_000, 0)
    (report,) = client.messages([answer.frame])
    assert (report[150], report.time(60)) == (b"0", matched)
    added, = exchange.advance(matched + 20_000)
    assert added.port == 0
    assert added.time_ns == answer.time_ns + 8 * (len(answer.frame) + 24)  # the line was busy
    assert exchange.book(0, "AAPL") == {Side.BUY: [(185_0000, 100)], Side.SELL: []}
    assert exchange.book(1, "AAPL") == {Side.BUY: [], Side.SELL: []}


def test_sessions_of_both_venues_come_on_port_0(quiet):
    exchange, clients = quiet
    for client in clients:
        exchange.receive(START + 2 * MS, order(client, 1))
    sent = exchange.advance(START + 3 * MS)
    for client, spec in zip(clients, SIMULATED, strict=True):
        (report,) = client.messages(one.frame for one in sent if one.port == 0)
        assert report.text(49) == spec.name
    assert [one.port for one in sent if datagrams([one.frame], SIMULATED[1].feed_ip)] == [1]


def test_own_orders_trade_with_each_other_and_show_on_the_feed(quiet):
    exchange, (client, _) = quiet
    for number, side in ((1, b"1"), (2, b"2")):
        exchange.receive(START + 2 * MS + number, order(client, number, side))
    client_frames = [one.frame for one in exchange.advance(START + 3 * MS)]
    assert [message.text(150) for message in client.messages(client_frames)] == ["0", "0", "F", "F"]
    kinds = [chr(payload[22]) for payload in datagrams(client_frames, SIMULATED[0].feed_ip)]
    assert kinds == ["A", "E"]
    assert exchange.summary()[0]["session"]["fills"] == 2


def test_flow_fills_resting_client_orders_and_reports_them():
    exchange = Exchange(SIMULATED, ["AAPL"], 5, START)
    exchange.advance(START + 5 * MS)
    client = Client(SIMULATED[0])
    best = exchange.book(0, "AAPL", 1)[Side.BUY][0][0]
    exchange.receive(START + 5 * MS, order(client, 1, qty=400, price=best + 100))
    reports = client.messages(one.frame for one in exchange.advance(START + 60 * MS) if one.port == 0)
    assert [report.text(150) for report in reports][:2] == ["0", "F"]
    assert reports[-1].qty(14) == sum(report.qty(32) for report in reports)
    assert reports[-1].qty(151) == 400 - reports[-1].qty(14)


def test_bad_frames_and_strangers_are_dropped_and_counted(quiet):
    exchange, (client, _) = quiet
    frame = order(client, 1)
    exchange.receive(START + 2 * MS, frame, bad=True)
    exchange.receive(START + 2 * MS, b"")
    exchange.receive(START + 2 * MS, frames.udp_frame(b"hi", source_ip=1, destination_ip=2, source=3, destination=4))
    assert exchange.advance(START + 3 * MS) == []
    assert exchange.count == {"bad_fcs": 1, "no_venue": 2}
    exchange.receive(START + 4 * MS, frame)
    assert client.messages(one.frame for one in exchange.advance(START + 5 * MS))[0][150] == b"0"
    exchange.receive(START + 6 * MS, frame)
    assert exchange.advance(START + 7 * MS) == []
    assert exchange.summary()[0]["tcp"] == {"segments": 1, "duplicate": 1}


def test_a_late_frame_is_taken_now(quiet):
    exchange, (client, _) = quiet
    exchange.receive(START, order(client, 1))
    assert exchange.count == {"late": 1}
    assert client.messages(one.frame for one in exchange.advance(START + 2 * MS))[0].time(60) > START + MS


def test_a_halt_is_told_and_kept(quiet):
    exchange, (client, _) = quiet
    exchange.halt(START + 2 * MS, 0, "AAPL")
    exchange.receive(START + 3 * MS, order(client, 1))
    exchange.halt(START + 4 * MS, 0, "AAPL", halted=False)
    exchange.receive(START + 5 * MS, order(client, 2))
    sent = [one.frame for one in exchange.advance(START + 6 * MS)]
    assert [message.text(150) for message in client.messages(sent)] == ["8", "0"]
    messages = [itch.decode(payload[22:]) for payload in datagrams(sent, SIMULATED[0].feed_ip)]
    assert [(message.type, message.stock) for message in messages] == [("H", "AAPL"), ("H", "AAPL"), ("A", "AAPL")]
    assert [message.trading_state for message in messages[:2]] == ["H", "T"]


def test_a_canceled_order_leaves_the_feed(quiet):
    exchange, (client, _) = quiet
    exchange.receive(START + 2 * MS, order(client, 1))
    exchange.receive(START + 3 * MS, client.frame(cancel_request(
        client.header, START, orig_cl_ord_id=b"%016X" % 1, cl_ord_id=b"%016X" % 2, symbol=b"AAPL", side=b"1", qty=100)))
    sent = [one.frame for one in exchange.advance(START + 4 * MS)]
    assert [chr(payload[22]) for payload in datagrams(sent, SIMULATED[0].feed_ip)] == ["A", "D"]
    assert not exchange.listing(0, "AAPL").book.orders


@pytest.mark.parametrize("arguments", [
    {"symbols": []}, {"symbols": ["AAPL", "AAPL"]}, {"symbols": ["TOOLONGNAME"]}, {"latency": [Latency()]}])
def test_arguments_that_make_no_exchange(arguments):
    with pytest.raises(ValueError):
        Exchange(SIMULATED, **{"symbols": ["AAPL"], "seed": 1, "start_ns": START, **arguments})


def test_stocks_of_ones_own():
    exchange, _ = run(symbols=[Stock("PENNY", 5_0000, tick=50, lot=10), "AAPL"], milliseconds=5)
    book = exchange.listing(0, "PENNY").book
    assert all(order.price % 50 == 0 and order.qty % 10 == 0 for order in book.orders.values())
    with pytest.raises(KeyError, match="does not list ZZZ"):
        exchange.book(0, "ZZZ")

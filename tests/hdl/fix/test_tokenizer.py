"""The tokenizer against its model: each rule by itself here, long streams and mutations in bench_tokenizer."""

import pytest
from amaranth.sim import Simulator

from fixparse import codec
from fixparse.checksum import finish
from hdl.fix.tokenizer import PREFIX, Tokenizer
from sim.cosim import SIMULATORS, cosim
from sim.fixtext import log_messages, mutate, report
from sim.models.tokenizer import MALFORMED, tokenize
from sim.paths import DATA

NAMES = ("order_id", "exec_type", "ord_status", "last_qty", "last_price", "leaves_qty", "cum_qty")


def run(*streams: bytes, gaps=None):
    """Events of each stream, with `restart` in between; `gaps` says before which bytes the stream pauses.

    Each event is (cycle after that of the last byte fed before it, event)."""
    dut, results = Tokenizer(), []

    async def bench(ctx):
        for text in streams:
            events, fed = [], -1
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            for cycle, byte in enumerate([*text, None, None, None]):
                pause = byte is not None and gaps is not None and gaps.random() < 0.3
                for idle in ([True, False] if pause else [False]):
                    ctx.set(dut.valid, int(byte is not None and not idle))
                    ctx.set(dut.byte, byte if byte is not None and not idle else 0xAA)
                    if ctx.get(dut.malformed):
                        events.append((fed, MALFORMED))
                    if ctx.get(dut.o.valid):
                        payload = ctx.get(dut.o.payload)
                        assert (payload.rx_time, payload.venue) == (0, 0)
                        events.append((fed, {name: payload[name] for name in NAMES}))
                    await ctx.tick()
                fed = cycle
            results.append(events)

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
    return results


def events_of(*streams, gaps=None):
    return [[event for _, event in events] for events in run(*streams, gaps=gaps)]


def check(*streams, gaps=None):
    for stream, events in zip(streams, events_of(*streams, gaps=gaps), strict=True):
        assert events == tokenize(stream), stream


@pytest.fixture(scope="module")
def real(data_dir):
    return log_messages(data_dir / "fix" / "fix44_broker_uat.txt")


def test_model_agrees_with_the_codec(real):
    """Fields of every real ExecutionReport, as the codec reads them; its ids are not hexadecimal."""
    reports = [message for message in map(codec.parse, real) if message.msg_type == b"8"]
    assert len(real) == 330
    assert len(reports) == 198
    expected = [{
        "order_id": 0, "exec_type": message[150][0], "ord_status": message[39][0],
        "last_qty": message.qty(32) if 32 in message else 0, "last_price": message.price(31) if 31 in message else 0,
        "leaves_qty": message.qty(151), "cum_qty": message.qty(14)} for message in reports]
    assert tokenize(b"".join(real)) == expected


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_streams(sim):
    log = DATA / "fix" / "fix44_broker_uat.txt"
    cosim(Tokenizer(), "tests.hdl.fix.bench_tokenizer", sim=sim, name="tokenizer",
          env={"FIX_LOG": str(log) if log.exists() else "", "STRIDE": "1" if sim == "verilator" else "7"})


def test_latency():
    text = report()
    (fed, event), = run(text)[0]
    assert fed == len(text)     # seen while byte len + 1 would be fed: 2 cycles after the last one
    assert event["last_price"] == 1234500


def test_every_truncation_of_the_end():
    text = report()
    check(*(text[:length] for length in range(len(text) + 1)))


def test_mutations_with_a_right_frame(rng):
    """BodyLength and CheckSum put right again, so that the fields themselves are looked at."""
    streams = []
    for _ in range(60):
        text = b""
        for _ in range(3):
            body = report()
            text += finish(b"FIX.4.4", mutate(rng, body[body.index(b"35="):-7]))
        streams.append(text)
    check(*streams)


def test_random_bytes(rng):
    check(*(bytes(rng.choice(PREFIX + b"35=8\x0110=") for _ in range(400)) + report() for _ in range(10)))


def test_gaps_between_bytes(rng):
    check(report() + mutate(rng, report()) + report(), gaps=rng)


@pytest.mark.parametrize(("text", "value"), [
    ("0", 0), ("0000000123", 1230000), ("1.", 10000), (".5", 5000), ("1.2345", 12345), ("1.23450000", 12345),
    ("1.23451", None), ("429496.7295", 2**32 - 1), ("429496.7296", None), ("429497", None), ("99999999999", None),
    ("4294967295", None), ("-1", None), ("1.2.3", None), (".", None), ("1e3", None), ("1,5", None), (" 1", None),
    ("000000000000429496.729500000", 2**32 - 1)])
def test_prices(text, value):
    event, = events_of(report(t31=text))[0]
    assert event == (MALFORMED if value is None else tokenize(report(t31=text))[0])
    assert value is None or event["last_price"] == value


@pytest.mark.parametrize(("text", "value"), [
    ("0", 0), ("007", 7), ("100.0", 100), ("100.", 100), ("100.5", None), ("4294967295", 2**32 - 1),
    ("4294967296", None), ("1" * 30, None), ("+1", None), ("1.00000000000", 1)])
@pytest.mark.parametrize("tag", ["t32", "t151", "t14"])
def test_quantities(tag, text, value):
    event, = events_of(report(**{tag: text}))[0]
    name = {"t32": "last_qty", "t151": "leaves_qty", "t14": "cum_qty"}[tag]
    assert event == MALFORMED if value is None else event[name] == value


ID = "00000000DEADBEEF"


@pytest.mark.parametrize(("own", "original", "value"), [
    (ID, None, 0xDEADBEEF), (ID, "0" * 15 + "9", 9), (ID, "0" * 16, 0xDEADBEEF), (ID, "broker-id", 0xDEADBEEF),
    (ID.lower(), None, 0), (ID[1:], None, 0), ("0" + ID, None, 0), (None, None, 0), (None, ID, 0xDEADBEEF),
    ("F" * 16, None, 2**64 - 1), ("00000000DEADBEEG", None, 0)])
def test_ids(own, original, value):
    event, = events_of(report(t11=own, t41=original))[0]
    assert event["order_id"] == value


@pytest.mark.parametrize("tags", [
    {"t150": None}, {"t39": None}, {"t151": None}, {"t14": None}, {"t150": "FF"}, {"t39": "12"}, {"t055": "A"},
    {"t8": "A"}, {"t9": "5"}, {"t10": "000"}, {"t55": ""}, {"t55": "A|B"}, {"t58": "a|14=5"}])
def test_malformed_reports(tags):
    good = report()
    assert events_of(report(**tags) + good)[0] == [MALFORMED, *tokenize(good)]


def test_what_is_not_ours_may_be_anything():
    text = report(t14000="x", t1131="-", t5="=", t58="8=FIX=9=10=")
    assert events_of(text)[0] == tokenize(report())


def test_a_message_in_the_middle_of_another():
    cut, good = report()[:80], report(t14="3")
    for inner in (cut, cut + b"=", cut + b"\x01", PREFIX, PREFIX[:-1], b"8" * 5, b"\x01"):
        assert events_of(inner + good)[0] == [MALFORMED, *tokenize(good)]

"""cocotb side of test_entry: OrderEntry against sim.models.order, frame by frame."""

import os
import random
from itertools import accumulate, product

import cocotb

from fixparse.templates import time_of_day
from hdl.config import GBE, XGBE
from hdl.layouts import CHUNK_BYTES, Action, Origin, Side
from hdl.order import narrow
from hdl.order.entry import BadFrames
from hdl.order.image import FRAMES
from hdl.registers import IMAGE, IMAGE_WORDS, NIC, PORT, SYMBOL_TEXT, VENUE, RegisterMap
from hdl.venue import SIMULATED
from sim.bus import share
from sim.fixtext import report
from sim.models.order import Session, register_writes
from sim.models.tokenizer import MALFORMED, tokenize
from sim.order_bench import WRITE_GAP, OrderBench

CONFIG = XGBE if os.environ.get("WIDTH") == str(XGBE.data_width) else GBE
SYMBOLS = ["A", "BB", "CCC", "MSFT", "GOOGL", "ABCDEF", "BRK.A/1", "EIGHTCHR"]
U32 = 2**32 - 1
WHERE = RegisterMap(CONFIG).address
VENUE_REGISTERS = [reg.name for reg in VENUE.regs if reg.access == "rw"]
TEST = {"timeout_time": 2, "timeout_unit": "ms"}


def narrowed(text: bytes) -> int:
    """Cycles that a segment takes, beyond those in which it comes, until the last of its bytes is there one by one."""
    beats = -(-len(text) // CONFIG.lanes)
    return narrow.LATENCY + len(text) - beats if CONFIG.lanes > 1 else 0


def stamp(date: int, ms: int, known: int = 1) -> dict:
    return {"known": known, "date": date, "ms": ms, "date_digits": [int(c) for c in f"{date:08d}"],
            "time_digits": [int(c) for c in time_of_day(ms)]}


def random_intent(rng, **fields) -> dict:
    return {"order_id": rng.getrandbits(64), "orig_id": rng.getrandbits(64),
            "price": rng.choice([0, U32, rng.getrandbits(32), rng.randrange(10**7)]),
            "qty": rng.choice([0, 1, U32, rng.getrandbits(32), rng.randrange(10**4)]), "side": rng.choice(list(Side)),
            "action": rng.choice(list(Action)), "tif": ord(rng.choice("03")), "strategy": rng.randrange(8),
            "venue": rng.randrange(CONFIG.venues), "symbol": rng.randrange(len(SYMBOLS)),
            "origin": rng.choice(list(Origin)), "rx_time": rng.getrandbits(64), "needed": rng.getrandbits(32), **fields}


def matches(unpacked: dict, wanted: dict) -> bool:
    return all(unpacked[name] == value for name, value in wanted.items())


async def started(dut, msg_seq=1, ready=None) -> tuple[OrderBench, list[Session], random.Random]:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = OrderBench(dut, (lambda: rng.random() < ready) if ready else None, CONFIG.lanes)
    await bench.start(register_writes(CONFIG, SIMULATED, SYMBOLS, msg_seq))
    bench.set_stamp(stamp(20240229, 12345))
    await bench.wait(12)
    return bench, [Session(venue, msg_seq) for venue in SIMULATED], rng


async def order(bench, intent):
    """Has an order passed as soon as order entry is idle; returns in the cycle after the decision."""
    await bench.ask(intent)
    await bench.passes()


async def finished(bench):
    await bench.wait(2)
    await bench.idle()


@cocotb.test(**TEST)
async def frames_are_those_of_the_model(dut):
    """Random orders at any time of day: byte for byte, the first beat in the cycle of the decision, no gap."""
    bench, sessions, rng = await started(dut, msg_seq=98)
    cases = [{"action": a, "venue": v, "symbol": s}
             for a in Action for v in range(CONFIG.venues) for s in range(len(SYMBOLS))]
    for case in rng.sample(cases, share(len(cases))) + [{}] * share(20):
        intent = random_intent(rng, **case)
        date, ms = rng.choice([20240229, 19991231, 20260101]), rng.choice([0, 86_399_999, rng.randrange(86_400_000)])
        bench.set_stamp(stamp(date, ms))
        await order(bench, intent)
        session = sessions[intent["venue"]]
        expected = session.frame(intent, SYMBOLS[intent["symbol"]], date, ms)
        bench.set_stamp(stamp(20990101, 1))     # looked at in the cycle of the first beat alone
        await finished(bench)
        (first, data, error), = bench.take_frames()
        assert (data, error) == (expected, 0)
        assert first == bench.decided
        (cycle, sent), = bench.sent.log
        bench.sent.log.clear()
        assert cycle == first
        assert sent == {"msg_seq": session.msg_seq, "tcp_seq": session.snd_nxt, "date": date, "ms": ms}
        session.left(intent)
        assert not bench.unsent.log
    for n, session in enumerate(sessions):
        assert await bench.read(WHERE(VENUE, "tcp", n)) == session.snd_nxt | session.rcv_nxt << 32
        assert await bench.read(WHERE(VENUE, "msg_seq", n)) == session.msg_seq
        assert await bench.read(WHERE(VENUE, "sent", n)) == session.msg_seq - 98


@cocotb.test(**TEST)
async def a_frame_takes_its_length_in_cycles(dut):
    bench, _, rng = await started(dut)
    for action in Action:
        await order(bench, random_intent(rng, action=action))
        await finished(bench)
        beats = -(-FRAMES[action].length // CONFIG.lanes)
        cycles = [cycle for cycle, _ in bench.o.log]
        assert cycles == list(range(bench.decided, bench.decided + beats))
        bench.o.log.clear()


@cocotb.test(**TEST)
async def the_mac_may_hold_back(dut):
    bench, sessions, rng = await started(dut, ready=0.6)
    for _ in range(share(20)):
        intent = random_intent(rng)
        await order(bench, intent)
        expected = sessions[intent["venue"]].frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
        sessions[intent["venue"]].left(intent)
        await finished(bench)
        (_, data, error), = bench.take_frames()
        assert (data, error) == (expected, 0)


@cocotb.test(**TEST)
async def sequence_numbers_carry(dut):
    """MsgSeqNum over every power of ten, and `snd_nxt` over 2**32."""
    bench, sessions, rng = await started(dut)
    for msg_seq in (9, 99, 999_999, 99_999_999, 999_999_999):
        await bench.write(WHERE(VENUE, "tcp", 0), U32 - 100 | 7 << 32)
        await bench.write(WHERE(VENUE, "msg_seq", 0), msg_seq)
        sessions[0].msg_seq, sessions[0].snd_nxt, sessions[0].rcv_nxt = msg_seq, U32 - 100, 7
        await bench.wait(12)
        for _ in range(3 if msg_seq < 999_999_999 else 1):
            intent = random_intent(rng, venue=0)
            await order(bench, intent)
            await finished(bench)
            (_, data, _), = bench.take_frames()
            assert data == sessions[0].frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
            assert bench.sent.log[-1][1]["msg_seq"] == sessions[0].msg_seq
            sessions[0].left(intent)


async def blocked(bench, intent) -> bool:
    """Whether nothing left and the intent came back, in the right cycle."""
    await bench.wait(3)
    if not bench.unsent.log:
        return False
    (cycle, value), = bench.unsent.log
    bench.unsent.log.clear()
    assert cycle == bench.decided + 2
    assert matches(value, intent)
    assert not bench.o.log
    assert not bench.sent.log
    return True


@cocotb.test(**TEST)
async def a_kill_in_the_last_cycle_stops_the_frame(dut):
    """Set in the cycle of the first beat itself, each switch alone; one cycle later the frame is gone."""
    bench, sessions, rng = await started(dut)
    for late in (False, True):
        for switch in ("killed", "venue_killed", "strategy_killed", "stamp", "other"):
            intent = random_intent(rng, venue=1, strategy=5, action=Action.NEW)
            value = {"killed": 1, "venue_killed": 2, "strategy_killed": 1 << 5}.get(switch)
            await bench.ask(intent)
            if late:
                await bench.passes()
            if switch == "stamp":
                bench.set_stamp(stamp(20240229, 12345, known=0))
            elif switch == "other":     # another venue's and another strategy's
                dut.venue_killed.value, dut.strategy_killed.value = 1, 0xFF ^ 1 << 5
            else:
                getattr(dut, switch).value = value
            if not late:
                await bench.passes()
            if late or switch == "other":
                await finished(bench)
                (_, data, error), = bench.take_frames()
                assert not error
                assert data == sessions[1].frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
                sessions[1].left(intent)
                assert not bench.unsent.log
                bench.sent.log.clear()
            else:
                assert await blocked(bench, intent), switch
            dut.killed.value = dut.venue_killed.value = dut.strategy_killed.value = 0
            bench.set_stamp(stamp(20240229, 12345))


@cocotb.test(**TEST)
async def a_kill_poisons_the_frame_under_way_where_it_is_told_to(dut):
    """Its own venue's or strategy's, or everybody's, however short; another's not, a cancel not, a late one not."""
    bench, sessions, rng = await started(dut)
    for poisons, case in product((1, 0), ("killed", "venue_killed", "strategy_killed", "other", "cancel", "late",
                                          "short")):
        action = Action.CANCEL if case == "cancel" else Action.NEW
        intent = random_intent(rng, venue=1, strategy=5, action=action)
        session, span = sessions[1], -(-FRAMES[action].length // CONFIG.lanes) - 1
        dut.kill_poisons.value = poisons
        await order(bench, intent)
        await bench.wait(span if case == "late" else rng.randrange(span - 8))
        if case == "other":
            dut.venue_killed.value, dut.strategy_killed.value = 1, 0xFF ^ 1 << 5
        else:
            name = case if case.endswith("killed") else "killed"
            getattr(dut, name).value = {"venue_killed": 2, "strategy_killed": 1 << 5}.get(name, 1)
        if case == "short":     # it is lifted, and the frame stays what it is
            await bench.wait(1)
            dut.killed.value = 0
        await finished(bench)
        (_, data, error), = bench.take_frames()
        poisoned = poisons and case not in ("other", "cancel", "late")
        assert error == poisoned, (poisons, case)
        assert data == session.frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
        assert [matches(value, intent) for _, value in bench.unsent.log] == [True] * poisoned
        if not poisoned:
            session.left(intent)
        bench.unsent.log.clear()
        dut.killed.value = dut.venue_killed.value = dut.strategy_killed.value = dut.kill_poisons.value = 0
    assert await bench.read(WHERE(VENUE, "msg_seq", 1)) == sessions[1].msg_seq


@cocotb.test(**TEST)
async def a_cancel_leaves_under_every_kill(dut):
    bench, sessions, rng = await started(dut)
    dut.killed.value, dut.venue_killed.value, dut.strategy_killed.value = 1, 3, 0xFF
    intent = random_intent(rng, venue=0, action=Action.CANCEL)
    await order(bench, intent)
    await finished(bench)
    (_, data, _), = bench.take_frames()
    assert data == sessions[0].frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)


@cocotb.test(**TEST)
async def a_disabled_venue_gets_nothing(dut):
    bench, sessions, rng = await started(dut)
    await bench.write(WHERE(VENUE, "enable", 1), 0)
    intent = random_intent(rng, venue=1)
    await order(bench, intent)
    assert await blocked(bench, intent)
    intent = random_intent(rng, venue=0)
    await order(bench, intent)
    await finished(bench)
    assert bench.take_frames()[0][1] == sessions[0].frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
    await bench.write(WHERE(VENUE, "enable", 0), 0)
    await bench.wait(3)
    assert dut.idle.value == 0, "no venue is enabled"


@cocotb.test(**TEST)
async def a_frame_follows_one_that_did_not_leave(dut):
    """As soon as order entry is idle again: the sums of the one that was held back are still under way."""
    bench, sessions, rng = await started(dut)
    for _ in range(share(20)):
        held, intent = (random_intent(rng, action=action) for action in (Action.NEW, rng.choice(list(Action))))
        await bench.ask(held)
        dut.killed.value = 1
        await bench.passes()
        dut.killed.value = 0
        await order(bench, intent)
        await finished(bench)
        (_, data, error), = bench.take_frames()
        session = sessions[intent["venue"]]
        assert (data, error) == (session.frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345), 0)
        session.left(intent)
        assert [matches(value, held) for _, value in bench.unsent.log] == [True]
        bench.unsent.log.clear()


@cocotb.test(**TEST)
async def what_the_gate_rejects_leaves_nothing_behind(dut):
    """Asked about and not passed, once or more, up to four cycles before the next is asked about."""
    bench, sessions, rng = await started(dut)
    for _ in range(share(20)):
        for _ in range(rng.randrange(1, 4)):
            await bench.ask(random_intent(rng))
            await bench.wait(rng.choice([1, 1, 2, 6]))
        intent = random_intent(rng)
        await order(bench, intent)
        await finished(bench)
        (first, data, error), = bench.take_frames()
        session = sessions[intent["venue"]]
        assert (data, error) == (session.frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345), 0)
        assert first == bench.decided
        session.left(intent)
    assert not bench.unsent.log


@cocotb.test(**TEST)
async def bad_frames_poison_what_they_caused(dut):
    """Only a trigger's order, only its own frame's time; the sequence numbers stay, the intent comes back."""
    bench, sessions, rng = await started(dut)
    for case in ("match", "host", "other", "two", "before", "late", "match"):
        origin = Origin.HOST if case == "host" else Origin.TRIGGER
        intent = random_intent(rng, origin=origin)
        session = sessions[intent["venue"]]
        span = -(-FRAMES[intent["action"]].length // CONFIG.lanes) - 1      # until all of it has left
        wrong = intent["rx_time"] ^ 1 << rng.randrange(BadFrames.TIME_BITS)
        if case == "before":
            await bench.bad.send(intent["rx_time"])
        await order(bench, intent)
        if case != "before":
            await bench.wait(span - 1 if case == "late" else rng.randrange(0, span - 8))
            await bench.bad.send(wrong if case == "other" else intent["rx_time"])
            if case == "two":
                await bench.bad.send(wrong)
        await finished(bench)
        (_, data, error), = bench.take_frames()
        poisoned = case in ("match", "two", "before")
        assert error == poisoned, case
        assert data == session.frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
        assert len(bench.unsent.log) == poisoned
        if poisoned:
            assert matches(bench.unsent.log[0][1], intent)
        else:
            session.left(intent)
        bench.unsent.log.clear()
    for n, session in enumerate(sessions):
        assert await bench.read(WHERE(VENUE, "tcp", n)) == session.snd_nxt | session.rcv_nxt << 32
        assert await bench.read(WHERE(VENUE, "msg_seq", n)) == session.msg_seq


@cocotb.test(**TEST)
async def images_are_locked_while_their_venue_is_enabled(dut):
    """Whatever is written to them then is counted and does nothing; it does once the venue is not enabled."""
    bench, sessions, rng = await started(dut)
    tried = [0] * CONFIG.venues
    for _ in range(2 * share(20)):
        venue, action = rng.randrange(CONFIG.venues), rng.choice(list(Action))
        word = rng.choice([0, IMAGE_WORDS - 1, rng.randrange(FRAMES[action].length // 8)])
        await bench.write(WHERE(IMAGE, f"word{word}", len(Action) * venue + action), rng.getrandbits(64))
        await bench.wait(WRITE_GAP)
        tried[venue] += 1
    for venue, action in product(range(CONFIG.venues), Action):
        intent = random_intent(rng, venue=venue, action=action)
        await order(bench, intent)
        await finished(bench)
        session = sessions[venue]
        assert bench.take_frames()[0][1] == session.frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
        session.left(intent)
    assert [await bench.read(WHERE(VENUE, "locked", venue)) for venue in range(CONFIG.venues)] == tried
    await bench.write(WHERE(VENUE, "enable", 1), 0)
    await bench.write(WHERE(IMAGE, "word0", len(Action) + Action.NEW), 0x0102030405060708)
    await bench.write(WHERE(VENUE, "enable", 1), 1)
    await order(bench, random_intent(rng, venue=1, action=Action.NEW))
    await finished(bench)
    assert bench.take_frames()[0][1][:8] == bytes.fromhex("0807060504030201")
    assert await bench.read(WHERE(VENUE, "locked", 1)) == tried[1]


@cocotb.test(**TEST)
async def registers_read_back(dut):
    """Those of a VENUE, cut to the bits that they name; what cannot be read answers 0, and so do others' addresses."""
    bench, _, rng = await started(dut)
    for _ in range(share(40)):
        name, venue, value = rng.choice(VENUE_REGISTERS), rng.randrange(CONFIG.venues), rng.getrandbits(64)
        await bench.write(WHERE(VENUE, name, venue), value)
        assert await bench.read(WHERE(VENUE, name, venue)) == value % (1 << VENUE[name].width), name
        other = rng.choice([(SYMBOL_TEXT, "low", 0), (IMAGE, "word0", 1), (NIC, "time", 0), (PORT, "frames", 1)])
        await bench.write(WHERE(*other), value)
        assert await bench.read(WHERE(*other)) == 0
        assert await bench.read(WHERE(VENUE, name, venue)) == value % (1 << VENUE[name].width), name


# ---- receive --------------------------------------------------------------------------------------

@cocotb.test(**TEST)
async def reports_come_out_of_segments(dut):
    """Messages cut anywhere, two venues mixed, repeats, gaps and bad frames between; the host ready now and then."""
    bench, sessions, rng = await started(dut)
    bench.host_ready = lambda: rng.random() < 0.9
    texts = [[report(t11=f"{rng.getrandbits(64):016X}", t14=str(n)) if rng.random() < 0.9 else b"garbage"
              for n in range(share(8))] for _ in sessions]
    streams = [b"".join(parts) for parts in texts]
    left, got, times = list(streams), [b"" for _ in sessions], [[] for _ in sessions]
    refused, time = [0, 0], 1
    while any(left):
        n = rng.randrange(len(sessions))
        text = left[n][:rng.choice([1, 2, 40, 80, 81, 200, 300])]
        kind = rng.choice(["good"] * 4 + ["bad", "repeat", "gap", "ack", "overlap"])
        seq = sessions[n].rcv_nxt
        if kind == "ack":
            await bench.segment(n, seq, b"")
        elif kind == "bad":
            await bench.segment(n, seq, text, error=1)
        elif kind != "good" and text:
            seq = (seq + {"repeat": -len(text), "gap": 5, "overlap": -1}[kind]) % 2**32
            await bench.segment(n, seq, text)
            refused[n] += 1
        elif text:
            await bench.segment(n, seq, text, rx_time=time, trailing=rng.random() < 0.3)
            assert sessions[n].receive(seq, text)
            got[n] += text
            times[n] += [time] * len(text)
            left[n] = left[n][len(text):]
        time += 1
        await bench.wait(54 + narrowed(text))
    await bench.wait(800)
    for n, session in enumerate(sessions):
        assert got[n] == streams[n]
        assert await bench.read(WHERE(VENUE, "tcp", n)) >> 32 == session.rcv_nxt
        events = tokenize(streams[n])
        reports = [value for _, value in bench.report.log if value["venue"] == n]
        expected = [event for event in events if event != MALFORMED]
        assert len(reports) == len(expected)
        assert all(matches(value, event) for value, event in zip(reports, expected, strict=True))
        ends = [end for end, text in zip(accumulate(map(len, texts[n])), texts[n], strict=True) if text != b"garbage"]
        assert [value["rx_time"] for value in reports] == [times[n][end - 1] for end in ends]
        assert await bench.read(WHERE(VENUE, "reports", n)) == len(expected)
        assert await bench.read(WHERE(VENUE, "malformed", n)) == events.count(MALFORMED)
        assert await bench.read(WHERE(VENUE, "out_of_order", n)) == refused[n]
    chunks = bench.take_chunks()
    for n, venue in enumerate(SIMULATED):
        own = [chunk for chunk in chunks if chunk["venue"] == n]
        assert b"".join(chunk["data"] for chunk in own) == streams[n]
        seq = venue.rcv_nxt
        for chunk in own:
            assert chunk["tcp_seq"] == seq
            assert 1 <= chunk["count"] <= CHUNK_BYTES
            seq = (seq + chunk["count"]) % 2**32


@cocotb.test(**TEST)
async def a_report_waits_for_the_end_of_its_frame(dut):
    """The latency that the docstring of SessionReceiver states; after a bad FCS the same segment again is fine."""
    bench, sessions, _ = await started(dut)
    text = report()
    await bench.segment(0, sessions[0].rcv_nxt, text, error=1)
    await bench.wait(narrowed(text) + len(text) + 50)
    assert not bench.report.log
    await bench.segment(0, sessions[0].rcv_nxt, text, rx_time=77)
    await bench.wait(narrowed(text) + len(text) + 50)
    (cycle, value), = bench.report.log
    assert cycle == bench.segment_end + narrowed(text) + len(text) + 7
    assert value["rx_time"] == 77
    chunks = bench.take_chunks()
    assert [chunk["last"] for chunk in chunks] == [0] * (len(chunks) - 1) + [1]
    assert {chunk["time"] for chunk in chunks} == {77}


@cocotb.test(**TEST)
async def a_host_that_does_not_read_loses_nothing(dut):
    """Reports go on; when the buffer is full segments are refused, and come again."""
    bench, sessions, _ = await started(dut)
    bench.host_ready = lambda: False
    text, sent = report(), b""
    for _ in range(40):
        await bench.segment(0, sessions[0].rcv_nxt, text)
        await bench.wait(60 + narrowed(text))
        if await bench.read(WHERE(VENUE, "tcp", 0)) >> 32 == sessions[0].rcv_nxt:
            break
        assert sessions[0].receive(sessions[0].rcv_nxt, text)
        sent += text
    else:
        raise AssertionError("nothing was ever refused")
    await bench.wait(300)
    assert len(bench.report.log) == len(sent) // len(text) > 10
    bench.host_ready = lambda: True
    await bench.wait(5000)
    await bench.segment(0, sessions[0].rcv_nxt, text)
    await bench.wait(600)
    assert b"".join(chunk["data"] for chunk in bench.take_chunks()) == sent + text


@cocotb.test(**TEST)
async def orders_and_segments_at_once(dut):
    """`snd_nxt` and `rcv_nxt` share a register; neither may lose the other's step. ACKs follow what was read."""
    bench, sessions, rng = await started(dut)

    async def segments():
        for _ in range(share(60)):
            text = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 30)))
            await bench.segment(0, sessions[0].rcv_nxt, text)
            sessions[0].receive(sessions[0].rcv_nxt, text)
            await bench.wait(rng.randrange(30, 60) + narrowed(text))

    task = cocotb.start_soon(segments())
    for _ in range(share(12)):
        intent = random_intent(rng, venue=0)
        await order(bench, intent)
        await finished(bench)
        (_, data, _), = bench.take_frames()
        session = Session(SIMULATED[0], sessions[0].msg_seq)
        session.snd_nxt, session.rcv_nxt = sessions[0].snd_nxt, int.from_bytes(data[42:46], "big")
        assert data == session.frame(intent, SYMBOLS[intent["symbol"]], 20240229, 12345)
        sessions[0].left(intent)
    await task
    await bench.wait(5)
    assert await bench.read(WHERE(VENUE, "tcp", 0)) == sessions[0].snd_nxt | sessions[0].rcv_nxt << 32

"""`RxMac` and `TxMac`, byte by byte, against the frame format; `amaranth.lib.crc` is the model of the FCS."""

import pytest
from amaranth.sim import Simulator

from hdl.net.gmii import FCS, GAP_BYTES, PREAMBLE, PREAMBLE_BYTES, SFD
from hdl.net.headers import FCS_BYTES, MIN_FRAME
from hdl.net.mac import RxMac, TxMac

START = bytes([PREAMBLE] * PREAMBLE_BYTES + [SFD])


def fcs(frame: bytes) -> bytes:
    return FCS.compute(frame).to_bytes(FCS_BYTES, "little")


def simulate(component, testbench, background=None):
    simulator = Simulator(component)
    simulator.add_clock(8e-9)
    simulator.add_testbench(testbench)
    if background:
        simulator.add_testbench(background, background=True)
    simulator.run()


def receive(wire) -> list[tuple[int, bytes, bool]]:
    """(cycle of the first beat, bytes, error) of each frame that the MAC takes from `wire`: (byte, error) or None."""
    mac, frames, beats = RxMac(), [], []

    async def play(ctx):
        for cycle, slot in enumerate([None, *wire, *[None] * 8], start=-1):     # silence first: see `GAP`
            byte, error = slot or (0xEE, 0)
            ctx.set(mac.i, {"data": byte, "valid": slot is not None, "error": error})
            await ctx.delay(1e-9)
            if ctx.get(mac.o.valid):
                beats.append((cycle, ctx.get(mac.o.payload)))
                if beats[-1][1].last:
                    frames.append((beats[0][0], bytes(b.data for _, b in beats if b.keep), bool(beats[-1][1].error)))
                    assert [cycle for cycle, _ in beats] == [*range(beats[0][0], beats[0][0] + len(beats))]
                    beats.clear()
            await ctx.tick()

    simulate(mac, play)
    assert not beats, "every frame ends"
    return frames


def wire_of(data: bytes, errors=()) -> list:
    return [(byte, n in errors) for n, byte in enumerate(data)]


GAP = [None] * GAP_BYTES


@pytest.mark.parametrize("length", [MIN_FRAME, MIN_FRAME + 1, 1514])
def test_a_good_frame(rng, length):
    frame = rng.randbytes(length)
    assert receive(wire_of(START + frame + fcs(frame))) == [(len(START) + RxMac.LATENCY, frame, False)]


def test_every_runt_is_bad_and_counted():
    wire, frames = [], []
    for length in range(MIN_FRAME):
        frame = bytes(range(length))
        wire += [*wire_of(START + frame + fcs(frame)), None]
        frames.append((frame, True))
    assert [frame[1:] for frame in receive(wire)] == frames


def test_less_than_an_fcs_is_a_bad_frame_without_a_byte():
    wire = [slot for length in range(FCS_BYTES + 1) for slot in [*wire_of(START + bytes(length)), None]]
    assert [frame[1:] for frame in receive(wire)] == [(b"", True)] * (FCS_BYTES + 1)


def test_every_damaged_bit_of_the_fcs_and_some_of_the_frame(rng):
    frame = rng.randbytes(MIN_FRAME)
    good = frame + fcs(frame)
    bits = [*range(8 * MIN_FRAME, 8 * len(good)), *rng.sample(range(8 * MIN_FRAME), 20)]
    wire = []
    for bit in bits:
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        wire += [*wire_of(START + bad), *GAP]
    wire += wire_of(START + good)
    assert [error for *_, error in receive(wire)] == [True] * len(bits) + [False]


@pytest.mark.parametrize("where", [len(START), len(START) + 30, len(START) + MIN_FRAME + FCS_BYTES - 1])
def test_a_code_error_makes_the_frame_bad(rng, where):
    frame = rng.randbytes(MIN_FRAME)
    data = START + frame + fcs(frame)
    (bad, good) = receive([*wire_of(data, errors={where}), *GAP, *wire_of(data)])
    assert (bad[2], good[2]) == (True, False)


@pytest.mark.parametrize(("start", "taken"), [
    (START[1:], True), (START[-1:], True), (bytes([PREAMBLE] * 20 + [SFD]), True),
    (START[:-1], False), (b"\x55\x54" + START, False), (b"\0" + START, False)])
def test_starts(rng, start, taken):
    """Preamble may be short or long; anything else in it is no frame, and the next frame is not harmed."""
    frame = rng.randbytes(MIN_FRAME).replace(bytes([SFD]), b"\0")
    frame = b"\0" + frame[1:]
    after = rng.randbytes(70)
    got = receive([*wire_of(start + frame + fcs(frame)), None, *wire_of(START + after + fcs(after))])
    assert [(data, error) for _, data, error in got] == [(frame, False)] * taken + [(after, False)]


def test_an_error_in_the_preamble_is_no_frame(rng):
    frame = rng.randbytes(MIN_FRAME)
    assert receive(wire_of(START + frame + fcs(frame), errors={3})) == []


# ---- sending ---------------------------------------------------------------------------------------


def send(frames, hold=None) -> list:
    """What is on the wire, a slot a cycle, from the cycle in which the first frame is offered.

    `frames`: (bytes, error); `hold`: (frame, byte) before which `valid` is low for a cycle.
    """
    mac, wire = TxMac(), []

    async def play(ctx):
        for number, (data, error) in enumerate(frames):
            for n, byte in enumerate(data):
                if hold == (number, n):
                    ctx.set(mac.i.valid, 0)
                    await ctx.tick()
                last = n == len(data) - 1
                ctx.set(mac.i.payload, {"data": byte, "keep": 1, "last": last, "error": error and last})
                ctx.set(mac.i.valid, 1)
                await ctx.tick().until(mac.i.ready)
        ctx.set(mac.i.valid, 0)
        await ctx.tick().repeat(MIN_FRAME + FCS_BYTES + GAP_BYTES + 4)

    async def watch(ctx):
        while True:
            out = ctx.get(mac.o)
            wire.append((out.data, out.error) if out.valid else None)
            await ctx.tick()

    simulate(mac, play, watch)
    return wire


def on_the_wire(frame: bytes, poison=False) -> list:
    padded = frame.ljust(MIN_FRAME, b"\0")
    check = bytes(byte ^ 0xFF for byte in fcs(padded)) if poison else fcs(padded)
    return [(byte, 0) for byte in START + padded + check]


def test_sends_with_preamble_padding_fcs_and_gap(rng):
    frames = [rng.randbytes(n) for n in (1, MIN_FRAME - 1, MIN_FRAME, MIN_FRAME + 1, 200)]
    wire = send([(frame, False) for frame in frames])
    expected = [None]       # the cycle in which the first byte is offered
    for frame in frames:
        expected += on_the_wire(frame) + GAP
    assert wire[:len(expected)] == expected
    assert wire.index((SFD, 0)) + 1 == TxMac.LATENCY
    assert set(wire[len(expected):]) == {None}


@pytest.mark.parametrize("length", [20, MIN_FRAME, 100])
def test_a_poisoned_frame_leaves_with_an_inverted_fcs(rng, length):
    frame = rng.randbytes(length)
    wire = send([(frame, True), (frame, False)])
    assert wire[1:][:len(on_the_wire(frame))] == on_the_wire(frame, poison=True)
    rest = wire[1 + len(on_the_wire(frame)) + GAP_BYTES:]
    assert rest[:len(on_the_wire(frame))] == on_the_wire(frame), "the next frame is good"


@pytest.mark.parametrize("at", [1, 30, 99])
def test_an_underrun_poisons_and_drops_the_rest(rng, at):
    bad, good = rng.randbytes(100), rng.randbytes(64)
    wire = [slot for slot in send([(bad, False), (good, False)], hold=(0, at)) if slot]
    assert wire[:len(START) + at] == [(byte, 0) for byte in START + bad[:at]]
    assert wire[len(START) + at][1] == 1, "TX_ER in the byte that was missing"
    first = len(START) + at + 1 + FCS_BYTES
    assert bytes(byte for byte, _ in wire[first - FCS_BYTES:first]) != fcs(bad[:at] + bytes([wire[len(START) + at][0]]))
    assert wire[first:] == on_the_wire(good), "the next frame is good"


def test_what_is_sent_is_received(rng):
    frames = [rng.randbytes(rng.randrange(MIN_FRAME, 120)) for _ in range(10)]
    wire = send([(frame, n % 3 == 0) for n, frame in enumerate(frames)])
    assert [got[1:] for got in receive(wire)] == [(frame, n % 3 == 0) for n, frame in enumerate(frames)]

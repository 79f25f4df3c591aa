"""`FrameMerge`: frames stay whole and in order, the first sender is asked first, nothing shown is taken back."""

import pytest
from amaranth.sim import Simulator

from hdl.net.merge import FrameMerge


def play(rng, frames, ready: float = 1, pause: float = 0, starts=(0, 0)):
    """Both senders send their frames (lists of bytes) from cycles `starts` on. Returns frames as they left, each with
    the cycle of its first beat, and checks on the way that an offer which was not taken is made again."""
    dut, left, sent = FrameMerge(8), [0, 0], []

    def sender(which):
        async def send(ctx):
            port = (dut.first, dut.second)[which]
            await ctx.tick().repeat(starts[which] + 1)
            for frame in frames[which]:
                for n, byte in enumerate(frame):
                    ctx.set(port.payload, {"data": byte, "keep": 1, "last": n == len(frame) - 1, "error": 0})
                    ctx.set(port.valid, 1)
                    await ctx.tick().until(port.ready)
                    ctx.set(port.valid, 0)
                    while n != len(frame) - 1 and rng.random() < pause:
                        await ctx.tick()
                left[which] += 1
        return send

    async def wire(ctx):
        frame, held, cycle = [], None, -1
        while left != [len(each) for each in frames] or frame:
            takes = rng.random() < ready
            ctx.set(dut.o.ready, takes)
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            cycle += 1
            offer = (payload.data, payload.last) if valid else None
            assert held is None or offer == held, "an offer was withdrawn"
            held = None if takes else offer
            if valid and takes:
                frame.append((payload.data, cycle))
                if payload.last:
                    sent.append(([byte for byte, _ in frame], frame[0][1]))
                    frame = []

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    for which in (0, 1):
        simulator.add_testbench(sender(which))
    simulator.add_testbench(wire)
    simulator.run()
    return sent


def test_the_first_goes_first_and_a_frame_under_way_ends_first(rng):
    sent = play(rng, ([[1, 2]], [[9, 8, 7], [6]]), starts=(1, 0))
    assert [frame for frame, _ in sent] == [[9, 8, 7], [1, 2], [6]]
    assert [cycle - sent[0][1] for _, cycle in sent] == [0, 3, 5], "no cycle between frames, none before the first"


def test_both_at_once(rng):
    assert [frame for frame, _ in play(rng, ([[1]], [[9]]))] == [[1], [9]]


@pytest.mark.parametrize(("ready", "pause"), [(1, 0), (0.5, 0), (1, 0.4), (0.6, 0.5)])
def test_random_frames_stay_whole_and_in_order(rng, ready, pause):
    frames = [[[kind + n % 64 for n in range(rng.randint(1, 9))] for _ in range(40)] for kind in (0, 128)]
    sent = [frame for frame, _ in play(rng, frames, ready, pause)]
    for kind in (0, 1):
        assert [frame for frame in sent if frame[0] >> 7 == kind] == frames[kind]

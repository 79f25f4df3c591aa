"""`ControlListener` against its model: every truncation, every byte changed, frames back to back, both widths."""

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY, XGBE
from hdl.net.control import CONTROL_BYTES, control_frame
from hdl.net.listener import ControlListener
from sim.frames import host_frame, udp_frame
from sim.models.control import heard

KEY = 0x0123_4567_89AB_CDEF
#: Cycles from a frame's last beat to what is said of it.
SAID = 2


def run(config, key, frames, gap):
    """What was said of each frame, (data, error) given; asserts the cycle."""
    dut, lanes, ends, said = ControlListener(config), config.lanes, [], {}

    async def bench(ctx):
        ctx.set(dut.key, key)
        ctx.set(dut.set, 1)
        await ctx.tick()
        ctx.set(dut.set, 0)
        cycle = 0

        async def step(valid, **payload):
            nonlocal cycle
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, valid)
            for name in ("kill", "refused"):
                if ctx.get(getattr(dut, name)):
                    said.setdefault(cycle, []).append(name)
            await ctx.tick()
            cycle += 1

        for data, error in frames:
            parts = [data[at:at + lanes] for at in range(0, len(data), lanes)]
            for n, part in enumerate(parts):
                while gap():
                    await step(0, keep=(1 << lanes) - 1, last=1)
                last = n == len(parts) - 1
                if last:
                    ends.append(cycle)
                await step(1, data=int.from_bytes(part, "little"), keep=(1 << len(part)) - 1, last=last,
                           error=last and error)
        for _ in range(SAID + 2):
            await step(0)

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert {cycle - SAID for cycle in said} <= set(ends)
    assert all(len(words) == 1 for words in said.values())
    return [said.get(end + SAID, [""])[0] for end in ends]


@pytest.mark.parametrize("config", [TINY, XGBE], ids=lambda config: config.name)
@pytest.mark.parametrize("key", [KEY, 0])
def test_kills_by_a_good_frame_alone(config, key, rng):
    good = control_frame(key)
    frames = [(good, False), (good, True), (good, False), (host_frame(bytes(64)), False),
              (control_frame(KEY ^ 1), False)]
    frames += [(good[:length], False) for length in range(1, len(good) + 1)]
    for at in range(CONTROL_BYTES):
        changed = bytearray(good)
        changed[at] ^= 1 << rng.randrange(8)
        frames.append((bytes(changed), rng.random() < 0.1))
    udp = udp_frame(good, source_ip=1, destination_ip=2, source=3, destination=4)
    frames += [(udp, False), (good, False), (good + bytes(rng.randrange(100)), False)]
    rng.shuffle(frames)
    for gap in (lambda: False, lambda: rng.random() < 0.3):
        found = run(config, key, frames, gap)
        assert found == [heard(data, error, key) for data, error in frames]
        assert ("kill" in found) == bool(key)

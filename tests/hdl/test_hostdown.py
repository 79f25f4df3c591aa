"""HostDown with a fanout and real register banks behind it, in Amaranth's simulator."""

from itertools import chain

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.csr import BusFanout, RegisterBank
from hdl.layouts import ARM, INTENT, REG_READ, REG_VALUE, REG_WRITE
from hdl.registers import MAGIC, NIC, SYMBOL, RegisterMap
from hdl.rings import INTENTS, READ_CYCLES, WRITE_CYCLES, HostDown

MAP = RegisterMap(TINY)
IDENT = MAP.address(NIC, "ident")
NAME = MAP.address(SYMBOL, "name", 1)


def bits(record: np.ndarray) -> int:
    return int.from_bytes(record.tobytes(), "little")


def run(test, records, limit=4000):
    """Post `records` back to back and run `test(ctx, dut)`; returns the cycle in which each was taken."""
    m = Module()
    m.submodules.dut = dut = HostDown(TINY)
    m.submodules.fanout = fanout = BusFanout(2)
    m.submodules.nic = nic = RegisterBank(TINY, NIC)
    m.submodules.symbol = symbol = RegisterBank(TINY, SYMBOL, 1)
    wiring.connect(m, dut.bus, fanout.i)
    wiring.connect(m, fanout.o[0], nic.bus)
    wiring.connect(m, fanout.o[1], symbol.bus)
    m.d.comb += nic.ident_status.eq(MAGIC)
    taken = []

    async def post(ctx):
        cycle = 0
        for record in records:
            ctx.set(dut.i.payload, bits(record))
            ctx.set(dut.i.valid, 1)
            ready = 0
            while not ready:
                *_, ready = await ctx.tick().sample(dut.i.ready)
                cycle += 1
            taken.append(cycle - 1)
        ctx.set(dut.i.valid, 0)

    async def watch(ctx):
        await test(ctx, dut)

    async def give_up(ctx):
        for _ in range(limit):
            await ctx.tick()
        raise AssertionError(f"not finished after {limit} cycles")

    simulator = Simulator(m)
    simulator.add_clock(8e-9)
    simulator.add_testbench(watch)
    simulator.add_testbench(post, background=True)
    simulator.add_testbench(give_up, background=True)
    simulator.run()
    return taken


async def get(ctx, stream):
    ctx.set(stream.ready, 1)
    payload, = await ctx.tick().sample(stream.payload).until(stream.valid)
    ctx.set(stream.ready, 0)
    return payload


def test_writes_take_effect_and_reads_are_answered_in_order():
    async def test(ctx, dut):
        for tag, addr, data in ((7, NAME, 0), (8, NAME, 0x123456789ABCDEF0), (9, IDENT, MAGIC)):
            value = await get(ctx, dut.value)
            assert (value.tag, value.addr, value.data) == (tag, addr, data)

    taken = run(test, [REG_READ.make(addr=NAME, tag=7), REG_WRITE.make(addr=NAME, data=0x123456789ABCDEF0),
                       REG_READ.make(addr=NAME, tag=8), REG_READ.make(addr=IDENT, tag=9)])
    read, write = READ_CYCLES + 4, WRITE_CYCLES + 3
    assert taken == [end - 1 for end in (read, read + write, 2 * read + write)]


def test_kinds_are_sorted_and_unknown_ones_counted(rng):
    records, expected = [], {"intent": [], "arm": [], "value": []}
    unknown = 0
    for n in range(120):
        kind = rng.choice(("intent", "arm", "read", "junk"))
        order = {"order_id": rng.getrandbits(64), "price": rng.getrandbits(32), "qty": n, "symbol": rng.getrandbits(16)}
        if kind == "intent":
            records.append(INTENT.make(**order))
        elif kind == "arm":
            records.append(ARM.make(threshold=rng.getrandbits(32), refills=rng.getrandbits(16), **order))
        elif kind == "read":
            records.append(REG_READ.make(addr=IDENT, tag=n))
            expected["value"].append(bits(REG_VALUE.make(kind=0, addr=IDENT, tag=n, data=MAGIC)))
            continue
        else:
            junk = INTENT.make(**order)
            junk["kind"] = rng.choice((0, 1, 15, 20, 255))
            records.append(junk)
            unknown += 1
            continue
        expected[kind].append(bits(records[-1]))
    got = {name: [] for name in expected}

    async def test(ctx, dut):
        streams = {name: getattr(dut, name) for name in got}
        while any(len(got[name]) < len(expected[name]) for name in got) or ctx.get(dut.unknown) < unknown:
            ready = {name: rng.random() < 0.5 for name in got}
            for name, stream in streams.items():
                ctx.set(stream.ready, ready[name])
            _, _, *seen = await ctx.tick().sample(*chain(*((port.valid, port.payload) for port in streams.values())))
            for name, valid, payload in zip(streams, seen[::2], seen[1::2], strict=True):
                if valid and ready[name]:
                    got[name].append(payload.as_bits())

    run(test, records)
    assert got == expected


@pytest.mark.parametrize("blocked", [INTENTS, INTENTS + 1])
def test_a_register_overtakes_intents_that_wait(blocked):
    """As long as they fit; one more waits in front of everything."""
    answered = []

    async def test(ctx, dut):
        ctx.set(dut.value.ready, 1)
        for _ in range(200):
            *_, valid, value = await ctx.tick().sample(dut.value.valid, dut.value.payload)
            if valid:
                answered.append(value.tag)
        assert ctx.get(dut.intent.valid)
        for n in range(blocked):
            assert (await get(ctx, dut.intent)).order_id == n

    run(test, [*(INTENT.make(order_id=n) for n in range(blocked)), REG_READ.make(addr=IDENT, tag=5)])
    assert answered == ([5] if blocked <= INTENTS else [])

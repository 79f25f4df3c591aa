"""Checksums: what is added, and when it shows, against sums in Python."""

from amaranth.sim import Simulator

from hdl.fix.checksums import Checksums
from hdl.fix.program import SumStep
from hdl.order.image import sum16

#: Cycles from a word to the FIX CheckSum, and to the TCP checksum.
FIX_LATENCY, TCP_LATENCY = 2, 3
#: More words than any order has.
WORDS = 64


def added(step: dict, word: int, digits: int) -> tuple[bytes, bytes]:
    """The bytes that an instruction adds, in the frame's order: to TCP's sum, and to that of FIX."""
    tcp, fix = b"", b""
    if step["words_add"]:
        pair = word.to_bytes(2, "little" if step["words_swap"] else "big")
        tcp, fix = pair, pair if step["words_fix"] else b""
    if step["digits_add"]:
        text = b"%d" % (digits >> 4) + (b"\0" if step["single"] else b"%d" % (digits & 15))
        tcp += text[::-1] if step["digits_swap"] else text
        fix += text
    return tcp, fix


def test_sums(rng):
    dut = Checksums()

    async def frame(ctx, steps, top: bool):
        static, tcp = rng.getrandbits(8), b""
        fixes, tcps = [static], [b""]
        ctx.set(dut.clear, 1)
        ctx.set(dut.fix_static, static)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        for step in [*steps, *[dict.fromkeys(SumStep.as_shape().members, 0)] * TCP_LATENCY]:
            ctx.set(dut.fix_static, rng.getrandbits(8))
            # what stands behind a last single digit is 0, as the lane of digits gives it
            word, digits = (0xFFFF, 0x99) if top else (rng.getrandbits(16), rng.randrange(10) << 4 | rng.randrange(10))
            digits &= 0xF0 if step["single"] else 0xFF
            ctx.set(dut.how, SumStep.const(step))
            ctx.set(dut.word, word)
            ctx.set(dut.digits, digits)
            await ctx.tick()
            to_tcp, to_fix = added(step, word, digits)
            tcp += to_tcp
            fixes.append((fixes[-1] + sum(to_fix)) % 256)
            tcps.append(tcp)
            assert ctx.get(dut.fix) == fixes[-FIX_LATENCY]
            if len(tcps) > TCP_LATENCY:
                assert ctx.get(dut.tcp) == ~sum16(tcps[-TCP_LATENCY]) & 0xFFFF

    async def bench(ctx):
        flags = [name for name in SumStep.as_shape().members if name not in ("words", "digits")]
        for n in range(20):
            top = n % 5 == 0
            await frame(ctx, [{"words": 0, "digits": 0, **{
                name: int((top and name.endswith("add")) or rng.random() < 0.5)
                for name in flags}} for _ in range(WORDS)], top)

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()

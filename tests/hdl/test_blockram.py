"""BlockRam against a list, and that synthesis makes it block RAM and nothing else."""

import json
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.sim import Simulator

from bitstreams import tools
from hdl.blockram import BlockRam

BUILD = Path(__file__).resolve().parents[2] / "build" / "tests" / "blockram"
WIDTH, DEPTH = 36, 512


def test_words_are_kept_and_the_output_holds(rng):
    dut, words = BlockRam(WIDTH, DEPTH), [0] * DEPTH

    async def bench(ctx):
        expected = 0
        for _ in range(3000):
            write, read = rng.randrange(16), rng.randrange(16)
            data, write_en, read_en = rng.getrandbits(WIDTH), rng.random() < .5, rng.random() < .5
            for port, value in (("write_addr", write), ("write_data", data), ("write_en", write_en),
                                ("read_addr", read), ("read_en", read_en and read != write)):
                ctx.set(getattr(dut, port), value)
            if read_en and read != write:
                expected = words[read]
            if write_en:
                words[write] = data
            await ctx.tick()
            assert ctx.get(dut.read_data) == expected

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()


def test_it_is_one_block_ram_and_no_logic():
    BUILD.mkdir(parents=True, exist_ok=True)
    dut = BlockRam(WIDTH, DEPTH)
    ports = [Value.cast(value) for _, _, value in dut.signature.flatten(dut)]
    (BUILD / "ram.il").write_text(rtlil.convert(dut, name="ram", ports=ports, emit_src=False))
    tools.synthesize(BUILD, "ram")
    cells = json.loads((BUILD / "ram.json").read_text())["modules"]["ram"]["cells"].values()
    assert [cell["type"] for cell in cells] == ["DP16KD"]

"""The interactive simulation: ports, structs, internals, waveforms, Verilog from elsewhere."""

import pytest

from sim.compiled import BuildError
from sim.interactive import Sim
from tests.sim.adder import Adder

COUNTER = """
module counter(input wire clk, input wire [69:0] step, output reg [69:0] count);
  wire [69:0] next = count + step;
  initial count = 70'd5;
  always @(posedge clk) count <= next;
endmodule
"""


@pytest.fixture(scope="module")
def adder():
    with Sim.build(Adder()) as sim:
        yield sim


def test_ports_are_read_and_written(adder):
    adder.io.i__payload = {"a": -100, "b": 99}
    assert adder.io.i__payload == 99 << 8 | 156
    adder.io["i__valid"] = adder.io.o__ready = 1
    assert adder.io.i__ready == 1  # settles at once
    cycles = adder.clock.cycles
    adder.clock.tick()
    assert adder.clock.cycles == cycles + 1
    assert (adder.io.o__valid, adder.io.copy__valid) == (1, 1)
    assert adder.fields("o__payload") == {"sum": -1, "zero": 0}
    adder.io.i__valid = 0
    adder.clock.tick(3)
    assert adder.io.o__valid == 0


def test_names_are_listed(adder):
    assert sorted(adder.io) == ["copy__payload", "copy__valid", "i__payload", "i__ready", "i__valid", "o__payload",
                                "o__ready", "o__valid", "rst"]
    assert "o__payload.sum" in adder.internals
    assert "i__ready = 0x1 (1 bits)" in repr(adder.io)
    with pytest.raises(AttributeError, match="no signal nothing; there are copy__payload"):
        _ = adder.io.nothing
    with pytest.raises(AttributeError, match="o__valid is not an input"):
        adder.io.o__valid = 1
    with pytest.raises(KeyError, match="rst"):
        adder.fields("rst")


def test_internals_follow(adder):
    adder.io.i__payload = {"a": 3, "b": -3}
    adder.io.i__valid = 1
    adder.clock.tick()
    assert adder.internals["o__payload.zero"] == 1


def test_waveform(adder, tmp_path):
    path = tmp_path / "adder.fst"
    adder.start_trace(path)
    adder.clock.tick(10)
    adder.stop_trace()
    size = path.stat().st_size
    adder.clock.tick(10)
    assert path.stat().st_size == size > 300
    with pytest.raises(OSError):
        adder.start_trace(tmp_path / "absent" / "adder.fst")


def test_verilog_of_another_make(tmp_path):
    """Signals of more than 64 bits, a file with its own top module, an error in it."""
    path = tmp_path / "counter.v"
    path.write_text(COUNTER)
    with Sim.build(path) as sim:
        step = 3 << 66 | 1
        sim.io.step = step
        sim.clock.tick(7)
        assert sim.io.count == (5 + 7 * step) % 2**70
        assert sim.internals.next == (5 + 8 * step) % 2**70
        with pytest.raises(TypeError, match="step takes an integer"):
            sim.io.step = {"a": 1}
    with pytest.raises(BuildError, match="verilator failed"):
        Sim.build("module top(\ninput x;")
    with pytest.raises(FileNotFoundError):
        Sim.build(tmp_path / "absent.v")

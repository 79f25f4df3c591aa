"""The co-simulation runner: passes what passes, and says what failed, where."""

import pytest

from sim.bus import pack, unpack
from sim.cosim import SIMULATORS, CosimError, cosim
from sim.verilog import Port, ports_of, verilog_of
from tests.sim.adder import Adder, Crossed, Pair, Sum

BENCH = "tests.sim.bench_adder"


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_passes_and_fails(sim):
    folder = cosim(Adder(), BENCH, sim=sim, name="adder")
    assert (folder / "results.xml").exists()
    with pytest.raises(CosimError, match=r"1 of 3 failed: .*fails_if_told(.|\n)*sim\.log"):
        cosim(Adder(), BENCH, sim=sim, name="adder", env={"FAIL": "1"})


@pytest.mark.cosim
def test_module_without_tests_is_an_error():
    with pytest.raises(CosimError, match=r"no cocotb test|did not run"):
        cosim(Adder(), "tests.sim.adder", sim="verilator", name="adder")


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS[1:])
def test_fields_that_cross_between_two_structs_settle(sim):
    cosim(Crossed(), "tests.sim.bench_crossed", sim=sim, name="crossed", limit=60)


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_a_simulation_that_hangs_is_ended(sim):
    with pytest.raises(CosimError, match=r"had not ended after 3 s and was killed(.|\n)*sim\.log"):
        cosim(Adder(), BENCH, sim=sim, name="adder", env={"HANG": "1"}, limit=3)


def test_ports_leave_constants_out():
    adder = Adder()
    assert ports_of(adder) == [
        Port("i__payload", 16, False, True), Port("i__valid", 1, False, True), Port("i__ready", 1, False, False),
        Port("o__payload", 10, False, False), Port("o__valid", 1, False, False), Port("o__ready", 1, False, True),
        Port("copy__payload", 10, False, False), Port("copy__valid", 1, False, False)]
    assert "copy__ready" not in verilog_of(adder)


@pytest.mark.parametrize("event_driven", [False, True])
def test_verilog_is_stable_and_has_no_sensitivity_star(event_driven):
    text = verilog_of(Adder(), event_driven=event_driven)
    assert text == verilog_of(Adder(), event_driven=event_driven)
    assert "always @*" not in text
    assert ("always_comb" in text) == (not event_driven)


def test_pack_and_unpack_are_inverse(rng):
    for _ in range(200):
        value = {"a": rng.randrange(-128, 128), "b": rng.randrange(-128, 128)}
        bits = pack(Pair, value)
        assert bits == Pair.const(value).as_value().value
        assert unpack(Pair, bits) == value
    assert unpack(Sum, pack(Sum, {"sum": -1})) == {"sum": -1, "zero": 0}

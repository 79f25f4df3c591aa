"""The triggers as Verilog, in both simulators; Icarus runs a slice of the traffic."""

import pytest

from hdl.config import GBE
from hdl.strategy.triggers import Triggers
from sim.cosim import SIMULATORS, cosim


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_triggers(sim):
    cosim(Triggers(GBE), "tests.hdl.strategy.bench_triggers", sim=sim, name="triggers",
          env={"TICKGATE_VARIANT": GBE.name})

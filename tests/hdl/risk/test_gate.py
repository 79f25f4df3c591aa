"""The whole gate against its golden model, in both simulators."""

import pytest

from hdl.config import GBE, TINY
from hdl.risk.gate import Gate
from sim.cosim import SIMULATORS, cosim


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
@pytest.mark.parametrize("config", [TINY, GBE], ids=lambda config: config.name)
def test_gate(sim, config):
    if sim == "icarus" and config is GBE:
        pytest.skip("Icarus is too slow for the large variant; it runs the small one")
    cycles = {"verilator": "4000", "icarus": "800"}[sim]
    cosim(Gate(config), "tests.hdl.risk.bench_gate", sim=sim, name=f"gate-{config.name}",
          env={"GATE_CONFIG": config.name, "GATE_CYCLES": cycles})

"""OrderEntry in both simulators, held to its model; Icarus runs a slice of the orders and segments."""

import pytest

from hdl.config import GBE
from hdl.order.entry import OrderEntry
from sim.cosim import SIMULATORS, cosim


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_entry(sim):
    cosim(OrderEntry(GBE), "tests.hdl.order.bench_entry", sim=sim, name="order_entry")

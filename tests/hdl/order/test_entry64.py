"""OrderEntry at 64 bits, by the testbench of `test_entry`; its parts alone are under Icarus there."""

import pytest

from hdl.config import XGBE
from hdl.order.entry import OrderEntry
from sim.cosim import cosim


@pytest.mark.cosim
def test_entry():
    cosim(OrderEntry(XGBE), "tests.hdl.order.bench_entry", sim="verilator", name="order_entry64",
          env={"WIDTH": str(XGBE.data_width)})

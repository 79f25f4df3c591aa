"""The whole feed as Verilog, in both simulators: Icarus runs a slice of the traffic."""

import pytest

from hdl.config import GBE
from sim.cosim import SIMULATORS, cosim
from sim.feedbench import FeedChain


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_feed_chain(sim):
    cosim(FeedChain(GBE), "tests.hdl.feed.bench_chain", sim=sim, name="feed_chain")

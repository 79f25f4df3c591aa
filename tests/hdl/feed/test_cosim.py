"""The whole feed as Verilog, in both simulators: Icarus runs a slice of the traffic."""

import pytest

from hdl.config import GBE
from sim.cosim import SIMULATORS, cosim
from sim.feedbench import FeedChain, FeedPort


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_feed_chain(sim):
    cosim(FeedChain(GBE), "tests.hdl.feed.bench_chain", sim=sim, name="feed_chain")


@pytest.mark.cosim
@pytest.mark.data
@pytest.mark.parametrize("sim", SIMULATORS)
def test_captures(sim, data_dir):
    cosim(FeedPort(GBE, 0), "tests.hdl.feed.bench_captures", sim=sim, name="feed_port",
          env={"CAPTURES": str(data_dir / "pcap")})

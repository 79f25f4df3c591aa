"""`Receiver64` by the testbenches of `Receiver`: the same frames, the same model, eight bytes a beat."""

import gc

import pytest

from hdl.config import GBE, XGBE
from hdl.net.receiver64 import Receiver64
from sim.cosim import SIMULATORS, cosim

FIRST, LAST = 0, XGBE.ports - 1
_, ICARUS = SIMULATORS


def run(port: int, bench: str, sim: str = "verilator", **env: str):
    cosim(Receiver64(XGBE, port), f"tests.hdl.net.{bench}", sim=sim, name=f"receiver64_{port}",
          env={"PORT": str(port), "WIDTH": str(XGBE.data_width), **env})


@pytest.mark.cosim
@pytest.mark.parametrize(("sim", "port"), [("verilator", FIRST), ("verilator", LAST),
                                           pytest.param("icarus", LAST, marks=ICARUS.marks)])
def test_receiver(sim, port):
    run(port, "bench_receiver", sim)


@pytest.mark.cosim
@pytest.mark.data
def test_captures(data_dir):
    run(FIRST, "bench_receiver_captures", CAPTURES=str(data_dir / "pcap"))


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_another_width_is_refused():
    with pytest.raises(ValueError, match="64 bits wide, not 8"):
        Receiver64(GBE, FIRST)
    gc.collect()    # Amaranth warns of what was made for nothing; here that is meant

"""`Receiver` under both simulators: as the first and as the last port; Icarus a slice of the frames, as the last."""

import pytest

from hdl.config import GBE
from hdl.net.receiver import Receiver
from sim.cosim import SIMULATORS, cosim

FIRST, LAST = 0, GBE.ports - 1
_, ICARUS = SIMULATORS


@pytest.mark.cosim
@pytest.mark.parametrize(("sim", "port"), [("verilator", FIRST), ("verilator", LAST),
                                           pytest.param("icarus", LAST, marks=ICARUS.marks)])
def test_receiver(sim, port):
    cosim(Receiver(GBE, port), "tests.hdl.net.bench_receiver", sim=sim, name=f"receiver{port}",
          env={"PORT": str(port)})


@pytest.mark.cosim
@pytest.mark.data
def test_captures(data_dir):
    cosim(Receiver(GBE, FIRST), "tests.hdl.net.bench_receiver_captures", sim="verilator", name=f"receiver{FIRST}",
          env={"PORT": str(FIRST), "CAPTURES": str(data_dir / "pcap")})


def test_another_width_is_refused():
    import dataclasses
    with pytest.raises(ValueError, match="8 bits wide, not 64"):
        Receiver(dataclasses.replace(GBE, name="wide", data_width=64), FIRST)

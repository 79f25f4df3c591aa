"""The link to the simulated NIC."""

import dataclasses

import numpy as np
import pytest

from hdl.config import GBE, TINY
from hdl.layouts import FEED_EVENT, HEADER_DTYPE, REG_WRITE
from hdl.registers import NIC
from hdl.rings import DEPTH
from host.link import LinkError
from host.link.virtual import VirtualLink
from sim.nic import VirtualNic
from tests.host.link.session import check_session
from tests.sim.hostnic import HostNic
from tests.sim.loopback import Loopback


@pytest.fixture
def nic():
    return VirtualNic(TINY, HostNic(TINY))


def test_session(nic, rng):
    with VirtualLink(nic) as link:
        check_session(link, rng)


def test_session_with_a_slow_host(nic, rng):
    nic.set_host_pace(50)
    with VirtualLink(nic) as link:
        check_session(link, rng)


def test_records_wait_for_poll_while_registers_are_read(nic):
    with VirtualLink(nic) as link:
        link.poll()
        nic.send_many(1, [b"x" * 60] * 20)
        for _ in range(200):
            assert link.read(NIC, "config") == TINY.digest
        raw = link.poll()
        events = raw[raw.view(HEADER_DTYPE).reshape(-1)["kind"] == FEED_EVENT.kind].view(FEED_EVENT.dtype).reshape(-1)
        assert events["received"].tolist() == list(range(20))
        assert len(link.poll()) == 0


def test_losses_are_counted(nic):
    """A host that stops: what the NIC had to drop shows as `lost`, and in its own register."""
    count = DEPTH + 300
    with VirtualLink(nic) as link:
        nic.set_host_pace(0)
        nic.send_many(1, [b"x"] * count)
        nic.run(count * 26)
        nic.set_host_pace(1)
        nic.run(2000)
        raw = link.poll()
        assert link.lost == link.read(NIC, "dropped") > 0
        assert (raw.view(HEADER_DTYPE).reshape(-1)["kind"] == FEED_EVENT.kind).sum() + link.lost == count


def test_serial_wraps(nic):
    with VirtualLink(nic) as link:
        link._serial = 2**32 - 2
        link._count(np.array([2**32 - 2, 2**32 - 1, 0, 3], np.uint32))
        assert link.lost == 2


def test_another_nic_is_refused():
    with pytest.raises(LinkError, match="built with other sizes than this host's variant tiny"):
        VirtualLink(other(VirtualNic(TINY, HostNic(TINY)), dataclasses.replace(TINY, open_orders=8)))
    with pytest.raises(LinkError, match="no Tickgate NIC of variant gbe"):
        VirtualLink(other(VirtualNic(TINY, HostNic(TINY)), GBE))
    with pytest.raises(LinkError, match=r"variant tiny: nic\.ident reads 0x1234"):
        VirtualLink(VirtualNic(TINY, HostNic(TINY, ident=0x1234)))


def test_records_without_their_padding_are_refused(nic):
    with VirtualLink(nic) as link, pytest.raises(ValueError, match="records of 32 bytes, not 64"):
        link.post(np.concatenate([REG_WRITE.make(), REG_WRITE.make()]))


def other(nic: VirtualNic, config) -> VirtualNic:
    """A host that takes the NIC for another variant."""
    nic.config = config
    return nic


def test_silence_is_an_error():
    """A NIC whose answers are no answers."""
    with pytest.raises(LinkError, match=r"does not answer: no value of nic\[0\]\.ident"):
        VirtualLink(VirtualNic(GBE, Loopback(GBE)))

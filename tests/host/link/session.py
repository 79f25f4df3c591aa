"""What every `Link` must do: called with an open link to an idle NIC; runs unchanged on a simulation or a board."""

import numpy as np
import pytest

from hdl.layouts import HEADER_DTYPE, REG_READ, REG_VALUE
from hdl.registers import MAGIC, NIC
from host.link import Link


def check_session(link: Link, rng):
    check_identity(link)
    check_write_and_read(link, rng)
    check_batches_keep_order(link, rng)
    check_misuse(link)
    check_poll(link)
    check_clock(link)
    assert link.lost == 0


def check_identity(link):
    block = link.read_block(NIC)
    assert block["ident"] == MAGIC
    assert block["config"] == link.config.digest
    assert list(block) == [reg.name for reg in NIC.regs if reg.access != "wo"]


def check_write_and_read(link, rng):
    before = link.read(NIC, "adjust")
    for value in (0, 1, 2**64 - 1, rng.getrandbits(64)):
        link.write(NIC, "adjust", value)
        assert link.read(NIC, "adjust") == value
    link.write(NIC, "adjust", before)


def check_batches_keep_order(link, rng):
    """Many writes to one register, then many reads: the last write counts, every read is answered in its place."""
    values = [rng.getrandbits(64) for _ in range(50)]
    before = link.read(NIC, "date")
    link.write_many((NIC, "date", 0, value) for value in values)
    places = [(NIC, rng.choice(("ident", "config", "date")), 0) for _ in range(100)]
    expected = {"ident": MAGIC, "config": link.config.digest, "date": values[-1]}
    assert link.read_many(places) == [expected[name] for _, name, _ in places]
    assert link.read_many([]) == []
    link.write(NIC, "date", before)


def check_misuse(link):
    with pytest.raises(ValueError, match=r"nic\.ident is read-only"):
        link.write(NIC, "ident", 1)
    with pytest.raises(ValueError, match="does not fit 64 bits"):
        link.write(NIC, "adjust", 2**64)
    with pytest.raises(IndexError, match=r"nic\[1\]"):
        link.read(NIC, "time", 1)
    with pytest.raises(KeyError, match="nothing"):
        link.read(NIC, "nothing")


def check_poll(link):
    """Answers show in `poll` as well, those that nobody waited for included, with no hole in `serial`."""
    link.poll()
    link.post(REG_READ.make(addr=link.registers.address(NIC, "ident"), tag=0xDEAD_BEEF))
    assert link.read(NIC, "config") == link.config.digest
    raw = link.poll()
    answers = raw[raw.view(HEADER_DTYPE).reshape(-1)["kind"] == REG_VALUE.kind].view(REG_VALUE.dtype).reshape(-1)
    assert answers["data"].tolist() == [MAGIC, link.config.digest]
    assert answers["tag"][0] == 0xDEAD_BEEF
    serials = raw.view(HEADER_DTYPE).reshape(-1)["serial"].astype(np.int64)
    assert (np.diff(serials) == 1).all()


def check_clock(link):
    before = link.time_ns
    assert link.time_ns > before
    link.write(NIC, "time", 10**18)
    assert 10**18 < link.time_ns < 10**18 + 10**9

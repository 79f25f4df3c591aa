"""Limits through the driver: a whole set or nothing, whatever goes wrong on the way."""

import numpy as np
import pytest

from hdl.config import GBE
from hdl.layouts import HEADER_DTYPE, REG_READ, REG_VALUE, REG_WRITE
from hdl.registers import BLOCKS, GATE, LIMITS, NIC, RegisterMap, is_staged
from host.link.base import Link, raw_of
from host.link.driver import Driver, VerifyError
from host.risk import registers
from host.risk.limits import load
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))


class Memory(Link):
    """A NIC with registers alone; limits as `hdl.risk.words` has them. `lost`: writes of the set that never arrive."""

    def __init__(self, lost=()):
        super().__init__(GBE)
        where = RegisterMap(GBE)
        self.places = {where.address(block, reg.name, n): (block, reg.name, n) for block in BLOCKS for reg in block.regs
                       for n in range(where.count[block.name])}
        self.held = {(NIC, "ident", 0): NIC["ident"].init, (NIC, "config", 0): GBE.digest}
        self.in_force, self.serial, self.words, self.wait = {}, 0, 0, 0
        self.drop, self.up = set(lost), []
        self.open()

    def _send(self, raw):
        for one in raw:
            if one.view(HEADER_DTYPE)[0]["kind"] == REG_WRITE.kind:
                record = one.view(REG_WRITE.dtype)[0]
                self._write(*self.places[int(record["addr"])], int(record["data"]))
            else:
                record = one.view(REG_READ.dtype)[0]
                self.up.append(REG_VALUE.make(tag=record["tag"], data=self._read(self.places[int(record["addr"])]),
                                              serial=len(self.up)))

    def _write(self, block, name, index, value):
        if (block, name) == (GATE, "limits_switch"):
            asked = GATE[name].unpack(value)
            if asked["words"] == self.words:
                self.in_force, self.serial, self.wait = self._staged(), asked["serial"], 2
            self.words = 0
            return
        if is_staged(block, name):
            self.words += 1
            if self.words in self.drop:
                self.drop.remove(self.words)
                self.words -= 1
                return
        self.held[block, name, index] = value

    def _staged(self):
        return {place: value for place, value in self.held.items() if is_staged(*place[:2])}

    def _read(self, place):
        if place[:2] == (GATE, "limits_serial"):
            self.wait -= bool(self.wait)
            return GATE["limits_serial"].pack(serial=self.serial, staged=self._staged() != self.in_force,
                                              waiting=self.wait > 0)
        return self.held.get(place, 0)

    def _receive(self):
        raw = [raw_of(one) for one in self.up]
        self.up.clear()
        return np.concatenate(raw) if raw else np.zeros((0, 64), np.uint8)

    def _deadline(self):
        return 0

    def _wait(self, deadline):
        return False

    def close(self):
        pass


def test_a_set_is_in_force_as_it_was_written():
    nic, limits = Memory(), load()
    written = registers.writes(limits, UNIVERSE)
    assert Driver(nic).apply(written) == len(written)
    assert nic.serial == limits.serial
    assert nic.in_force == {(one.block, one.register, one.index): one.value for one in written
                            if is_staged(one.block, one.register)}
    assert registers.in_force(nic, limits, UNIVERSE)["serial"] == str(limits.serial)


def test_what_does_not_arrive_leaves_the_set_before_in_force():
    nic, limits = Memory(), load()
    driver = Driver(nic)
    driver.apply(registers.writes(limits, UNIVERSE))
    before = dict(nic.in_force)
    nic.drop = {3}
    tighter = registers.switched([registers.Write(LIMITS, "notional", n, 1) for n in range(4)], 9)
    with pytest.raises(VerifyError, match=r"limits\[2\]\.notional"):
        driver.apply(tighter)
    assert (nic.in_force, nic.serial) == (before, limits.serial)
    assert "never switched to" in registers.in_force(nic, limits, UNIVERSE)["serial"]
    driver.apply(tighter)
    assert nic.serial == 9


def test_words_that_somebody_left_behind_do_not_stop_the_next_set():
    nic, limits = Memory(), load()
    nic.write(LIMITS, "notional", 7, 3)
    Driver(nic).apply(registers.writes(limits, UNIVERSE))
    assert (nic.serial, nic.words) == (limits.serial, 0)


def test_a_nic_that_never_switches_is_told():
    wrong = registers.Write(GATE, registers.SWITCH, 0, GATE[registers.SWITCH].pack(serial=5, words=2))
    with pytest.raises(VerifyError, match="did not switch to limits 5: 0 are in force"):
        Driver(Memory()).apply([registers.Write(LIMITS, "notional", 0, 1), wrong])

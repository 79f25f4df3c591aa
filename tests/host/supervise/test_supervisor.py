"""What the supervisor does when processes come and go, with processes that only say so."""

import time

import pytest

from hdl.registers import GATE
from host.bus.shared import Shared
from host.bus.topics import CONTROL, INTENTS, REGISTERS, SERVICES, SESSION
from host.cli import main
from host.risk.limits import DEFAULT_FILE
from host.supervise.parts import OVER, RECONCILED, TRADING, Outbox
from host.supervise.processes import GIVEN_UP, TRIES, WAITING, Process
from host.supervise.service import RUNNING
from host.supervise.setting import BUS, FILE, LIMITS, Setting
from host.supervise.supervisor import SessionFailed, Supervisor


class Silent(Process):
    """A process that is started and does nothing; it ends when the test says so."""
    ended = ""

    def start(self):
        self.starts += 1
        self.state = "starting"

    @property
    def pid(self):
        return 1000 + self.starts

    def poll(self):
        if self.state == WAITING:
            self.start()
        reason, self.ended = self.ended, ""
        return self._down(reason) if reason else ""

    def stop(self):
        pass

    def join(self):
        pass


class Rig:
    """A supervisor, and the bus as the NIC's process hears it."""

    def __init__(self, folder):
        self.setting = Setting(str(folder))
        self.setting.write(DEFAULT_FILE.read_text())
        self.bus = Shared(folder / BUS, "supervisor", clock=lambda: 5)
        self.nic = Shared(folder / BUS, "nic", clock=lambda: 5)
        self.said, self.writes, self.told = [], [], []
        self.nic.subscribe(REGISTERS, lambda message: self.writes.append(message.payload[0]))
        self.nic.subscribe(SESSION, lambda message: self.told.append(message.payload["phase"]))
        self.supervisor = Supervisor(self.setting, self.bus, self.said.append)
        self.supervisor.processes = {name: Silent(self.setting, name) for name in self.supervisor.processes}
        self.turn()

    def turn(self):
        going = self.supervisor.turn()
        self.nic.poll()
        return going

    def beat(self, *names):
        for name in names:
            self.nic.publish(SERVICES, {"service": name, "pid": self.supervisor.processes[name].pid, "handled": 1})
        self.supervisor.turn()
        self.supervisor.turn()
        self.nic.poll()

    def all_beat(self):
        self.beat(*self.supervisor.processes)

    def lose(self, name):
        self.supervisor.processes[name].ended = "was killed (signal 9)"
        self.turn()

    def written(self):
        registers = self.setting.registers
        names = {registers.address(GATE, name, 0): name for name in ("kill", "resume")}
        return [(names[int(one["addr"])], int(one["data"])) for one in self.writes]


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setattr(Process, "on_beat", lambda self, pid, handled: setattr(
        self, "state", RUNNING if pid == self.pid else self.state))
    rig = Rig(tmp_path)
    yield rig
    rig.nic.close()
    rig.bus.close()


def test_the_market_opens_when_all_that_are_needed_are_there_and_not_before(rig):
    needed = [name for name, one in rig.supervisor.processes.items() if one.needed]
    rig.beat(*needed[:-1])
    assert rig.told == []
    rig.beat(needed[-1])
    assert rig.told == [TRADING]
    assert rig.writes == []


@pytest.mark.parametrize("name", ["tca", "warehouse"])
def test_one_that_is_not_needed_stops_no_order(rig, name):
    rig.all_beat()
    rig.lose(name)
    assert rig.writes == []
    assert not rig.supervisor.control.killed
    assert f"{name} was killed (signal 9)" in rig.said


@pytest.mark.parametrize("name", ["risk", "ems", "alpha"])
def test_one_that_is_needed_kills_and_only_a_resume_lifts_it_once_it_is_back(rig, name):
    rig.all_beat()
    rig.lose(name)
    assert rig.written() == [("kill", 1)]
    with pytest.raises(ValueError, match=name):
        rig.supervisor.resume("anna", "too early")
    rig.turn()
    rig.beat(name)
    assert rig.supervisor.control.killed
    assert f"{name} is back (start 2)" in rig.said
    rig.supervisor.resume("anna", "it is back")
    rig.turn()
    assert [register for register, _ in rig.written()] == ["kill", "resume"]
    assert not rig.supervisor.control.killed


def test_without_the_market_the_session_is_over(rig):
    rig.all_beat()
    with pytest.raises(SessionFailed, match="market"):
        rig.lose("nic")


def test_one_that_cannot_be_kept_running_ends_the_session(rig):
    rig.all_beat()
    for _ in range(TRIES):
        rig.lose("ems")
        rig.turn()
    with pytest.raises(SessionFailed, match="ems cannot be kept running"):
        rig.lose("ems")
    assert rig.supervisor.processes["ems"].state == GIVEN_UP
    assert len(rig.written()) == 1, "killed once is killed"


def test_a_kill_of_risk_is_known_here_too(rig):
    rig.all_beat()
    risk = Shared(rig.setting.folder / BUS, "risk", clock=lambda: 5)
    control = type(rig.supervisor.control)()
    control.kill("risk", "loss", 5)
    risk.publish(CONTROL, control.history[-1])
    end = time.monotonic() + 30
    while not rig.supervisor.control.killed and time.monotonic() < end:
        rig.turn()
    risk.close()
    assert "kill by risk: loss" in rig.said


def test_a_session_ends_when_its_book_is_reconciled(rig):
    rig.all_beat()
    rig.nic.publish(SESSION, {"phase": OVER, "exposure": {}})
    assert rig.turn()
    rig.nic.publish(SESSION, {"phase": RECONCILED, "breaks": 0})
    assert not rig.turn()


def test_what_must_be_on_record_first_waits_in_order(rig):
    outbox, seen = Outbox(rig.bus, [INTENTS]), []
    rig.nic.subscribe(INTENTS, lambda message: seen.append(int(message.payload["qty"][0])))
    for qty in (1, 2):
        message = outbox.publish(INTENTS, INTENTS.record.make(qty=qty))
        assert message.hops[-1].place == INTENTS.name
    rig.turn()
    assert seen == []
    outbox.release()
    outbox.release()
    rig.turn()
    assert seen == [1, 2]


def test_every_process_reads_the_same_setting(tmp_path):
    setting = Setting(str(tmp_path), "zenoh", seed=7, duration=5)
    setting.write(DEFAULT_FILE.read_text())
    assert Setting.read(tmp_path) == setting
    assert (tmp_path / FILE).exists()
    assert (tmp_path / LIMITS).exists()
    assert setting.universe.stocks == tuple(setting.limits.symbols)


@pytest.mark.parametrize(("words", "why"), [
    (["--bus", "carrier pigeon"], "shared or zenoh"), (["--nic", "none"], "compiled or direct"),
    (["--seconds", "-1"], "--seconds"), (["--limits", "/nowhere.toml"], "nowhere")])
def test_what_cannot_be_is_refused_in_words(tmp_path, capsys, words, why):
    assert main.call(["up", "--out", str(tmp_path / "up"), "--state", str(tmp_path / "state"), *words]) == 2
    assert why in capsys.readouterr().err

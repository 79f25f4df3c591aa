"""What other shells ask of a session of processes: limits reach the NIC and everybody, kills outlast sessions."""

import time
from types import SimpleNamespace

import pytest

from hdl.registers import GATE
from host.bus.shared import Shared
from host.bus.topics import CONTROL, LIMITS_HELD, LIMITS_WANTED, REGISTERS, SAMPLES, SERVICES, SESSION
from host.cli import main
from host.cli.errors import UserError
from host.cli.limits import load_file
from host.cli.simulation import Simulation
from host.risk.limits import DEFAULT_FILE, parse
from host.risk.tree import dump
from host.risk.utilisation import Utilisation
from host.supervise.direct import Direct
from host.supervise.parts import TRADING, InForce, from_text
from host.supervise.requests import Requests
from host.supervise.session import UpSession
from host.supervise.setting import BUS, Setting
from host.supervise.supervisor import Supervisor


class Rig:
    """A session's requests, and a NIC that answers as it is told."""

    def __init__(self, folder, **more):
        self.folder, self.state = folder, folder / "state"
        self.setting = Setting(str(folder / "up"), state=str(self.state), market="direct", **more)
        self.setting.write(DEFAULT_FILE.read_text())
        assert self.command("keys", "new", "anna", "--role", "risk", "--no-passphrase") == 0
        self.bus = self.setting.join("supervisor")
        self.nic = Shared(folder / "up" / BUS, "nic", clock=lambda: 5)
        self.problem, self.wanted, self.writes = "", [], []
        self.nic.subscribe(LIMITS_WANTED, self._on_wanted)
        self.nic.subscribe(REGISTERS, lambda message: self.writes.append(int(message.payload["addr"][0])))
        self.supervisor = Supervisor(self.setting, self.bus, lambda line: None, ())
        self.requests = Requests(self.setting, self.bus, self.supervisor)
        self.bus.poll = self._poll

    def _poll(self):
        """The NIC's process runs whenever somebody here waits for it."""
        self.nic.poll()
        return Shared.poll(self.bus)

    def _on_wanted(self, message):
        self.wanted.append(from_text(message.payload["text"]))
        self.nic.publish(LIMITS_HELD, {"text": message.payload["text"], "problem": self.problem, "serial": 2,
                                       "values": {"serial": "2"}})

    def command(self, *words):
        return main.call([*words, "--state", str(self.state)])

    def tighten(self, *more):
        assert self.command("limits", "set", "symbols.AAPL.max_qty=50", "--as", "anna", "-m", "calm", *more,
                            "--run-dir", str(self.folder / "nobody")) == 0

    def ask(self, command, **more):
        return self.requests.handlers()[command]({"command": command, **more}, "tester")

    def killed(self):
        kill = self.setting.registers.address(GATE, "kill", 0)
        self.nic.poll()
        return kill in self.writes

    def close(self):
        self.bus.close()
        self.nic.close()


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_new_limits_go_to_the_nic_and_from_it_to_everybody(rig):
    risk = Shared(rig.folder / "up" / BUS, "risk", clock=lambda: 5)
    in_force = InForce(risk, rig.setting.limits)
    assert in_force.limits.symbols["AAPL"].max_qty != 50
    rig.tighten()
    answer = rig.ask("limits reload")
    assert "version 2, read back from the NIC" in answer["text"]
    assert rig.wanted[0].symbols["AAPL"].max_qty == 50
    risk.poll()
    assert in_force.limits.symbols["AAPL"].max_qty == 50
    assert rig.ask("limits")["values"] == {"serial": "2"}
    assert not rig.killed()
    again = InForce(risk, rig.setting.limits)
    assert again.limits.symbols["AAPL"].max_qty == 50, "a process that is started again has them too"
    risk.close()


def test_a_nic_that_does_not_hold_them_is_killed_and_nobody_goes_by_them(rig):
    risk = Shared(rig.folder / "up" / BUS, "risk", clock=lambda: 5)
    in_force = InForce(risk, rig.setting.limits)
    rig.problem = "gate.limits reads 7"
    rig.tighten()
    with pytest.raises(UserError, match="reads 7; everything was killed"):
        rig.ask("limits reload")
    assert rig.killed()
    risk.poll()
    assert in_force.limits.symbols["AAPL"].max_qty != 50
    risk.close()


def test_a_nic_that_is_silent_is_killed(rig, monkeypatch):
    monkeypatch.setattr("host.supervise.requests._PATIENCE_S", 0.05)
    rig.tighten()
    rig.bus.poll = lambda: Shared.poll(rig.bus)
    with pytest.raises(UserError, match="the NIC does not answer"):
        rig.ask("limits reload")
    assert rig.killed()


def test_what_was_for_a_time_ends_by_itself(rig, monkeypatch):
    rig.tighten("--for", "1h")
    rig.ask("limits reload")
    now = time.time_ns() + 3_601 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: now)
    rig.requests.poll()
    assert [one.symbols["AAPL"].max_qty == 50 for one in rig.wanted] == [True, False]
    rig.requests.poll()
    assert len(rig.wanted) == 2


def test_limits_of_a_file_of_its_own_do_not_follow(rig):
    rig.requests.own_limits = True
    with pytest.raises(UserError, match="limits file of its own"):
        rig.ask("limits reload")
    assert rig.wanted == []


def test_only_a_signed_resume_lifts_a_kill_and_once(rig):
    assert "everything" in rig.ask("kill", why="no")["text"]
    with pytest.raises(UserError, match="no resume 99"):
        rig.ask("resume", number=99)
    assert rig.command("resume", "--reason", "again", "--run-dir", str(rig.folder / "nobody")) == 0
    number = 3  # begin, enrol, resume
    assert "killed now: nothing" in rig.ask("resume", number=number)["text"]
    with pytest.raises(UserError, match="acted on before"):
        rig.ask("resume", number=number)


def test_who_asks_sees_how_much_of_each_limit_is_used(rig):
    for used in (900, 800):
        one = Utilisation("firm.gross_usd", used, 1_000)
        rig.nic.publish(SAMPLES, one, key=one.path)
    rig.bus.poll()
    assert rig.requests.utilisation() == [
        {"path": "firm.gross_usd", "used": 800, "limit": 1_000, "permille": 800, "level": "WARN"}]


def test_a_name_that_nobody_has_kills_nothing(rig):
    with pytest.raises(UserError, match="there is no venue 'XTGQ'"):
        rig.ask("kill", venue="XTGQ")
    assert rig.supervisor.control.history == []


def test_a_session_begins_with_the_kills_of_earlier_ones(tmp_path):
    """In the NIC before the market opens, in risk, and for who asks; each in its scope."""
    state, venue = tmp_path / "state", Setting(str(tmp_path)).venues[1].target_comp_id
    assert main.call(["kill", "--venue", venue, "--state", str(state), "--run-dir", str(tmp_path / "nobody")]) == 0
    session = UpSession(tmp_path / "up", state, "shared", 1, 10**6, market="direct", headless=True)
    with session:
        assert Setting.read(tmp_path / "up").kills == session.setting.kills
        assert session.requests.killed() == venue
        assert session.supervisor.control.venues == 2
    assert [(venues, strategies) for _, _, venues, strategies in session.setting.kills] == [(2, 0)]
    with Setting.read(tmp_path / "up").join("nic") as bus:
        assert Direct(session.setting, bus).nic.killed


def test_options_are_part_of_the_setting(tmp_path, monkeypatch):
    """Every process values them alike; a file that fits no limits is refused in words."""
    contracts, limits = tmp_path / "contracts.toml", tmp_path / "limits.toml"
    contracts.write_text('[AAPLC185]\nunderlying = "AAPL"\nstrike_usd = 185\nexpiry_days = 30\nvol_percent = 28\n'
                         'call = true\n')
    tree = parse(DEFAULT_FILE.read_text(), "delivered")
    tree["symbols"]["AAPLC185"] = tree["symbols"]["AAPL"]
    limits.write_text(dump(tree))
    monkeypatch.setenv("TICKGATE_CONTRACTS", str(contracts))
    load_file(limits)

    def session(own):
        return UpSession(tmp_path / "up", tmp_path / "state", "shared", 1, 10**6, limits=own, market="direct",
                         headless=True)

    with session(limits):
        assert [one.name for one in Setting.read(tmp_path / "up").contracts] == ["AAPLC185"]
    with pytest.raises(UserError, match="AAPLC185 is not in the limits"), session(None):
        pass
    contracts.write_text("nonsense")
    with pytest.raises(UserError, match=r"contracts\.toml"), session(limits):
        pass


def test_control_is_told_by_one_side_alone(rig):
    """What the supervisor says reaches others once."""
    seen = []
    rig.nic.subscribe(CONTROL, lambda message: seen.append(message.payload.why))
    rig.ask("kill", why="enough")
    rig.nic.poll()
    assert seen == ["enough"]


@pytest.mark.parametrize("why", ["the router is gone", "risk is silent"])
def test_a_nic_that_is_alone_stops_by_itself(tmp_path, monkeypatch, why):
    """No kill can reach it, and nobody would see what it trades."""
    setting = Setting(str(tmp_path), market="direct", duration=10**9)
    setting.write(DEFAULT_FILE.read_text())
    risk = setting.join("risk")
    with setting.join("nic") as bus:
        market = Direct(setting, bus)
        risk.publish(SESSION, {"phase": TRADING})
        risk.publish(SERVICES, {"service": "risk", "pid": 1, "handled": 1})
        bus.poll()
        market.turn()
        assert not market.nic.killed
        if why == "the router is gone":
            monkeypatch.setattr(Shared, "linked", False)
        else:
            monkeypatch.setattr("host.supervise.parts.SILENCE_S", 0.0)
        time.sleep(0.01)
        market.turn()
        assert market.nic.killed
    risk.close()


def test_a_host_that_is_not_there_sends_no_heartbeat():
    """The NIC's watchdog barks by itself then (`sim` and `hdl` have its tests)."""
    written, there = [], [True, False]
    session = SimpleNamespace(now=10, _next_beat=0, host_there=lambda: there.pop(0), limits=load_file(DEFAULT_FILE),
                              link=SimpleNamespace(write=lambda block, name, value: written.append(name)))
    Simulation._beat(session)
    session.now = session._next_beat
    Simulation._beat(session)
    assert written == ["heartbeat"]

"""What a person may do to a running session, without a NIC: everything a request says is checked against the log."""

import itertools
import time
from types import SimpleNamespace

import numpy as np
import pytest

from hdl.config import GBE
from hdl.layouts import DECISION, RECORD_BYTES, Reason
from hdl.registers import GATE
from host.bus import InProcess
from host.cli import audit
from host.cli.errors import UserError
from host.cli.oversight import Oversight
from host.positions.positions import Positions
from host.risk.adapter import RiskAdapter
from host.risk.cases import Session
from host.universe import Universe


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Starts sessions on the state folder of this test; `writes` is what they wrote to the NIC."""
    made = []

    def start(**more):
        limits, _ = audit.in_force(tmp_path / "state")
        clock = itertools.count(10**18)
        bus = InProcess(lambda: next(clock), lambda subscription, error: pytest.fail(str(error)))
        writes = []
        desk = SimpleNamespace(bus=bus, risk=RiskAdapter(bus, limits, Positions(), writes.extend),
                               oms=SimpleNamespace(live=[]))
        session = SimpleNamespace(
            desk=desk, limits=limits, universe=Universe.grid(tuple(limits.symbols), ("XTGA", "XTGB")), now=10**18,
            progress=0, nic=SimpleNamespace(config=GBE), writes=writes,
            link=SimpleNamespace(read=lambda block, name: GATE["cause"].pack(overfill=1)))

        def set_limits(new):
            session.limits = desk.risk.limits = new
        session.set_limits = set_limits
        made.append(Oversight(session, tmp_path / "state", **more))
        return made[-1]
    yield start
    for one in made:
        one.close()


def test_a_kill_is_obeyed_at_once_and_a_resume_only_when_signed(begin, tickgate, people, tmp_path):
    session = begin()
    assert "killed now: maker" in session.kill({"strategy": "maker", "why": "drill"}, "os")["text"]
    assert [write.register for write in session.simulation.writes] == ["strategy_kill"]
    with pytest.raises(UserError, match="there is no strategy 'x'"):
        session.kill({"strategy": "x"}, "os")
    for forged in ({"number": 1}, {"number": 99}, {"number": None}, {}):
        with pytest.raises(UserError, match="no resume"):
            session.resume(forged, "os")
    tickgate("resume", "--strategy", "maker", "-m", "done", "--as", "bob")
    number = audit.read(tmp_path / "state").count
    assert session.resume({"number": number}, "os")["text"] == "killed now: nothing"
    with pytest.raises(UserError, match="acted on before"):
        session.resume({"number": number}, "os")
    assert [one["command"] for one in session.interventions] == ["kill", "resume"]


def test_a_resume_of_an_earlier_session_is_not_used_again(begin, tickgate, people, tmp_path):
    tickgate("resume", "-m", "done", "--as", "bob")
    number = audit.read(tmp_path / "state").count
    session = begin()
    session.kill({}, "os")
    with pytest.raises(UserError, match="since it began"):
        session.resume({"number": number}, "os")
    assert session.killed == "everything"


def test_a_session_starts_with_what_was_killed(begin, tickgate, people):
    tickgate("kill", "--venue", "XTGB")
    tickgate("kill", "--strategy", "taker")
    assert begin().killed == "XTGB, taker"
    tickgate("resume", "--venue", "XTGB", "-m", "up again", "--as", "anna")
    assert begin().killed == "taker"


def test_limits_come_from_the_log_alone(begin, tickgate, people, tmp_path):
    session = begin()
    tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna")
    assert "version 2" in session.reload({"text": "[firm]", "limits": "mine"}, "os")["text"]
    assert session.simulation.limits.symbols["AAPL"].long == 500
    (tmp_path / "state" / "limits.toml").write_text("[firm]\n")
    with pytest.raises(UserError, match="changed by hand"):
        session.reload({}, "os")
    (tmp_path / "state" / "limits.toml").unlink()
    with pytest.raises(UserError, match="file of its own"):
        begin(own_limits=True).reload({}, "os")


def test_an_override_ends_by_itself_in_a_running_session(begin, tickgate, people, monkeypatch):
    tickgate("limits", "set", "symbols.AAPL.long=500", "--for", "1h", "--as", "anna")
    session = begin()
    session.poll()
    assert session.simulation.limits.symbols["AAPL"].long == 500
    later = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    session.poll()
    assert session.simulation.limits.symbols["AAPL"].long == 2_000
    assert session.interventions[-1]["command"] == "limits expired"
    session.poll()
    assert len(session.interventions) == 1


def test_a_nic_that_kills_by_itself_stops_the_desk_and_says_why(begin):
    session = begin()
    session.on_records(DECISION.make(reasons=1 << Reason.KILL).view(np.uint8).reshape(-1, RECORD_BYTES))
    session.poll()
    session.poll()
    assert session.killed == "everything"
    (event,) = session.risk.control.history
    assert (event.who, "more than was left" in event.why) == ("NIC", True)


def test_what_was_decided_is_kept_and_the_log_knows_its_digest(begin, tickgate, people, tmp_path):
    session = begin(seed=9)
    session.on_records(DECISION.make(order_id=5, reasons=1 << Reason.COLLAR).view(np.uint8).reshape(-1, RECORD_BYTES))
    session.kill({"why": "drill"}, "os")
    session.close()
    entry = audit.entries(tmp_path / "state")[-1]
    assert (entry["command"], entry["what"]["decisions"], entry["what"]["rejected"]) == ("session", 1, 1)
    assert entry["what"]["kills"][0]["why"] == "drill"
    folder = tmp_path / "state" / entry["what"]["folder"]
    assert len(Session(folder).find(5)) == 1
    assert tickgate("limits", "verify", run_dir=False)[0] == 0
    code, out, _ = tickgate("risk", "explain", "5", run_dir=False)
    assert "NIC: rejected by COLLAR" in out
    code, out, _ = tickgate("risk", "rejects", "--reason", "collar", run_dir=False)
    assert "0000000000000005  COLLAR" in out
    path = folder / "decisions.bin"
    path.write_bytes(path.read_bytes().replace(b"\x05", b"\x06"))
    code, _, err = tickgate("limits", "verify", run_dir=False)
    assert (code, "changed since the session ended" in err) == (2, True)


@pytest.mark.parametrize("arguments", [["explain", "xyz"], ["explain", "1" * 17], ["explain", "77"], ["rejects"],
                                       ["rejects", "--reason", "MOOD"], ["explain", "5", "--session", "none"]])
def test_questions_without_an_answer(tickgate, arguments):
    code, _, err = tickgate("risk", *arguments, run_dir=False)
    assert (code, bool(err)) == (2, True)


def test_checks_are_listed_with_their_limits(capsys):
    from hdl.risk.checks import CHECKS
    from host.cli import main

    assert main.call(["risk", "checks"]) == 0
    out = capsys.readouterr().out
    assert all(check.reason.name in out for check in CHECKS)
    assert "max_qty" in out

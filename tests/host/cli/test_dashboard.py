"""The page's address, its buttons, and `tickgate dashboard`."""

import json

import pytest

from host.cli import audit, control, main
from host.cli import dashboard as pages
from host.cli.errors import UserError
from host.cli.places import DASHBOARD
from host.dashboard.server import Refused


@pytest.mark.parametrize(("text", "where"), [
    ("127.0.0.1:8750", ("127.0.0.1", 8750)), ("0.0.0.0:0", ("0.0.0.0", 0)), ("[::1]:80", ("::1", 80)),
    ("localhost:65535", ("localhost", 65535))])
def test_an_address(text, where):
    assert pages.address(text) == where


@pytest.mark.parametrize("text", ["", "8750", ":8750", "host", "host:", "host:x", "host:65536", "host:-1"])
def test_no_address(text, tmp_path, capsys):
    with pytest.raises(UserError, match="HOST:PORT"):
        pages.address(text)
    assert main.call(["run", "--dashboard", text, "--out", str(tmp_path), "--state", str(tmp_path)]) == main.BAD_INPUT
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(("host", "alone"), [
    ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
    ("10.0.0.1", False), ("desk.example", False)])
def test_what_is_this_machine_alone(host, alone):
    assert pages.is_loopback(host) == alone


@pytest.fixture
def running(tmp_path, monkeypatch):
    """A session that answers, and what it was asked."""
    asked = []

    def request(folder, what):
        asked.append(what)
        if what["command"] == "kill" and what.get("venue") == "nowhere":
            raise UserError("there is no venue 'nowhere'")
        return {"text": "killed now: everything"}

    monkeypatch.setattr(control, "request", request)
    return tmp_path, asked


def test_the_command_says_the_address_and_never_the_token(running, capsys):
    folder, _ = running
    pages.tell(folder, "http://127.0.0.1:8750/", "127.0.0.1")
    assert main.call(["dashboard", "--run-dir", str(folder)]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:8750/\n"
    assert set(json.loads((folder / DASHBOARD).read_text())) == {"address", "listen"}


def test_a_session_without_a_page(running, capsys):
    folder, _ = running
    assert main.call(["dashboard", "--run-dir", str(folder)]) == main.BAD_INPUT
    assert "--headless" in capsys.readouterr().err


def test_no_session(tmp_path, capsys):
    assert main.call(["dashboard", "--run-dir", str(tmp_path)]) == main.BAD_INPUT
    assert "no session is running" in capsys.readouterr().err


def test_the_grafana_board(tmp_path):
    assert main.call(["dashboard", "--grafana", str(tmp_path / "board.json")]) == 0
    assert json.loads((tmp_path / "board.json").read_text())["title"] == "Tickgate"


def test_the_alert_rules(tmp_path):
    assert main.call(["dashboard", "--alerts", str(tmp_path / "alerts.yml")]) == 0
    assert "TickgateKilled" in (tmp_path / "alerts.yml").read_text()


def test_kill_acts_first_and_is_in_the_audit_log(running):
    folder, asked = running
    act = pages.buttons(folder, folder / "state")
    assert act({"command": "kill", "why": "fat finger", "venue": "XTGA"}) == "killed now: everything"
    assert asked == [{"command": "kill", "why": "dashboard: fat finger", "venue": "XTGA"}]
    entry = list(audit.entries(folder / "state"))[-1]
    assert (entry["command"], entry["reason"], entry["what"]) == ("kill", "dashboard: fat finger", {"venue": "XTGA"})


def test_what_the_session_refuses_is_refused(running):
    folder, _ = running
    with pytest.raises(Refused, match="nowhere"):
        pages.buttons(folder, folder / "state")({"command": "kill", "venue": "nowhere"})


def test_a_kill_that_reaches_nobody_says_so_and_is_in_the_log(tmp_path):
    """The session has ended meanwhile: the next one starts killed."""
    with pytest.raises(Refused, match="the next one starts killed"):
        pages.buttons(tmp_path, tmp_path / "state")({"command": "kill"})
    assert [entry["command"] for entry in audit.entries(tmp_path / "state")][-1] == "kill"


@pytest.mark.parametrize(("why", "problem"), [("", "needs a reason"), ("calm again", "signature")])
def test_a_resume_needs_a_reason_and_a_signature(tmp_path, why, problem):
    with pytest.raises(Refused, match=problem):
        pages.buttons(tmp_path, tmp_path / "state")({"command": "resume", "why": why})


def test_a_resume_with_a_key_that_has_no_passphrase(tmp_path):
    state = tmp_path / "state"
    act = pages.buttons(tmp_path, state)
    assert main.call(["keys", "new", "ann", "--role", "risk", "--no-passphrase", "--state", str(state)]) == 0
    with pytest.raises(Refused):
        act({"command": "kill"})
    act({"command": "resume", "why": "calm again"})
    last = list(audit.entries(state))[-1]
    assert (last["command"], last["reason"]) == ("resume", "dashboard: calm again")

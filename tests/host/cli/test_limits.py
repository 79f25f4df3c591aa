"""`tickgate limits`, `keys`, `kill` and `resume` without a session."""

import json
import os
import stat

import pytest

from host.cli import audit, control, keys, main
from host.cli.errors import UserError
from host.cli.places import AUDIT, LIMITS
from host.risk.limits import DEFAULT_FILE


def in_force(tmp_path):
    return audit.in_force(tmp_path / "state")[0]


def test_tightening_is_in_force_at_once_and_in_the_history(tickgate, people, tmp_path):
    code, out, _ = tickgate("limits", "set", "symbols.AAPL.long=500", "firm.rate.burst=8", "--as", "anna", "-m", "calm")
    assert code == 0
    assert "symbols.AAPL.long  2000 -> 500  (tightens)" in out
    limits = in_force(tmp_path)
    assert (limits.serial, limits.symbols["AAPL"].long, limits.firm["rate.burst"]) == (2, 500, 8)
    code, out, _ = tickgate("limits", "history", run_dir=False)
    assert "symbols.AAPL.long: 2000 -> 500" in out
    assert "because: calm" in out
    assert "long = 500" in (tmp_path / "state" / LIMITS).read_text()


def test_loosening_waits_for_another_person(tickgate, people, tmp_path):
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=5000", "--as", "anna")
    assert (code, "needs a reason" in err) == (main.BAD_INPUT, True)
    code, out, _ = tickgate("limits", "set", "symbols.AAPL.long=5000", "--as", "anna", "-m", "index event")
    assert code == 0
    assert "nothing is in force yet" in out
    assert in_force(tmp_path).symbols["AAPL"].long == 2_000
    number = out.split("approve ")[1].split()[0]
    assert f"│ {number} " in tickgate("limits", "show")[1]
    code, _, err = tickgate("limits", "approve", number, "--as", "anna")
    assert (code, "another person must approve" in err) == (main.BAD_INPUT, True)
    code, out, err = tickgate("limits", "approve", number, "--as", "bob")
    assert code == 0, err
    assert in_force(tmp_path).symbols["AAPL"].long == 5_000


def test_every_change_needs_a_key(tickgate, tmp_path):
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=500")
    assert (code, "tickgate keys new" in err) == (main.BAD_INPUT, True)
    assert not (tmp_path / "state" / AUDIT).exists()


@pytest.mark.parametrize("assignment", ["symbols.AAPL.long=-1", "symbols.AAPL.nothing=1", "symbols.AAPL.lot=7",
                                        "symbols.AAPL.tick_usd=0.00001", "firm.rate.burst=many", "junk", "serial=9",
                                        "symbols.AAPL.max_qty=1000"])
def test_a_bad_or_idle_change_changes_nothing(tickgate, people, tmp_path, assignment):
    before = (tmp_path / "state" / AUDIT).read_bytes()
    code, _, err = tickgate("limits", "set", assignment, "--as", "anna")
    assert code == main.BAD_INPUT
    assert "nothing was" in err
    assert (tmp_path / "state" / AUDIT).read_bytes() == before


@pytest.mark.parametrize("more", [["--for", "1x"], ["--until", "tomorrow"], ["--for", "1h", "--until", "2030-01-01"],
                                  ["--until", "2001-01-01"]])
def test_a_time_that_is_none_is_told(tickgate, people, more):
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna", *more)
    assert code == main.BAD_INPUT
    assert err


def test_a_whole_file_is_checked_compared_and_applied(tickgate, people, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(DEFAULT_FILE.read_text().replace("max_qty = 1_000", "max_qty = 400"))
    code, out, _ = tickgate("limits", "load", file, run_dir=False)
    assert code == 0
    assert "symbols.MSFT.max_qty  1000 -> 400  (tightens)" in out
    assert in_force(tmp_path).symbols["MSFT"].max_qty == 1_000
    assert "400" in tickgate("limits", "diff", run_dir=False)[1]
    assert tickgate("limits", "apply", "--as", "bob")[0] == 0
    assert in_force(tmp_path).symbols["MSFT"].max_qty == 400
    code, out, _ = tickgate("limits", "diff", "1", run_dir=False)
    assert "symbols.MSFT.max_qty  400 -> 1000  (loosens)" in out
    code, out, _ = tickgate("limits", "rollback", "--to", "1", "-m", "as before", "--as", "bob")
    assert "nothing is in force yet" in out
    file.write_text(file.read_text().replace("lot = 1", "lot = 0").replace("loss_usd", "lost_usd"))
    code, _, err = tickgate("limits", "load", file, run_dir=False)
    assert code == main.BAD_INPUT
    assert "4 problems" in err
    assert "symbols.AAPL.lot: " in err


def test_what_is_exported_loads_as_what_is_in_force(tickgate, people, tmp_path):
    tickgate("limits", "set", "firm.symbols.max_qty=300", "--as", "anna")
    out = tmp_path / "out.toml"
    assert tickgate("limits", "export", "--out", out, run_dir=False)[0] == 0
    assert "max_qty = 300  # firm" in out.read_text()
    code, text, _ = tickgate("limits", "diff", out, run_dir=False)
    assert (code, "the limits in force are those of" in text) == (0, True)


def test_limits_edited_by_hand_are_refused(tickgate, people, tmp_path):
    tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna")
    own = tmp_path / "state" / LIMITS
    own.write_text(own.read_text().replace("long = 500", "long = 50000"))
    for command in (["limits", "show"], ["limits", "set", "symbols.AAPL.long=400", "--as", "anna"]):
        code, _, err = tickgate(*command)
        assert (code, "changed by hand" in err) == (main.BAD_INPUT, True)
    own.unlink()
    assert in_force(tmp_path).symbols["AAPL"].long == 500


def test_verify_finds_what_was_cut_edited_or_replaced(tickgate, people, tmp_path):
    tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna")
    code, out, _ = tickgate("limits", "verify", run_dir=False)
    assert code == 0
    head = out.split("head: ")[1].split()[0]
    assert tickgate("limits", "verify", "--head", head, run_dir=False)[0] == 0
    path = tmp_path / "state" / AUDIT
    lines = path.read_bytes().splitlines(keepends=True)
    entry = json.loads(lines[1])
    edited = json.dumps(entry | {"reason": "other"}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    for forged in (lines[:-1], [lines[0], edited, *lines[2:]], [lines[0], *lines[2:]], [*lines, b"junk\n"], []):
        path.write_bytes(b"".join(forged))
        code, _, err = tickgate("limits", "verify", run_dir=False)
        assert code == main.BAD_INPUT
        assert AUDIT in err or "audit.head" in err
    path.write_bytes(b"".join(lines[:-1]))  # cut, and the head made to fit: only a head kept elsewhere tells
    (tmp_path / "state" / audit.HEAD).write_text(f"{len(lines) - 1} {json.loads(lines[-1])['previous']}\n")
    code, _, err = tickgate("limits", "verify", "--head", head, run_dir=False)
    assert code == main.BAD_INPUT


def test_what_an_interrupted_command_leaves_is_no_tampering(tickgate, people, tmp_path):
    head = tmp_path / "state" / audit.HEAD
    before = head.read_text()
    tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna")
    head.write_text(before)
    assert tickgate("limits", "verify", run_dir=False)[0] == 0


@pytest.mark.parametrize("left", [b"{", b'{"command": "kill"', b"junk"])
def test_a_line_that_was_never_finished_is_written_over(tickgate, people, tmp_path, left):
    path = tmp_path / "state" / AUDIT
    with path.open("ab") as file:
        file.write(left)
    assert tickgate("limits", "verify", run_dir=False)[0] == 0
    assert tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna")[0] == 0
    assert left + b"\n" not in path.read_bytes()
    assert tickgate("limits", "verify", run_dir=False)[0] == 0
    path.write_bytes(path.read_bytes()[:-1])  # the end of one that was finished: that is a cut
    assert tickgate("limits", "verify", run_dir=False)[0] == main.BAD_INPUT


def test_kill_needs_nothing_and_lasts_until_a_signed_resume(tickgate, tmp_path):
    code, out, _ = tickgate("kill", "--strategy", "maker", "-m", "drill")
    assert (code, "next one starts killed" in out) == (0, True)
    code, _, err = tickgate("kill", "--strategy", "makr")
    assert (code, "there is maker, taker" in err) == (main.BAD_INPUT, True)
    assert set(audit.read(tmp_path / "state").kills) == {("strategy", "maker")}
    code, _, err = tickgate("resume", "--strategy", "maker", "-m", "done")
    assert (code, "signature" in err) == (main.BAD_INPUT, True)
    tickgate("keys", "new", "anna", "--role", "risk", "--no-passphrase", run_dir=False)
    assert tickgate("resume", "--strategy", "maker")[0] == main.BAD_INPUT
    code, out, _ = tickgate("resume", "--strategy", "maker", "-m", "done")
    assert (code, "nothing killed" in out) == (0, True)


def test_a_kill_is_kept_where_the_session_does_not_answer(tickgate, tmp_path, monkeypatch):
    server = control.ControlServer(tmp_path / "run")
    monkeypatch.setattr(control, "_TIMEOUT_S", 0.01)
    code, _, err = tickgate("kill", "--strategy", "maker", "-m", "now")
    assert (code, "does not answer" in err) == (main.BAD_INPUT, True)
    assert set(audit.read(tmp_path / "state").kills) == {("strategy", "maker")}
    asked = []
    server.poll(lambda what, who: asked.append(what) or {})
    server.close()
    assert asked == [{"command": "kill", "strategy": "maker", "why": "now"}]


def test_a_kill_is_told_even_where_the_log_is_broken(tickgate, people, tmp_path):
    path = tmp_path / "state" / AUDIT
    path.write_bytes(path.read_bytes()[:-20] + b"\n")
    assert tickgate("kill", "-m", "now")[0] == 0
    assert b'"reason":"now"' in path.read_bytes()
    assert tickgate("limits", "verify", run_dir=False)[0] == main.BAD_INPUT


# ---- keys

def test_a_private_key_is_its_owners_alone(tickgate, people, tmp_path):
    path = tmp_path / "state" / "keys" / "anna.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code, _, err = tickgate("keys", "new", "anna", "--role", "risk", "--no-passphrase", run_dir=False)
    assert (code, "in use" in err) == (main.BAD_INPUT, True)
    path.chmod(0o640)
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "anna")
    assert (code, "others may read" in err) == (main.BAD_INPUT, True)
    secret = path.read_text().splitlines()[1]
    state = tmp_path / "state"
    assert all(secret not in file.read_text() for file in state.rglob("*") if file.is_file() and file != path)


def test_a_key_with_a_passphrase(tickgate, tmp_path, monkeypatch):
    said = iter(["correct horse", "correct horse", "wrong", "correct horse"])
    monkeypatch.setattr(keys, "_ask", lambda prompt: next(said))
    assert tickgate("keys", "new", "anna", "--role", "risk", run_dir=False)[0] == 0
    path = tmp_path / "state" / "keys" / "anna.pem"
    assert "ENCRYPTED" in path.read_text()
    os.chmod(path, 0o644)  # a passphrase protects it
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=500")
    assert (code, "passphrase is wrong" in err) == (main.BAD_INPUT, True)
    assert tickgate("limits", "set", "symbols.AAPL.long=500")[0] == 0


def test_a_third_key_waits_for_approval_and_a_revoked_one_is_no_good(tickgate, people, tmp_path):
    code, out, _ = tickgate("keys", "new", "carl", "--role", "trader", "--no-passphrase", "--as", "anna", run_dir=False)
    assert (code, "limits approve" in out) == (0, True)
    number = out.split("approve ")[1].split()[0]
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "carl")
    assert (code, "no key" in err) == (main.BAD_INPUT, True)
    assert tickgate("limits", "approve", number, "--as", "bob")[0] == 0
    assert tickgate("limits", "set", "symbols.AAPL.long=500", "--as", "carl")[0] == 0
    assert tickgate("keys", "revoke", "carl", "--as", "bob", run_dir=False)[0] == 0
    assert tickgate("limits", "set", "symbols.AAPL.long=400", "--as", "carl")[0] == main.BAD_INPUT
    assert "carl" not in tickgate("keys", "list", run_dir=False)[1]


def test_there_is_no_choice_of_key_without_a_name(tickgate, people):
    code, _, err = tickgate("limits", "set", "symbols.AAPL.long=500")
    assert (code, "--as" in err) == (main.BAD_INPUT, True)


def test_an_unreadable_log_is_named(tmp_path):
    (tmp_path / AUDIT).write_text("junk\n")
    with pytest.raises(UserError, match="line 1"):
        audit.read(tmp_path)

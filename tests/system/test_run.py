"""The whole loop: exchange, NIC and desk, for a few simulated milliseconds."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from fixparse.codec import parse
from hdl.config import GBE
from hdl.layouts import DECISION, INTENT, RECORD_BYTES, Reason
from hdl.registers import GATE
from hdl.venue import SIMULATED
from host.cli import control, main
from host.cli.places import FIX_LOG, OMS, RECORDS, SUMMARY, TRAILS
from host.desk.desk import FEES
from host.oms.oms import Oms
from host.oms.sqlite import SqliteJournal
from host.positions.positions import Positions
from host.risk.limits import load
from host.risk.registers import Write, writes
from host.risk.software import SoftwareGate, decide
from host.universe import Universe

SECONDS = "0.008"
CYCLE_NS = 10**9 // GBE.clock_hz
FLOW = ["orders.proposed", "orders.passed", "orders.routed", "executions.venue", "executions.desk"]

pytestmark = pytest.mark.slow


def trade(folder: Path, *more: str, seed: int = 3, seconds: str = SECONDS) -> dict:
    code = main.call(["run", "--seed", str(seed), "--seconds", seconds, "--headless", "--out", str(folder / "run"),
                      "--state", str(folder / "state"), *more])
    assert code == 0
    return json.loads((folder / "run" / SUMMARY).read_text())


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """One run that several tests look at."""
    folder = tmp_path_factory.mktemp("session")
    return folder, trade(folder)


@pytest.fixture(scope="module")
def fix(session):
    """(time, topic, message) of the FIX log."""
    lines = (session[0] / "run" / FIX_LOG).read_bytes().splitlines()
    return [(int(time_), topic.decode(), parse(raw.replace(b"|", b"\x01")))
            for time_, topic, raw in (line.split(b" ", 2) for line in lines)]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(session, tmp_path):
    folder, _ = session
    trade(tmp_path)
    for name in (SUMMARY, RECORDS, FIX_LOG, TRAILS):
        assert (folder / "run" / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name
    other = tmp_path / "other"
    trade(other, seed=4, seconds="0.001")
    assert (folder / "run" / SUMMARY).read_bytes() != (other / "run" / SUMMARY).read_bytes()


def test_both_origins_trade_and_nothing_breaks(session):
    _, summary = session
    for origin in ("host", "trigger"):
        assert summary["orders"][origin]["sent"] > 0
    assert sum(one["fills"] for one in summary["orders"].values()) > 0
    assert summary["breaks"] == []
    assert all("records" in fault for fault in summary["faults"])
    assert summary["killed"] == ""


def test_the_books_agree_at_the_end(session):
    _, summary = session
    assert summary["reconciled"]
    assert summary["reconciliation"] == []
    assert summary["doubts"] == []
    assert not set(summary["order_states"]) & {"new", "partially filled", "pending new", "pending cancel"}


def test_the_book_of_record_opens_with_what_the_summary_says(session):
    folder, summary = session
    journal = SqliteJournal(folder / "run" / OMS)
    oms, positions = Oms(journal), Positions(FEES)
    journal.close()
    positions.recover(oms.executed())
    assert oms.count == summary["oms_events"] > 0
    assert dict(oms.states()) == summary["order_states"]
    assert {stock: (one.qty, one.cost, one.realised, one.fees) for stock, one in positions.by_stock.items()} == {
        stock: (one["qty"], one["cost"], one["realised"], one["fees"])
        for stock, one in summary["positions"].items() if stock in positions.by_stock}


def test_profit_adds_up(session):
    _, summary = session
    pnl = summary["pnl"]
    assert pnl["net"] == pnl["realised"] + pnl["unrealised"] - pnl["fees"]
    for position in summary["positions"].values():
        assert position["net"] == position["realised"] + position["unrealised"] - position["fees"]


def test_latency_is_whole_cycles_and_constant_where_the_design_says_so(session):
    _, summary = session
    trigger = summary["latency_ns"]["trigger"]
    for stage in ("nic.needed > nic.gate", "nic.gate > nic.tx"):
        assert trigger[stage]["min"] % 8 == trigger[stage]["max"] % 8 == 0
    gate = summary["latency_ns"]["host"]["nic.intent > nic.gate"]
    assert gate["min"] == gate["max"]
    assert trigger["total"]["count"] == summary["orders"]["trigger"]["sent"]


def test_every_fill_went_the_whole_way(fix):
    """The flow of one trade: each fill's order was proposed, passed and routed before, with the same tags."""
    seen: dict[bytes, list[str]] = {}
    tags: dict[bytes, set] = {}
    fills = 0
    for _, topic, message in fix:
        if topic == "orders.rejected":
            continue
        name = message.get(41) or message[11]
        seen.setdefault(name, []).append(topic)
        if message.msg_type == b"D":
            tags.setdefault(message[11], set()).add((message[55], message[54], message.qty(38), message.price(44)))
        if topic == FLOW[4] and message.get(150) == b"F":
            fills += 1
            steps = seen[name]
            assert [steps.index(step) for step in FLOW] == sorted(steps.index(step) for step in FLOW)
            assert len(tags[name]) == 1
    assert fills


def test_what_is_routed_is_what_the_venue_read(fix):
    """Sequence numbers of each session count up without a hole, so every byte of it is on the bus."""
    numbers: dict[str, list[int]] = {}
    for _, topic, message in fix:
        if topic == FLOW[2]:
            numbers.setdefault(message.text(56), []).append(message.number(34))
    assert numbers
    for sent in numbers.values():
        assert sent == list(range(1, len(sent) + 1))


def test_a_limit_that_bites_rejects_with_its_reason(tmp_path):
    state = ["--state", str(tmp_path / "state")]
    assert main.call(["keys", "new", "anna", "--role", "risk", "--no-passphrase", *state]) == 0
    assert main.call(["limits", "set", "strategies.maker.rate.burst=1", "strategies.maker.rate.interval_us=5000",
                      "--run-dir", str(tmp_path / "run"), *state]) == 0
    summary = trade(tmp_path, seconds="0.004")
    assert summary["limits_serial"] == 2
    assert summary["rejects"][Reason.RATE.name]["nic"] > 0


def wait_for(run, thread, seen):
    """The session's status, as soon as `seen` of it; None where it ends before."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and thread.is_alive():
        try:
            answer = control.request(run, {"command": "status"})
        except control.NoAnswer:  # the NIC is still being compiled
            continue
        if answer and seen(answer["summary"]):
            return answer
        time.sleep(0.02)
    return None


@pytest.mark.parametrize("scope", [[], ["--strategy", "maker"]])
def test_kill_from_another_shell_stops_orders_and_a_signed_resume_lets_them_go(tmp_path, scope, capsys):
    run, state = tmp_path / "run", tmp_path / "state"
    where = ["--run-dir", str(run), "--state", str(state)]
    assert main.call(["keys", "new", "anna", "--role", "risk", "--no-passphrase", *where[2:]]) == 0
    outcome = {}
    thread = threading.Thread(target=lambda: outcome.update(trade(tmp_path, seconds="0.03")))
    thread.start()
    assert wait_for(run, thread, lambda summary: summary["orders"]["host"]["sent"] > 5)
    assert main.call(["kill", *scope, "--reason", "test", *where]) == 0
    after = control.request(run, {"command": "status"})
    assert wait_for(run, thread, lambda summary: sum(summary["rejects"].get("KILL", {"host": 0}).values()) > 0)
    capsys.readouterr()
    assert main.call(["status", *where[:2]]) == 0
    said = capsys.readouterr().out
    assert f"killed: {scope[1] if scope else 'everything'}" in said
    assert "firm.gross_usd" in said
    if scope:
        assert main.call(["limits", "set", "symbols.MSFT.long=1500", *where]) == 0
        assert "version 2, read back from the NIC" in capsys.readouterr().out
        assert main.call(["limits", "show", "--only", "MSFT.long", *where]) == 0
        assert capsys.readouterr().out.count("1500") == 2, "in force, and as the NIC has it"
        assert main.call(["resume", *scope, "--reason", "test is over", *where]) == 0
        assert "killed now: nothing" in capsys.readouterr().out
    thread.join()
    assert outcome["killed"] == ("" if scope else "everything")
    assert [one["command"] for one in outcome["interventions"]] == ["kill", "limits", "resume"][:3 if scope else 1]
    sent = {origin: one["sent"] for origin, one in outcome["orders"].items()}
    if not scope:
        assert after
        assert sum(sent.values()) <= sum(one["sent"] for one in after["summary"]["orders"].values()) + 2


def test_the_software_gate_gives_the_verdicts_of_the_nic(session):
    """From the records that came up alone: each decision again, with every figure that it saw."""
    folder, summary = session
    limits = load()
    gate = SoftwareGate(GBE)
    gate.apply(writes(limits, Universe.grid(tuple(limits.symbols), tuple(one.target_comp_id for one in SIMULATED))))
    again, decided = np.zeros(1, DECISION.dtype), 0
    for raw in np.fromfile(folder / "run" / RECORDS, np.uint8).reshape(-1, RECORD_BYTES):
        if raw[0] != DECISION.kind:
            gate.on_records(raw[None])
            continue
        decision = raw.view(DECISION.dtype)[0]
        gate.apply([Write(GATE, "heartbeat", 0, 1)], int(decision["time"]))
        gate.state["killed"] = decision["reasons"] & 1 << Reason.KILL  # records do not tell of writes to registers
        intent = INTENT.make(**{one.name: decision[one.name] for one in INTENT.fields
                                if one.name in DECISION.dtype.names and one.name not in ("kind", "flags", "serial")})
        verdict_at = int(decision["time"])
        # the age of the reference is taken two cycles before the verdict
        decide(gate.state, intent, 0, verdict_at - 2 * CYCLE_NS, verdict_at // CYCLE_NS, again)
        figures = [one.name for one in DECISION.body if one.name != "origin"]
        assert {name: int(decision[name]) for name in figures} == {name: int(again[0][name]) for name in figures}
        decided += 1
    assert decided >= sum(one["decided"] for one in summary["orders"].values()) > 5


def test_status_and_latency_read_what_a_run_left(session, capsys):
    folder, summary = session
    assert main.call(["status", "--run-dir", str(folder / "run")]) == 0
    out = capsys.readouterr().out
    assert "this is the last one" in out
    assert main.call(["latency", "--run-dir", str(folder / "run"), "--origin", "trigger"]) == 0
    out = capsys.readouterr().out
    assert f"{summary['latency_ns']['trigger']['total']['max']:,}" in out

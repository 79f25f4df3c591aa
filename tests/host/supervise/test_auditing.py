"""Decisions of a desk of processes are kept as those of a desk in one."""

import json
import time

import pytest

from hdl.layouts import BOOK_TOP, DECISION, Action, Origin, Reason, Side
from host.bus.shared import Shared
from host.bus.topics import CONTROL, DECISIONS, LIMITS_HELD, PROPOSED, TOPS
from host.cli import audit, main
from host.cli.simulation import START_NS
from host.fixmap import Desk
from host.messages import NewOrder
from host.risk.control import Control
from host.risk.limits import DEFAULT_FILE
from host.supervise.auditing import Auditing
from host.supervise.riskdesk import RiskDesk
from host.supervise.setting import BUS, Setting

ORDER = 0x4FEA000000000100


class Rig:
    def __init__(self, folder):
        self.state = folder / "state"
        self.setting = Setting(str(folder / "up"), state=str(self.state), kills=(("bob", "yesterday", 1, 0),))
        self.setting.write(DEFAULT_FILE.read_text())
        self.others = Shared(folder / "up" / BUS, "others", clock=lambda: START_NS + 7)
        self.start()

    def start(self):
        self.bus = self.setting.join("audit")
        self.audit = Auditing(self.setting, self.bus)

    def decide(self, order_id, reasons=0):
        self.others.publish(DECISIONS, DECISION.make(order_id=order_id, action=Action.NEW, origin=Origin.HOST, symbol=0,
                                                     reasons=reasons, price=1_850_000, qty=100, time=START_NS + 7))

    def listen(self):
        self.bus.poll()
        self.audit._due = 0.0
        self.audit.turn()

    def command(self, capsys, *words):
        code = main.call([*words, "--state", str(self.state)])
        return code, capsys.readouterr().out

    def close(self):
        self.bus.close()
        self.others.close()


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_who_asks_why_while_it_runs_is_answered(rig, capsys):
    rig.others.publish(TOPS, BOOK_TOP.make(symbol=0, bid_price=1_850_000, ask_price=1_850_300, time=START_NS))
    rig.decide(ORDER)
    rig.decide(ORDER + 1, 1 << Reason.COLLAR)
    rig.listen()
    assert rig.audit.facts() == {"decisions": 2, "rejected": 1}
    code, out = rig.command(capsys, "risk", "rejects")
    assert (code, "1 rejected (COLLAR 1)" in out, f"{ORDER + 1:016X}" in out) == (0, True, True)
    code, out = rig.command(capsys, "risk", "explain", f"{ORDER + 1:016X}")
    assert code == 0
    assert "collar" in out.lower()


def test_what_the_hosts_gate_rejects_is_kept_with_what_it_saw(rig, capsys):
    bus = rig.setting.join("risk")
    risk = RiskDesk(rig.setting, bus)
    risk.risk.kill("anna", "enough")
    order = NewOrder(ORDER, "AAPL", Side.BUY, 100, 1_850_000, 0, time=START_NS)
    rig.others.publish(PROPOSED, Desk("ALPHA", "RISK").new_order(order))
    bus.poll()
    bus.close()
    rig.listen()
    code, out = rig.command(capsys, "risk", "explain", f"{ORDER:016X}")
    assert (code, "killed" in out.lower() or "kill" in out.lower()) == (0, True)


def test_one_that_is_started_again_has_everything(rig, capsys):
    rig.decide(ORDER, 1 << Reason.STALE)
    rig.listen()
    rig.bus.close()  # it was killed: nothing was closed in order
    rig.decide(ORDER + 1, 1 << Reason.RATE)
    time.sleep(0.001)
    rig.start()
    rig.listen()
    assert rig.audit.facts() == {"decisions": 2, "rejected": 2}
    assert "2 rejected" in rig.command(capsys, "risk", "rejects")[1]


def test_the_audit_log_tells_what_was_kept_and_notices_a_change(rig, capsys):
    control = Control()
    control.kill("anna", "no", 5)
    rig.others.publish(CONTROL, control.history[-1])
    text = DEFAULT_FILE.read_text().replace("serial = 1", "serial = 7")
    rig.others.publish(LIMITS_HELD, {"text": text, "problem": "", "serial": 7, "values": {}})
    rig.decide(ORDER)
    rig.listen()
    rig.audit.close()
    entry = audit.entries(rig.state)[-1]
    assert entry["command"] == "session"
    assert entry["what"]["decisions"] == 1
    assert [one["who"] for one in entry["what"]["kills"]] == ["bob", "anna"]
    folder = rig.state / entry["what"]["folder"]
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [(one["what"], one.get("serial"), one.get("who")) for one in events] == [
        ("limits", 1, None), ("control", None, "bob"), ("control", None, "anna"), ("limits", 7, None)]
    assert audit.session_problems(rig.state) == []
    with (folder / "decisions.bin").open("ab") as file:
        file.write(b"x")
    assert "changed since" in audit.session_problems(rig.state)[0]

"""`tickgate up`: services in processes of their own trade; one that is killed stops nobody, or stops orders."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from host.bus import shared
from host.cli import control, main
from host.cli.places import OMS
from host.desk.desk import FEES
from host.oms.oms import Oms
from host.oms.sqlite import SqliteJournal
from host.positions.positions import Positions
from host.supervise.setting import BUS, SUMMARY, TRANSPORTS
from host.supervise.supervisor import COUNTS

pytestmark = pytest.mark.slow

#: Longer than any test waits: sessions are ended.
SECONDS, PATIENCE_S = "3", 240


class Up:
    """A session in a process of its own."""

    def __init__(self, folder, *more, headless=True):
        self.run, self.state = folder / "up", folder / "state"
        page = ["--headless"] if headless else []
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from host.cli.main import main; main()", "up", "--nic", "direct", *page,
             "--seconds", SECONDS, "--out", str(self.run), "--state", str(self.state), *more],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def until(self, seen):
        """The session's status as soon as `seen` of it."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.stdout.read()
            try:
                answer = control.request(self.run, {"command": "status"})
            except control.NoAnswer:
                continue
            if answer and seen(answer):
                return answer
            time.sleep(0.05)
        raise AssertionError(f"it did not come to that: {answer}")

    def trading(self, orders=5):
        """Until so many more orders have left, and something has traded."""
        before = self.until(lambda now: now["phase"] == "trading")["orders"]
        return self.until(lambda now: now["orders"] >= before + orders and now["fills"] > 0)

    def kill(self, name):
        """As the operating system does when memory is short."""
        before = self.until(lambda now: now["processes"][name]["state"] == "running")["processes"][name]
        os.kill(before["pid"], signal.SIGKILL)
        return self.until(lambda now: now["processes"][name]["starts"] > before["starts"])

    def end(self):
        """Ctrl-C; what it said, and its summary."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=PATIENCE_S)[0]
        assert self.process.returncode == 0, said
        return said, json.loads((self.run / SUMMARY).read_text())

    def command(self, *words):
        return main.call([*words, "--state", str(self.state)])


@pytest.fixture
def up(tmp_path):
    sessions = []

    def start(*more, **how):
        sessions.append(Up(tmp_path, *more, **how))
        return sessions[-1]
    yield start
    for session in sessions:
        if session.process.poll() is None:
            session.process.kill()
            session.process.wait()
        time.sleep(1.0)  # services end when they find that nobody looks after them
        shared.sweep(session.run / BUS)


def book(session):
    """Order states and positions as the book of record on disk has them."""
    journal = SqliteJournal(session.run / OMS)
    oms, positions = Oms(journal), Positions(FEES)
    journal.close()
    positions.recover(oms.executed())
    return dict(oms.states()), {stock: one.qty for stock, one in positions.by_stock.items()}, oms


@pytest.mark.parametrize("bus", TRANSPORTS)
def test_processes_trade_one_that_is_not_needed_may_die_and_the_oms_recovers(up, bus):
    session = up("--bus", bus)
    assert session.command("keys", "new", "anna", "--role", "risk", "--no-passphrase") == 0
    session.trading()

    session.kill("tca")
    after = session.trading()
    assert after["killed"] == ""

    session.kill("ems")
    stopped = session.until(lambda now: now["processes"]["ems"]["state"] == "running")
    assert stopped["killed"] == "everything"
    assert stopped["kills"][-1]["who"] == "supervisor"
    time.sleep(0.5)
    assert session.until(lambda now: True)["orders"] == stopped["orders"], "nothing leaves while it is killed"

    assert session.command("resume", "--reason", "ems is back", "--run-dir", str(session.run)) == 0
    assert session.trading()["killed"] == ""
    said, summary = session.end()
    assert "ems was killed (signal 9)" in said
    assert "ems is back" in said
    assert any(fault.startswith("ems: started again") for fault in summary["faults"])
    states, positions, oms = book(session)
    assert (states, positions) == (summary["order_states"], summary["positions"])
    assert summary["told_positions"] == positions, "nothing was lost to the positions, and nothing told twice"
    assert not oms.live, [(one.new, one.acknowledged, one.ended, vars(one)) for one in oms.live]
    assert summary["doubts"] == []
    assert sum(states.values()) >= summary["orders"] > 0
    assert {name for name in summary if name in COUNTS} == set(COUNTS)
    assert shared.sweep(session.run / BUS) == []


def test_a_person_can_look_kill_and_change_a_limit(up):
    """The page is a process of its own: it may die, and comes back where it was. New limits reach every process."""
    session = up("--dashboard", "127.0.0.1:0", headless=False)
    assert session.command("keys", "new", "anna", "--role", "risk", "--no-passphrase") == 0
    session.trading()
    session.until(lambda now: now["processes"]["dashboard"]["state"] == "running")
    page = Page(session)
    assert page.state()["orders"]["host"]["sent"] > 0

    assert page.ask("kill", why="a test")["text"] == "killed now: everything"
    assert session.until(lambda now: now["killed"])["kills"][-1]["why"] == "dashboard: a test"
    session.kill("dashboard")
    session.until(lambda now: now["processes"]["dashboard"]["state"] == "running")
    assert page.state()["killed"] == ["everything"]
    assert page.ask("resume", why="it was a test")["text"] == "killed now: nothing"

    before = session.trading()
    assert session.command("limits", "set", "strategies.maker.gross_usd=1", "-m", "a test", "--as", "anna",
                           "--run-dir", str(session.run)) == 0
    end = time.monotonic() + PATIENCE_S
    while not any(reason == "GROSS" and host for reason, host, _ in page.state()["rejects"]):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert session.until(lambda now: True)["orders"] >= before["orders"]
    session.end()


class Page:
    """The live page, as a browser with the token uses it."""

    def __init__(self, session):
        line = next(line for line in session.process.stdout if line.startswith("dashboard: "))
        self.address, _, self.token = line.removeprefix("dashboard: ").strip().partition("#token=")

    def state(self):
        return json.loads(urllib.request.urlopen(f"{self.address}state", timeout=60).read())

    def ask(self, command, **said):
        return json.loads(urllib.request.urlopen(urllib.request.Request(
            self.address + command, json.dumps(said).encode(), method="POST", headers={
                "Content-Type": "application/json", "Authorization": f"Bearer {self.token}",
                "Origin": self.address.rstrip("/")}), timeout=120).read())

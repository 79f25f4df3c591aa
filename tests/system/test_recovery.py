"""Feeds that lose packets, through the compiled NIC: books are exact or flagged all the time, and exact again soon."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from hdl.config import GBE
from hdl.layouts import HEADER_DTYPE
from hdl.venue import SIMULATED
from host.cli import main
from host.cli.lossy import LossyNetwork
from host.cli.places import SUMMARY
from host.link.driver import Driver
from host.link.virtual import VirtualLink
from host.marketdata.feedport import State
from host.marketdata.snapshot import FIRST
from host.universe import Universe
from sim.exchange import Exchange
from sim.faults.rows import rows
from sim.models.book import BookModel
from sim.nic import VirtualNic

START, POLL_NS, CYCLE_NS = 1_767_623_400 * 10**9, 2_000, 8

pytestmark = pytest.mark.slow
STOCKS = ("AAPL", "MSFT")


class Session:
    """Exchange, lossy network and NIC, and every row that the NIC said; no desk."""

    def __init__(self, permille: int, seed: int, late_ns: int = 0):
        self.nic = VirtualNic(GBE)
        self.link = VirtualLink(self.nic)
        self.universe = Universe.grid(STOCKS, tuple(venue.target_comp_id for venue in SIMULATED))
        driver = Driver(self.link)
        driver.report(events=True, levels=True)
        for one in self.universe.listings:
            driver.subscribe(one.index, one.stock, one.venue, clear=True)
        for n, venue in enumerate(SIMULATED):
            driver.set_feed(n, venue, expected=1)
        self.link.time_ns   # noqa: B018 - everything above has acted
        self.exchange = Exchange(SIMULATED, STOCKS, seed, START)
        if late_ns:
            self.exchange.advance(START + late_ns)
        self.base = self.exchange.now - self.nic.cycle * CYCLE_NS
        self.network = LossyNetwork(self.exchange, self.link, self.universe.listings, SIMULATED, permille, seed,
                                    late=bool(late_ns))
        self.poll_at, self.raw, self.cycles = self.exchange.now + POLL_NS, [], []

    def run(self, duration_ns: int):
        end = self.exchange.now + duration_ns
        while self.exchange.now < end:
            moment = min(self.poll_at, end, max(self.network.next_time(), self.exchange.now))
            self.nic.run_until((moment - self.base) // CYCLE_NS)
            for sent in self.network.advance(moment):
                self.nic.send(sent.port, sent.frame, at=(sent.time_ns - self.base) // CYCLE_NS)
            if moment >= self.poll_at:
                self.poll_at += POLL_NS
                self._poll(moment)

    def _poll(self, now: int):
        raw = self.link.poll()
        if len(raw):
            self.raw.append(raw.copy())
            self.network.on_records(now, raw)

    def rows(self):
        raw = np.concatenate(self.raw)
        kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        assert len(kinds)
        return rows(raw, np.zeros(len(raw), np.uint64))

    def states(self):
        return [feed.recovery.state for feed in self.network.feeds]


@pytest.fixture
def made():
    sessions = []

    def make(*args, **kwargs):
        sessions.append(Session(*args, **kwargs))
        return sessions[-1]
    yield make
    for session in sessions:
        session.link.close()


def truth(session: Session) -> dict[int, dict[int, tuple]]:
    """Symbol -> number of a message -> the book after it; (numbers that moved it are there)."""
    found = {one.index: {} for one in session.universe.listings}
    for n in range(len(SIMULATED)):
        feed = session.exchange.feed(n)
        index = {one.stock: one.index for one in session.universe.listings if one.venue == n}
        model = BookModel({locate: stock.name for locate, stock in feed.stocks.items()})
        for seq in range(1, feed.sequence):
            name = model.apply(feed.message_at(seq))
            if name is not None:
                found[index[name]][seq] = tuple([tuple(level) for level in side] for side in model.depth(name, 10))
    return found


def judge(session: Session) -> SimpleNamespace:
    """Every row that claims to be exact is the true book as of its message."""
    true, count = truth(session), SimpleNamespace(exact=0, flagged=0)
    for row in session.rows():
        if not row.event or row.seq >= FIRST:
            continue
        count.flagged += bool(row.inexact)
        book = true[row.symbol][row.seq]
        if row.told.exact:
            assert row.told.levels == book[row.told.side], row
        if not row.inexact:
            count.exact += 1
            assert row.best == tuple(side[0] if side else (0, 0) for side in book), row
    return count


def final_books(session: Session):
    """Feeds that are followed show the truth now."""
    session.run(100_000)
    for one in session.universe.listings:
        last = [row for row in session.rows() if row.symbol == one.index and row.seq < FIRST][-1]
        assert not last.inexact
    assert session.states() == [State.LIVE] * len(SIMULATED)


def test_what_is_lost_is_made_up_for(made, rng):
    session = made(permille=30, seed=rng.randrange(1 << 20))
    session.run(5_000_000)
    session.network.permille = 0
    session.run(3_000_000)
    count = judge(session)
    print(session.network.summary(), count)
    assert session.network.lost
    assert count.exact > count.flagged
    assert sum(feed.recovery.count["healed"] for feed in session.network.feeds)
    assert all(feed.recovery.count["filled"] for feed in session.network.feeds if feed.recovery.count["gaps"])
    final_books(session)


def test_a_late_start(made, rng):
    session = made(permille=0, seed=rng.randrange(1 << 20), late_ns=3_000_000)
    session.run(3_000_000)
    print(session.network.summary())
    judge(session)
    assert all(feed.recovery.count["snapshots"] for feed in session.network.feeds)
    final_books(session)


def test_a_session_with_loss_shows_what_was_recovered(tmp_path, capsys):
    code = main.call(["run", "--seconds", "0.002", "--headless", "--loss", "100", "--no-store", "--out",
                      str(tmp_path / "run"), "--state", str(tmp_path / "state")])
    assert code == 0
    summary = json.loads((tmp_path / "run" / SUMMARY).read_text())
    assert summary["recovery"]["lost"] > 0
    assert not summary["faults"]
    assert sum(one.get("healed", 0) for one in summary["recovery"]["feeds"].values())
    assert "Feeds with loss" in capsys.readouterr().out
    assert main.call(["status", "--run-dir", str(tmp_path / "run")]) == 0
    assert "Feeds with loss" in capsys.readouterr().out

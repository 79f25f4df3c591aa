"""`kill -9`: a short run of the trials, and proof that they notice what they look for."""

import pytest

from host.oms import trials
from host.oms.oms import Oms
from host.oms.sqlite import SqliteJournal
from host.oms.trials import Failed


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(trials, "LONGEST_S", 0.02)


def test_nothing_acknowledged_is_lost_and_nothing_applied_twice(tmp_path, rng, short):
    outcome = trials.trials(20, rng.randrange(1 << 32), tmp_path)
    assert sum(number for end, number in outcome.ends.items() if end != trials.UNHARMED) == 20
    assert outcome.acknowledged > 0


def test_a_book_that_acknowledges_before_it_is_durable_is_caught(tmp_path, rng, short, monkeypatch):
    def lazy(journal, changed):
        journal.late = getattr(journal, "late", 0) + 1
        if journal.late % 4 == 0:
            SqliteJournal.commit(journal, changed)

    monkeypatch.setattr(trials.Fragile, "commit", lazy)
    with pytest.raises(Failed, match=r"were acknowledged|differ"):
        trials.trials(20, rng.randrange(1 << 32), tmp_path)


def test_a_book_that_forgets_what_it_was_told_is_caught(tmp_path, rng, short, monkeypatch):
    real = Oms.on_report

    def forgetful(oms, report):
        oms._reports.clear()
        oms.executions.trades.clear()
        return real(oms, report)

    monkeypatch.setattr(Oms, "on_report", forgetful)
    with pytest.raises(Failed):
        trials.trials(40, rng.randrange(1 << 32), tmp_path)


def test_the_command_says_what_it_did(tmp_path, capsys, short, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trials", "--count", "1", "--seed", "7", "--folder", str(tmp_path)])
    assert trials.main() == 0
    assert "none lost, none twice" in capsys.readouterr().out

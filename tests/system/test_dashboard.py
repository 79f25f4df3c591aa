"""A whole session with its page and its warehouse: a browser's button (or, without a browser, its request) stops the
NIC's orders, and what is stored is what happened."""

import contextlib
import http.client
import io
import json
import re
import threading
import time
from types import SimpleNamespace

import pytest

from host.bus.topics import TOPICS, Kind
from host.cli import main
from host.cli.places import DASHBOARD, SUMMARY, WAREHOUSE
from host.warehouse.costs import costs
from host.warehouse.query import Query, stage_latencies
from sim import browser

pytestmark = pytest.mark.slow
_PATIENCE_S = 240


def ask(port, method="GET", path="/state", token=""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, "{}" if token else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def sent(state):
    return sum(one.get("sent", 0) for one in state["orders"].values())


def until(what):
    end = time.monotonic() + _PATIENCE_S
    while not (value := what()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return value


@contextlib.contextmanager
def looking():
    """A browser, ready before the session is (it takes seconds to start, and a session does not wait); or None."""
    if browser.missing():
        yield None
        return
    with browser.Browser() as page:
        yield page


def press_kill(page, port, token):
    """As a person would; returns the state in which the page showed it."""
    if page is None:
        assert ask(port, "POST", "/kill", token)[0] == 200
    else:
        page.open(f"http://127.0.0.1:{port}/#token={token}")
        page.until("return document.querySelectorAll('#blotter tbody tr').length")
        page.run("document.getElementById('kill').click(); document.getElementById('ask-do').click()")
        page.until("return !document.getElementById('alarm').hidden")
        assert page.complaints() == []
    return until(lambda: (state := ask(port)[1])["killed"] and state)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A session that its page stopped: its folder, the state in which it did, the summary, and the token."""
    folder, outcome, said = tmp_path_factory.mktemp("session"), [], io.StringIO()
    run = folder / "run"
    arguments = ["run", "--seed", "3", "--seconds", "0.02", "--out", str(run), "--state", str(folder / "state"),
                 "--dashboard", "127.0.0.1:0"]
    with looking() as page, contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        thread = threading.Thread(target=lambda: outcome.append(main.call(arguments)))
        thread.start()
        until(lambda: (run / DASHBOARD).exists() or not thread.is_alive())
        address = json.loads((run / DASHBOARD).read_text())["address"]
        port = int(address.rstrip("/").rpartition(":")[2])
        token = until(lambda: re.search(rf"{re.escape(address)}#token=(\S+)", said.getvalue()))[1]
        until(lambda: sent(ask(port)[1]) > 3)
        state = press_kill(page, port, token)
        thread.join(_PATIENCE_S)
    assert outcome == [0]
    return SimpleNamespace(folder=folder, run=run, state=state, token=token, said=said.getvalue(),
                           summary=json.loads((run / SUMMARY).read_text()))


def test_the_button_stops_the_orders_of_the_nic(session):
    summary = session.summary
    assert summary["killed"] == "everything"
    assert summary["interventions"][0]["command"] == "kill"
    after = sum(one["sent"] for one in summary["orders"].values())
    assert after <= sent(session.state) + 2  # under way as it was pressed
    assert summary["rejects"]["KILL"]["nic"] + summary["rejects"]["KILL"]["host"] > 0
    assert not (session.run / DASHBOARD).exists()


def test_the_token_is_shown_once_and_kept_nowhere(session):
    assert session.said.count(session.token) == 1
    files = [path for path in session.folder.rglob("*") if path.is_file()]
    assert files
    assert all(session.token.encode() not in path.read_bytes() for path in files)


def test_everything_that_was_said_is_stored(session):
    """As many rows as messages, and no record of the NIC less than the desk saw."""
    with Query(session.run / WAREHOUSE) as query:
        def rows(table):
            return query.rows(f'SELECT count(*) AS n FROM "{table}"')[0]["n"]

        told = session.summary["bus_messages"]
        for name, topic in TOPICS.items():
            if topic.kind is not Kind.RECORDS and told.get(name):
                assert rows(name) == told[name], name
        assert rows("market.tops") == session.summary["tops"]
        assert rows("market.events") == sum(sum(feed.values()) for feed in session.summary["feeds"].values())
        assert rows("nic.sent") == sum(one["sent"] + one["cancels"] for one in session.summary["orders"].values())


def test_the_warehouse_says_what_the_summary_says(session):
    with Query(session.run / WAREHOUSE, date="2026-01-05") as query:
        stages = {(one.origin, one.stage): one for one in stage_latencies(query)}
        lines, venues = costs(query, "origin"), costs(query, "venue")
    for origin, expected in session.summary["latency_ns"].items():
        for stage, spread in expected.items():
            one = stages[origin, stage]
            assert (one.orders, one.min, one.max) == (spread["count"], spread["min"], spread["max"])
            assert one.cuts[:2] == [spread["p50"], spread["p99"]]
    for line in lines:
        counted = session.summary["orders"][line.key]
        assert (line.orders, line.fills, line.filled_qty) == (counted["sent"], counted["fills"], counted["shares"])
    for line in venues:  # as added up while it happened
        measured = session.summary["venues"][line.key]
        assert (line.fills, line.filled_qty, line.slippage, line.effective_spread) == (
            measured["fills"], measured["filled_qty"], measured["slippage"], measured["effective_spread"])

"""A whole session with its page: the button of a browser (or, without one, its request) stops the NIC's orders."""

import http.client
import json
import re
import threading
import time

import pytest

from host.cli import main
from host.cli.places import DASHBOARD, SUMMARY
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


def press_kill(port, token):
    """As a person would; returns the state in which the page showed it."""
    if browser.missing():
        assert ask(port, "POST", "/kill", token)[0] == 200
    else:
        with browser.Browser() as page:
            page.open(f"http://127.0.0.1:{port}/#token={token}")
            page.until("return document.querySelectorAll('#blotter tbody tr').length")
            page.run("document.getElementById('kill').click(); document.getElementById('ask-do').click()")
            page.until("return !document.getElementById('alarm').hidden")
            assert page.complaints() == []
    return until(lambda: (state := ask(port)[1])["killed"] and state)


def test_the_page_of_a_session_stops_its_orders(tmp_path, capfd):
    run, outcome = tmp_path / "run", []
    arguments = ["run", "--seed", "3", "--seconds", "0.02", "--out", str(run), "--state", str(tmp_path / "state"),
                 "--dashboard", "127.0.0.1:0"]
    session = threading.Thread(target=lambda: outcome.append(main.call(arguments)))
    session.start()
    until(lambda: (run / DASHBOARD).exists() or not session.is_alive())
    address = json.loads((run / DASHBOARD).read_text())["address"]
    port = int(address.rstrip("/").rpartition(":")[2])
    said = until(lambda: capfd.readouterr().err)
    token = re.search(rf"{re.escape(address)}#token=(\S+)", said)[1]
    until(lambda: sent(ask(port)[1]) > 3)
    state = press_kill(port, token)
    session.join(_PATIENCE_S)
    assert outcome == [0]
    summary = json.loads((run / SUMMARY).read_text())
    assert summary["killed"] == "everything"
    assert summary["interventions"][0]["command"] == "kill"
    assert sum(one["sent"] for one in summary["orders"].values()) <= sent(state) + 2  # under way as it was pressed
    assert summary["rejects"]["KILL"]["nic"] + summary["rejects"]["KILL"]["host"] > 0
    assert not (run / DASHBOARD).exists()
    rest = capfd.readouterr()
    assert said.count(token) == 1
    assert token not in rest.out + rest.err
    assert all(token not in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())

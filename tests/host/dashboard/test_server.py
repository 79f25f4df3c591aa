"""Who may read, who may act, and that no browser can hold up the session."""

import json
import re
import socket
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from host.dashboard import server as server_module
from host.dashboard.guard import Token
from host.dashboard.metrics import exposition
from host.dashboard.service import Dashboard
from host.risk.utilisation import STEPS, Level

STATIC = Path(server_module.__file__).with_name("static")


def events(served, count, timeout=10.0):
    """The first events of a stream: (name, data)."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=timeout) as connection:
        connection.sendall(f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
        data, found = b"", []
        while len(found) < count:
            served.page.poll({}, force=True)
            data += connection.recv(1 << 16)
            found = re.findall(rb"event: (\w+)\ndata: (.*)\n\n", data)
    return [(name.decode(), json.loads(body)) for name, body in found[:count]]


# ---- reading

@pytest.mark.parametrize("path", ["/", "/app.js", "/charts.js", "/panels.js", "/format.js", "/style.css", "/uplot.js",
                                  "/uplot.css", "/state", "/metrics", "/healthz"])
def test_what_is_served_and_how(shared, path):
    answer = shared.ask(path=path)
    assert answer.status == 200
    assert answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/nothing", "/../guard.py", "/static/index.html", "/%2e%2e/guard.py"])
def test_nothing_else_is_served(shared, path):
    assert shared.ask(path=path).status == 404


def test_every_file_is_ours_or_from_the_wheel():
    """No address of another host in what we wrote; the chart library is where pip put it, and not in the tree."""
    for path in STATIC.iterdir():
        assert not re.search(r"https?://|//[a-z]+\.[a-z]", path.read_text(encoding="utf-8")), path
    for path in server_module.charts().values():
        assert str(find_spec("uplot").submodule_search_locations[0]) in str(path)
        assert path.is_file()


def test_the_page_names_only_files_that_are_served(shared):
    page = shared.ask(path="/").body.decode()
    for name in re.findall(r'(?:href|src)="(/[^"]*)"', page):
        assert shared.ask(path=name).status == 200, name
    for script in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")):
            assert shared.ask(path=f"/{name}").status == 200, name


def test_every_element_that_a_script_wants_is_in_the_page():
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    for name in re.findall(r'(?:byId|getElementById)\("([\w-]+)"\)', scripts):
        assert f'id="{name}"' in page, name


def test_a_stream_begins_with_the_names_and_goes_on_with_states(served):
    served.bench.trade()
    served.page.poll({}, force=True)
    (first, hello), (second, state) = events(served, 2)
    assert (first, second) == ("hello", "tick")
    assert hello["names"][0] == "time"
    assert len(hello["columns"]) == len(hello["names"]) == len(state["series"])
    assert state["blotter"][0]["stock"] == "AAPL"


def test_states_come_no_more_often_than_five_times_a_second(served):
    before = served.page.hub.newest()[0]
    for _ in range(1000):
        served.page.poll({})
    assert served.page.hub.newest()[0] - before <= 1


# ---- acting

def right(served):
    return served.page.token.reveal()


@pytest.mark.parametrize("command", ["kill", "resume"])
def test_with_the_token_it_acts(served, command):
    answer = served.ask("POST", f"/{command}", {"why": "test", "venue": "XTGA", "other": "ignored"}, right(served))
    assert (answer.status, json.loads(answer.body)) == (200, {"text": "done"})
    assert served.asked == [{"command": command, "why": "test", "venue": "XTGA"}]
    assert served.bench.desk.risk.control.killed == (command == "kill")


@pytest.mark.parametrize(("headers", "status"), [
    ({}, 401), ({"token": ""}, 401), ({"token": "wrong"}, 401), ({"token": "näh"}, 401),
    ({"Authorization": "Basic {token}"}, 401), ({"Authorization": "{token}"}, 401),
    ({"token": "{token}", "Origin": "http://evil.example"}, 403), ({"token": "{token}", "Origin": "null"}, 403),
    ({"token": "{token}", "Origin": "http://127.0.0.1:1"}, 403),
    ({"token": "{token}", "Sec-Fetch-Site": "cross-site"}, 403),
    ({"token": "{token}", "Sec-Fetch-Site": "same-site"}, 403),
    ({"token": "{token}", "Host": "evil.example"}, 421), ({"token": "{token}", "Content-Type": "text/plain"}, 415)])
@pytest.mark.parametrize("path", ["/kill", "/resume", "/token"])
def test_without_the_right_it_does_not(shared, headers, status, path):
    token = right(shared)
    filled = {name: value.replace("{token}", token).encode().decode("latin-1") for name, value in headers.items()}
    assert shared.ask("POST", path, {}, **filled).status == status
    assert shared.asked == []
    assert not shared.bench.desk.risk.control.killed


def test_our_own_page_may(shared):
    origin = f"http://127.0.0.1:{shared.port}"
    assert shared.ask("POST", "/token", {}, right(shared), Origin=origin, Sec_Fetch_Site="same-origin").status == 204


@pytest.mark.parametrize(("host", "status"), [
    ("127.0.0.1:{port}", 200), ("localhost:{port}", 200), ("[::1]:{port}", 200), ("10.1.2.3:{port}", 200),
    ("127.0.0.1", 421), ("127.0.0.1:1", 421), ("evil.example:{port}", 421), ("", 421),
    ("localhost.evil.example:{port}", 421), ("localhost:{port}x", 421)])
def test_only_our_own_names_are_answered(shared, host, status):
    assert shared.ask(Host=host.replace("{port}", str(shared.port))).status == status


@pytest.mark.parametrize("body", [[], "text", {"why": 5}, {"why": {"deep": "x"}}])
def test_what_is_no_request_is_refused(shared, body):
    assert shared.ask("POST", "/kill", body, right(shared)).status == 400
    assert shared.asked == []


def test_a_long_request_is_refused_before_it_is_read(shared):
    assert shared.ask("POST", "/kill", {"why": "x" * 10_000}, right(shared)).status == 413


def test_what_the_session_refuses_is_told(served):
    served.refuse = "there is no venue 'X'"
    answer = served.ask("POST", "/kill", {}, right(served))
    assert (answer.status, json.loads(answer.body)) == (409, {"error": "there is no venue 'X'"})


@pytest.mark.parametrize("path", ["/kill", "/resume", "/token"])
def test_looking_does_not_act(shared, path):
    assert shared.ask("GET", path, token=right(shared)).status == 405


def test_the_token_shows_nowhere(served, capfd, caplog):
    served.ask("POST", "/kill", {}, right(served))
    served.ask("POST", "/kill", {}, "wrong")
    said = capfd.readouterr()
    shown = said.out + said.err + caplog.text + repr(served.page.token) + served.ask().body.decode()
    assert right(served) not in shown
    assert Token().reveal() != Token().reveal()
    assert len(right(served)) >= 43  # 256 bits


# ---- browsers that misbehave

def test_a_browser_that_does_not_read_holds_nobody_up(served, monkeypatch):
    """Ten that never read: publishing takes as long as ever, others go on, and what waits for them is bounded."""
    served.bench.trade()
    silent = []
    for _ in range(10):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", served.port))
        connection.sendall(f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
        silent.append(connection)
    end = time.monotonic() + 10
    while served.page.hub.streams < 10 and time.monotonic() < end:
        time.sleep(0.01)
    assert served.page.hub.streams == 10
    spent = time.thread_time()
    for _ in range(300):  # 3 MB for each of them, if it were kept
        served.page.poll({}, force=True)
    assert time.thread_time() - spent < 5
    assert served.ask(path="/healthz").status == 200
    assert events(served, 3)[2][0] == "tick"
    for connection in silent:
        connection.close()
    while served.page.hub.streams and time.monotonic() < end + 10:
        served.page.poll({}, force=True)
        time.sleep(0.01)
    assert served.page.hub.streams == 0


def test_a_dead_browser_is_let_go(served, monkeypatch):
    monkeypatch.setattr(server_module, "PATIENCE_S", 0.2)
    monkeypatch.setattr(server_module.Stream.__init__, "__defaults__", (0.2,))
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", served.port))
    connection.sendall(f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
    big, end = {"filling": "x" * 1_000_000}, time.monotonic() + 15
    joined = False
    while time.monotonic() < end:
        served.page.poll(big, force=True)
        joined = joined or served.page.hub.streams == 1
        if joined and not served.page.hub.streams:
            break
        time.sleep(0.02)
    assert joined
    assert served.page.hub.streams == 0
    connection.close()


def test_too_many_browsers(served, monkeypatch):
    monkeypatch.setattr(server_module, "STREAMS", 0)
    assert served.ask(path="/stream").status == 503


@pytest.mark.parametrize("junk", [
    b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /stream",
    b"POST /kill HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"])
def test_junk_does_no_harm(shared, junk):
    with socket.create_connection(("127.0.0.1", shared.port), timeout=5) as connection:
        connection.sendall(junk)
    assert shared.ask(path="/healthz").status == 200


# ---- the rest

def test_a_port_that_is_taken_gives_way(served):
    second = Dashboard(served.bench.view, lambda said: "", "127.0.0.1", served.port)
    assert second.port != served.port
    second.start()
    second.close({})
    with pytest.raises(OSError, match="assign"):
        Dashboard(served.bench.view, lambda said: "", "192.0.2.1", 0)  # not an address of this machine


def test_a_page_that_cannot_be_drawn_stops_nothing(served, monkeypatch):
    monkeypatch.setattr(served.bench.desk.risk, "utilisation", lambda: 1 // 0)
    served.page.poll({}, force=True)
    assert "ZeroDivisionError" in served.bench.view.log[-1].text


def test_close_is_prompt_with_a_browser_looking(bench):
    page = Dashboard(bench.view, lambda said: "", "127.0.0.1", 0)
    page.start()
    connection = socket.create_connection(("127.0.0.1", page.port), timeout=5)
    connection.sendall(f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n\r\n".encode())
    connection.recv(1 << 16)
    page.close({"ended": True})
    assert not page._thread.is_alive()
    connection.settimeout(5)
    rest = b""
    while part := connection.recv(1 << 16):
        rest += part
    assert b'"ended":true' in rest
    connection.close()


def test_metrics_are_well_formed_and_complete(served):
    served.bench.trade()
    served.bench.desk.risk.kill("me", "")
    served.page.poll({}, force=True)
    text = served.ask(path="/metrics").body.decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    values = {(sample.name, *sorted(sample.labels.items())): sample.value
              for family in families.values() for sample in family.samples}
    assert values[("tickgate_up",)] == 1
    assert values["tickgate_market_messages_total", ("feed", "XTGA")] == 1
    assert values["tickgate_bus_messages_total", ("topic", "market.tops")] == 2
    assert values["tickgate_rejects_total", ("by", "nic"), ("reason", "COLLAR")] == 1
    assert values["tickgate_killed", ("scope", "everything")] == 1
    median = ("origin", "trigger"), ("quantile", "0.5"), ("stage", "total")
    assert values["tickgate_stage_latency_seconds", *median] == 9e-7
    assert all(family.documentation for family in families.values())
    assert b"tickgate_up 0.0" in exposition({})


def there(served):
    """Names of what /metrics has, each with its labels."""
    labels = {}
    for family in text_string_to_metric_families(served.ask(path="/metrics").body.decode()):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def test_the_alert_rules_ask_for_metrics_that_exist(served):
    """Names and labels; each rule in the operations guide; thresholds where the desk's own levels are."""
    served.bench.trade()
    served.bench.desk.risk.kill("me", "")
    served.page.poll({}, force=True)
    labels, folder = there(served), Path(server_module.__file__).parent
    (group,) = yaml.safe_load((folder / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    guide = (folder.parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert len(group["rules"]) > 7
    for rule in group["rules"]:
        asked = re.findall(r"tickgate_\w+", rule["expr"])
        assert asked, rule
        assert set(asked) <= set(labels), rule
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels[asked[0]], rule
        assert rule["labels"]["severity"] in ("page", "warn")
        assert f"`{rule['alert']}`" in guide
    levels = {int(float(found) * 1000) for rule in group["rules"]
              for found in re.findall(r"utilisation_ratio >= ([\d.]+)", rule["expr"])}
    assert levels == {start for start, level in STEPS if level != Level.HALT}


def test_the_grafana_board_asks_for_metrics_that_exist(served):
    """Names, the labels by which it chooses, and those that it shows; and a board that Grafana can lay out."""
    served.bench.trade()
    served.bench.desk.risk.kill("me", "")
    served.page.poll({}, force=True)
    labels = there(served)
    board = json.loads(Path(server_module.__file__).with_name("grafana.json").read_text(encoding="utf-8"))
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    assert len(targets) >= len(board["panels"]) > 15
    for target in targets:
        asked = re.findall(r"(tickgate_\w+)(?:\{([^}]*)\})?", target["expr"])
        assert asked, target
        for name, chosen in asked:
            assert name in labels, target
            assert set(re.findall(r"(\w+)=~?\"", chosen)) <= labels[name], target
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels[asked[0][0]], target
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    cells = [(x, y) for place in (panel["gridPos"] for panel in board["panels"])
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(cells) == len(set(cells)), "panels lie over each other"
    assert max(x for x, _ in cells) < 24
    assert {one["name"] for one in board["templating"]["list"]} == {"source"}
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"${source}"}

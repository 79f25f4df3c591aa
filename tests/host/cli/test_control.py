"""The control socket: requests of the same user, one at a time, and nothing that stops the session."""

import socket
import stat
import threading

import pytest

from host.cli import control
from host.cli.control import ControlServer, request
from host.cli.errors import UserError
from host.cli.places import SOCKET


@pytest.fixture(params=["run", "a-very-long-name" * 8])
def served(request, tmp_path):
    """A folder with a server that a thread polls; its handler says what it was asked."""
    folder = tmp_path / request.param
    server = ControlServer(folder)
    asked, stop = [], threading.Event()

    def handle(what, who):
        asked.append((what, who))
        if what["command"] == "bad":
            raise UserError("no such thing")
        return {"text": what["command"]}

    def poll():
        while not stop.is_set():
            server.poll(handle)
            stop.wait(0.001)

    thread = threading.Thread(target=poll)
    thread.start()
    yield folder, asked
    stop.set()
    thread.join()
    server.close()
    assert not (folder / SOCKET).exists()


def test_request_and_answer(served):
    folder, asked = served
    assert request(folder, {"command": "status"}) == {"text": "status"}
    assert asked[0][0] == {"command": "status"}
    assert asked[0][1]


def test_only_the_user_may_connect(served):
    folder, _ = served
    assert stat.S_IMODE((folder / SOCKET).stat().st_mode) == 0o600


def test_what_the_session_refuses_is_told(served):
    folder, _ = served
    with pytest.raises(UserError, match="no such thing"):
        request(folder, {"command": "bad"})


def test_a_second_session_in_the_same_folder_is_refused(served):
    folder, _ = served
    with pytest.raises(UserError, match="running already"):
        ControlServer(folder)


def test_garbage_does_not_stop_the_server(served):
    folder, _ = served
    if len(str(folder)) > 90:
        pytest.skip("a plain connect cannot name so long a path")
    for data in (b"", b"junk\n", b"\xff\xfe\n", b"[1]\n", b'{"command": 5}\n'):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(folder / SOCKET))
            connection.sendall(data)
    assert request(folder, {"command": "status"}) == {"text": "status"}


def test_no_session(tmp_path):
    assert request(tmp_path, {"command": "status"}) is None


def test_a_session_that_is_busy_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(control, "_TIMEOUT_S", 0.01)
    server = ControlServer(tmp_path)
    for _ in range(20):  # more than it can hold
        with pytest.raises(control.NoAnswer, match="does not answer"):
            request(tmp_path, {"command": "status"})
    server.close()


def test_a_socket_left_behind_is_taken_over(tmp_path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET))
    left.close()
    assert request(tmp_path, {"command": "status"}) is None
    ControlServer(tmp_path).close()

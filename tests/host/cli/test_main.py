"""The command line: what a user may type wrong gets one clear line and code 2, never a traceback."""

import re
import subprocess
import sys

import pytest

from host.cli import main, places


def call(capsys, *arguments):
    code = main.call([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    return code, captured.out, captured.err


@pytest.fixture
def dirs(tmp_path):
    return ["--state", tmp_path / "state", "--run-dir", tmp_path / "run"]


def test_help_is_light():
    """No numpy, no Amaranth, no compiler behind `--help`."""
    code = ("import sys; from host.cli import main; main.call(['--help']); "
            "sys.exit(bool({'numpy', 'amaranth', 'numba', 'pydantic'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("command", ["run", "replay", "limits", "limits set", "keys", "keys new", "kill",
                                     "resume", "status", "latency",
                                     "bench", "formal", "bitstream build", "docs"])
def test_every_command_explains_itself(capsys, command):
    code, out, _ = call(capsys, *command.split(), "--help")
    assert code == 0
    assert "Usage" in out


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["run", "--sed", "1"], ["run", "--seed", "x"], ["run", "--seconds", "0"], ["run", "--seconds", "abc"],
    ["run", "--seconds", "1e-10"], ["run", "--seconds", "1e9"], ["replay"], ["limits", "frobnicate"],
    ["latency", "--origin", "moon"], ["docs", "--variant", "none"]])
def test_wrong_arguments_are_code_2(capsys, tmp_path, arguments):
    code, _, err = call(capsys, *arguments)
    assert code == main.BAD_INPUT
    assert err


def test_our_own_errors_are_one_line_and_kept(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "CRASH", tmp_path / "crash.txt")

    def broken(*arguments, **more):
        raise RuntimeError("wires crossed")

    monkeypatch.setattr(main, "app", broken)
    code, _, err = call(capsys, "status")
    assert code == main.OUR_FAULT
    assert err.count("\n") == 1
    assert "wires crossed" in err
    assert "Traceback" in (tmp_path / "crash.txt").read_text()


def test_without_a_session(capsys, dirs):
    code, _, err = call(capsys, "status", *dirs[2:])
    assert (code, "none has run" in err) == (main.BAD_INPUT, True)
    code, _, err = call(capsys, "latency", *dirs[2:])
    assert (code, "tickgate run" in err) == (main.BAD_INPUT, True)


def test_a_broken_limits_file_is_named_with_every_error(capsys, dirs, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "limits.toml").write_text("[firm]\nloss_usd = -5\n")
    code, _, err = call(capsys, "limits", "show", *dirs)
    assert code == main.BAD_INPUT
    assert re.search(r"limits\.toml: \d+ problems", err)
    assert "firm.rate.burst: Field required" in err


def test_a_summary_that_is_none(capsys, dirs, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "summary.json").write_text('{"orders": 3}')
    code, _, err = call(capsys, "status", *dirs[2:])
    assert code == main.BAD_INPUT
    assert "not a summary" in err
    (tmp_path / "run" / "trails.jsonl").write_text('{"origin": "host"}\n')
    code, _, err = call(capsys, "latency", *dirs[2:])
    assert code == main.BAD_INPUT
    assert "line 1" in err


def test_a_reader_that_leaves_is_no_error():
    """`tickgate ... | true`: nothing is said of a pipe that nobody reads."""
    code = "import sys; from host.cli import main; sys.argv[1:] = ['risk', 'checks']; sys.stdin.read(); main.main()"
    running = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    running.stdout.close()
    running.stdin.close()
    said = running.stderr.read()
    running.stderr.close()
    assert said == b""
    assert running.wait() in (0, 1)  # 1 is what Click makes of it

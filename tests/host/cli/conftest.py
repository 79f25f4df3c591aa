"""Commands as a user gives them."""

import pytest

from host.cli import main


@pytest.fixture
def dirs(tmp_path):
    """Options for folders of this test's own."""
    return ["--state", tmp_path / "state", "--run-dir", tmp_path / "run"]


@pytest.fixture
def tickgate(capsys, tmp_path):
    """Gives a command line in a state folder of its own; returns code, output and errors. No traceback, ever."""
    def call(*arguments, run_dir=True):
        given = [str(argument) for argument in arguments] + ["--state", str(tmp_path / "state")]
        code = main.call(given + (["--run-dir", str(tmp_path / "run")] if run_dir else []))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        return code, captured.out, captured.err
    return call


@pytest.fixture
def people(tickgate):
    """anna and bob, both of role risk, with keys."""
    for name in ("anna", "bob"):
        code, _, err = tickgate("keys", "new", name, "--role", "risk", "--no-passphrase", *(
            ["--as", "anna"] if name == "bob" else []), run_dir=False)
        assert code == 0, err
    return "anna", "bob"

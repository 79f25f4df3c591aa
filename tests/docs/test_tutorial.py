"""The tutorial, followed step by step in a copy of the project.

TICKGATE_TUTORIAL=full takes the steps too that compile the NIC and run the gate's tests: some ten minutes.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from host.reference.steps import Follower, StepError, steps
from sim.paths import BUILD, ROOT

FULL = os.environ.get("TICKGATE_TUTORIAL") == "full"
DOCS = ROOT / "docs"
PAGES = ("tutorial.md", "tutorial-strategy.md", "tutorial-check.md")
_PARTS = ("bitstreams", "docs", "fixparse", "hdl", "host", "sim", "tests", "pyproject.toml", "README.md")
_PROGRAM = """#!{python}
import sys
sys.path[:0] = [{root!r}, {packages!r}]
from host.cli.main import main
main()
"""


class Project:
    """A copy of the project, and an environment in which `tickgate` is that of the copy."""

    def __init__(self, folder):
        self.root, self.packages, programs = folder / "tickgate", folder / "packages", folder / "bin"
        self.root.mkdir()
        for name in _PARTS:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.root / name, **({"ignore": shutil.ignore_patterns("__pycache__")}
                                                   if copy is shutil.copytree else {}))
        (self.root / "build").mkdir()
        (BUILD / "nic").mkdir(parents=True, exist_ok=True)
        (self.root / "build" / "nic").symlink_to(BUILD / "nic")  # what is compiled is compiled
        programs.mkdir()
        tickgate = programs / "tickgate"
        tickgate.write_text(_PROGRAM.format(python=sys.executable, root=str(self.root), packages=str(self.packages)))
        tickgate.chmod(0o755)
        path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("PYTEST_", "TICKGATE_")) and name not in ("PYTHONPATH", "NO_COLOR")}
        self.environment = kept | {"PATH": path, "HOME": str(folder), "COLUMNS": "200", "PIP_NO_INDEX": "1",
                                   "PIP_TARGET": str(self.packages), "PYTHONDONTWRITEBYTECODE": "1"}

    def follow(self, page, slow=FULL):
        return Follower(self.root, self.environment, slow=slow).follow((DOCS / page).read_text(encoding="utf-8"))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.mark.slow
def test_every_step_does_what_it_says(project):
    """Page after page, as a reader would; the second has a test of its own, unless all is taken."""
    for page in PAGES if FULL else PAGES[::2]:
        count = len(list(steps((DOCS / page).read_text(encoding="utf-8"))))
        taken = project.follow(page)
        assert taken == count if FULL else 0 < taken < count, page


@pytest.mark.slow
def test_the_strategy_trades(project):
    """Its page with the steps that need the NIC, which is as the suite has compiled it."""
    page = PAGES[1]
    assert project.follow(page, slow=True) == len(list(steps((DOCS / page).read_text(encoding="utf-8"))))


# ---- the steps themselves

@pytest.fixture
def follower(tmp_path):
    return Follower(tmp_path, os.environ, slow=False, timeout_s=20)


def block(language, text, title=""):
    return f"Words.\n\n```{language}" + (f' title="{title}"' if title else "") + f"\n{text}\n```\n"


def test_files_are_written_and_changed(follower):
    page = block("python", "one\nthree", "a/b.py") + block("python", "two", "a/b.py, below one")
    page += block("python", "four", "a/b.py, at the end") + block("sh", "cat a/b.py") + block("text", "one\nt...\nfour")
    assert follower.follow(page) == 5
    assert (follower.folder / "a" / "b.py").read_text() == "one\ntwo\nthree\nfour\n"


def test_what_is_for_the_reader_or_slow_is_left_out(follower):
    page = block("console", "exit 1") + block("sh", "exit 1", "two minutes") + block("text", "nothing")
    assert follower.follow(page) == 0


@pytest.mark.parametrize(("page", "problem"), [
    (block("sh", "echo word; false; true"), "line 3: exit code 1"), (block("sh", "sleep 600"), "not done in"),
    (block("sh", "echo one") + block("text", "two"), "line 8: 'two' is not in"),
    (block("sh", "echo one; echo two") + block("text", "two\none"), "'one' is not in"),
    (block("python", "a\na", "f") + block("python", "b", "f, below a"), "2 lines of f have 'a'"),
    (block("python", "a", "f") + block("python", "b", "f, below z"), "0 lines of f have 'z'"),
    (block("python", "pass"), "names no file")])
def test_a_step_that_does_not_do_what_it_says_fails(follower, page, problem):
    follower.timeout_s = 2
    with pytest.raises(StepError, match=problem):
        follower.follow(page)

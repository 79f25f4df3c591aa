"""What the pages name is there: every command with its options, every alarm in its words, every cause."""

import re
import shlex

import pytest
import typer

from hdl.layouts import FeedCause, Inexact
from hdl.registers import GATE
from host.cli.main import app
from sim.paths import ROOT

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for folder in ("host", "hdl")
                    for path in sorted((ROOT / folder).rglob("*.py")))


def commands(page):
    """Every `tickgate ...` of a page: in a line of a block, and between backticks."""
    blocks = re.findall(r"^```(?!python)\w*[^\n]*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`(tickgate [^`]+)`", re.sub(r"\n(?=\S)", " ", page))
    for text in [*lines, *inline]:
        found = re.search(r"(?:^|\s|/)tickgate( .+)", text)
        if found and not re.match(r" *&&| *$", found[1]):
            yield found[1].strip()


def problem(text):
    """What is wrong with a command line; empty where nothing is."""
    at, words = typer.main.get_command(app), shlex.split(text.replace("[", " ").replace("]", " ").replace("\\|", " "))
    while hasattr(at, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0).rstrip(",;")
        if name not in at.commands:
            return f"no command {name}"
        at = at.commands[name]
    known = {option for one in at.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
    unknown = [word for word in words if re.match(r"--\w", word) and word.partition("=")[0].rstrip(",") not in known]
    return f"no option {unknown}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_is_there(page):
    wrong = {text: why for text in commands(page.read_text(encoding="utf-8")) if (why := problem(text))}
    assert wrong == {}


def test_commands_are_found_at_all():
    assert len(list(commands(OPERATIONS))) > 20
    assert [problem(text) for text in ("status", "limits set a=1 --as b", "nothing", "run --nothing")] == [
        "", "", "no command nothing", "no option ['--nothing']"]


def test_every_cause_has_its_line():
    rows = "\n".join(line for line in OPERATIONS.splitlines() if line.startswith("|"))
    for cause in (*FeedCause, *Inexact):
        assert f"`{cause.name}`" in rows, cause
    table = OPERATIONS.partition("### The NIC has killed")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert len(named & {bits.name for bits in GATE["cause"].bits}) > 5


def test_every_alarm_is_said_somewhere():
    table = OPERATIONS.partition("### Services and records")[2].partition("###")[0]
    alarms = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert len(alarms) > 6
    for alarm in alarms:
        for part in filter(None, (one.strip() for one in alarm.split("..."))):
            assert part in SOURCES, alarm

"""A risk officer's way through a limit, by the very commands of docs/limits.md."""

import re
from pathlib import Path

import pytest

from host.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"

pytestmark = pytest.mark.slow


def commands() -> list[list[str]]:
    block = PAGE.read_text().split("## A limit from end to end")[1].split("```")[1]
    return [[quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)][1:]
            for line in block.strip().splitlines()]


@pytest.fixture
def officer(tmp_path, capsys):
    """Runs one line of the page; `known` fills in what it names."""
    known = {}

    def run(words):
        folder = str(tmp_path / "run")
        more = {"run": ["--headless", "--out", folder], "keys new": ["--no-passphrase"],
                "limits set": ["--run-dir", folder], "limits approve": ["--run-dir", folder]}
        options = more.get(words[0], more.get(" ".join(words[:2]), []))
        code = main.call([known.get(word, word) for word in words] + options + ["--state", str(tmp_path / "state")])
        said = capsys.readouterr()
        assert code == 0, said.err
        if found := re.search(r"explain ([0-9A-F]{16})", said.out):
            known.setdefault("ORDER", found[1])
        if found := re.search(r"approve (\d+)", said.out):
            known["NUMBER"] = found[1]
        return said.out
    return run


def test_the_page_from_a_clean_folder(officer):
    said = {}
    for words in commands():
        said.setdefault(" ".join(words[:2]), []).append(officer(words))
    before, after = said["risk explain"]
    assert "NIC: rejected by QUANTITY" in before
    assert "50 shares too many; 100 shares; max_qty 50 (symbols.AAPL.max_qty, set by symbol)" in before
    assert "AAPL" in after.splitlines()[1]
    assert "NIC: passed; its frame left" in after
    assert "quantity: 100 shares; max_qty 1000" in after
    assert "nothing is in force yet" in said["limits set"][1]
    assert "proposal" in said["limits approve"][0]
    assert "because: earnings are out" in said["limits history"][0]
    assert "nothing has been changed" in said["limits verify"][0]

"""The steps of a tutorial page: what its code blocks say to write, to run, and to see.

| block | step |
|---|---|
| any language, `title="PATH"` | write this file |
| `title="PATH, below TEXT"` | insert below the only line of the file that has TEXT |
| `title="PATH, at the end"` | append |
| `sh` | run, in the folder of the project; a `title` with "minutes" marks one that is slow |
| `text` below a `sh` | lines that were printed, in this order; `...` stands for anything |
| `console` | for the reader alone |
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BELOW, _END, _SLOW = ", below ", ", at the end", "minutes"


class StepError(Exception):
    """A step does not do what the page says; says which."""


@dataclass(frozen=True)
class Step:
    """One block of a page. `line` is where it starts, for messages."""
    language: str
    title: str
    text: str
    line: int

    @property
    def runs(self) -> bool:
        return self.language == "sh"

    @property
    def slow(self) -> bool:
        return self.runs and _SLOW in self.title


def steps(page: str) -> Iterator[Step]:
    """Every block of a page that is a step."""
    for found in _BLOCK.finditer(page):
        if found[1] != "console":
            yield Step(found[1], found[2] or "", found[3], page.count("\n", 0, found.start()) + 1)


class Follower:
    """Follows a page in a folder; `said` is what its last command printed.

    Parameters
    ----------
    folder : a copy of the project.
    environment : of its commands.
    slow : whether it takes the steps that are slow, too; what is said to be seen of one left out is left out.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, slow: bool, timeout_s: float = 1800.0):
        self.folder, self.environment, self.slow, self.timeout_s = folder, environment, slow, timeout_s
        self.said: str | None = None
        self.taken = 0

    def follow(self, page: str) -> int:
        """Returns how many steps it took. Raises `StepError`."""
        self.taken = 0
        for step in steps(page):
            self._take(step)
        return self.taken

    def _take(self, step: Step) -> None:
        if step.slow and not self.slow:
            self.said = None
            return
        if step.runs:
            self._run(step)
        elif step.language == "text":
            if self.said is None:
                return
            self._look(step, self.said)
        else:
            self._write(step)
        self.taken += 1

    def _run(self, step: Step) -> None:
        try:
            done = subprocess.run(["sh", "-e", "-c", step.text], cwd=self.folder, env=dict(self.environment), text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=self.timeout_s, check=False)
        except subprocess.TimeoutExpired:
            raise StepError(f"line {step.line}: not done in {self.timeout_s} s:\n{step.text}") from None
        if done.returncode:
            raise StepError(f"line {step.line}: exit code {done.returncode}:\n{step.text}\n{done.stdout}")
        self.said = done.stdout

    def _look(self, step: Step, said: str) -> None:
        at = 0
        for line in filter(None, step.text.splitlines()):
            pattern = ".*".join(re.escape(part) for part in " ".join(line.split()).split("...")).replace(r"\ ", r"\s+")
            found = re.compile(pattern).search(said, at)
            if not found:
                raise StepError(f"line {step.line}: {line!r} is not in what was printed:\n{said}")
            at = found.end()

    def _write(self, step: Step) -> None:
        if not step.title:
            raise StepError(f"line {step.line}: a block of {step.language} that names no file")
        name, below, anchor = step.title.partition(_BELOW)
        path = self.folder / name.removesuffix(_END)
        if not below and not name.endswith(_END):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8")
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        at = [n for n, line in enumerate(lines) if anchor in line] if below else [len(lines) - 1]
        if len(at) != 1:
            raise StepError(f"line {step.line}: {len(at)} lines of {name} have {anchor!r}")
        lines.insert(at[0] + 1, step.text)
        path.write_text("".join(lines), encoding="utf-8")

"""Runs a program for so long and no longer: nothing here can hang, and nothing that it started stays behind."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

#: Seconds from asking a program to end to ending it.
_GRACE = 2


class TimeLimitError(RuntimeError):
    """A program did not end in its time and was killed, and with it all that it had started."""


def run(command: Sequence[str | Path], seconds: float, cwd: Path, env: Mapping[str, str] | None = None,
        output: IO[str] | None = None) -> int:
    """Exit code of `command`, run in `cwd`; what it says on either stream goes to the file `output`.

    `seconds` is wall-clock time. Raises `TimeLimitError` when it is over, OSError if the program cannot be started.
    """
    with subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output,
                          stderr=None if output is None else subprocess.STDOUT, start_new_session=True) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeLimitError(f"{Path(command[0]).name} had not ended after {seconds:g} s and was killed") from None
        finally:
            if process.returncode is None:  # the limit, or an interrupt
                _end(process)


def _end(process: subprocess.Popen):
    """Ends the whole group, a make and its compilers too; sby takes a terminate to end groups of its own."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


__all__ = ["TimeLimitError", "run"]

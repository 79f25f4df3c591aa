"""Verilator's own runtime, compiled once for all models: half of the time that a small one takes.

Its objects depend on Verilator and on the compiler's flags, not on the model. They are kept from the first build, and
lent to the others.
"""

import hashlib
import os
import shutil
from importlib.metadata import version
from pathlib import Path

from sim.verilog import tools

PATTERN = "verilated*.o"


def store(folder: Path, *flags: object) -> Path:
    """Where in `folder` the objects of this Verilator lie, for `flags` and those that make has from its environment."""
    environment = {**os.environ, **tools()}
    given = [environment.get(name) for name in ("VERILATOR_ROOT", "MAKEFLAGS", "CXX")]
    key = repr((version("verilator"), flags, given))
    return folder / f"runtime-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def lend(store: Path, model: Path) -> list[str]:
    """Copies what the store has into the folder of a model; returns the options by which make takes it as it is."""
    for item in model.glob(PATTERN):
        item.unlink()
    return [f"--old-file={shutil.copy2(item, model / item.name).name}" for item in sorted(store.glob(PATTERN))]


def keep(store: Path, model: Path):
    """Puts into the store what it has not got yet; builds at the same time do not disturb each other."""
    store.mkdir(exist_ok=True)
    for item in model.glob(PATTERN):
        if not (store / item.name).exists():
            partial = store / f".{item.name}.{os.getpid()}"
            shutil.copy2(item, partial)
            partial.replace(store / item.name)


__all__ = ["keep", "lend", "store"]

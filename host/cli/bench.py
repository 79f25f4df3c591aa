"""`tickgate bench`: the figures of the design, measured on this machine."""

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError
from host.cli.places import write_text

#: Modules with a function `figures() -> dict[str, float]`, in the order in which they run.
SOURCES = ("fixparse.bench", "host.bus.bench", "host.desk.bench", "host.oms.bench", "host.positions.bench",
           "host.tca.bench", "host.risk.bench", "host.risk.analytics.bench",
           "host.warehouse.bench", "sim.twin.bench", "sim.models.bench", "sim.nic.bench", "host.cli.cycles")


def bench(json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
          only: Annotated[str | None, typer.Option(help="Only names that start so, for example bus.")] = None) -> None:
    """Measure and print the figures. They are of this machine; run it with nothing else on it."""
    figures = measure(only)
    if not figures:
        raise UserError(f"no figure's name starts with {only!r}")
    width = max(map(len, figures))
    for name, value in sorted(figures.items()):
        print(f"{name:<{width}}  {value:,.3f}".rstrip("0").rstrip("."))
    if json_file:
        write_text(json_file, json.dumps(figures, indent=1, sort_keys=True) + "\n")


def measure(only: str | None = None) -> dict[str, float]:
    """Every figure there is, or those whose names start with `only`."""
    from rich.console import Console

    figures: dict[str, float] = {}
    console = Console(stderr=True)
    for source in SOURCES:
        if importlib.util.find_spec(source) is None:
            continue
        with console.status(f"measuring {source}"):
            found = importlib.import_module(source).figures()
        figures |= {name: value for name, value in found.items() if not only or name.startswith(only)}
    return figures

"""`tickgate replay`: a day of market data through the NIC, or through the golden model."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError


def replay(
        file: Annotated[Path, typer.Argument(help="NASDAQ BinaryFILE (.itch50), pcap or pcapng of MoldUDP64; also "
                                                  "gzipped.")],
        symbols: Annotated[str, typer.Option(help="Stocks, separated by commas.")],
        books: Annotated[Path, typer.Option(help="CSV file to write.")],
        depth: Annotated[int, typer.Option(min=1, help="Price levels of each side.")] = 1,
        engine: Annotated[str, typer.Option(help="nic: the compiled NIC; model: the golden model, "
                                                   "or its compiled twin for a long file.")] = "nic",
        variant: Annotated[str, typer.Option(help="gbe: 1 Gb/s, 8 bits wide; xgbe: 10 Gb/s, 64.")] = "gbe") -> None:
    """Write one row for each message that touches a named symbol, with the book after it.

    Columns: seq (counts the file's messages from 1), timestamp_ns (since midnight), symbol, exact (0 while
    the book may be wrong), then price (1e-4 USD) and quantity of each level, 0 where there is none. The NIC
    is fed as fast as its books stay exact, not at the pace of the file.
    """
    from hdl.config import VARIANTS
    from host.cli.replaying import ENGINES, locates, run
    from sim.capture import CaptureError

    names = list(dict.fromkeys(name.strip().upper() for name in symbols.split(",") if name.strip()))
    if variant not in VARIANTS:
        raise UserError(f"--variant {variant}: there is {', '.join(VARIANTS)}")
    config = VARIANTS[variant]
    problem = _problem(names, depth, engine, sorted(ENGINES), config.symbols, config.depth)
    if problem:
        raise UserError(problem)
    try:
        found = locates(file, names)
        if missing := [name for name in names if name not in found.values()]:
            raise UserError(f"{file}: no message names {', '.join(missing)}")
        with _progress() as progress:
            rows, fault = run(engine, file, found, depth, books, progress, config)
    except CaptureError as error:
        raise UserError(str(error)) from None
    print(f"{books}: {rows:,} rows")
    if fault:
        raise UserError(str(fault))


def _problem(names: list[str], depth: int, engine: str, engines: list[str], most: int, deepest: int) -> str:
    """What is wrong with the options; empty where nothing is."""
    if engine not in engines:
        return f"--engine {engine}: give {' or '.join(engines)}"
    if not names:
        return "--symbols: name at least one stock"
    if len(names) > most:
        return f"--symbols: {len(names)} stocks, the NIC has {most} books"
    if long := [name for name in names if len(name) > 8 or not name.isascii()]:
        return f"--symbols: {long[0]!r} is no stock symbol (at most 8 ASCII characters)"
    if depth > deepest:
        return f"--depth {depth}: the NIC reports {deepest} levels"
    return ""


def _progress():
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("messages"),
                    TimeElapsedColumn(), transient=True)

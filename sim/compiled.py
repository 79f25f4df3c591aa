"""Verilog to a shared library: Verilator, make and g++, with a cache.

`build_library` compiles a model and the harness that drives it. What it makes lies under a digest of
everything that went in (Verilog, harness, flags, tools), so the same design is compiled once; builders
that ask for the same library at the same time wait for one another.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

from sim import runtime
from sim.paths import ROOT
from sim.verilog import tools, verilator_root

TOP = "top"
#: FST compression without lz4 and zlib development packages; see the headers there.
FST_HEADERS = ROOT / "sim" / "fst"
VERILATE = ("--cc", "--prefix", "Vtop", "-O3", "--x-assign", "fast", "--x-initial", "fast",
            "--no-assert", "--no-timing", "--no-trace-top", "--output-split", "20000", "-Wno-fatal", "-Wno-lint",
            "-Wno-style", "--timescale", "1ns/1ps")
PUBLIC = ("--public-flat-rw",)
TRACE = ("--trace-fst", "--trace-structs")
OPTIMISE = ("-O3", "-march=native", "-fno-plt", "-fno-semantic-interposition")
CXX = ("-std=c++20", "-fPIC", "-fvisibility=hidden")

Progress = Callable[[str], None]


class BuildError(RuntimeError):
    """The model could not be compiled; the message names the step and the log."""


def build_library(verilog: str, harness: Sequence[Path], generated: Mapping[str, str], folder: Path,
                  traced: bool = False, public: bool = False, progress: Progress | None = None,
                  top: str = TOP) -> Path:
    """Compile `verilog` (module `top`) with `harness` sources into `folder`/<digest>/model.so; returns its path.

    `harness` files find each other, `generated` (name to text) and `Vtop.h` by plain #include; .cpp files
    are compiled. With `traced`, the macro VM_TRACE_FST is 1 and the model can write FST; with `public`, every
    signal can be found by name at run time, and the model is slower. Raises `BuildError`.
    """
    flags = (*VERILATE, "--top-module", top) + (TRACE if traced else ()) + (PUBLIC if public else ())
    texts = [path.read_bytes() for path in (*harness, *sorted(FST_HEADERS.iterdir()))]
    key = repr((verilog, texts, sorted(generated.items()), flags, OPTIMISE, CXX, _tool_versions()))
    target = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
    library = target / "model.so"
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(target.with_suffix(".lock")):
        if not library.exists():
            with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as work:
                _compile(Path(work), verilog, harness, generated, flags, traced, progress or _silent, target)
    return library


def _silent(_step: str):
    pass


def _compile(work: Path, verilog: str, harness: Sequence[Path], generated: Mapping[str, str], flags: Sequence[str],
             traced: bool, progress: Progress, target: Path):
    (work / f"{TOP}.v").write_text(verilog)
    for name, text in generated.items():
        (work / name).write_text(text)
    log, root, jobs = work / "build.log", verilator_root(), str(os.cpu_count() or 1)
    optimise, cxx = " ".join(OPTIMISE), " ".join((*CXX, f"-I{FST_HEADERS}"))

    progress("verilating")
    _run([str(root / "bin" / "verilator"), *flags, "--Mdir", "model", f"{TOP}.v"], work, log)
    progress("compiling the model")
    made = runtime.store(target.parent, _tool_versions(), optimise, cxx, traced)
    _run(["make", "-j", jobs, "-C", "model", "-f", "Vtop.mk", f"OPT_FAST={optimise}", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2",
          f"CXXFLAGS={cxx}", *runtime.lend(made, work / "model"), "libVtop.a", "libverilated.a"], work, log)
    runtime.keep(made, work / "model")
    progress("linking")
    include = [work, work / "model", root / "include", root / "include" / "vltstd", FST_HEADERS,
               *dict.fromkeys(path.parent for path in harness)]
    _run([compiler(), *OPTIMISE, *CXX, "-shared", *(f"-I{path}" for path in include), f"-DVM_TRACE_FST={int(traced)}",
          f"-DVM_TRACE={int(traced)}", *(str(path) for path in harness if path.suffix == ".cpp"),
          "model/libVtop.a", "model/libverilated.a", "-pthread", "-o", "model.so"], work, log)
    target.mkdir(exist_ok=True)
    for name in (f"{TOP}.v", "build.log", *generated, "model.so"):  # the library last: its presence means complete
        shutil.copy2(work / name, target / f".{name}")
        os.replace(target / f".{name}", target / name)


def member(port: str) -> str:
    """Verilator's C++ name of a port: `__` is its own, so the second of two underscores is written as a code."""
    return port.replace("__", "___05F")


def c_type(width: int) -> str:
    """Verilator's C++ type of a port of this width."""
    for limit, name in ((8, "CData"), (16, "SData"), (32, "IData"), (64, "QData")):
        if width <= limit:
            return name
    return f"VlWide<{-(-width // 32)}>"


def compiler() -> str:
    """The C++ compiler: $CXX or g++."""
    return os.environ.get("CXX", "g++")


def _run(command: Sequence[str], work: Path, log: Path):
    with log.open("a") as out:
        out.write(" ".join(command) + "\n")
        out.flush()
        try:
            done = subprocess.run(command, cwd=work, stdout=out, stderr=subprocess.STDOUT, check=False,
                                  env={**os.environ, **tools()})
        except FileNotFoundError:
            raise BuildError(f"{command[0]} is not installed (Debian, Ubuntu: apt-get install g++ make perl)") from None
    if done.returncode:
        kept = work.parent / "failed.log"
        shutil.copy(log, kept)
        tail = "\n".join(kept.read_text(errors="replace").splitlines()[-15:])
        raise BuildError(f"{Path(command[0]).name} failed:\n{tail}\nthe whole log: {kept}")


@cache
def _tool_versions() -> str:
    """Versions that change the code; `-march=native` makes it the machine's own."""
    try:
        native, cxx = (subprocess.run([compiler(), *flags], capture_output=True, check=True).stdout
                       for flags in (["-march=native", "-Q", "--help=target"], ["--version"]))
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise BuildError(f"{compiler()} does not work here (Debian, Ubuntu: apt-get install g++)") from None
    return f"verilator {version('verilator')}, {cxx!r}, {hashlib.sha256(native).hexdigest()}"


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

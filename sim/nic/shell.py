"""The Verilog that the virtual NIC compiles: a component for one clock, cheap to evaluate."""

import re

from amaranth.lib import wiring

from sim.compiled import TOP
from sim.verilog import Port, ports_of, verilog_of

_CORE = "core"
_EDGES = "posedge clk, negedge clk"


def shell(component: wiring.Component) -> str:
    """Verilog of `component` inside a module `top` with the same ports, but for `rst`.

    Three things make a cycle one evaluation, and that a short one; what the ports show is the same, cycle by cycle:

    - flip-flops act on either edge of the one clock;
    - `rst` is never high, so that no register has a reset to compute: every one starts with its `init` anyway;
    - inputs are registers of the model's own. Nothing then depends on an input within an evaluation, and what
      follows from the inputs is computed once, in the order in which everything else is.
    """
    core = verilog_of(component, _CORE)
    extra = [name for name in ("clk", "rst") if re.search(rf"^  input {name};$", core, re.MULTILINE)]
    return _wrapper(ports_of(component), extra) + core.replace("@(posedge clk)", f"@({_EDGES})")


def _wrapper(ports: list[Port], extra: list[str]) -> str:
    inputs = [port for port in ports if port.input]
    own = {"clk": "clk", "rst": "1'b0"}
    joined = [(name, own[name]) for name in extra]
    joined += [(port.name, f"{port.name}_now" if port.input else port.name) for port in ports]
    lines = [f"module {TOP}({', '.join(['clk', *(port.name for port in ports)])});", "  input clk;"]
    lines += [f"  {'input' if port.input else 'output'} {_range(port)}{port.name};" for port in ports]
    lines += [f"  reg {_range(port)}{port.name}_now = {port.name};" for port in inputs]
    lines += [f"  always @({_EDGES}) {port.name}_now <= {port.name};" for port in inputs]
    lines.append(f"  {_CORE} {_CORE}({', '.join(f'.{name}({value})' for name, value in joined)});")
    return "\n".join([*lines, "endmodule", "", ""])


def _range(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""

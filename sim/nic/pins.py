"""The C++ view of a component's ports: generated, so that the harness names ports and knows no layout."""

from amaranth.lib import wiring

from hdl.config import NicConfig
from hdl.layouts import RECORD_BITS
from hdl.streams import beat
from sim.compiled import c_type, member
from sim.verilog import Port, ports_of

#: Ports that a receive-only or constant-ready component may lack, and what they then are.
OPTIONAL = {"host_i__ready": 1}


def ports_header(component: wiring.Component, config: NicConfig) -> str:
    """Text of `ports.hpp`; a component without the ports of a NIC is a TypeError that names them."""
    ports = {port.name: port for port in ports_of(component)}
    rx = [f"rx__{n}" for n in range(config.ports)]
    beat_bits = beat(config.data_width).size
    needed = {"tx__payload": beat_bits, "tx__valid": 1, "tx__ready": 1, "host_i__payload": RECORD_BITS,
              "host_i__valid": 1, "host_o__payload": RECORD_BITS, "host_o__valid": 1, "host_o__ready": 1}
    for name in rx:
        needed |= {f"{name}__payload": beat_bits, f"{name}__valid": 1}
    wrong = [name for name, width in needed.items() if name not in ports or ports[name].width != width]
    if wrong:
        raise TypeError(f"{type(component).__name__} is not a NIC of variant {config.name}: "
                        f"{', '.join(wrong)} missing or of another width")
    return "\n".join([
        "// Generated from the component's ports.", "#pragma once", "#include <cstdint>", '#include "Vtop.h"',
        "namespace ports {", f"constexpr int kRx = {config.ports}, kLanes = {config.lanes};",
        "class Pins {", "  public:", "    explicit Pins(Vtop& model) : m_{model} {}",
        *(_accessor(name, ports.get(name)) for name in ("clk", *needed, *OPTIONAL) if not name.startswith("rx__")),
        _indexed("rx_payload", f"{c_type(beat_bits)}", [f"{name}__payload" for name in rx]),
        _indexed("rx_valid", "CData", [f"{name}__valid" for name in rx]),
        "  private:", "    Vtop& m_;", *(f"    CData {name}_{{{value}}};" for name, value in OPTIONAL.items()),
        "};", "}  // namespace ports", ""])


def _accessor(name: str, port: Port | None) -> str:
    there = port is not None or name == "clk"
    kind = c_type(port.width) if port is not None else "CData"
    return f"    {kind}& {name.replace('__', '_')}() {{ return {f'm_.{member(name)}' if there else f'{name}_'}; }}"


def _indexed(name: str, kind: str, names: list[str]) -> str:
    cases = " ".join(f"case {n}: return m_.{member(name)};" for n, name in enumerate(names[1:], 1))
    return f"    {kind}& {name}(int n) {{ switch (n) {{ {cases} default: return m_.{member(names[0])}; }} }}"

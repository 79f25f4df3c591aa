"""Place and route one component alone: how fast is it, and how large?

    python -m bitstreams.block hdl.risk.gate:Gate
    python -m bitstreams.block hdl.net.receiver:Receiver 0 --config gbe --seed 2
    python -m bitstreams.block hdl.nic:Nic --config xgbe --device LFE5UM5G-85F-8BG554 --place-only

The target is the clock of the config.

Every input comes from a flip-flop and every output ends in one, as between blocks of the NIC; the flip-flops
form two shift registers, so that any number of ports fits on three pins. Their cells are counted apart.
"""

import argparse
import importlib
import inspect
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, Const, Elaboratable, Module, Signal, Value
from amaranth.lib.wiring import In

from bitstreams import tools
from bitstreams.errors import BitstreamError
from bitstreams.report import critical_path, utilisation
from hdl.config import GBE, VARIANTS

BUILD = Path(__file__).resolve().parent.parent / "build" / "blocks"


class Harness(Elaboratable):
    """`component` between two shift registers: `si` fills the one of its inputs, its outputs mix into that of `so`."""

    def __init__(self, component):
        self.component = component
        self.clk, self.si, self.so = Signal(), Signal(), Signal()
        values = [(member.flow == In, Value.cast(value))
                  for _, member, value in component.signature.flatten(component)]
        values = [(is_input, value) for is_input, value in values if not isinstance(value, Const) and len(value)]
        self.inputs = Cat(value for is_input, value in values if is_input)
        self.outputs = Cat(value for is_input, value in values if not is_input)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain(reset_less=True)
        m.d.comb += sync.clk.eq(self.clk)
        m.submodules.component = self.component
        feed = Signal(len(self.inputs) + 1, reset_less=True)
        mixed = Signal(len(self.outputs) + 1, reset_less=True)
        m.d.sync += [feed.eq(Cat(self.si, feed)), mixed.eq(Cat(Const(0, 1), mixed) ^ Cat(self.outputs, feed[-1]))]
        m.d.comb += [self.inputs.eq(feed), self.so.eq(mixed[-1])]
        return m


def measure(component, name: str, seed: int, mhz: float, device: tools.Device = tools.LFE5UM5G_45F_8,
            route: bool = True) -> dict:
    """nextpnr's report on `component` in its harness; everything is left in build/blocks/<name>/."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    harness = Harness(component)
    text = rtlil.convert(harness, name=name, ports=[harness.clk, harness.si, harness.so], emit_src=False)
    (folder / f"{name}.il").write_text(text)
    tools.synthesize(folder, name)
    report = tools.place_and_route(folder, name, seed, mhz, constraints=False, device=device, route=route)
    report["harness"] = {"flip-flops": len(harness.inputs) + len(harness.outputs) + 2}
    return report


def component_of(path: str, arguments: list[str], config):
    """`module:Class`, made from the config (where it takes one) and `arguments` (integers where they look so)."""
    module, _, name = path.partition(":")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BitstreamError(f"{path}: not a component ({error}); write it as package.module:Class") from None
    values = [int(argument, 0) if argument.lstrip("-").isdigit() else argument for argument in arguments]
    takes_config = next(iter(inspect.signature(cls).parameters), None) == "config"
    try:
        return cls(config, *values) if takes_config else cls(*values)
    except (TypeError, ValueError) as error:
        raise BitstreamError(f"{path}: {error}") from None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bitstreams.block", description=__doc__.split("\n")[0])
    parser.add_argument("component", help="package.module:Class")
    parser.add_argument("arguments", nargs="*", help="what its constructor takes after the config")
    parser.add_argument("--config", choices=VARIANTS, default=GBE.name)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mhz", type=float, help="target frequency, if not the clock of the config")
    parser.add_argument("--device", choices=tools.DEVICES, default=tools.LFE5UM5G_45F_8.name)
    parser.add_argument("--place-only", action="store_true", help="do not route; delays of wires are estimates")
    options = parser.parse_args()
    config = VARIANTS[options.config]
    mhz = options.mhz or config.clock_hz / 1e6
    name = "_".join([options.component.rpartition(":")[2].lower(), *options.arguments, config.name])
    try:
        component = component_of(options.component, options.arguments, config)
        report = measure(component, name, options.seed, mhz, tools.DEVICES[options.device], not options.place_only)
    except BitstreamError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    fmax = min(clock["achieved"] for clock in report["fmax"].values())
    print(utilisation(report))
    print(f"(of them {report['harness']['flip-flops']} flip-flops are the harness)\n")
    print(critical_path(report))
    print(f"\n{options.component}: Fmax {fmax:.1f} MHz, target {mhz:g} MHz, seed {options.seed}, {options.device}")
    return 0 if fmax >= mhz else 1


if __name__ == "__main__":
    sys.exit(main())

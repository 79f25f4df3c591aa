"""A design under the fingers: poke inputs, tick the clock, look at anything, record a waveform.

    from sim.interactive import Sim

    sim = Sim.build(Adder())                 # a component, a .v file, or Verilog text
    sim.io.i__payload = {"a": 2, "b": 3}     # structs by field, or any number
    sim.io.i__valid = 1
    sim.clock.tick()
    sim.io.o__payload                        # 5
    sim.fields("o__payload")                 # {"sum": 5, "zero": 0}

The surface is that of pyverilator 0.7, which no longer runs on Python 3.11 or Verilator 5:
`pyverilator.PyVerilator.build(path)` is `Sim.build(path)`; `sim.io.x` reads and, by assignment, writes a port;
`sim.internals` holds what is inside; `sim.clock.tick()`, `sim.start_vcd_trace` (here `start_trace`, FST) and
`sim.stop_vcd_trace` (`stop_trace`). For whole frames at a million cycles a second there is `sim.nic`.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from sim.compiled import TOP, Progress, build_library
from sim.paths import BUILD
from sim.structs import pack, unpack
from sim.verilog import verilog_of

HARNESS = Path(__file__).with_name("interactive.cpp")
INPUT = 1  # direction of a port
CLOCKS = ("clk", "clock", "i_clk", "clk_i")
HALF_PERIOD = 4  # ns, in waveforms


class Signal:
    """One signal of the model, in place."""

    def __init__(self, name: str, address: int, bits: int, direction: int):
        self.name, self.bits, self.direction = name, bits, direction
        size = next(size for size in (1, 2, 4, 8, 4 * -(-bits // 32)) if 8 * size >= bits)
        self._memory = (ctypes.c_uint8 * size).from_address(address)

    def get(self) -> int:
        return int.from_bytes(bytes(self._memory), "little")

    def set(self, value: int):
        value &= (1 << self.bits) - 1
        self._memory[:] = value.to_bytes(len(self._memory), "little")


class Collection:
    """Signals by attribute or by item; assignment writes an input and settles the design."""

    def __init__(self, sim: "Sim", signals: dict[str, Signal]):
        vars(self).update(_sim=sim, _signals=signals)

    def __getitem__(self, name: str) -> int:
        return self._signal(name).get()

    def __setitem__(self, name: str, value: Any):
        self._sim._write(self._signal(name), value)

    def __getattr__(self, name: str) -> int:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any):
        self[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._signals)

    def __contains__(self, name: str) -> bool:
        return name in self._signals

    def __dir__(self) -> list[str]:
        return list(self._signals)

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {signal.get():#x} ({signal.bits} bits)" for name, signal in self._signals.items())

    def _signal(self, name: str) -> Signal:
        if name not in self._signals:
            raise AttributeError(f"no signal {name}; there are {', '.join(sorted(self._signals)) or 'none'}")
        return self._signals[name]


class Clock:
    """The design's clock; low between ticks."""

    def __init__(self, sim: "Sim", signal: Signal):
        self._sim, self._signal = sim, signal
        self.cycles = 0

    def tick(self, cycles: int = 1):
        """So many rising edges. Afterwards everything shows the state after the last."""
        for _ in range(cycles):
            self._sim._edge(self._signal)
            self.cycles += 1


class Sim:
    """A compiled design.

    Members
    -------
    io : ports, but for the clock. Integers; an input takes an int, or a dict for a struct of a component.
    internals : every other signal, by its path below the top module (`sim.internals["fifo.level"]`), read only;
        memories are not included.
    clock : the port named clk or clock, or None.
    """

    def __init__(self, library: Path, component: wiring.Component | None = None):
        self._lib = _load(library)
        self._model: int | None = self._lib.sim_new()
        self._shapes = _shapes(component) if component is not None else {}
        ports, internals = self._table()
        clocks = [ports.pop(name) for name in CLOCKS if name in ports]
        self.clock = Clock(self, clocks[0]) if clocks else None
        self.io, self.internals = Collection(self, ports), Collection(self, internals)

    @classmethod
    def build(cls, design: wiring.Component | str | Path, build_dir: Path | None = None,
              progress: Progress | None = None) -> "Sim":
        """Compile `design` (top module `top` for Verilog text, the file's name for a file), or reuse what is built.

        Raises `sim.compiled.BuildError` where it does not compile, and OSError where a file cannot be read.
        """
        component, top = None, TOP
        if isinstance(design, wiring.Component):
            component, text = design, verilog_of(design)
        elif isinstance(design, Path) or "\n" not in design:
            text, top = Path(design).read_text(), Path(design).stem
        else:
            text = design
        folder = Path(build_dir) if build_dir else BUILD / "interactive"
        library = build_library(text, [HARNESS], {}, folder, traced=True, public=True, progress=progress, top=top)
        return cls(library, component)

    def fields(self, port: str) -> Any:
        """A port of a component by its shape: a dict for a struct, signed where it is signed."""
        if port not in self._shapes:
            raise KeyError(f"the shape of {port} is not known")
        return unpack(self._shapes[port], self.io[port])

    def start_trace(self, path: str | Path):
        """Record every signal from now on to an FST file."""
        Path(path).write_bytes(b"")  # a path that cannot be written is an OSError here, not silence
        self._lib.sim_trace(self._model, str(path).encode())
        self._eval()

    def stop_trace(self):
        """Finish the waveform."""
        self._lib.sim_trace_end(self._model)

    def close(self):
        """Finish the waveform and free the model; signals cannot be used afterwards."""
        if getattr(self, "_model", None):
            self._lib.sim_free(self._model)
            self._model = None

    def __enter__(self) -> "Sim":
        return self

    def __exit__(self, *_exc):
        self.close()

    def _table(self) -> tuple[dict[str, Signal], dict[str, Signal]]:
        """Ports, and what is below the top module by its path."""
        lib, model = self._lib, self._model
        ports, internals = {}, {}
        for n in range(lib.sim_count(model)):
            name = lib.sim_name(model, n).decode().replace("\\", "").replace(" ", "")  # escaped identifiers
            _top, scope, path = name.split(".", 2)
            if "$" in path:  # made by Yosys
                continue
            signal = Signal(path, lib.sim_data(model, n), lib.sim_bits(model, n), lib.sim_direction(model, n))
            (ports if scope == "TOP" else internals)[path] = signal
        return ports, {path: signal for path, signal in internals.items() if path not in ports}

    def _write(self, signal: Signal, value: Any):
        if not isinstance(value, int):
            if signal.name not in self._shapes:
                raise TypeError(f"{signal.name} takes an integer, not {value!r}")
            value = pack(self._shapes[signal.name], value)
        if signal.direction != INPUT:
            raise AttributeError(f"{signal.name} is not an input")
        signal.set(value)
        self._eval()

    def _edge(self, clock: Signal):
        for level in (1, 0):
            self._lib.sim_advance(self._model, HALF_PERIOD)
            clock.set(level)
            self._eval()

    def _eval(self):
        self._lib.sim_eval(self._model)


def _shapes(component: wiring.Component) -> dict[str, Any]:
    return {"__".join(map(str, path)): member.shape for path, member, _ in component.signature.flatten(component)}


def _load(library: Path) -> ctypes.CDLL:
    lib = ctypes.CDLL(str(library))
    model, u64, u32, text = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_char_p
    for name, result, *arguments in (
            ("new", model), ("free", None, model), ("eval", None, model), ("advance", None, model, u64),
            ("trace", None, model, text), ("trace_end", None, model), ("count", u64, model), ("name", text, model, u64),
            ("data", model, model, u64), ("bits", u32, model, u64), ("direction", u32, model, u64)):
        function = getattr(lib, f"sim_{name}")
        function.restype, function.argtypes = result, arguments
    return lib

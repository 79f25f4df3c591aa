"""How many NIC records a second the warehouse takes, all the way into whole files."""

import tempfile
import time
from pathlib import Path

import numpy as np

from hdl.layouts import BOOK_TOP, HEADER_DTYPE, MARKET_EVENT, RECORD_BYTES
from host.warehouse.writer import Warehouse
from sim.paths import BUILD

#: Records of one look at the NIC's ring, and how many looks.
_BATCH, _BATCHES = 1 << 16, 64


def batch(rng: np.random.Generator, start_ns: int, count: int = _BATCH) -> np.ndarray:
    """Market events, each followed by the top of book it caused: what the NIC sends when all it has is a busy feed."""
    raw = np.zeros((count, RECORD_BYTES), np.uint8)
    header = raw.view(HEADER_DTYPE).reshape(-1)
    header["kind"][0::2], header["kind"][1::2] = MARKET_EVENT.kind, BOOK_TOP.kind
    header["symbol"] = np.repeat(rng.integers(0, 16, count // 2), 2)
    header["serial"] = np.arange(count)
    header["time"] = start_ns + np.repeat(np.cumsum(rng.integers(168, 400, count // 2)), 2)
    events = raw[0::2].view(MARKET_EVENT.dtype).reshape(-1)
    events["type"] = rng.choice(np.frombuffer(b"AADDEUXFCP", np.uint8), len(events))
    events["side"], events["feed"] = rng.integers(0, 2, (2, len(events)))
    events["price"] = 1_850_000 + 100 * rng.integers(-50, 50, len(events))
    events["qty"] = 100 * rng.integers(1, 10, len(events))
    events["seq"], events["ref"] = np.arange(len(events)), rng.integers(0, 1 << 40, len(events))
    tops = raw[1::2].view(BOOK_TOP.dtype).reshape(-1)
    tops["bid_price"] = events["price"] - 100
    tops["ask_price"] = events["price"] + 100
    tops["bid_qty"], tops["ask_qty"] = 100 * rng.integers(1, 50, (2, len(tops)))
    tops["seq"] = events["seq"]
    return raw


def records_per_second(folder: Path, batches: int = _BATCHES) -> float:
    """From the first record handed over to the last file whole; where the writer is behind, this waits for it."""
    rng = np.random.default_rng(1)
    ready = [batch(rng, 1_767_623_400 * 10**9 + n * _BATCH * 150) for n in range(8)]
    warehouse = Warehouse(folder)
    start = time.perf_counter_ns()
    for n in range(batches):
        while warehouse.backlog > 32 << 20:
            time.sleep(0.001)
        warehouse.records(ready[n % len(ready)])
    warehouse.close()
    elapsed = time.perf_counter_ns() - start
    if warehouse.written != batches * _BATCH or warehouse.lost:
        raise RuntimeError(f"the warehouse has {warehouse.written:,} of {batches * _BATCH:,} records")
    return warehouse.written * 1e9 / elapsed


def figures() -> dict[str, float]:
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        return {"warehouse.ingest_records_per_second": round(records_per_second(Path(folder)))}

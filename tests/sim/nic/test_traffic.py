"""The busy traffic is what it says: full wires, and orders that pass, leave and are reported."""

from collections import Counter

import numpy as np

from hdl.config import GBE
from hdl.layouts import ARM, DECISION, EXECUTION, INTENT
from sim.nic import VirtualNic
from sim.nic.traffic import ORDERS, TURN_CYCLES, WIRE_GAP_BYTES, Busy

TURNS = 4


def test_same_seed_same_traffic():
    one, two, other = (list(Busy(GBE, seed).turns(TURNS)) for seed in (1, 1, 2))
    for left, right in zip(one, two, strict=True):
        assert (left.records == right.records).all()
        assert left.frames == right.frames
    assert [turn.frames for turn in one] != [turn.frames for turn in other]


def test_both_ports_are_full():
    for turn in Busy(GBE).turns(TURNS):
        for frames in turn.frames:
            sizes = [len(frame) + WIRE_GAP_BYTES for frame in frames]
            assert TURN_CYCLES <= sum(sizes) < TURN_CYCLES + max(sizes)
            assert max(map(len, frames)) <= 1_518


def test_orders_of_a_turn():
    first, *later = Busy(GBE).turns(TURNS)
    assert len(first.records) == 0  # the books are empty: the gate would reject
    for turn in later:
        assert Counter(turn.records[:, 0].tolist()) == {ARM.kind: 1, INTENT.kind: ORDERS - 1}


def test_every_order_passes_and_leaves():
    passed, left, reports = Counter(), 0, 0
    with VirtualNic(GBE) as nic:
        traffic = Busy(GBE)
        nic.post(traffic.setup())
        nic.run_while_busy()
        for turn in traffic.turns(TURNS):
            nic.post(turn.records)
            for port, frames in enumerate(turn.frames):
                nic.send_many(port, frames)
            nic.run(TURN_CYCLES)
            left += len(nic.frames())
            raw = nic.records().raw
            decisions = _of(raw, DECISION)
            passed.update(decisions["reasons"].tolist())
            reports += len(_of(raw, EXECUTION))
            assert nic.pending == 0
    assert passed == {0: ORDERS * (TURNS - 1)}
    assert left == ORDERS * (TURNS - 1)
    assert reports > ORDERS * (TURNS - 2) * 3 // 4  # the last ones are still on the wire


def _of(raw: np.ndarray, record) -> np.ndarray:
    return raw[raw[:, 0] == record.kind].view(record.dtype).reshape(-1)

"""The control frame on the compiled NIC: in the middle of the busiest traffic, no order leaves after it."""

import numpy as np
import pytest

from hdl.config import GBE
from hdl.layouts import RECORD_BYTES, REG_READ, REG_VALUE, REG_WRITE
from hdl.net.control import control_frame
from hdl.registers import GATE, NIC, RegisterMap
from sim.nic import VirtualNic
from sim.nic.traffic import TURN_CYCLES, Busy

KEY = 0xFEED_0123_4567_89AB
#: The first cycle after its last beat in which no order frame starts.
ACTS = 2
WHERE = RegisterMap(GBE)


def raw(record: np.ndarray) -> np.ndarray:
    return record.view(np.uint8).reshape(-1, RECORD_BYTES)


@pytest.mark.slow
def test_no_order_leaves_after_it():
    with VirtualNic(GBE) as nic:
        traffic = Busy(GBE)
        nic.post(traffic.setup())
        nic.post(raw(REG_WRITE.make(addr=WHERE.address(NIC, "control_key"), data=KEY)))
        nic.run_while_busy()
        ends, starts = [], []
        for n, turn in enumerate(traffic.turns(4)):
            nic.post(turn.records)
            nic.send_many(0, turn.frames[0])
            last, middle = turn.frames[1], len(turn.frames[1]) // 2
            extra = {1: control_frame(KEY ^ 1), 2: control_frame(KEY)}.get(n)     # the first one is not ours
            nic.send_many(1, [*last[:middle], *([extra] if extra else []), *last[middle:]])
            nic.run(TURN_CYCLES)
            played = nic.played(1).tolist()
            ends += [end for start, end in played if extra and end - start + 1 == len(extra)]
            starts += [frame.start for frame in nic.frames()]
        assert len(ends) == 2
        assert [start for start in starts if ends[0] + ACTS <= start < ends[1]], "one with another key stops nothing"
        assert not [start for start in starts if start >= ends[1] + ACTS]
        nic.records()
        for block, name in ((GATE, "kill"), (GATE, "cause"), (NIC, "control_refused")):
            nic.post(raw(REG_READ.make(addr=WHERE.address(block, name))))
        nic.run_while_busy()
        values = [int(one.view(REG_VALUE.dtype)[0]["data"]) for one in nic.records().raw if one[0] == REG_VALUE.kind]
        assert values[0] == values[2] == 1
        assert GATE["cause"].unpack(values[1])["trip"] == 1     # fills of what never left come after it

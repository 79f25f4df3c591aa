"""Speed of the virtual NIC, and of a testbench in Python that does the same cycle by cycle.

`sim.cycles_per_second`: core clock cycles simulated in a second of one core's time while the NIC is busy: both
receive ports full, orders leaving and reports coming back (`sim.nic.traffic`). Every cycle counted was evaluated.
`sim.ratio_to_cocotb`: how many times that is what a cocotb loop reaches with the same design, compiled by the same
Verilator, on the same traffic in the same run; both must send the same frames, byte for byte.
"""

import json
import statistics
import time
from pathlib import Path

from hdl.config import GBE
from hdl.nic import Nic
from sim.cosim import cosim
from sim.nic.traffic import TURN_CYCLES, Busy
from sim.nic.virtual import VirtualNic
from sim.paths import BUILD

#: Turns of which the median is taken; those before bring books up and fill the pipes.
TURNS, WARM = 11, 2
#: The cocotb loop plays the first turns of the same traffic.
LOOP_TURNS = 3
#: Enough for the NIC to take the registers of `Busy.setup`.
SETUP_CYCLES = 4_000


def figures() -> dict[str, float]:
    """`sim.cycles_per_second` and `sim.ratio_to_cocotb`. Compiles the NIC twice where no earlier run has."""
    with VirtualNic(GBE) as nic:
        rates, sent = _play(nic)
    loop = cocotb_loop()
    if loop["frames"] != sent:
        raise RuntimeError("the cocotb loop and the virtual NIC sent different frames")
    fast = statistics.median(rates[WARM:])
    return {"sim.cycles_per_second": fast, "sim.ratio_to_cocotb": fast / statistics.median(loop["rates"][WARM:])}


def _play(nic: VirtualNic) -> tuple[list[float], list[str]]:
    """Cycles a second in each turn, and the frames of the first ones in hexadecimal."""
    traffic, rates, sent = Busy(GBE), [], []
    nic.post(traffic.setup())
    nic.run(SETUP_CYCLES)
    for number, turn in enumerate(traffic.turns(WARM + TURNS)):
        nic.post(turn.records)
        for port, frames in enumerate(turn.frames):
            nic.send_many(port, frames)
        start = time.process_time()
        nic.run(TURN_CYCLES)
        rates.append(TURN_CYCLES / (time.process_time() - start))
        frames = nic.frames()
        if number < LOOP_TURNS:
            sent += [frame.data.hex() for frame in frames]
    return rates, sent


def cocotb_loop(folder: Path = BUILD / "bench") -> dict:
    """`rates` of each turn and `frames` of all, from `sim.nic.loop` under cocotb with Verilator."""
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / "cocotb_loop.json"
    result.unlink(missing_ok=True)
    cosim(Nic(GBE), "sim.nic.loop", sim="verilator", name="nic-loop", env={"TICKGATE_LOOP_RESULT": str(result)})
    return json.loads(result.read_text())

"""`VirtualLink`: the simulated NIC behind a `Link`."""

import numpy as np

from host.link.base import Link
from sim.nic import VirtualNic

#: Simulated cycles that register reads may take, all of one call together, and the most run at once.
PATIENCE, STEP = 100_000, 4096


class VirtualLink(Link):
    """The NIC of `sim.nic`. Reading a register runs the simulation until the answer is there, and no further.

    `nic` stays the caller's: frames, waveforms and time are handled there.
    """

    def __init__(self, nic: VirtualNic):
        super().__init__(nic.config)
        self.nic = nic
        self.open()

    def _send(self, raw: np.ndarray) -> None:
        self.nic.post(raw)

    def _receive(self) -> np.ndarray:
        return self.nic.records().raw

    def _deadline(self) -> int:
        return self.nic.cycle + PATIENCE

    def _wait(self, deadline: int) -> bool:
        self.nic.run(STEP, until="record")
        return self.nic.cycle < deadline

    def close(self) -> None:
        self.nic.close()

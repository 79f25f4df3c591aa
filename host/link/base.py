"""`Link`: any NIC, as the host sees it. Records go down and come up; registers are read and written by name."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from hdl.config import NicConfig
from hdl.layouts import HEADER_DTYPE, RECORD_BYTES, REG_READ, REG_VALUE, REG_WRITE
from hdl.registers import NIC, Block, RegisterMap

#: (block, register, instance)
Place = tuple[Block, str, int]
_TAGS = 1 << 32


class LinkError(Exception):
    """The NIC does not answer, or is not the one this host was set up for."""


def no_records() -> np.ndarray:
    return np.zeros((0, RECORD_BYTES), np.uint8)


def raw_of(records: np.ndarray) -> np.ndarray:
    """Records of any kind as (n, 64) bytes; their dtype must have kept the padding, which `np.concatenate` drops."""
    size = records.shape[-1] if records.dtype == np.uint8 else records.dtype.itemsize
    if size != RECORD_BYTES:
        raise ValueError(f"records of {size} bytes, not {RECORD_BYTES}: join them as bytes")
    return np.ascontiguousarray(records).view(np.uint8).reshape(-1, RECORD_BYTES)


class Link(ABC):
    """A connection to one NIC. Implementations move records; everything else is here.

    An implementation calls `open` when its transport is up. Registers are reached by REG_READ and REG_WRITE
    records, which take effect in the order in which records are posted (waiting orders aside). One thread.

    Members
    -------
    config, registers : the NIC's sizes and register map.
    lost : records that the NIC numbered and that never came: the host was too slow.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        self.registers = RegisterMap(config)
        self.lost = 0
        self._serial: int | None = None
        self._tag = 0
        self._queued: list[np.ndarray] = []

    # ---- for implementations

    @abstractmethod
    def _send(self, raw: np.ndarray) -> None:
        """Hand (n, 64) bytes to the NIC, in order."""

    @abstractmethod
    def _receive(self) -> np.ndarray:
        """What has come up since last asked, (n, 64) bytes; at once."""

    @abstractmethod
    def _deadline(self) -> int:
        """When an answer asked for now is overdue, in a unit of the implementation's own."""

    @abstractmethod
    def _wait(self, deadline: int) -> bool:
        """Let the NIC work until something may have come up; False once the deadline has passed."""

    @abstractmethod
    def close(self) -> None:
        """End the connection. Safe to call twice."""

    def open(self) -> None:
        """Refuse a NIC that is not a Tickgate, or of other sizes. Raises `LinkError`."""
        ident, digest = self.read_many([(NIC, "ident", 0), (NIC, "config", 0)])
        if ident != NIC["ident"].init:  # where it stands depends on the sizes
            raise LinkError(f"what answers is no Tickgate NIC of variant {self.config.name}: nic.ident reads "
                            f"{ident:#x}, not {NIC['ident'].init:#x}. Name the variant that the NIC was built from")
        if digest != self.config.digest:
            raise LinkError(f"the NIC was built with other sizes than this host's variant {self.config.name}: its "
                            f"digest is {digest:#018x}, here it is {self.config.digest:#018x}. Rebuild one of them")

    # ---- for everyone

    def post(self, records: np.ndarray) -> None:
        """Send records down, in order: an array of any record dtype, or (n, 64) bytes."""
        self._send(raw_of(records))

    def poll(self) -> np.ndarray:
        """Every record that came up since last asked, in order, as (n, 64) bytes; at once.

        Answers to register reads are among them, so that `serial` counts without holes unless records were lost.
        """
        self._take()
        raw = np.concatenate(self._queued) if self._queued else no_records()
        self._queued.clear()
        return raw

    def write(self, block: Block, name: str, value: int, index: int = 0) -> None:
        """Write a register. Raises ValueError where the value is no 64-bit word, or the register is read-only."""
        self.write_many([(block, name, index, value)])

    def write_many(self, writes: Iterable[tuple[Block, str, int, int]]) -> None:
        """Write (block, register, instance, value) in order, posted as one batch."""
        records = []
        for block, name, index, value in writes:
            if block[name].access == "ro":
                raise ValueError(f"{block.name}.{name} is read-only")
            if not 0 <= value < 1 << 64:
                raise ValueError(f"{block.name}.{name} = {value} does not fit 64 bits")
            records.append(raw_of(REG_WRITE.make(addr=self.registers.address(block, name, index), data=value)))
        if records:
            self._send(np.concatenate(records))

    def read(self, block: Block, name: str, index: int = 0) -> int:
        """Read a register. Raises `LinkError` if no answer comes."""
        return self.read_many([(block, name, index)])[0]

    def read_many(self, places: Sequence[Place]) -> list[int]:
        """Read registers, asked for as one batch; in order."""
        wanted: dict[int, int] = {}
        records = []
        for n, (block, name, index) in enumerate(places):
            self._tag = (self._tag + 1) % _TAGS
            wanted[self._tag] = n
            records.append(raw_of(REG_READ.make(addr=self.registers.address(block, name, index), tag=self._tag)))
        values, deadline = [0] * len(places), self._deadline()
        if records:
            self._send(np.concatenate(records))
        while wanted:
            answers = self._take()
            for answer in answers:
                if (n := wanted.pop(int(answer["tag"]), -1)) >= 0:
                    values[n] = int(answer["data"])
            if wanted and not len(answers) and not self._wait(deadline):
                block, name, index = places[min(wanted.values())]
                raise LinkError(f"the NIC does not answer: no value of {block.name}[{index}].{name}")
        return values

    def read_block(self, block: Block, index: int = 0) -> dict[str, int]:
        """Every readable register of one instance, by name."""
        names = [reg.name for reg in block.regs if reg.access != "wo"]
        return dict(zip(names, self.read_many([(block, name, index) for name in names]), strict=True))

    @property
    def time_ns(self) -> int:
        """The NIC's clock."""
        return self.read(NIC, "time")

    def _take(self) -> np.ndarray:
        """Queues what has come; returns the REG_VALUE records among it."""
        raw = self._receive()
        if len(raw):
            self._queued.append(raw)
            self._count(raw.view(HEADER_DTYPE).reshape(-1)["serial"])
        kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        return raw[kinds == REG_VALUE.kind].view(REG_VALUE.dtype).reshape(-1)

    def _count(self, serials: np.ndarray) -> None:
        """`serial` counts modulo 2**32 from wherever this host came in."""
        first = serials[0] if self._serial is None else np.uint32(self._serial)
        ends = serials + np.uint32(1)
        self.lost += int((serials - np.concatenate([[first], ends[:-1]])).sum(dtype=np.uint64))
        self._serial = int(ends[-1])

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

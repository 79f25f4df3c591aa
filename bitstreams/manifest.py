"""`manifest.json`: what a bitstream was made from, and what became of it."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

#: A mapping that JSON can hold: clock or cell name to its figures.
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Identity:
    """What decides every bit of a bitstream. The same identity gives the same file, byte for byte."""
    board: str
    device: str
    variant: str
    seed: int
    source_digest: str
    tools: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """An identity, and its result.

    Parameters
    ----------
    identity : Identity
    clocks : for each clock `target_mhz` and `fmax_mhz`.
    slowest : for each clock the two ends of its slowest path and its length, in words.
    utilisation : for each kind of cell `used` and `available`.
    bitstream_sha256 : of the bit file; None where there is none, because a clock misses its target.
    """
    identity: Identity
    clocks: Figures
    slowest: dict[str, str]
    utilisation: Figures
    bitstream_sha256: str | None = None

    @property
    def missed(self) -> list[str]:
        """Clocks that do not reach their target, the worst first."""
        return [name for name in sorted(self.clocks, key=self.margin) if self.margin(name) < 1]

    @property
    def worst(self) -> str:
        """The clock with the least margin."""
        return min(self.clocks, key=self.margin)

    def margin(self, clock: str) -> float:
        """Reached over demanded frequency."""
        return self.clocks[clock]["fmax_mhz"] / self.clocks[clock]["target_mhz"]

    def save(self, path: Path):
        flat = dataclasses.asdict(self)
        text = json.dumps({**flat.pop("identity"), "timing_met": not self.missed, **flat}, indent=2)
        path.write_text(text + "\n")

    @classmethod
    def load(cls, path: Path) -> "Manifest | None":
        """The manifest in `path`; None where there is none that can be read."""
        try:
            flat = json.loads(path.read_text())
            identity = Identity(**{field.name: flat[field.name] for field in dataclasses.fields(Identity)})
            return cls(identity, *(flat[field.name] for field in dataclasses.fields(cls)[1:]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

"""Which limits are in force at a time: the base, and what lies over it for a while."""

import copy
from dataclasses import dataclass, field

from host.risk.direction import Change, changes
from host.risk.fields import FIRM
from host.risk.limits import Limits, check
from host.risk.older import complete
from host.risk.tree import Edit, Tree, put


@dataclass(frozen=True, slots=True)
class Override:
    """`edits` are in force from `start` to before `end`, ns since the epoch; then it expires by itself."""
    number: int
    start: int
    end: int
    edits: tuple[Edit, ...]


@dataclass
class Stack:
    """A base and its overrides.

    Parameters
    ----------
    base : tree of the file that was applied last.
    serial : version of the base before anything was applied to it.
    applied : changes of the base since then.
    overrides : in the order in which they were set, expired ones too: the later one of two on a limit is in force.
    """
    base: Tree
    serial: int = 1
    applied: int = 0
    overrides: list[Override] = field(default_factory=list)

    def copy(self) -> "Stack":
        return Stack(copy.deepcopy(self.base), self.serial, self.applied, list(self.overrides))

    def active(self, now: int) -> list[Override]:
        return [one for one in self.overrides if one.start <= now < one.end]

    def next_end(self, now: int) -> int | None:
        """When what is in force next changes by itself."""
        return min((one.end for one in self.active(now)), default=None)

    def tree(self, now: int) -> Tree:
        """The file as if what is in force had been written into it. A start and an end each make a new serial."""
        tree = copy.deepcopy(self.base)
        for one in self.active(now):
            for path, _, new in one.edits:
                if len(path) < 3 or path[0] == FIRM or path[1] in tree[path[0]]:  # its symbol may be gone
                    put(tree, path, new)
        begun = sum(one.start <= now for one in self.overrides)
        ended = sum(one.end <= now for one in self.overrides)
        tree["serial"] = self.serial + self.applied + begun + ended
        return tree

    def limits(self, now: int, source: str, strict: bool = True) -> Limits:
        """Raises `LimitsError` where what would be in force is no valid file."""
        return check(self.tree(now), source) if strict else check(complete(self.tree(now)), source)


def difference(old: Stack, new: Stack, now: int, source: str, strict: bool = True) -> list[Change]:
    """Every limit that differs, now or after any override has expired by itself; a path once for each change of it."""
    moments = {now, *(one.end for stack in (old, new) for one in stack.active(now))}
    found: dict[Change, None] = {}
    for moment in sorted(moments):
        for change in changes(old.limits(moment, source, strict), new.limits(moment, source, strict)):
            found[change] = None
    return list(found)

"""What a change of limits does: tightens, or loosens. What is not known to tighten loosens."""

import enum
from dataclasses import dataclass

from host.risk.fields import FIELDS, FIRM, STRATEGY_LEVEL, SYMBOL
from host.risk.limits import Limits, Table
from host.risk.registers import written

#: What stands in a change for a table that is not there.
NONE = "-"


class Effect(enum.Enum):
    TIGHTENS = "tightens"
    LOOSENS = "loosens"


@dataclass(frozen=True, slots=True)
class Change:
    """One limit in force that differs. `old` and `new` are as the file has them."""
    path: str
    old: str
    new: str
    effect: Effect


def changes(old: Limits, new: Limits) -> list[Change]:
    """Every limit in force that differs, in the order of the file. A strategy or symbol that is new loosens."""
    found = _table(FIRM, FIRM, old.firm, new.firm)
    for level in (STRATEGY_LEVEL, SYMBOL):
        before, after = getattr(old, level), getattr(new, level)
        for name in dict.fromkeys((*before, *after)):
            path = f"{level}.{name}"
            if name not in after:
                found.append(Change(path, "there", NONE, Effect.TIGHTENS))
            elif name not in before:
                found.append(Change(path, NONE, "there", Effect.LOOSENS))
            else:
                found += _table(level, path, before[name], after[name])
    return found


def _table(level: str, path: str, old: Table, new: Table) -> list[Change]:
    found = []
    if old.index != new.index:
        found.append(Change(f"{path}.index", str(old.index), str(new.index), Effect.LOOSENS))
    for name, one in FIELDS[level].items():
        if old[name] != new[name]:
            effect = Effect.LOOSENS if one.loosens(old[name], new[name]) else Effect.TIGHTENS
            found.append(Change(f"{path}.{name}", shown(level, name, old), shown(level, name, new), effect))
    return found


def shown(level: str, name: str, table: Table) -> str:
    """A limit in force as the file would have it."""
    one = FIELDS[level][name]
    return written(one, table[name] * one.scale if name.endswith("_us") else table[name])


def loosens(found: list[Change]) -> bool:
    return any(change.effect is Effect.LOOSENS for change in found)

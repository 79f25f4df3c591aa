"""Limits files of another version of Tickgate, for reading a history that is older than a limit of today."""

from typing import Any

from host.risk.fields import FIELDS, FIRM, STRATEGY_LEVEL, SYMBOL
from host.risk.tree import Tree, leaves, put


def complete(tree: Tree) -> Tree:
    """The file with the limits of this version: those it lacks are the tightest, those that are no more left out."""
    firm = tree.get(FIRM, {})
    made: Tree = {"serial": tree.get("serial", 1), FIRM: _known(FIRM, firm, {})}
    for level in (STRATEGY_LEVEL, SYMBOL):
        bound = firm.get(level, {})
        if bound:
            made[FIRM][level] = _known(level, bound, None)
        made[level] = {name: _known(level, table, bound) for name, table in tree.get(level, {}).items()}
    return made


def _known(level: str, table: Any, bound: Tree | None) -> Tree:
    """This version's limits; what neither `table` nor `bound` gives is the tightest. No `bound`: all may be missing."""
    given, bounded = leaves(table), leaves(bound or {})
    made = {"index": table["index"]} if "index" in table else {}
    for one in FIELDS[level].values():
        path = tuple(one.name.split("."))
        if path in given:
            put(made, path, given[path])
        elif bound is not None and one.limit.default is None and path not in bounded:
            put(made, path, "false" if one.is_switch else str(one.limit.least))
    return made

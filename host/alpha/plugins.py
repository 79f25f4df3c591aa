"""Strategies of others, by name: from installed packages, and from the environment.

A package offers one as an entry point of group `tickgate.strategies` (`name = module:Class`); without packaging,
`TICKGATE_STRATEGIES="name=module:Class,other=module:Class"` names them, modules as Python finds them. Each runs if
the limits file has a table `[strategies.NAME]`: no strategy trades without limits.
"""

import importlib
import os
from collections.abc import Callable
from importlib.metadata import entry_points

from host.alpha.strategy import Context, Strategy

GROUP, VARIABLE = "tickgate.strategies", "TICKGATE_STRATEGIES"

Make = Callable[[Context], Strategy]


def found() -> dict[str, Make]:
    """By name; the environment's replace those of packages. Raises `ValueError` with what cannot be loaded."""
    named = {point.name: point.value for point in entry_points(group=GROUP)}
    for part in filter(None, os.environ.get(VARIABLE, "").split(",")):
        name, equals, where = part.partition("=")
        if not equals:
            raise ValueError(f"{VARIABLE}: {part!r} is not name=module:Class")
        named[name.strip()] = where.strip()
    return {name: _load(name, where) for name, where in named.items()}


def _load(name: str, where: str) -> Make:
    module, _, attribute = where.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        raise ValueError(f"strategy {name}: cannot load {where!r}: {error}") from None
    if not callable(make):
        raise ValueError(f"strategy {name}: {where!r} is not a class or function")
    return make

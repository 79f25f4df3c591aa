"""Changing a limits file by paths such as `symbols.AAPL.long`, and writing it back as TOML."""

import tomllib
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from host.risk.limits import LimitsError

Tree = dict[str, Any]


def assign(tree: Tree, assignments: list[str], settable: Iterable[tuple[str, ...]] = ()) -> None:
    """Apply `path=value` texts to `tree`. All errors come at once, and then nothing is changed.

    A path must name a value that the file has, or one of `settable`: a misspelt limit is never taken for a new one.
    """
    known = {".".join(path): path for path in (*settable, *leaves(tree)) if path != ("serial",)}
    found, problems = [], []
    for text in assignments:
        path, equals, written = text.partition("=")
        if not equals:
            problems.append(f"{text}: write PATH=VALUE, for example symbols.AAPL.long=500")
        elif path.strip() not in known:
            problems.append(f"{path.strip()}: there is no such limit")
        else:
            found.append((known[path.strip()], written.strip()))
    if problems:
        raise LimitsError("limits set", problems)
    for parts, written in found:
        put(tree, parts, _value(parse(written)))


def parse(text: str) -> Any:
    """A value as TOML would read it: true, false, an integer, an exact decimal, else text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return Decimal(text)
    except InvalidOperation:
        return text.strip('"')


def dump(tree: Tree, prefix: str = "") -> str:
    """The tree as TOML; `host.risk.limits.read` gives the same tree back."""
    lines = [f"{_key(name)} = {_value(value)}" for name, value in tree.items() if not isinstance(value, dict)]
    text = "\n".join(lines) + "\n" if lines else ""
    for name, value in tree.items():
        if isinstance(value, dict):
            path = f"{prefix}{_key(name)}"
            body = dump(value, f"{path}.")
            text += f"\n[{path}]\n{body}"
    return text


def flatten(tree: Tree, prefix: str = "") -> list[tuple[str, Any]]:
    """Every value with its path, in file order."""
    pairs = []
    for name, value in tree.items():
        if isinstance(value, dict):
            pairs += flatten(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, value))
    return pairs


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else f'"{name}"'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


#: One value that differs: path, old and new as TOML writes them; None where there is none.
Edit = tuple[tuple[str, ...], str | None, str | None]


def leaves(tree: Tree, prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every value as TOML writes it, by its path in parts; an empty table is `{}`."""
    found: dict[tuple[str, ...], str] = {}
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, (*prefix, name))
        else:
            found[(*prefix, name)] = "{}" if isinstance(value, dict) else _value(value)
    return found


def edits(old: Tree, new: Tree) -> list[Edit]:
    """What makes `new` of `old`, in file order; `serial` is no limit and left out."""
    before, after = leaves(old), leaves(new)
    paths = [path for path in dict.fromkeys((*before, *after)) if path != ("serial",)]
    return [(path, before.get(path), after.get(path)) for path in paths if not _same(before.get(path), after.get(path))]


def edit(tree: Tree, changes: list[Edit], source: str) -> None:
    """Make `changes` in `tree`; raises `LimitsError` where a value is no longer the old one of its change."""
    now, problems = leaves(tree), []
    for path, old, _ in changes:
        if not _same(now.get(path), old):
            problems.append(f"{'.'.join(path)}: is {now.get(path, 'not there')} by now, not {old or 'absent'}")
    if problems:
        raise LimitsError(source, problems)
    for path, _, new in changes:
        put(tree, path, new)


def put(tree: Tree, path: tuple[str, ...], value: str | None) -> None:
    """Set one value, or take it out with the tables that are then empty."""
    *tables, name = path
    trail = [tree]
    for table in tables:
        trail.append(trail[-1].setdefault(table, {}))
    if value is not None:
        trail[-1][name] = _literal(value)
        return
    trail[-1].pop(name, None)
    for outer, table in zip(reversed(trail[:-1]), reversed(tables), strict=True):
        if not outer[table]:
            del outer[table]


def _literal(text: str) -> Any:
    """A value from what TOML writes; tables are empty ones."""
    return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]


def _same(one: str | None, other: str | None) -> bool:
    """Amounts are compared as numbers: 0.10 is 0.1."""
    if one is None or other is None or one == other:
        return one == other
    first, second = _literal(one), _literal(other)
    numbers = all(isinstance(value, (int, Decimal)) and not isinstance(value, bool) for value in (first, second))
    return numbers and first == second

"""Changing a limits file by paths such as `symbols.AAPL.long`, and writing it back as TOML."""

from decimal import Decimal, InvalidOperation
from typing import Any

from host.risk.limits import LimitsError

Tree = dict[str, Any]


def assign(tree: Tree, assignments: list[str]) -> list[tuple[str, Any, Any]]:
    """Apply `path=value` texts to `tree`; returns (path, old, new) of each. All errors come at once.

    A path must name a value that the file has: a misspelt limit must never be taken for a new one.
    """
    changes, problems = [], []
    for text in assignments:
        path, equals, written = text.partition("=")
        path = path.strip()
        table, name = _find(tree, path)
        if not equals:
            problems.append(f"{text}: write PATH=VALUE, for example symbols.AAPL.long=500")
        elif table is None or isinstance(table[name], dict):
            problems.append(f"{path}: there is no such limit")
        else:
            changes.append((path, table[name], parse(written.strip())))
    if problems:
        raise LimitsError("limits set", problems)
    for path, _, value in changes:
        table, name = _find(tree, path)
        assert table is not None
        table[name] = value
    return changes


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


def _find(tree: Tree, path: str) -> tuple[Tree | None, str]:
    """The table that holds `path`, and the name in it; None where there is none. Names may hold dots."""
    for name, value in tree.items():
        if name == path:
            return tree, name
        if isinstance(value, dict) and path.startswith(name + "."):
            found = _find(value, path[len(name) + 1:])
            if found[0] is not None:
                return found
    return None, path


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

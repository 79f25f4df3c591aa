"""What each file of tests holds to what, as Markdown: from their docstrings, without running any."""

import ast
from collections.abc import Iterator
from pathlib import Path

from host.reference.markdown import cell, code, page, table

_KINDS = ("test_*.py", "bench_*.py")


def tested(tests: Path) -> str:
    """Every file of tests below a folder: what it is for, and how many tests it has."""
    parts = ["# Every test", "`test_*.py` run under pytest; `bench_*.py` are cocotb testbenches that a `test_*.py` "
             "starts in a simulator. A parametrised test counts once."]
    folders = sorted({path.parent for kind in _KINDS for path in tests.rglob(kind)})
    for folder in folders:
        rows = [_row(path) for kind in _KINDS for path in sorted(folder.glob(kind))]
        parts += [f"## {folder.relative_to(tests.parent)}", table(("file", "what it shows", "tests", "marks"), rows)]
    return page(*parts)


def _row(path: Path) -> tuple[str, str, str, str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    about = cell((ast.get_docstring(tree) or "").split("\n\n")[0]).replace("<", "&lt;")
    return code(path.name), about, str(sum(1 for one in ast.walk(tree) if _is_test(one))), ", ".join(_marks(tree))


def _is_test(node: ast.AST) -> bool:
    """A test of pytest, or one that cocotb's decorator makes."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return node.name.startswith("test_") or any("cocotb" in ast.unparse(one) for one in node.decorator_list)


def _marks(tree: ast.AST) -> Iterator[str]:
    """Names of the marks that select it: what needs data, a simulator, or time."""
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
             and isinstance(node.value, ast.Attribute) and node.value.attr == "mark"}
    return iter(sorted(found & {"data", "cosim", "icarus", "slow"}))

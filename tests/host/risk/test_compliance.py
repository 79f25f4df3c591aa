"""The page of rules names only what is there: files, checks, registers, limits."""

import re
from pathlib import Path

from hdl.layouts import Reason
from hdl.registers import BLOCKS
from hdl.risk.checks import CHECKS
from host.risk.fields import FIELDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "compliance.md").read_text()
QUOTED = re.findall(r"`([^`]+)`", PAGE)


def test_every_file_is_there():
    files = [name for name in QUOTED if re.fullmatch(r"[\w/]+\.(py|md|toml)", name) and "/" in name]
    assert len(files) > 20
    assert not [name for name in files if not (ROOT / name).exists()]


def test_every_check_is_a_reason_and_every_check_of_the_gate_is_named():
    named = {name for name in QUOTED if re.fullmatch(r"[A-Z][A-Z_]+", name)}
    assert named <= set(Reason.__members__)
    assert {check.reason.name for check in CHECKS} <= named


def test_every_register_and_limit_exists():
    registers = {f"{block.name}.{reg.name}" for block in BLOCKS for reg in block.regs}
    blocks = {block.name for block in BLOCKS if block.name in ("gate", "limits", "strategy")}
    named = {name for name in QUOTED if name.partition(".")[0] in blocks and re.fullmatch(r"\w+\.\w+", name)}
    assert len(named) > 8
    assert named <= registers
    limits = {f"{level}.{'' if level == 'firm' else '*.'}{name}" for level, fields in FIELDS.items() for name in fields}
    assert {name for name in QUOTED if re.match(r"(firm|strategies|symbols)\.", name)} <= limits

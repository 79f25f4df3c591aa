"""The register map (`hdl.registers`) and the records (`hdl.layouts`), as Markdown."""

from collections.abc import Iterable

from hdl import layouts
from hdl.config import NicConfig
from hdl.layouts import DOWN, HEADER, RECORD_BYTES, UP, Record
from hdl.registers import BLOCKS, Block, Reg, RegisterMap
from host.reference.markdown import page, table


def registers(config: NicConfig) -> str:
    """Every register: word address, access, fields."""
    map_ = RegisterMap(config)
    parts = [f"# Registers of the {config.name} NIC",
             f"A register is one 64-bit word. Addresses are word addresses; {map_.words} words are used. "
             "Instance n of a block is `stride` words after instance n-1. Access: rw; ro, the NIC's own state; "
             "wo, a command that acts when written and reads 0."]
    for block in BLOCKS:
        count = map_.count[block.name]
        parts += [f"## {block.name}", block.doc,
                  f"{count} instance{'s' * (count != 1)} from {map_.base[block.name]:#06x}, stride {block.stride}."]
        rows = [(f"{map_.address(block, reg.name):#06x}", reg.name, reg.access, reg.unit, reg.doc + _bits(reg))
                for reg in _shown(block)]
        parts.append(table(("address", "register", "access", "unit", "meaning"), rows))
        if len(rows) < len(block.regs):
            parts.append(f"... and so on to `{block.regs[-1].name}` at "
                         f"{map_.address(block, block.regs[-1].name):#06x}.")
    return page(*parts)


def records() -> str:
    """Every record: offsets, kinds, units; and the enumerations they use."""
    parts = ["# Records between NIC and host",
             f"A record is {RECORD_BYTES} bytes, little-endian: the header, its own fields, zeros. Kinds are numpy's: "
             "u unsigned, i signed, S text, with their bytes."]
    parts += ["## Header", _fields(HEADER, 0)]
    for title, group in (("NIC to host", UP), ("Host to NIC", DOWN)):
        parts.append(f"## {title}")
        for record in group:
            parts += [f"### {record.name} ({record.kind})", record.doc, _fields(record.body, _header_bytes(record))]
    parts.append("## Enumerations")
    for name in ("Side", "Origin", "Action", "Condition", "Reason", "Inexact", "FeedCause"):
        enumeration = getattr(layouts, name)
        parts += [f"### {name}", (enumeration.__doc__ or "").strip(),
                  table(("value", "name"), ((str(int(one)), one.name) for one in enumeration))]
    return page(*parts)


def _shown(block: Block) -> tuple[Reg, ...]:
    """All registers of a block; of a long run of like ones the first two."""
    return block.regs[:2] if len(block.regs) > 32 else block.regs


def _bits(reg: Reg) -> str:
    texts, at = [], 0
    for bits in reg.bits:
        where = f"{at + bits.width - 1}:{at}" if bits.width > 1 else f"{at}"
        texts.append(f"[{where}] {bits.name}" + (f": {bits.doc}" if bits.doc else ""))
        at += bits.width
    return f" ({'; '.join(texts)})" if texts else ""


def _header_bytes(record: Record) -> int:
    return sum(field.bytes for field in record.fields) - sum(field.bytes for field in record.body)


def _fields(fields: Iterable[layouts.Field], at: int) -> str:
    rows = []
    for field in fields:
        rows.append((str(at), field.name, field.kind, field.unit, field.doc))
        at += field.bytes
    return table(("byte", "field", "kind", "unit", "meaning"), rows)

"""Structs as plain Python values, by the Amaranth layout: on the Verilog side a struct is one number."""

from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data


def layout_of(shape) -> data.Layout | None:
    """The layout of a struct class or layout; None for a plain shape."""
    try:
        return data.Layout.cast(shape)
    except TypeError:
        return None


def pack(shape, value: Any) -> int:
    """`value` as the bits of `shape`: dicts and lists by field, missing fields 0; numbers in two's complement."""
    layout = layout_of(shape)
    if layout is None or isinstance(value, int):
        return int(value) & (1 << Shape.cast(shape).width) - 1
    bits = 0
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in items:
        field = layout[key]
        bits |= pack(field.shape, member) << field.offset
    return bits


def unpack(shape, bits: int) -> Any:
    """The inverse of `pack`: nested dicts (structs), lists (arrays) and integers."""
    layout = layout_of(shape)
    if layout is None:
        shape = Shape.cast(shape)
        bits &= (1 << shape.width) - 1
        return bits - (1 << shape.width) if shape.signed and bits >> shape.width - 1 else bits
    values = {key: unpack(field.shape, bits >> field.offset) for key, field in layout}
    return list(values.values()) if isinstance(layout, data.ArrayLayout) else values

"""Variants: sizes that cannot be built are refused with the field's name; the digest tells them apart."""

import dataclasses

import pytest

from hdl.config import GBE, VARIANTS


@pytest.mark.parametrize(("change", "message"), [
    ({"data_width": 32}, "data_width must be 8 or 64"),
    ({"symbols": 257}, "symbols must be 1 to 256"),
    ({"order_rows": 1000}, "order_rows must be a power of two"),
    ({"open_orders": 0}, "open_orders must be a power of two"),
    ({"levels": 5, "depth": 10}, "must be at least depth"),
])
def test_sizes_that_cannot_be_built_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(GBE, **change)


def test_every_size_changes_the_digest():
    for field in dataclasses.fields(GBE):
        if field.name in ("symbols", "strategies", "open_orders", "order_rows"):
            assert dataclasses.replace(GBE, **{field.name: 2 * getattr(GBE, field.name)}).digest != GBE.digest


def test_clock_periods_are_whole_femtoseconds():
    assert all(config.clock_fs * config.clock_hz == 10**15 for config in VARIANTS.values())

"""Records: the gateware struct and the numpy dtype are the same bytes."""

import numpy as np
import pytest
from amaranth.lib import data

from hdl.layouts import BY_KIND, DOWN, HEADER_DTYPE, RECORD_BITS, RECORD_BYTES, UP, Field, Record

RECORDS = pytest.mark.parametrize("record", UP + DOWN, ids=lambda record: record.name)


@RECORDS
def test_struct_and_dtype_agree_on_every_field(record, rng):
    values = {}
    for field in record.fields:
        low, high = (-(1 << 8 * field.bytes - 1), (1 << 8 * field.bytes - 1) - 1) if field.signed \
            else (0, (1 << 8 * field.bytes) - 1)
        values[field.name] = rng.choice([low, high, rng.randint(low, high)])
    values["kind"] = record.kind

    array = record.make(**values)
    assert array.nbytes == RECORD_BYTES
    bits = record.layout.const(values).as_value().value
    assert bits.to_bytes(RECORD_BYTES, "little") == array.tobytes()


@RECORDS
def test_every_record_is_one_slot_with_the_common_header(record):
    assert record.layout.size == RECORD_BITS
    assert isinstance(record.layout, data.StructLayout)
    assert record.make().view(HEADER_DTYPE)["kind"][0] == record.kind
    assert len({field.name for field in record.fields}) == len(record.fields)


def test_kinds_are_unique_and_fit_their_field():
    assert len(BY_KIND) == len(UP + DOWN)
    assert all(0 < kind < 256 for kind in BY_KIND)


def test_a_record_that_does_not_fit_its_slot_is_refused():
    with pytest.raises(ValueError, match="TOO_BIG has 72 bytes"):
        Record("TOO_BIG", 99, tuple(Field(f"f{n}", "u8", "") for n in range(7)), "")


def test_make_refuses_a_name_that_is_not_a_field():
    with pytest.raises(ValueError, match="no field"):
        UP[0].make(nonsense=1)
    assert np.array_equal(UP[0].make(), UP[0].make())

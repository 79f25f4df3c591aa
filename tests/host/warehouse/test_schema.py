"""Schemas follow the declarations: a field added to a record or message is a column, with its unit."""

import dataclasses

import pyarrow as pa
import pytest

from hdl.layouts import Side
from host.bus.topics import POSITIONS, TOPICS, Kind
from host.messages import NewOrder, Report
from host.risk.utilisation import Level, Utilisation
from host.warehouse import schema

RECORDS = [topic for topic in TOPICS.values() if topic.kind is Kind.RECORDS]


@pytest.mark.parametrize("topic", RECORDS, ids=str)
def test_every_field_of_a_record_is_a_column_of_its_width(topic):
    made = schema.of_topic(topic)
    for field in topic.record.fields:
        if field.name == "kind" or field.name.startswith("_"):
            assert field.name not in made.names
            continue
        column = made.field(field.name)
        assert column.type.bit_width == 8 * field.bytes
        assert pa.types.is_signed_integer(column.type) == field.signed
        assert (column.metadata or {}).get(b"unit", b"").decode() == field.unit
        assert column.metadata[b"doc"].decode() == field.doc
    assert made.metadata[b"table"].decode() == topic.name


@pytest.mark.parametrize(("topic", "kind"), [("orders.passed", NewOrder), ("executions.desk", Report)])
def test_every_field_of_a_message_is_a_column_next_to_the_bytes(topic, kind):
    made = schema.of_topic(TOPICS[topic])
    for field in dataclasses.fields(kind):
        assert schema.STATED.get(field.name, field.name) in made.names
    assert made.field("raw").type == pa.binary()
    assert made.field("order_id").type == pa.uint64()
    assert made.field("price").metadata[b"unit"] == b"1e-4 USD"
    assert made.field("stated_time").metadata[b"unit"] == b"ns since the epoch"


def test_times_are_integers_everywhere():
    for made in schema.declared().values():
        assert pa.types.is_integer(made.field("time").type)
        assert made.field("time").metadata[b"unit"].startswith(b"ns since the epoch")


def test_structs_tell_their_columns_themselves():
    rows = [{"time": 1, "seq": 1, "stock": "AAPL", "qty": -5, "net": 2, "ready": True, "share": 0.5},
            {"time": 2, "seq": 2, "stock": "AAPL", "qty": 1 << 40, "net": 2, "extra": "x"}]
    made = schema.of_rows(POSITIONS, rows)
    assert {name: made.field(name).type for name in ("stock", "qty", "ready", "share", "extra")} == {
        "stock": pa.string(), "qty": pa.int64(), "ready": pa.bool_(), "share": pa.float64(), "extra": pa.string()}
    assert made.field("net").metadata[b"unit"] == b"1e-4 USD"
    assert "a" not in schema.of_rows("x", [{"time": 1, "a": None}]).names
    assert schema.of_rows("x", [{"time": 1, "a": None}, {"time": 1, "a": 1}]).field("a").type == pa.int64()
    assert schema.of_rows("x", [{"time": 1, "a": 1}, {"time": 1, "a": "one"}]).field("a").type == pa.string()


def test_a_struct_becomes_a_flat_row():
    assert schema.flat(Utilisation("firm.loss_usd", 5, 10)) == {"path": "firm.loss_usd", "used": 5, "limit": 10}
    assert schema.flat({"time": 3, "side": Side.SELL, "level": Level.WARN, "none": None, "many": [1, (2, 3)]}) == {
        "stated_time": 3, "side": 1, "level": 1, "none": None, "many": "[1, [2, 3]]"}
    assert schema.flat(7) == {"value": 7}

"""What a table holds, derived from what crosses the bus: records, FIX messages, and structs. Nothing is typed again.

Every column that has a unit carries it in its field metadata (`unit`), and what it means in `doc`. Times are integer
ns, prices integers in 1e-4 USD. A table is named after its topic.
"""

import dataclasses
import enum
import json
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from hdl import layouts
from hdl.layouts import Field, Record
from host.bus import Hop
from host.bus.topics import PASSED, PROPOSED, REJECTED, REPORTS, ROUTED, TOPICS, VENUE_REPORTS, Kind, Topic
from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder, Report

_ARROW = {"u1": pa.uint8(), "u2": pa.uint16(), "u4": pa.uint32(), "u8": pa.uint64(), "i4": pa.int32(), "i8": pa.int64()}
#: Columns that no table needs: a table has one kind of record.
_CONSTANT = ("kind",)
#: What a struct's own time is called: `time` is when the bus had it.
STATED = {"time": "stated_time"}

#: The values that a FIX topic's messages are read into (`host.fixmap`).
MESSAGES: dict[str, tuple[type, ...]] = {
    **{topic.name: (NewOrder, CancelOrder, ReplaceOrder) for topic in (PROPOSED, PASSED, ROUTED)},
    **{topic.name: (Report,) for topic in (VENUE_REPORTS, REPORTS)},
    REJECTED.name: (Rejection,),
}

#: Units of names that records do not have (`host.positions.adapter.state`, `host.tca`, `host.risk.utilisation`).
_UNITS = {
    **dict.fromkeys(("mark", "cost", "realised", "unrealised", "fees", "net"), "1e-4 USD"),
    **dict.fromkeys(("slippage", "effective_spread", "taking_score", "resting_score"), "1e-6 USD a share"),
    **dict.fromkeys(("fill_ratio", "permille"), "1/1000"),
    **dict.fromkeys(("filled", "leaves"), "shares"),
    **dict.fromkeys(("used", "limit"), "1e-4 USD where the path ends in _usd, else shares"),
    "stated_time": "ns since the epoch",
}
_RECORDS = [value for value in vars(layouts).values() if isinstance(value, Record)]
#: Units by name, where every record that has the name agrees.
UNITS: dict[str, str] = {}
for _field in (one for record in _RECORDS for one in record.fields):
    if _field.unit:
        UNITS[_field.name] = _field.unit if UNITS.get(_field.name, _field.unit) == _field.unit else ""
UNITS = {name: unit for name, unit in UNITS.items() if unit} | _UNITS


def columns(record: Record) -> tuple[Field, ...]:
    """The fields of a record that are worth a column."""
    return tuple(field for field in record.fields if field.name not in _CONSTANT and not field.name.startswith("_"))


def of_record(topic: Topic) -> pa.Schema:
    """Schema of a RECORDS topic, plus `session`."""
    assert topic.record, topic
    fields = [pa.field(field.name, _arrow(field), nullable=False, metadata=_notes(field.unit, field.doc))
              for field in columns(topic.record)]
    return _schema([*fields, SESSION], topic, topic.record.doc)


def of_messages(topic: Topic) -> pa.Schema:
    """Schema of a FIX topic: the message as it was, what it was read as, and where its causes passed."""
    fields = {field.name: field for field in (TIME, SEQ, RAW, WHAT, PROBLEM)}
    for kind in MESSAGES.get(topic.name, ()):
        fields = {field.name: field for field in of_class(kind)} | fields
    own = [fields.pop(field.name) for field in (TIME, SEQ, RAW, WHAT, PROBLEM)]
    return _schema([*own, *fields.values(), HOPS, SESSION], topic, topic.doc)


def of_class(kind: type) -> list[pa.Field]:
    """Columns of a dataclass, by its type hints."""
    hints = typing.get_type_hints(kind)
    return [_column(field.name, hints[field.name]) for field in dataclasses.fields(kind)]


def of_rows(topic: Topic | str, rows: Iterable[Mapping[str, Any]]) -> pa.Schema:
    """Schema of structs that declare none: by their values. A column whose values disagree is text; one without any
    value is left out, so that it has the same type in every file that has it."""
    types: dict[str, set[type]] = {}
    for row in rows:
        for name, value in row.items():
            types.setdefault(name, set()).add(type(value))
    own = {field.name: field for field in (TIME, SEQ, SESSION)}
    fields = [own.get(name) or _column(name, _common(kinds)) for name, kinds in types.items() if kinds != {type(None)}]
    name, doc = (topic, "") if isinstance(topic, str) else (topic.name, topic.doc)
    return pa.schema(fields, {"table": name, "doc": doc})


def of_topic(topic: Topic) -> pa.Schema | None:
    """Schema by declaration; None for a STRUCT topic, whose rows tell."""
    return {Kind.RECORDS: of_record, Kind.FIX: of_messages}.get(topic.kind, lambda topic: None)(topic)


def flat(value: object) -> dict[str, Any]:
    """A struct as a row: dataclass or mapping, its own time renamed; what is nested becomes JSON text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        pairs: Iterable[tuple[str, Any]] = [(name, getattr(value, name)) for name in names]
    elif isinstance(value, Mapping):
        pairs = value.items()
    else:
        pairs = [("value", value)]
    return {STATED.get(name, name): _plain(one) for name, one in pairs}


def text(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value)


def declared() -> dict[str, pa.Schema]:
    """Every table whose schema is known before anything was stored."""
    schemas = {name: of_topic(topic) for name, topic in TOPICS.items()}
    return {name: schema for name, schema in schemas.items() if schema is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return json.dumps(value, default=lambda one: flat(one) if dataclasses.is_dataclass(one) else str(one))


def _common(kinds: set[type]) -> type:
    """The type of a column whose values have these."""
    known = kinds - {type(None)}
    return next(iter(known)) if len(known) == 1 else float if known == {int, float} else str


def _column(name: str, kind: Any) -> pa.Field:
    name = STATED.get(name, name)
    numeric = isinstance(kind, type) and issubclass(kind, int)
    if numeric and name.endswith("_id"):
        arrow = pa.uint64()
    elif kind is bool:
        arrow = pa.bool_()
    elif numeric:
        arrow = pa.int64()
    else:
        arrow = pa.float64() if kind is float else pa.string()
    return pa.field(name, arrow, metadata=_notes(UNITS.get(name, "") if arrow != pa.string() else "", ""))


def _arrow(field: Field) -> pa.DataType:
    return pa.binary(field.bytes) if field.kind[0] == "S" else _ARROW[field.kind]


def _notes(unit: str, doc: str) -> dict[str, str] | None:
    return {name: text for name, text in (("unit", unit), ("doc", doc)) if text} or None


def _schema(fields: list[pa.Field], topic: Topic, doc: str) -> pa.Schema:
    return pa.schema(fields, {"table": topic.name, "doc": doc})


TIME = pa.field("time", pa.int64(), nullable=False, metadata=_notes("ns since the epoch", "when the bus had it"))
SEQ = pa.field("seq", pa.int64(), nullable=False, metadata=_notes("", "counts the messages of its topic"))
RAW = pa.field("raw", pa.binary(), nullable=False, metadata=_notes("", "the FIX message, as it was"))
WHAT = pa.field("what", pa.string(), metadata=_notes("", "what it was read as; null where it could not be"))
PROBLEM = pa.field("problem", pa.string(), metadata=_notes("", "why it could not be read"))
SESSION = pa.field("session", pa.string(), nullable=False, metadata=_notes("", "the session that stored it"))
HOPS = pa.field("hops", pa.list_(pa.struct([pa.field(name, pa.string() if kind is str else pa.int64())
                                            for name, kind in typing.get_type_hints(Hop).items()])),
                metadata=_notes("", "where the message's causes passed, oldest first"))

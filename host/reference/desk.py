"""The bus's topics, the limits and the checks behind them, and the names on /metrics, as Markdown."""

import dataclasses
from importlib import import_module

from hdl.risk.checks import CHECKS
from host.bus.topics import TOPICS, Kind, Topic
from host.reference.markdown import cell, code, page, table
from host.risk.fields import FIELDS, FIRM, LimitField, by_reason

_KINDS = {Kind.FIX: "FIX 4.4, the bytes themselves", Kind.RECORDS: "records, a batch of them",
          Kind.STRUCT: "MessagePack of a struct"}
_LOOSENS = {"up": "a larger value", "down": "a smaller value", "other": "a value that does not divide it"}


def topics() -> str:
    """Every topic: what travels on it, who says it to whom, and whether any of it may be missed."""
    rows = [(code(one.name), _payload(one), one.doc, "some may be missed" if one.lossy else "all")
            for one in TOPICS.values()]
    parts = ["# Topics of the bus",
             "Every message has a sequence number on its topic and the time at which the bus had it. A slow subscriber "
             "is given every message of a topic that is delivered in full, late if need be; of the others it misses "
             "some, and is told which. Kinds: " + "; ".join(f"{kind.value}: {text}" for kind, text in _KINDS.items())
             + ".", table(("topic", "payload", "who says what to whom", "delivered"), rows), "## Structs"]
    for one in TOPICS.values():
        if one.struct:
            parts += [f"### {one.name}", *_struct(one.struct)]
    return page(*parts)


def _payload(topic: Topic) -> str:
    if topic.record:
        return f"[{topic.record.name}](records.md#{topic.record.name.lower()}-{topic.record.kind})"
    if topic.struct:
        return f"[{topic.struct.rpartition(':')[2]}](#{topic.name.replace('.', '')})"
    return topic.kind.value


def _struct(where: str) -> tuple[str, str]:
    module, _, name = where.partition(":")
    struct = getattr(import_module(module), name)
    names = {one.name: one.type for one in dataclasses.fields(struct)} if dataclasses.is_dataclass(struct) else {
        one: getattr(struct, "__annotations__", {}).get(one, "") for one in getattr(struct, "__struct_fields__", ())}
    rows = [(code(field), code(getattr(kind, "__name__", str(kind)))) for field, kind in names.items()]
    return cell(struct.__doc__ or ""), table(("field", "type"), rows)


def limits() -> str:
    """Every limit that people set, by level; and every check of the gate with the limits it looks at."""
    checks = sorted(CHECKS, key=lambda check: check.reason)
    rows = [(str(int(one.reason)), code(one.reason.name), cell((one.__doc__ or "").split("\n\n")[0]),
             ", ".join(code(_path(field)) for field in by_reason(one.reason))) for one in checks]
    parts = ["# Limits and checks",
             "A limits file has these names and no others; amounts end in `_usd`, times in `_us`. A value that loosens "
             "needs a second person.", "## Checks of the gate",
             table(("bit", "check", "what it does", "limits"), rows)]
    for level, fields in FIELDS.items():
        parts += [f"## {level}", table(("limit", "check", "what it is", "kept by", "loosens with"),
                                       [_limit(field) for field in fields.values()])]
    return page(*parts)


def _path(field: LimitField) -> str:
    return f"{field.level}.{field.name}" if field.level == FIRM else f"{field.level}.NAME.{field.name}"


def _limit(field: LimitField) -> tuple[str, ...]:
    return (code(_path(field)), code(field.limit.check.name) if field.limit.check is not None else "", field.doc,
            f"NIC, {code(field.reg.name + ('.' + field.bits if field.bits else ''))}" if field.reg else "host",
            _LOOSENS.get(str(field.limit.loosens), "any change"))

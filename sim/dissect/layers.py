"""Scapy layers of MoldUDP64, ITCH 5.0 and the records of the host bridge, from `hdl.feed.spec` and `hdl.layouts`.

Importing this binds them: MoldUDP64 to the UDP ports of the simulated venues (`bind` adds others), records to
HOST_ETHERTYPE. The field `time` of a record is read with `getfieldval("time")`: scapy packets have a `time` of their
own. Whatever is not whole, or of an unknown type or length, stays `Raw`; nothing raises.
"""

from scapy.fields import (
    ByteField,
    Field,
    FieldLenField,
    IntField,
    LEIntField,
    LELongField,
    LEShortField,
    LESignedIntField,
    LESignedLongField,
    LongField,
    NBytesField,
    PacketLenField,
    PacketListField,
    ShortField,
    StrFixedLenField,
)
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw, bind_layers

from hdl.feed.spec import ALPHA, MESSAGES, MOLD_END_OF_SESSION, MOLD_HEADER, Item, MessageSpec
from hdl.layouts import BY_KIND, RECORD_BYTES, Record
from hdl.venue import HOST_ETHERTYPE, SIMULATED

_NUMBERS = {1: ByteField, 2: ShortField, 4: IntField, 8: LongField}
_LITTLE = {"u1": ByteField, "u2": LEShortField, "u4": LEIntField, "u8": LELongField, "i4": LESignedIntField,
           "i8": LESignedLongField}
_MISSING = b" "


def _item(item: Item) -> Field:
    if item.kind == ALPHA:
        return StrFixedLenField(item.name, _MISSING * item.width, item.width)
    make = _NUMBERS.get(item.width)
    return make(item.name, 0) if make else NBytesField(item.name, 0, item.width)


def _alone(self, payload):
    """Bytes after a layer of fixed length are the list's, not the layer's."""
    return b"", payload


def _message(spec: MessageSpec) -> type[Packet]:
    fields = [StrFixedLenField("type", spec.type.encode(), 1), *map(_item, spec.items)]
    return type(f"Itch{spec.type}", (Packet,), {"name": f"ITCH {spec.type}, {spec.name}", "fields_desc": fields,
                                                "extract_padding": _alone})


def _record(record: Record) -> type[Packet]:
    fields: list[Field] = []
    used = 0
    for field in record.fields:
        default = record.kind if field.name == "kind" else 0
        fields.append(_LITTLE[field.kind](field.name, default) if field.kind in _LITTLE
                      else StrFixedLenField(field.name, bytes(field.bytes), field.bytes))
        used += field.bytes
    if used < RECORD_BYTES:
        fields.append(StrFixedLenField("padding", bytes(RECORD_BYTES - used), RECORD_BYTES - used))
    return type(record.name, (Packet,), {"name": f"Tickgate {record.name}", "fields_desc": fields,
                                         "extract_padding": _alone})


#: Layer of each ITCH message type, and of each record kind.
ITCH = {type_: _message(spec) for type_, spec in MESSAGES.items()}
RECORDS = {kind: _record(record) for kind, record in BY_KIND.items()}


def itch_layer(raw: bytes) -> Packet:
    """An ITCH message as its layer, or `Raw` where its type or length is not in the specification."""
    spec = MESSAGES.get(chr(raw[0])) if raw else None
    return ITCH[spec.type](raw) if spec is not None and spec.length == len(raw) else Raw(raw)


class Block(Packet):
    """A message block of MoldUDP64."""
    name = "Message block"
    fields_desc = [FieldLenField("length", None, length_of="message", fmt="!H"),
                   PacketLenField("message", None, itch_layer, length_from=lambda block: block.length)]
    extract_padding = _alone


class MoldUDP64(Packet):
    """Downstream packet, MoldUDP64 1.00; also a Request Packet, which has no blocks."""
    name = "MoldUDP64"
    fields_desc = [*(_item(item) for item in MOLD_HEADER.values()),
                   PacketListField("blocks", [], Block, count_from=lambda packet: packet.count % MOLD_END_OF_SESSION)]


def _next_record(_packet, _found, _current, rest: bytes) -> type[Packet] | None:
    return RECORDS.get(rest[0], Raw) if len(rest) >= RECORD_BYTES else None


class HostBridge(Packet):
    """Whole records, one after the other; what is left over is padding."""
    name = "Tickgate host bridge"
    fields_desc = [PacketListField("records", [], next_cls_cb=_next_record)]


def bind(*ports: int):
    """Take UDP datagrams to these ports for MoldUDP64."""
    for port in ports:
        bind_layers(UDP, MoldUDP64, dport=port)


bind(*(venue.feed_port for venue in SIMULATED))
bind_layers(Ether, HostBridge, type=HOST_ETHERTYPE)

__all__ = ["ITCH", "RECORDS", "Block", "HostBridge", "MoldUDP64", "bind", "itch_layer"]

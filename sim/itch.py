"""ITCH 5.0 in plain Python, from the tables of `hdl.feed.spec`: messages, and MoldUDP64 datagrams of them."""

import struct
from collections import namedtuple
from typing import Any

from hdl.feed.spec import ALPHA, COMMON_BYTES, MESSAGES, MOLD_HEADER, MessageSpec

#: A decoded message: a named tuple of `type` and the fields of its type (`MESSAGES[type].items`).
Message = tuple[Any, ...]


class ItchError(ValueError):
    """A message that is not ITCH 5.0, or a value that does not fit its field; says which and where."""


def _layout(spec: MessageSpec) -> struct.Struct:
    """One `s` or integer code for each field; 6-byte times are read as bytes."""
    codes = {1: "B", 2: "H", 4: "I", 8: "Q"}
    parts = (f"{item.width}s" if item.kind == ALPHA or item.width not in codes else codes[item.width]
             for item in spec.items)
    return struct.Struct(">c" + "".join(parts))


_STRUCTS = {type_: _layout(spec) for type_, spec in MESSAGES.items()}
_CLASSES = {type_: namedtuple(f"Itch_{type_}", ("type", *spec.by_name)) for type_, spec in MESSAGES.items()}
#: Positions (in the tuple) of what `struct` hands over as bytes: text, and numbers of unusual width.
_TEXT = {type_: [n for n, item in enumerate(spec.items, 1) if item.kind == ALPHA] for type_, spec in MESSAGES.items()}
_WIDE = {type_: [n for n, item in enumerate(spec.items, 1) if item.kind != ALPHA and item.width == 6]
         for type_, spec in MESSAGES.items()}


def check(message: bytes) -> MessageSpec:
    """The specification of a message of a known type and of its length; `ItchError` otherwise."""
    if not message:
        raise ItchError("empty message: a message has at least its type byte")
    spec = MESSAGES.get(chr(message[0]))
    if spec is None:
        raise ItchError(f"unknown message type {message[:1]!r} ({message[0]:#04x}), {len(message)} bytes long")
    if len(message) != spec.length:
        raise ItchError(f"message {spec.type} ({spec.name}) has {len(message)} bytes, should have {spec.length}")
    return spec


def decode(message: bytes) -> Message:
    """Named tuple of the fields: numbers as int (prices in 1e-4 USD, times in ns), text as str.

    Text of more than one character comes without its padding. Any byte is accepted in text (as
    Latin-1), so `encode(**decode(m)._asdict())` gives `m` back.
    """
    spec = check(message)
    values: list[Any] = list(_STRUCTS[spec.type].unpack(message))
    values[0] = spec.type
    for n in _WIDE[spec.type]:
        values[n] = int.from_bytes(values[n], "big")
    for n in _TEXT[spec.type]:
        text = values[n].decode("latin-1")
        values[n] = text.rstrip(" ") if len(text) > 1 else text
    return _CLASSES[spec.type](*values)


def encode(type: str, **fields: int | str | bytes) -> bytes:
    """The message of that type; fields not named are 0, or spaces. Text is padded on the right."""
    spec = MESSAGES.get(type)
    if spec is None:
        raise ItchError(f"unknown message type {type!r}; known are {' '.join(MESSAGES)}")
    message = bytearray(type.encode())
    for item in spec.items:
        value = fields.pop(item.name, " " if item.kind == ALPHA else 0)
        message += _pack(f"{type}.{item.name}", item, value)
    if fields:
        raise ItchError(f"message {type} has no field {', '.join(fields)}; it has {' '.join(spec.by_name)}")
    return bytes(message)


def _pack(where: str, item, value) -> bytes:
    if item.kind == ALPHA:
        try:
            raw = value.encode("latin-1") if isinstance(value, str) else bytes(value)
        except UnicodeEncodeError:
            raise ItchError(f"{where}: {value!r} has characters that are not ASCII") from None
        if len(raw) > item.width:
            raise ItchError(f"{where}: {value!r} is longer than {item.width} characters")
        return raw.ljust(item.width)
    try:
        return int(value).to_bytes(item.width, "big")
    except OverflowError:
        raise ItchError(f"{where}: {value} does not fit {item.width} unsigned bytes") from None


def locate(message: bytes) -> int:
    """Stock locate, without decoding the rest."""
    return int.from_bytes(message[1:3], "big")


def timestamp(message: bytes) -> int:
    """Nanoseconds since midnight, without decoding the rest."""
    return int.from_bytes(message[5:COMMON_BYTES], "big")


def datagram(session: bytes | str, sequence: int, messages, count: int | None = None) -> bytes:
    """MoldUDP64 downstream packet: header and one block a message; `count` overrides their number."""
    messages = list(messages)
    session = session.encode() if isinstance(session, str) else session
    header = {"session": session, "sequence": sequence, "count": len(messages) if count is None else count}
    packed = b"".join(_pack(f"MoldUDP64 {item.name}", item, header[item.name]) for item in MOLD_HEADER.values())
    return packed + b"".join(len(message).to_bytes(2, "big") + message for message in messages)


__all__ = ["ItchError", "Message", "check", "datagram", "decode", "encode", "locate", "timestamp"]

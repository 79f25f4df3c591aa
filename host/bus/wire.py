"""One encoding of messages for every transport that leaves the process: a header of 32 bytes, then the rest.

    0   u32   CRC-32 (IEEE 802.3) of everything behind it
    4   u32   `SCHEMA`: both sides have the same topics, records and structs
    8   u16   topic, by its place in `TOPICS`
    10  u16   zero
    12  u32   bytes of key and hops, 0 where there is no key and no hop but the message's own publication
    16  u64   sequence number
    24  i64   time, ns
    32        key and hops as MessagePack, then the payload to the end

All little-endian. A payload is FIX as it is, records as the bytes of their array, or a struct as MessagePack. The
last hop is the publication itself, which the header has already, and is not sent.
"""

import dataclasses
import importlib
import struct
import zlib
from collections.abc import Callable, Container
from typing import Any

import msgspec
import numpy as np

from hdl.layouts import RECORD_BYTES
from host.bus.bus import Hop, Message
from host.bus.topics import TOPICS, Kind, Topic

#: schema, topic, bytes of key and hops, sequence number, time: what the CRC in front of it covers first.
_BODY = struct.Struct("<IHxxIQq")
_CRC_BYTES = 4
HEADER_BYTES = _CRC_BYTES + _BODY.size
#: The whole header at once.
_HEADER = struct.Struct("<I" + _BODY.format.removeprefix("<"))
#: Up to here a copy is made faster than a view.
_SHORT = 2_048

#: A NamedTuple from its values in order, in half the time that its constructor takes.
_new = tuple.__new__


class WireError(Exception):
    """What came is no message of ours, or what should go fits no topic: says why."""


class Head(msgspec.Struct, array_like=True, gc=False):
    """Key and hops. A key is None, an integer, a text, or a tuple of those."""
    key: Any
    hops: tuple[Hop, ...]


def _type_of(topic: Topic) -> type:
    """The Python type of a STRUCT topic's payloads."""
    if not topic.struct:
        return dict
    module, name = topic.struct.split(":")
    return getattr(importlib.import_module(module), name)


def _shape(topic: Topic) -> object:
    """What both sides must agree on."""
    if topic.record:
        return topic.record.dtype.descr
    kind = _type_of(topic)
    return [(one.name, str(one.type)) for one in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else ""


_TOPICS = tuple(TOPICS.values())
_NAMES = tuple(TOPICS)
_INDEX = {name: index for index, name in enumerate(_NAMES)}
#: Changes with any topic, record or struct, so that two versions refuse each other instead of misreading.
SCHEMA = zlib.crc32(repr([(topic.name, topic.kind.value, _shape(topic)) for topic in _TOPICS]).encode())


def _plain(value: object) -> object:
    """Integers of numpy are integers."""
    if isinstance(value, np.integer):
        return int(value)
    raise TypeError(f"a {type(value).__name__} cannot travel; integers and texts can")


_head_encoder, _head_decoder = msgspec.msgpack.Encoder(enc_hook=_plain), msgspec.msgpack.Decoder(Head)
_struct_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)


def _fix(payload: Any) -> bytes:
    if not isinstance(payload, bytes):
        raise WireError(f"a {type(payload).__name__} is no FIX message: bytes are")
    return payload


def _write_records(topic: Topic) -> Callable[[Any], bytes]:
    assert topic.record
    dtype = topic.record.dtype

    def write(payload: Any) -> bytes:
        if not isinstance(payload, np.ndarray) or payload.dtype != dtype:
            raise WireError(f"not an array of {topic.name}'s record")
        return payload.tobytes()
    return write


def _read_records(topic: Topic) -> Callable[[bytes], np.ndarray]:
    assert topic.record
    dtype, kind, name = topic.record.dtype, topic.record.kind, topic.record.name

    def read(payload: bytes) -> np.ndarray:
        if not payload or len(payload) % RECORD_BYTES:
            raise WireError(f"{len(payload)} bytes are no whole number of records")
        records = np.frombuffer(payload, dtype)
        if (records["kind"] != kind).any():
            raise WireError(f"not all of them are {name} records")
        return records
    return read


def _write_struct(topic: Topic) -> Callable[[Any], bytes]:
    kind, encode_ = _type_of(topic), _struct_encoder.encode

    def write(payload: Any) -> bytes:
        if not isinstance(payload, kind):
            raise WireError(f"a {type(payload).__name__} is no {kind.__name__}")
        return encode_(payload)
    return write


def _codec(topic: Topic) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    if topic.kind is Kind.FIX:
        return _fix, bytes
    if topic.kind is Kind.RECORDS:
        return _write_records(topic), _read_records(topic)
    return _write_struct(topic), msgspec.msgpack.Decoder(_type_of(topic)).decode


_CODECS = tuple(_codec(topic) for topic in _TOPICS)


def encode(message: Message) -> bytes:
    """A message as bytes. Raises `WireError` where its payload or key is not what its topic carries."""
    topic, seq, time, payload, key, hops, _ = message
    index = _INDEX[topic.name]
    try:
        data = _CODECS[index][0](payload)
        head = _head_encoder.encode((key, hops[:-1])) if key is not None or len(hops) > 1 else b""
        body = b"".join((_BODY.pack(SCHEMA, index, len(head), seq, time), head, data))
    except (TypeError, OverflowError, ValueError, struct.error) as error:
        raise WireError(f"{topic}: this cannot be sent: {error}") from None
    except WireError as error:
        raise WireError(f"{topic}: {error}") from None
    return zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body


def topic_of(frame: bytes) -> Topic | None:
    """The topic that a frame claims to be of, unchecked: enough to pass over those that nobody wants; or None."""
    if len(frame) < HEADER_BYTES:
        return None
    at = _CRC_BYTES + 4
    index = int.from_bytes(frame[at:at + 2], "little")
    return _TOPICS[index] if index < len(_TOPICS) else None


def seq_of(frame: bytes) -> int:
    """The sequence number that a frame claims to have, unchecked."""
    return int.from_bytes(frame[16:24], "little")


def decode(frame: bytes, source: str = "") -> Message:
    """A message from its bytes. Raises `WireError` for anything that `encode` did not make, or of another version."""
    message = decode_wanted(frame, source, None)
    assert message, "everything is wanted"
    return message


def decode_wanted(frame: bytes, source: str, wanted: Container[str] | None) -> Message | None:
    """As `decode`; None, unchecked, for one that claims to be of a topic whose name is not in `wanted`."""
    size = len(frame)
    if size < HEADER_BYTES:
        raise WireError(f"{size} bytes are shorter than a header")
    crc, schema, index, extra, seq, time = _HEADER.unpack_from(frame)
    if wanted is not None and index < len(_NAMES) and _NAMES[index] not in wanted:
        return None
    if zlib.crc32(frame[_CRC_BYTES:] if size < _SHORT else memoryview(frame)[_CRC_BYTES:]) != crc:
        raise WireError("the checksum does not match: these bytes are damaged, or no message")
    if schema != SCHEMA:
        raise WireError(f"it was made by another version of Tickgate (schema {schema:08x}, here {SCHEMA:08x}); run the "
                        f"same version everywhere")
    try:
        topic, (_, read) = _TOPICS[index], _CODECS[index]
        own = _new(Hop, (topic.name, time))
        start = HEADER_BYTES + extra
        if extra:
            head = _head_decoder.decode(frame[HEADER_BYTES:start])
            key = tuple(head.key) if type(head.key) is list else head.key
            return _new(Message, (topic, seq, time, read(frame[start:]), key, (*head.hops, own), source))
        return _new(Message, (topic, seq, time, read(frame[start:]), None, (own,), source))
    except (msgspec.MsgspecError, IndexError, ValueError) as error:
        raise WireError(f"it does not read as its topic says: {error}") from None

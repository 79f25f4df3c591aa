"""FIX tag=value codec: bytes to `Message` and back, byte for byte.

There are three ways into a message, and they accept the same: the layout of a frequent kind of message
matches it in one pass (about 20 times the speed of a walk), a message with one `=` in each field and no
data field is cut with whole-buffer operations (8 times), and all else is walked field by field. Only
the walk refuses, so an error always says what is wrong and where.
"""

from collections.abc import Iterable

from fixparse.checksum import SOH, TRAILER_BYTES, checksum, finish
from fixparse.errors import FixError
from fixparse.message import Layout, Message
from fixparse.walk import MAX_DIGITS, walk

__all__ = ["FixError", "Layout", "Message", "build", "checksum", "encode", "finish", "parse"]

#: Bytes of every message besides values and body: `8=`, SOH, `9=`, SOH, and the trailer.
_FRAME_BYTES = 6 + TRAILER_BYTES
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"=\x01"))

#: A layout met this often gets a matcher (one costs about a millisecond to make).
_FREQUENT = 16
#: Matchers tried for one MsgType, and layouts remembered.
_MATCHERS, _LAYOUTS = 4, 4096

_layouts: dict[bytes, Layout] = {}
_frequent: dict[bytes, list[Layout]] = {}


def parse(raw: bytes) -> Message:
    """The message that is exactly `raw`, from `8=` to the SOH after CheckSum.

    Raises `FixError` unless it starts with 8, 9, 35 in this order, ends with 10, BodyLength and
    CheckSum are right, and every field is `tag=value` with a tag of digits and a value.
    """
    kind = raw.find(b"\x0135=") + 4
    for layout in _frequent.get(raw[kind:kind + 2], ()):
        found = layout.match(raw)
        if found is not None:
            values = found.groups()
            if _framed(raw, values):
                return Message(raw, layout, values)
            break
    else:
        message = _cut(raw)
        if message is not None:
            return message
    tags, values = walk(raw)
    return Message(raw, Layout(tags), values)


def _framed(raw: bytes, values: tuple[bytes, ...]) -> bool:
    """BeginString, BodyLength and CheckSum of a message of a regular layout are right."""
    begin, length = values[0], values[1]
    return (length.isdigit() and len(length) <= MAX_DIGITS
            and len(raw) == _FRAME_BYTES + len(begin) + len(length) + int(length)
            and values[-1] == checksum(raw[:-TRAILER_BYTES]) and begin.startswith(b"FIX"))


def _cut(raw: bytes) -> Message | None:
    """Take apart a message with exactly one `=` in each field, all at once; None for any other."""
    parts = raw.replace(b"=", SOH).split(SOH)
    fields = len(parts) // 2
    if raw.translate(None, _NOT_STRUCTURE) != b"=\x01" * fields or not fields:
        return None
    values = tuple(parts[1::2])
    layout = _layout(parts[:-1:2])
    if layout is None or not all(values) or not _framed(raw, values):
        return None
    layout.seen += 1
    if layout.seen == _FREQUENT:
        known = _frequent.setdefault((values[2] + SOH)[:2], [])
        if len(known) < _MATCHERS:
            known.append(layout)
    return Message(raw, layout, values)


def _layout(texts: list[bytes]) -> Layout | None:
    """The layout of these tags; None where one is no tag, or where only a walk will do."""
    key = SOH.join(texts)
    layout = _layouts.get(key)
    if layout is None:
        if not all(text.isdigit() and text[:1] != b"0" and len(text) <= MAX_DIGITS for text in texts):
            return None
        if len(_layouts) >= _LAYOUTS:
            _layouts.clear()
        layout = _layouts[key] = Layout(tuple(map(int, texts)))
    return layout if layout.regular else None


def encode(message: Message) -> bytes:
    """The message's bytes from its fields, BodyLength and CheckSum worked out anew.

    A parsed message comes out byte for byte: a BodyLength that was written with leading zeros keeps
    its width.
    """
    values = message.values
    return finish(values[0], message.layout.body_format % values[2:-1], len(values[1]))


def build(begin_string: bytes, fields: Iterable[tuple[int, bytes]]) -> Message:
    """A message from its fields after BodyLength: MsgType (35) first, no CheckSum.

    The result has gone through `parse`, so what cannot be sent (an empty value, SOH in a value that
    is not data) raises `FixError`.
    """
    return parse(finish(begin_string, b"".join([b"%d=%b\x01" % field for field in fields])))

"""Golden model of hdl.fix.tokenizer: a stream of FIX messages to reports and malformed counts.

It works on the whole stream at once: cut at the prefixes, take each piece apart as text.
"""

import re

from fixparse.checksum import byte_sum
from fixparse.templates import EXECUTION_REPORT, Format

PREFIX = b"8=FIX.4.4\x019="
MALFORMED = "malformed"
_FIELD = re.compile(rb"([1-9][0-9]*)=([^\x01]+)\x01")
#: What a field may look like while its end is missing.
_BEGUN = re.compile(rb"([1-9][0-9]*)?|([1-9][0-9]*)=([^\x01]*)")
_U32 = 2**32


class _Bad(Exception):
    pass


class _More(Exception):
    """Nothing wrong so far, but the end is missing."""


def tokenize(stream: bytes) -> list:
    """`MALFORMED` or a report (fields of `ExecReport` but venue and rx_time), in order of the stream."""
    events, at, lost = [], 0, False
    while at < len(stream):
        if not stream.startswith(PREFIX, at):
            if not lost and not PREFIX.startswith(stream[at:]):
                events.append(MALFORMED)
                lost = True
            at = stream.find(PREFIX, at)
            if at < 0:
                break
        following = stream.find(PREFIX, at + 1)
        piece = stream[at:following if following >= 0 else len(stream)]
        try:
            size, event = _message(piece)
        except _Bad:
            size, event = len(piece), MALFORMED
        except _More:
            if following < 0:
                break
            size, event = len(piece), MALFORMED
        lost = event is MALFORMED and size == len(piece)
        at += size
        if event is not None:
            events.append(event)
    return events


def _message(piece: bytes):
    """(length, report or None) of the message at the start of `piece`."""
    digits = re.match(rb"[0-9]*", piece[len(PREFIX):]).group()
    body_at = len(PREFIX) + len(digits) + 1
    if len(piece) < body_at:
        raise _More
    if piece[body_at - 1] != 1 or not digits or not 0 < int(digits) < 65536:
        raise _Bad
    end = body_at + int(digits)
    fields = _body(piece[body_at:end], int(digits))
    trailer = b"10=%03d\x01" % byte_sum(piece[:end])
    have = piece[end:end + len(trailer)]
    if len(have) < len(trailer):
        if re.fullmatch(rb"(1(0(=[0-9]{0,3})?)?)?", have):
            raise _More
        raise _Bad
    if have != trailer:
        raise _Bad
    size = end + len(trailer)
    if fields[0][1] != b"8":
        return size, None
    try:
        return size, _report(fields)
    except _Bad:
        return size, MALFORMED


def _body(body: bytes, length: int) -> list[tuple[int, bytes]]:
    fields, at = [], 0
    while at < len(body):
        found = _FIELD.match(body, at)
        if found is None:
            if len(body) == length:
                raise _Bad
            begun = _BEGUN.fullmatch(body, at)
            if begun is None:
                raise _Bad
            if begun.group(2):
                _check_tag(int(begun.group(2)), fields)
            raise _More
        _check_tag(int(found.group(1)), fields)
        fields.append((int(found.group(1)), found.group(2)))
        at = found.end()
    if at < length:
        raise _More
    return fields


def _check_tag(tag: int, before: list):
    if tag in (8, 9, 10) or (not before and tag != 35):
        raise _Bad


def _report(fields) -> dict:
    values = {}
    for field in EXECUTION_REPORT:
        texts = [text for tag, text in fields if tag == field.tag]
        if len(texts) > 1 or (field.required and not texts):
            raise _Bad
        values[field.name] = _READ[field.format](texts[0]) if texts else 0
    values["order_id"] = values.pop("orig_id") or values["order_id"]
    return values


def _id(text: bytes) -> int:
    return int(text, 16) if re.fullmatch(rb"[0-9A-F]{16}", text) else 0


def _char(text: bytes) -> int:
    if len(text) != 1:
        raise _Bad
    return text[0]


def _decimal(text: bytes, places: int) -> int:
    found = re.fullmatch(rb"([0-9]*)(?:\.([0-9]*))?", text)
    whole, part = found.groups(b"") if found else (b"", b"")
    if not whole + part or part[places:].strip(b"0"):
        raise _Bad
    value = int(whole + part[:places].ljust(places, b"0"))
    if value >= _U32:
        raise _Bad
    return value


_READ = {Format.ID: _id, Format.CHAR: _char, Format.QTY: lambda text: _decimal(text, 0),
         Format.PRICE: lambda text: _decimal(text, 4)}

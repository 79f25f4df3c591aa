"""Parse a FIX message field by field: the reference, which knows what is wrong and where.

Source: FIX 4.4 volume 1, "FIX message format and delivery", field and message format, and "data types"
(data fields follow their length field at once); FIXT 1.1 keeps the same rules.
"""

from fixparse.checksum import SOH, TRAILER_BYTES, checksum
from fixparse.errors import FixError
from fixparse.fields import DATA_OF, LENGTH_OF, NAMES
from fixparse.message import BEGIN_STRING, BODY_LENGTH, CHECK_SUM, MSG_TYPE

#: More digits than this make no tag and no length.
MAX_DIGITS = 9


def walk(raw: bytes) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """Tags and values of the message that is exactly `raw`; raises `FixError` for the first fault."""
    body = _check_frame(raw)
    tags: list[int] = []
    values: list[bytes] = []
    at, end = 0, len(raw)
    data: tuple[int, int] | None = None  # the data field that must come next, and its bytes
    while at < end:
        tag, start = _tag(raw, at)
        stop = raw.find(SOH, start) if data is None else _data_end(raw, at, start, tag, *data)
        value = raw[start:stop]
        if not value and tag not in LENGTH_OF:
            raise FixError(tag, at, "has no value", reject=4)
        if tag in (BEGIN_STRING, BODY_LENGTH) and at >= body:
            raise FixError(tag, at, "comes twice", reject=13)
        if tag == CHECK_SUM and stop != end - 1:
            raise FixError(tag, at, "comes before the end of the body", reject=14)
        data = None
        if tag in DATA_OF:
            if not value.isdigit() or len(value) > MAX_DIGITS:
                raise FixError(tag, at, f"is {shown(value)}, not a length", reject=6)
            data = DATA_OF[tag], int(value)
        tags.append(tag)
        values.append(value)
        at = stop + 1
    return tuple(tags), tuple(values)


def _check_frame(raw: bytes) -> int:
    """Check 8, 9, 35, BodyLength and CheckSum; gives the offset of MsgType (35)."""
    length_at = _expect(raw, 0, BEGIN_STRING)
    if not raw.startswith(b"FIX", 2):
        raise FixError(BEGIN_STRING, 0, f"is {shown(raw[2:length_at - 1])}, not a FIX version")
    body = _expect(raw, length_at, BODY_LENGTH)
    digits = raw[length_at + 2:body - 1]
    if not digits.isdigit() or len(digits) > MAX_DIGITS:
        raise FixError(BODY_LENGTH, length_at, f"is {shown(digits)}, not a length")
    _expect(raw, body, MSG_TYPE)
    trailer = body + int(digits)
    if raw[trailer - 1:trailer + 3] != b"\x0110=":
        _wrong_length(raw, length_at, body, int(digits))
    given, right = raw[trailer + 3:], checksum(raw[:trailer])
    if given == right + SOH:
        return body
    if len(raw) < trailer + TRAILER_BYTES and SOH not in given:
        raise FixError(CHECK_SUM, trailer, "the message is truncated")
    if given[3:4] == SOH and len(given) > 4:
        raise FixError(None, trailer + TRAILER_BYTES, f"{len(given) - 4} bytes follow the end of the message")
    raise FixError(CHECK_SUM, trailer, f"is {shown(given.rstrip(SOH))}, the bytes add up to {right.decode()}")


def _wrong_length(raw: bytes, length_at: int, body: int, length: int) -> None:
    """CheckSum is not where BodyLength says: say what is there."""
    trailer = raw.rfind(b"\x0110=") + 1
    complete = trailer >= body and len(raw) >= trailer + TRAILER_BYTES - 1
    if not complete and body + length + TRAILER_BYTES > len(raw):
        raise FixError(BODY_LENGTH, length_at, f"is {length}, so the message has {body + length + TRAILER_BYTES} "
                       f"bytes, but it is truncated at {len(raw)}")
    found = f"the body has {trailer - body} bytes" if trailer >= body else "there is no CheckSum (10) after the body"
    raise FixError(BODY_LENGTH, length_at, f"is {length}, but {found}")


def _expect(raw: bytes, at: int, tag: int) -> int:
    """The offset after the field at `at`, which must be `tag`."""
    head = b"%d=" % tag
    if not raw.startswith(head, at):
        found = raw[at:at + 12]
        what = "the message is truncated" if head.startswith(found) else f"found {shown(found)}"
        raise FixError(tag, at, f"must come here; {what}")
    end = raw.find(SOH, at)
    if end < 0:
        raise FixError(tag, at, "has no SOH after it: the message is truncated")
    if end == at + len(head):
        raise FixError(tag, at, "has no value")
    return end + 1


def _tag(raw: bytes, at: int) -> tuple[int, int]:
    """The tag of the field at `at`, and where its value starts."""
    equals, stop = raw.find(b"=", at), raw.find(SOH, at)
    if equals < 0 or stop < equals:
        raise FixError(None, at, f"field {shown(raw[at:stop])} has no '='", reject=0)
    text = raw[at:equals]
    if not text.isdigit() or text.startswith(b"0") or len(text) > MAX_DIGITS:
        raise FixError(None, at, f"tag {shown(text)} is not a positive number without leading zeros", reject=0)
    return int(text), equals + 1


def _data_end(raw: bytes, at: int, start: int, tag: int, expected: int, length: int) -> int:
    """Where the data field at `at` ends, as its length field says."""
    if tag != expected:
        raise FixError(tag, at, f"stands where {NAMES[expected]} ({expected}) must follow its length", reject=14)
    if raw[start + length:start + length + 1] != SOH:
        raise FixError(tag, at, f"has no SOH after the {length} bytes that {NAMES[LENGTH_OF[tag]]} "
                       f"({LENGTH_OF[tag]}) gives it", reject=5)
    return start + length


def shown(text: bytes) -> str:
    """`text` for an error message: printable, at most 40 characters."""
    return repr(text[:40].replace(SOH, b"|").decode("latin-1")) + ("..." if len(text) > 40 else "")

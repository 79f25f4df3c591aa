"""A FIX message in memory: the order of its tags (`Layout`) and its values."""

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

from fixparse import values as text
from fixparse.checksum import SOH
from fixparse.errors import FixError
from fixparse.fields import DATA_OF, LENGTH_OF

BEGIN_STRING, BODY_LENGTH, MSG_TYPE, CHECK_SUM = 8, 9, 35, 10

T = TypeVar("T")


class Layout:
    """The tags of a message in order, shared by all messages that have the same.

    `regular` says that the frame is right (8, 9, 35 first, 10 last, each of 8, 9 and 10 once) and that
    no data field hides SOH in a value, so that `match` may take such a message apart.
    """

    def __init__(self, tags: tuple[int, ...]):
        self.tags = tags
        #: Tag -> place of its first field.
        self.index = {tag: place for place, tag in reversed(tuple(enumerate(tags)))}
        self.regular = (tags[:3] == (BEGIN_STRING, BODY_LENGTH, MSG_TYPE) and tags[-1] == CHECK_SUM
                        and all(tags.count(tag) == 1 for tag in (BEGIN_STRING, BODY_LENGTH, CHECK_SUM))
                        and not any(tag in DATA_OF or tag in LENGTH_OF for tag in tags))
        #: How many messages were met; a frequent layout is worth a `match`.
        self.seen = 0

    @cached_property
    def match(self) -> Callable[[bytes], re.Match[bytes] | None]:
        """Match a whole message of this layout; the groups are its values, none of them empty."""
        fields = b"".join(b"%d=([^\x01]++)\x01" % tag for tag in self.tags)
        return re.compile(fields).fullmatch

    @cached_property
    def body_format(self) -> bytes:
        """Format of the bytes from MsgType to the field before CheckSum; takes their values."""
        return b"".join(b"%d=%%b\x01" % tag for tag in self.tags[2:-1])


class Message:
    """One FIX message: its fields in order, repeated tags and all, values as received.

    `raw` is the message's own bytes; `tags` and `values` run side by side, from BeginString (8) to
    CheckSum (10). `message[38]` is the first value of a tag, `message.all(448)` every one. Whatever is
    missing, or is not of the type asked for, raises `FixError`.
    """

    __slots__ = ("layout", "raw", "values")

    def __init__(self, raw: bytes, layout: Layout, values: tuple[bytes, ...]):
        self.raw = raw
        self.layout = layout
        self.values = values

    @property
    def tags(self) -> tuple[int, ...]:
        return self.layout.tags

    @property
    def begin_string(self) -> bytes:
        return self.values[0]

    @property
    def msg_type(self) -> bytes:
        return self.values[2]

    def __getitem__(self, tag: int) -> bytes:
        place = self.layout.index.get(tag)
        if place is None:
            raise FixError(tag, len(self.raw), "is required and missing", reject=1)
        return self.values[place]

    def get(self, tag: int, default: bytes | None = None) -> bytes | None:
        place = self.layout.index.get(tag)
        return default if place is None else self.values[place]

    def all(self, tag: int) -> list[bytes]:
        """Every value of `tag`, in order."""
        return [value for seen, value in self if seen == tag]

    def __contains__(self, tag: int) -> bool:
        return tag in self.layout.index

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return zip(self.layout.tags, self.values, strict=True)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self.tags == other.tags and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Message({self.raw.replace(SOH, b'|').decode('latin-1')})"

    def offset(self, tag: int) -> int:
        """Byte of `raw` at which the first field `tag` starts; the end where there is none."""
        at = 0
        for seen, value in self:
            if seen == tag:
                return at
            at += len(str(seen)) + len(value) + 2
        return at

    def typed(self, tag: int, convert: Callable[[bytes], T]) -> T:
        """The value through `convert`, whose ValueError becomes a `FixError` (incorrect data format)."""
        try:
            return convert(self[tag])
        except FixError:
            raise
        except ValueError as error:
            raise FixError(tag, self.offset(tag), str(error), reject=6) from None

    def text(self, tag: int) -> str:
        """The value as text (ISO 8859-1, so that no byte is lost)."""
        return self[tag].decode("latin-1")

    def number(self, tag: int) -> int:
        return self.typed(tag, text.parse_int)

    def price(self, tag: int) -> int:
        """The value in 1e-4 USD, exactly."""
        return self.typed(tag, text.parse_price)

    def qty(self, tag: int) -> int:
        """The value in whole shares."""
        return self.typed(tag, text.parse_qty)

    def time(self, tag: int) -> int:
        """A UTCTimestamp in ns since the epoch."""
        return self.typed(tag, text.parse_time)

"""A form: one kind of message with a fixed order of fields, written with one format operation.

The header is MsgType, MsgSeqNum, SenderCompID, SendingTime, TargetCompID; then come the fields of the
form, then any extra ones. Source: FIX 4.4 volume 1, "standard message header".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fixparse.checksum import finish
from fixparse.fields import TAGS
from fixparse.values import format_time


@dataclass
class Header:
    """One direction of one session; `seq` is the MsgSeqNum that the next message gets.

    `places` are the decimals of the seconds in SendingTime: 3, 6 or 9.
    """
    begin_string: bytes
    sender: bytes
    target: bytes
    seq: int = 1
    places: int = 3

    def next(self) -> int:
        seq = self.seq
        self.seq = seq + 1
        return seq


class Form:
    """`names` are the fields after the header, in order, separated by spaces."""

    def __init__(self, msg_type: bytes, names: str):
        self.msg_type = msg_type
        self.tags = tuple(TAGS[name] for name in names.split())
        header = b"35=" + msg_type + b"\x0134=%d\x0149=%b\x0152=%b\x0156=%b\x01"
        self._format = header + b"".join(b"%d=%%b\x01" % tag for tag in self.tags)

    def encode(self, header: Header, sending_ns: int, *values: bytes,
               extra: Iterable[tuple[int, bytes]] = ()) -> bytes:
        """A whole message; takes the next MsgSeqNum. `values` are those of `names`, as text."""
        body = self._format % (header.next(), header.sender, format_time(sending_ns, header.places), header.target,
                               *values)
        if extra:
            body += b"".join([b"%d=%b\x01" % field for field in extra])
        return finish(header.begin_string, body)

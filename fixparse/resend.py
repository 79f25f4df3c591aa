"""What answers a ResendRequest: application messages again, and gap fills for all between them.

Source: FIX 4.4 volume 2, "resend request", "sequence reset - gap fill" and "possible duplicates".
"""

from collections.abc import Iterator, Mapping

from fixparse.codec import Message, build, parse
from fixparse.enums import MsgType
from fixparse.fields import TAGS
from fixparse.forms import Form, Header
from fixparse.values import format_time

_SENDING_TIME, _ORIG_TIME, _POSS_DUP = TAGS["SendingTime"], TAGS["OrigSendingTime"], TAGS["PossDupFlag"]
_GAP_FILL, _NEW_SEQ = TAGS["GapFillFlag"], TAGS["NewSeqNo"]
_RESET = Form(MsgType.SEQUENCE_RESET, "PossDupFlag OrigSendingTime GapFillFlag NewSeqNo")


def resend(store: Mapping[int, bytes], header: Header, begin: int, end: int, now: int) -> Iterator[bytes]:
    """Messages for the numbers `begin` to `end` (0: all that have been sent), each number covered once.

    `store` holds application messages by number; `header.seq` is the next number and does not move.
    """
    last = header.seq - 1
    end = last if end == 0 or end > last else end
    fill = begin
    for seq in range(begin, end + 1):
        raw = store.get(seq)
        if raw is not None:
            yield from _gap_fill(header, fill, seq, now)
            yield _again(parse(raw), now, header.places)
            fill = seq + 1
    yield from _gap_fill(header, fill, end + 1, now)


def _gap_fill(header: Header, begin: int, end: int, now: int) -> Iterator[bytes]:
    """One message that takes the numbers from `begin` up to `end`, exclusive; none where there are none."""
    if begin < end:
        numbered = Header(header.begin_string, header.sender, header.target, begin, header.places)
        yield _RESET.encode(numbered, now, b"Y", format_time(now, header.places), b"Y", b"%d" % end)


def _again(message: Message, now: int, places: int) -> bytes:
    """The message under its own number, with PossDupFlag and both times."""
    fields: list[tuple[int, bytes]] = []
    for tag, value in list(message)[2:-1]:
        if tag == _SENDING_TIME:
            fields += [(_POSS_DUP, b"Y"), (_SENDING_TIME, format_time(now, places)), (_ORIG_TIME, value)]
        else:
            fields.append((tag, value))
    return build(message.begin_string, fields).raw

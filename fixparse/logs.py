"""Read FIX logs: one message a line, whatever stands before it, with SOH, `;` or `|` between fields."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fixparse.checksum import SOH

_START = re.compile(rb"8=FIXT?\.\d\.\d([\x01;|])9=")
_TRAILER = re.compile(rb"[\x01;|]10=[^\x01;|]*[\x01;|]?")


@dataclass(frozen=True)
class Line:
    """One message of a log.

    Parameters
    ----------
    number : line, from 1.
    offset : byte of the file at which the message starts.
    prefix : what stands before it on the line (time, direction, ...).
    raw : the message, with SOH between fields; not yet parsed, so it may be malformed.
    """
    number: int
    offset: int
    prefix: bytes
    raw: bytes


def lines(data: bytes) -> Iterator[Line]:
    """Every message of a log; lines without one are passed over.

    A separator that is not SOH ends a field only where `tag=` or the end of the message follows, so
    that a text may hold `;` or `|`. What follows the trailer on a line is left out.
    """
    at = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        start = _START.search(line)
        if start:
            text, separator = line[start.start():], start[1]
            trailers = list(_TRAILER.finditer(text))
            if trailers:
                text = text[:trailers[-1].end()]
            if separator != SOH:
                text = re.sub(re.escape(separator) + rb"(?=[1-9][0-9]*=|$)", SOH, text)
            yield Line(number, at + start.start(), line[:start.start()], text)
        at += len(line) + 1


def read(path: Path | str) -> Iterator[Line]:
    """`lines` of a file."""
    return lines(Path(path).read_bytes())

"""Messages out of a TCP byte stream, sound ones only, back in step after garbage.

Source: FIX 4.4 volume 2, "message rejection and garbled messages": a message with a wrong BodyLength or
CheckSum is skipped up to the next `8=FIX`.
"""

from fixparse.checksum import SOH, TRAILER_BYTES, checksum

#: A BodyLength beyond this is garbage, not a message to wait for.
MAX_BODY = 65_536

_START = b"8=FIX"
#: Bytes in which `8=...` SOH `9=...` SOH must end.
_MAX_HEAD = 40


def split(buffer: bytes, max_body: int = MAX_BODY) -> tuple[list[bytes], bytes]:
    """The whole messages in `buffer`, and the rest, which belongs before the bytes that come next.

    Every message given has a right BodyLength and CheckSum. Bytes that cannot be part of one are
    dropped. A good message is never lost to the garbage before it: where a frame turns out wrong,
    the search goes on one byte after its start.
    """
    messages: list[bytes] = []
    at = 0
    while True:
        at = buffer.find(_START, at)
        if at < 0:
            return messages, _partial_start(buffer)
        end = _frame_end(buffer, at, max_body)
        if end is None:
            return messages, buffer[at:]
        if end:
            messages.append(buffer[at:end])
        at = end or at + 1


def _frame_end(buffer: bytes, at: int, max_body: int) -> int | None:
    """Where the frame that starts at `at` ends; 0 where it is garbage, None where bytes are missing."""
    begin_end = buffer.find(SOH, at, at + _MAX_HEAD)
    length_end = buffer.find(SOH, begin_end + 1, at + _MAX_HEAD) if begin_end >= 0 else -1
    complete = len(buffer) >= at + _MAX_HEAD
    if begin_end >= 0 and not _agree(buffer[begin_end + 1:begin_end + 3], b"9="):
        return 0
    if length_end < 0:
        return 0 if complete or b"\x018=" in buffer[at:] else None
    digits = buffer[begin_end + 3:length_end]
    if not digits.isdigit() or int(digits) > max_body:
        return 0
    trailer = length_end + 1 + int(digits)
    if not _agree(buffer[trailer - 1:trailer + 3], b"\x0110=") and len(buffer) >= trailer:
        return 0
    end = trailer + TRAILER_BYTES
    if len(buffer) < end:
        return None
    return end if buffer[trailer + 3:end] == checksum(buffer[at:trailer]) + SOH else 0


def _agree(text: bytes, expected: bytes) -> bool:
    """`text` may yet become `expected`."""
    return expected.startswith(text)


def _partial_start(buffer: bytes) -> bytes:
    """The end of `buffer` that may be the start of `8=FIX`."""
    for size in range(min(len(_START) - 1, len(buffer)), 0, -1):
        if _START.startswith(buffer[-size:]):
            return buffer[-size:]
    return b""


class Framer:
    """`split` with the rest kept: feed it what arrives.

    `garbage` counts the bytes that were in no message.
    """

    def __init__(self, max_body: int = MAX_BODY):
        self.max_body = max_body
        self.garbage = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        buffer = self._rest + data
        messages, self._rest = split(buffer, self.max_body)
        self.garbage += len(buffer) - len(self._rest) - sum(map(len, messages))
        return messages

    @property
    def waiting(self) -> int:
        """Bytes of an unfinished message."""
        return len(self._rest)

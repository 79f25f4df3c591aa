"""CheckSum (10) and the frame around a body. Source: FIX 4.4 volume 2, "checksum calculation"."""

import zlib

SOH = b"\x01"
#: Bytes of the trailer: `10=nnn` and its SOH.
TRAILER_BYTES = 7

_TEXT = tuple(b"%03d" % n for n in range(256))


def byte_sum(data: bytes) -> int:
    """Sum of all bytes modulo 256, at C speed.

    Adler-32 keeps 1 + the sum modulo 65521 in its low half. 256 bytes of 255, or 512 of ASCII, stay
    below that, so that a longer message takes pieces of 256.
    """
    size = len(data)
    if size <= 256 or (size <= 512 and data.isascii()):
        return (zlib.adler32(data) - 1) & 0xFF
    total = 0
    for at in range(0, size, 256):
        total += (zlib.adler32(data[at:at + 256]) & 0xFFFF) - 1
    return total & 0xFF


def checksum(data: bytes) -> bytes:
    """CheckSum (10) of `data`, which runs from `8=` to the SOH before `10=`, as three digits."""
    return _TEXT[byte_sum(data)]


def finish(begin_string: bytes, body: bytes, length_digits: int = 1) -> bytes:
    """Put BeginString and BodyLength before `body` (from `35=` to its last SOH), and CheckSum after it."""
    text = b"8=%b\x019=%0*d\x01%b" % (begin_string, length_digits, len(body), body)
    return b"%b10=%b\x01" % (text, checksum(text))

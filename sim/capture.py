"""Market data from files: NASDAQ BinaryFILE, pcap and pcapng, any of them also gzipped.

Files are read once, front to back, and never whole, so a full day fits. Offsets are those of the
uncompressed file. Everything that is right before a fault is yielded before `CaptureError` is raised.

Sources: NASDAQ BinaryFILE 1.00 (a 2-byte big-endian length before each message; length 0 ends the
session); PCAP and PCAP Next Generation capture file formats (IETF drafts draft-ietf-opsawg-pcap and
draft-ietf-opsawg-pcapng).
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from hdl.config import GBE
from hdl.feed.spec import MOLD_END_OF_SESSION, MOLD_HEADER, MOLD_HEADER_BYTES, MOLD_LENGTH_BYTES
from hdl.net.headers import ETHERNET, IPV4, UDP
from sim import itch
from sim.models.receiver import Feed, ReceiverModel

_GZIP = b"\x1f\x8b"
#: First four bytes of a pcap file: byte order, and nanoseconds in one unit of its fractions.
_PCAP = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000),
         b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1)}
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_OPTION_RESOLUTION = 9
_ETHERNET = 1
#: Longer than any frame: a record that claims more is damage, and must not be read as one.
_FRAME_LIMIT = 1 << 18
_NS = 10**9
_DAMAGED = "the capture is damaged; all before this is kept"


class CaptureError(Exception):
    """A file that cannot be read on: where, why, and what to do. `offset` is None where no byte is to blame."""

    def __init__(self, path, offset: int | None, problem: str, advice: str):
        self.path, self.offset, self.problem, self.advice = str(path), offset, problem, advice
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{path}{where}: {problem}; {advice}")


class Frame(NamedTuple):
    """One captured frame, without FCS: time in ns since the epoch, bytes, their offset, length on the wire."""
    time: int
    data: bytes
    offset: int
    length: int


class ItchMessage(NamedTuple):
    """One message of a file: `index` counts from 1, `offset` is that of its 2-byte length."""
    index: int
    offset: int
    data: bytes


class _Source:
    """Exact reads from a file, plain or gzipped, that know where they are."""

    def __init__(self, path):
        self.path, self.at = path, 0
        try:
            self.file = open(path, "rb")  # noqa: SIM115 - closed by close()
            if self.file.peek(2)[:2] == _GZIP:
                self.file = gzip.GzipFile(fileobj=self.file)
        except OSError as error:
            raise CaptureError(path, None, f"cannot be opened ({error.strerror})", "check the path") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def fail(self, offset: int, problem: str, advice: str) -> CaptureError:
        return CaptureError(self.path, offset, problem, advice)

    def upto(self, count: int) -> bytes:
        try:
            data = self.file.read(count)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self.fail(self.at, f"the gzip data is damaged or cut ({error})", "fetch the file again") from None
        except OSError as error:
            raise CaptureError(self.path, None, f"cannot be read ({error.strerror})", "check the path") from None
        self.at += len(data)
        return data

    def exactly(self, count: int, what: str, start: int) -> bytes:
        """`count` bytes of a `what` that began at `start`."""
        data = self.upto(count)
        if len(data) < count:
            raise self.fail(start, f"the file ends inside {what}: {count - len(data)} bytes are missing",
                            "it was cut short, fetch it again; all before this is kept")
        return data


# ---- kinds of file ----------------------------------------------------------------------------------

def read_binaryfile(path) -> Iterator[tuple[int, bytes]]:
    """(offset of its length, message) for each message of a BinaryFILE, whatever is in it."""
    with _Source(path) as source:
        while head := source.upto(MOLD_LENGTH_BYTES):
            start = source.at - len(head)
            if len(head) < MOLD_LENGTH_BYTES:
                raise source.fail(start, "the file ends inside a length: 1 byte is missing",
                                  "it was cut short, fetch it again; all before this is kept")
            length = int.from_bytes(head, "big")
            if not length:
                if source.upto(1):
                    raise source.fail(source.at - 1, "data after the end of session (length 0)",
                                      "the file is damaged; all before this is kept")
                return
            yield start, source.exactly(length, "a message", start)


def read_capture(path) -> Iterator[Frame]:
    """Every Ethernet frame of a pcap or pcapng file, as it was captured."""
    with _Source(path) as source:
        magic = source.upto(4)
        if magic in _PCAP:
            yield from _pcap(source, *_PCAP[magic])
        elif magic == _PCAPNG:
            yield from _pcapng(source)
        else:
            raise source.fail(0, f"not a capture: it starts with {magic.hex(' ') or 'nothing'}",
                              "give a pcap or pcapng file")


def _magic(path) -> bytes:
    with _Source(path) as source:
        return source.upto(4)


def is_capture(path) -> bool:
    """Whether it is a pcap or pcapng, by its first bytes; else it can only be a BinaryFILE."""
    magic = _magic(path)
    return magic in _PCAP or magic == _PCAPNG


def messages(path) -> Iterator[ItchMessage]:
    """Every ITCH message of a BinaryFILE or of the MoldUDP64 datagrams of a capture, in file order.

    The kind of file is seen from its content. Of a capture, what the NIC's receiver would drop (bad
    header checksum, fragments, not UDP) and datagrams that are not MoldUDP64 from end to end are
    passed over; a message of an unknown type or of the wrong length for its type is an error.
    """
    capture, magic = is_capture(path), _magic(path)
    for index, (offset, data) in enumerate(_blocks(path) if capture else read_binaryfile(path), 1):
        try:
            itch.check(data)
        except itch.ItchError as error:
            advice = "the file is damaged, or not ITCH 5.0; all before this is kept"
            if index == 1 and not capture:
                advice = "give a NASDAQ BinaryFILE (.itch50), pcap or pcapng file"
            raise CaptureError(path, offset, str(error), advice) from None
        yield ItchMessage(index, offset, data)
    if not capture and not magic:
        raise CaptureError(path, 0, "the file is empty", "give a NASDAQ BinaryFILE (.itch50), pcap or pcapng file")


# ---- pcap and pcapng --------------------------------------------------------------------------------

def _link_type(source: _Source, offset: int, link: int):
    if link != _ETHERNET:
        raise source.fail(offset, f"link type {link}, not Ethernet (1)", "capture on an Ethernet interface")


def _frame_bytes(source: _Source, captured: int, start: int) -> bytes:
    if captured > _FRAME_LIMIT:
        raise source.fail(start, f"a frame of {captured} bytes", _DAMAGED)
    return source.exactly(captured, "a frame", start)


def _pcap(source: _Source, order: str, unit: int) -> Iterator[Frame]:
    header = struct.Struct(order + "HHiIII")
    *_, link = header.unpack(source.exactly(header.size, "the file header", 0))
    _link_type(source, source.at - 4, link & 0xFFFF)
    record = struct.Struct(order + "IIII")
    while head := source.upto(record.size):
        start = source.at - len(head)
        head += source.exactly(record.size - len(head), "a record header", start)
        seconds, fraction, captured, length = record.unpack(head)
        data = _frame_bytes(source, captured, start)
        yield Frame(seconds * _NS + fraction * unit, data, source.at - captured, length)


def _pcapng(source: _Source) -> Iterator[Frame]:
    """Blocks of one or more sections; block kinds that hold no frame are passed over."""
    order, units, kind_bytes, start = "", [], _PCAPNG, 0
    while kind_bytes:
        kind_bytes += source.exactly(4 - len(kind_bytes), "a block header", start)
        raw_length = source.exactly(4, "a block header", start)
        body = b""
        if kind_bytes == _PCAPNG:
            body = source.exactly(4, "a section header", start)
            if body not in _BYTE_ORDER:
                raise source.fail(start + 8, f"unknown byte order mark {body.hex(' ')}", _DAMAGED)
            order, units = _BYTE_ORDER[body], []
        kind, length = (struct.unpack(order + "I", raw)[0] for raw in (kind_bytes, raw_length))
        if length < 12 + len(body) or length % 4 or length > _FRAME_LIMIT + 4096:
            raise source.fail(start + 4, f"a block of {length} bytes", _DAMAGED)
        body += source.exactly(length - 12 - len(body), "a block", start)
        if source.exactly(4, "a block", start) != raw_length:
            raise source.fail(source.at - 4, "the two lengths of a block differ",
                              _DAMAGED)
        if kind == _INTERFACE:
            units.append(_interface(source, order, body, start))
        elif kind in (_ENHANCED, _PACKET, _SIMPLE):
            yield _packet(source, order, units, kind, body, start)
        start, kind_bytes = source.at, source.upto(4)


def _interface(source: _Source, order: str, body: bytes, start: int) -> tuple[int, int]:
    """(units a second, snap length) of an interface description block."""
    if len(body) < 8:
        raise source.fail(start, "an interface block is too short", _DAMAGED)
    link, _, snap = struct.unpack_from(order + "HHI", body)
    _link_type(source, start + 8, link)
    resolution, at = 6, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == _OPTION_RESOLUTION and length == 1 and at + 4 < len(body):
            resolution = body[at + 4]
        at += 4 + (length + 3) // 4 * 4
    return (1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution), snap


def _packet(source: _Source, order: str, units: list[tuple[int, int]], kind: int, body: bytes, start: int) -> Frame:
    fields = struct.Struct(order + {_ENHANCED: "IIIII", _PACKET: "HHIIII", _SIMPLE: "I"}[kind])
    if len(body) < fields.size:
        raise source.fail(start, "a packet block is too short", _DAMAGED)
    values = fields.unpack_from(body)
    interface, high, low, captured, length = {
        _ENHANCED: values, _PACKET: (values[0], *values[-4:]), _SIMPLE: (0, 0, 0, values[-1], values[-1])}[kind]
    if interface >= len(units):
        raise source.fail(start, f"a frame of interface {interface}, which was not described",
                          _DAMAGED)
    units_a_second, snap = units[interface]
    if kind == _SIMPLE and snap:
        captured = min(captured, snap)
    data = body[fields.size:fields.size + captured]
    if len(data) < captured:
        raise source.fail(start, f"a frame of {captured} bytes in a block of {len(body)}",
                          _DAMAGED)
    return Frame((high << 32 | low) * _NS // units_a_second, data, start + 8 + fields.size, length)


# ---- MoldUDP64 out of frames ------------------------------------------------------------------------

def blocks(datagram: bytes) -> list[tuple[int, bytes]] | None:
    """(offset of its length, message) for each block of a MoldUDP64 datagram; None where it is not one."""
    if len(datagram) < MOLD_HEADER_BYTES:
        return None
    item = MOLD_HEADER["count"]
    count, at, found = int.from_bytes(datagram[item.offset:item.end], "big"), MOLD_HEADER_BYTES, []
    for _ in range(0 if count == MOLD_END_OF_SESSION else count):
        length = int.from_bytes(datagram[at:at + MOLD_LENGTH_BYTES], "big")
        end = at + MOLD_LENGTH_BYTES + length
        if not length or end > len(datagram):
            return None
        found.append((at, datagram[at + MOLD_LENGTH_BYTES:end]))
        at = end
    return found if at == len(datagram) else None


def _blocks(path) -> Iterator[tuple[int, bytes]]:
    receiver = ReceiverModel(GBE, 0, feeds=[Feed(promiscuous=1)])
    dropped: dict[str, int] = {}
    frames = found = 0
    for frame in read_capture(path):
        frames += 1
        payload, cause = receiver.receive(frame.data)
        blocks_here = blocks(payload.data) if payload and not cause else None
        if blocks_here is None:
            cause = cause or "not MoldUDP64"
            dropped[cause] = dropped.get(cause, 0) + 1
            continue
        found += 1
        start = frame.offset + frame.data.index(payload.data, ETHERNET.bytes + IPV4.bytes + UDP.bytes)
        for offset, message in blocks_here:
            yield start + offset, message
    if not found:
        why = ", ".join(f"{count} {cause}" for cause, count in dropped.items()) or "it holds no frame"
        raise CaptureError(path, None, f"no MoldUDP64 datagram in {frames} frames ({why})",
                           "give a capture of the feed itself, with intact headers")


__all__ = ["CaptureError", "Frame", "ItchMessage", "blocks", "is_capture", "messages", "read_binaryfile",
           "read_capture"]

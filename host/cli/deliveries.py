"""A file as the NIC gets it: frames, each with the messages of the file that it carries."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from hdl.config import GBE
from hdl.feed.spec import MOLD_HEADER
from hdl.venue import SIMULATED
from sim import capture, frames, itch
from sim.capture import CaptureError, ItchMessage
from sim.models.receiver import Feed, ReceiverModel

#: Session and addresses of the frames made for a BinaryFILE, which has none of its own.
_VENUE = SIMULATED[0]
_SESSION = b"TGREPLAY00"


class Delivery(NamedTuple):
    """One frame: its MoldUDP64 datagram, and the file's messages in it; the first has sequence number `seq`."""
    frame: bytes
    datagram: bytes
    seq: int
    messages: list[ItchMessage]


def deliveries(path: Path) -> Iterator[Delivery]:
    """The frames of a file in order. Those of a capture are its own, so its gaps and repeats are too; each
    message of a BinaryFILE gets one, numbered from 1. Raises `CaptureError` as `sim.capture.messages` does."""
    return _captured(path) if capture.is_capture(path) else _made(path)


def _made(path: Path) -> Iterator[Delivery]:
    for message in capture.messages(path):
        yield _framed(_SESSION, message.index, [message])


def _framed(session: bytes, seq: int, messages: list[ItchMessage]) -> Delivery:
    """Messages in a frame of ours."""
    datagram = itch.datagram(session, seq, [message.data for message in messages])
    frame = frames.udp_frame(datagram, source_ip=_VENUE.remote_ip, source=_VENUE.feed_port,
                             destination_ip=_VENUE.feed_ip, destination=_VENUE.feed_port)
    return Delivery(frame, datagram, seq, messages)


def _captured(path: Path) -> Iterator[Delivery]:
    receiver = ReceiverModel(GBE, 0, feeds=[Feed(promiscuous=1)])
    source = capture.messages(path)
    session, number = MOLD_HEADER["session"], MOLD_HEADER["sequence"]
    for frame in capture.read_capture(path):
        payload, cause = receiver.receive(frame.data)
        blocks = capture.blocks(payload.data) if payload and not cause else None
        if payload is None or blocks is None:
            continue
        seq = int.from_bytes(payload.data[number.offset:number.end], "big")
        messages: list[ItchMessage] = []
        try:
            messages += islice(source, len(blocks))
        except CaptureError:
            yield _framed(payload.data[session.offset:session.end], seq, messages)  # what came before the fault
            raise
        yield Delivery(frame.data, payload.data, seq, messages)
    next(source, None)  # the faults that only its end shows

"""Stream vocabulary: AXI4-Stream beats, record streams, and the small plumbing between blocks.

Every stream obeys one law: once `valid` is high the payload holds until `ready`, and `valid` never
waits for `ready`. Inputs are called `i`, outputs `o`.
"""

from amaranth.lib import data, stream

from hdl.layouts import RECORD_BITS


def beat(width: int) -> data.StructLayout:
    """One beat of a MAC-facing AXI4-Stream (ARM IHI 0051A): `width // 8` lanes, first byte in lane 0.

    Members
    -------
    data : the bytes, byte *n* of the beat in bits `8n` to `8n+7`.
    keep : tkeep, contiguous from lane 0; all ones except in the last beat.
    last : tlast, the beat ends the frame.
    error : tuser, meaningful with `last` alone: receive, the frame is bad (FCS, runt, code error);
        transmit, poison the frame (its FCS leaves inverted).
    """
    return data.StructLayout({"data": width, "keep": width // 8, "last": 1, "error": 1})


def axis(width: int) -> stream.Signature:
    """Frames without preamble and FCS, transmit side: the MAC may hold `ready` low."""
    return stream.Signature(beat(width))


def axis_rx(width: int) -> stream.Signature:
    """Frames without preamble and FCS, receive side: cannot be held back."""
    return stream.Signature(beat(width), always_ready=True)


def valid_only(shape) -> stream.Signature:
    """What cannot be held back."""
    return stream.Signature(shape, always_ready=True)


#: Fixed 64-byte records between NIC and host; see `hdl.layouts`.
records = stream.Signature(RECORD_BITS)

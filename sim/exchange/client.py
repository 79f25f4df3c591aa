"""A client of one venue in plain Python: what the NIC does on the wire, for tests and experiments."""

from collections.abc import Iterable

from fixparse.codec import Message, parse
from fixparse.fields import FIX44
from fixparse.forms import Header
from fixparse.stream import Framer
from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_TCP, PROTOCOL_UDP, TCP, UDP, WORD_BYTES
from hdl.venue import VenueSpec
from sim import frames

_MODULUS = 1 << 32
_IP = ETHERNET.bytes


class Client:
    """The desk's end of one order session: `frame` wraps FIX bytes, `messages` unwraps what came back.

    `header` numbers the messages; give it to the builders of `fixparse.orders`.
    """

    def __init__(self, spec: VenueSpec):
        self.spec = spec
        self.header = Header(FIX44.encode(), spec.sender_comp_id.encode(), spec.target_comp_id.encode())
        self.snd_nxt, self.rcv_nxt = spec.snd_nxt, spec.rcv_nxt
        self._framer = Framer()

    def frame(self, payload: bytes) -> bytes:
        """The next segment."""
        spec = self.spec
        made = frames.tcp_frame(payload, source_ip=spec.local_ip, destination_ip=spec.remote_ip, source=spec.local_port,
                                destination=spec.remote_port, seq=self.snd_nxt, ack=self.rcv_nxt,
                                source_mac=spec.local_mac, destination_mac=spec.remote_mac)
        self.snd_nxt = (self.snd_nxt + len(payload)) % _MODULUS
        return made

    def messages(self, received: Iterable[bytes]) -> list[Message]:
        """FIX messages of this session among received frames. A segment that is not the next one is an error."""
        return [parse(raw) for frame in received for raw in self._framer.feed(self.payload(frame))]

    def payload(self, frame: bytes) -> bytes:
        """What a received frame carries of this session; nothing where it is not of it."""
        ip = IPV4.unpack(frame[_IP:])
        if ip["protocol"] != PROTOCOL_TCP or ip["source"] != self.spec.remote_ip:
            return b""
        segment = frame[_IP + ip["ihl"] * WORD_BYTES:_IP + ip["total_length"]]
        tcp = TCP.unpack(segment)
        if tcp["seq"] != self.rcv_nxt:
            raise ValueError(f"segment at {tcp['seq']:#x}, expected {self.rcv_nxt:#x}")
        payload = segment[tcp["data_offset"] * WORD_BYTES:]
        self.rcv_nxt = (self.rcv_nxt + len(payload)) % _MODULUS
        return payload


def datagrams(received: Iterable[bytes], group: int) -> list[bytes]:
    """UDP payloads to one multicast group among received frames."""
    found = []
    for frame in received:
        ip = IPV4.unpack(frame[_IP:])
        if ip["protocol"] == PROTOCOL_UDP and ip["destination"] == group:
            at = _IP + ip["ihl"] * WORD_BYTES
            found.append(frame[at + UDP.bytes:at + UDP.unpack(frame[at:])["length"]])
    return found

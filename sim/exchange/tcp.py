"""The venue's end of one order session: a TCP connection that is already up.

Source: RFC 9293, 3.1 (segment), 3.4 (sequence numbers), 3.10.7.4 (what an established connection
accepts); checksums RFC 1071. There is no handshake, retransmission or flow control: the sequence
numbers are agreed before (`VenueSpec`), and a segment that is not the next one is refused and counted.
"""

from collections import Counter

from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_TCP, TCP, TYPE_IPV4, WORD_BYTES
from hdl.venue import VenueSpec
from sim import frames

#: Largest segment: an Ethernet payload of 1,500 bytes less the headers.
MAX_SEGMENT = 1_460
_FIN_SYN_RST = 0b111
_MODULUS = 1 << 32


class TcpEndpoint:
    """`receive` takes frames and gives payload in order, `send` makes frames of payload.

    `count` tells why segments were refused: `not_ours`, `bad_header`, `bad_checksum`, `flags`,
    `out_of_order` (beyond the next byte), `duplicate` (before it); and `segments` that were accepted.
    """

    def __init__(self, spec: VenueSpec):
        self.spec = spec
        self.rcv_nxt = spec.snd_nxt
        self.snd_nxt = spec.rcv_nxt
        #: Oldest byte that the other end has not acknowledged.
        self.snd_una = spec.rcv_nxt
        self.count: Counter[str] = Counter()

    def receive(self, frame: bytes) -> bytes:
        """Payload of the next segment; nothing where the frame is refused."""
        refusal, payload = self._take(frame)
        self.count[refusal or "segments"] += 1
        return payload

    def _take(self, frame: bytes) -> tuple[str, bytes]:
        ethernet = ETHERNET.unpack(frame)
        if len(frame) < ETHERNET.bytes + IPV4.bytes + TCP.bytes or ethernet["type"] != TYPE_IPV4:
            return "not_ours", b""
        packet = frame[ETHERNET.bytes:]
        ip = IPV4.unpack(packet)
        header = ip["ihl"] * WORD_BYTES
        if (ip["version"] != 4 or header < IPV4.bytes or frames.checksum(packet[:header])
                or not header + TCP.bytes <= ip["total_length"] <= len(packet)):
            return "bad_header", b""
        segment = packet[header:ip["total_length"]]
        tcp = TCP.unpack(segment)
        spec = self.spec
        if (ethernet["destination"] != spec.remote_mac or ip["protocol"] != PROTOCOL_TCP
                or (ip["source"], ip["destination"]) != (spec.local_ip, spec.remote_ip)
                or (tcp["source"], tcp["destination"]) != (spec.local_port, spec.remote_port)):
            return "not_ours", b""
        pseudo = packet[12:20] + bytes((0, PROTOCOL_TCP)) + len(segment).to_bytes(2, "big")
        if frames.checksum(pseudo + segment):
            return "bad_checksum", b""
        offset = tcp["data_offset"] * WORD_BYTES
        if not TCP.bytes <= offset <= len(segment):
            return "bad_header", b""
        if tcp["flags"] & _FIN_SYN_RST:
            return "flags", b""
        return self._accept(tcp["seq"], tcp["ack"], segment[offset:])

    def _accept(self, seq: int, ack: int, payload: bytes) -> tuple[str, bytes]:
        ahead = (seq - self.rcv_nxt) % _MODULUS
        if ahead:
            return "out_of_order" if ahead < _MODULUS // 2 else "duplicate", b""
        if (ack - self.snd_una) % _MODULUS <= (self.snd_nxt - self.snd_una) % _MODULUS:
            self.snd_una = ack
        self.rcv_nxt = (self.rcv_nxt + len(payload)) % _MODULUS
        return "", payload

    def send(self, payload: bytes) -> list[bytes]:
        """Frames that carry the payload, each acknowledging all that was received."""
        spec, made = self.spec, []
        for at in range(0, len(payload), MAX_SEGMENT):
            part = payload[at:at + MAX_SEGMENT]
            made.append(frames.tcp_frame(
                part, source_ip=spec.remote_ip, destination_ip=spec.local_ip, source=spec.remote_port,
                destination=spec.local_port, seq=self.snd_nxt, ack=self.rcv_nxt, source_mac=spec.remote_mac,
                destination_mac=spec.local_mac))
            self.snd_nxt = (self.snd_nxt + len(part)) % _MODULUS
        return made

"""Frames for testbenches and the exchange simulator, from the same header tables that the receiver reads.

Frames are without preamble and FCS, as on the MAC-facing streams. Addresses are integers, as on the wire.
"""

from collections.abc import Iterable

from hdl.net import headers
from hdl.net.headers import ETHERNET, IPV4, MIN_FRAME, PROTOCOL_TCP, PROTOCOL_UDP, TAG, TCP, TYPE_IPV4, TYPES_TAG, UDP
from hdl.venue import HOST_ETHERTYPE

#: TCP flags of a segment that carries data: PSH and ACK (RFC 9293, 3.1).
PSH_ACK = 0x18
_MAC_SOURCE, _MAC_DESTINATION = 0x02_54_47_00_FF_01, 0x02_54_47_00_00_01
_FIRST_TAG = TYPES_TAG[0]


def checksum(data: bytes) -> int:
    """Internet checksum of `data` (RFC 1071), padded with a zero byte where its length is odd."""
    total = int.from_bytes(data + b"\0" if len(data) % 2 else data, "big")
    # 0x10000 = 1 modulo 0xffff, so the remainder is the ones' complement sum; 0 and 0xffff are both zero there.
    return ~(total % 0xFFFF or (0xFFFF if total else 0)) & 0xFFFF


def ethernet_frame(payload: bytes, *, type: int, source: int = _MAC_SOURCE, destination: int = _MAC_DESTINATION,
                   tags: Iterable[int | tuple[int, int]] = (), pad: bool = True) -> bytes:
    """Ethernet II. `tags`: VLAN ids, or (EtherType, VLAN id), outermost first. `pad`: to the minimum of 60 bytes."""
    tags = [tag if isinstance(tag, tuple) else (_FIRST_TAG, tag) for tag in tags]
    types = [tag_type for tag_type, _ in tags] + [type]
    frame = ETHERNET.pack(destination=destination, source=source, type=types[0])
    for (_, vid), inner in zip(tags, types[1:], strict=True):
        frame += TAG.pack(vid=vid, type=inner)
    frame += payload
    return frame.ljust(MIN_FRAME, b"\0") if pad else frame


def ipv4_packet(payload: bytes, *, protocol: int, source_ip: int, destination_ip: int, options: bytes = b"",
                **fields: int) -> bytes:
    """IPv4 with a right header checksum. `options` are whole words; `fields` replace any other header field."""
    length = IPV4.bytes + len(options)
    values = {"version": 4, "ihl": length // headers.WORD_BYTES, "total_length": length + len(payload),
              "dont_fragment": 1, "ttl": 64, "protocol": protocol, "source": source_ip, "destination": destination_ip,
              **fields}
    if "checksum" not in fields:
        values["checksum"] = checksum(IPV4.pack(**values) + options)
    return IPV4.pack(**values) + options + payload


def _pseudo_header(protocol: int, source_ip: int, destination_ip: int, length: int) -> bytes:
    """What UDP (RFC 768) and TCP (RFC 9293, 3.1) checksums cover besides the segment."""
    return (source_ip << 64 | destination_ip << 32 | protocol << 16 | length).to_bytes(12, "big")


def udp_datagram(payload: bytes, *, source_ip: int, destination_ip: int, source: int, destination: int,
                 **fields: int) -> bytes:
    length = UDP.bytes + len(payload)
    values = {"source": source, "destination": destination, "length": length, **fields}
    if "checksum" not in fields:
        covered = _pseudo_header(PROTOCOL_UDP, source_ip, destination_ip, length) + UDP.pack(**values) + payload
        values["checksum"] = checksum(covered) or 0xFFFF    # 0 would say that there is none
    return UDP.pack(**values) + payload


def tcp_segment(payload: bytes, *, source_ip: int, destination_ip: int, source: int, destination: int, seq: int,
                ack: int = 0, options: bytes = b"", **fields: int) -> bytes:
    length = TCP.bytes + len(options)
    values = {"source": source, "destination": destination, "seq": seq, "ack": ack,
              "data_offset": length // headers.WORD_BYTES, "flags": PSH_ACK, "window": 0xFFFF, **fields}
    if "checksum" not in fields:
        covered = _pseudo_header(PROTOCOL_TCP, source_ip, destination_ip, length + len(payload))
        values["checksum"] = checksum(covered + TCP.pack(**values) + options + payload)
    return TCP.pack(**values) + options + payload


def udp_frame(payload: bytes, *, source_ip: int, destination_ip: int, source: int, destination: int, **link) -> bytes:
    """A whole frame with one datagram. `link`: arguments of `ethernet_frame` (`source_mac` and `destination_mac`
    for the link addresses); a multicast group gets its own MAC address."""
    datagram = udp_datagram(payload, source_ip=source_ip, destination_ip=destination_ip, source=source,
                            destination=destination)
    return _ip_frame(datagram, PROTOCOL_UDP, source_ip, destination_ip, link)


def tcp_frame(payload: bytes, *, source_ip: int, destination_ip: int, source: int, destination: int, seq: int,
              ack: int = 0, flags: int = PSH_ACK, **link) -> bytes:
    """A whole frame with one segment; `link` as for `udp_frame`."""
    segment = tcp_segment(payload, source_ip=source_ip, destination_ip=destination_ip, source=source,
                          destination=destination, seq=seq, ack=ack, flags=flags)
    return _ip_frame(segment, PROTOCOL_TCP, source_ip, destination_ip, link)


def host_frame(payload: bytes, *, source: int = _MAC_SOURCE, destination: int = _MAC_DESTINATION) -> bytes:
    """A host-bridge frame."""
    return ethernet_frame(payload, type=HOST_ETHERTYPE, source=source, destination=destination)


def multicast_mac(ip: int) -> int:
    """Link address of a multicast group: its low 23 bits (RFC 1112, 6.4)."""
    return 0x01_00_5E_00_00_00 | ip & 0x7F_FFFF


def is_multicast(ip: int) -> bool:
    return ip >> 28 == 0xE


def _ip_frame(payload: bytes, protocol: int, source_ip: int, destination_ip: int, link: dict) -> bytes:
    default = multicast_mac(destination_ip) if is_multicast(destination_ip) else _MAC_DESTINATION
    return ethernet_frame(
        ipv4_packet(payload, protocol=protocol, source_ip=source_ip, destination_ip=destination_ip), type=TYPE_IPV4,
        source=link.pop("source_mac", _MAC_SOURCE), destination=link.pop("destination_mac", default), **link)

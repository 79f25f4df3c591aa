"""Ethernet, IPv4, UDP and TCP headers as tables: receiver, golden model and frame builder read the same.

Sources
-------
Ethernet II and its type field: IEEE Std 802.3-2022, 3.2; tags: IEEE Std 802.1Q-2022, 9.3 to 9.6;
IPv4: RFC 791, 3.1; header checksum: RFC 1071; UDP: RFC 768; TCP: RFC 9293, 3.1.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A header field, most significant bit first: `offset` and `width` in bits, as the RFCs draw them."""
    name: str
    offset: int
    width: int

    @property
    def bytes(self) -> range:
        """Bytes of the header that hold a part of it."""
        return range(self.offset // 8, (self.offset + self.width + 7) // 8)

    def part(self, byte: int) -> tuple[slice, slice]:
        """(bits of the field, bits of the byte) that byte number `byte` of the header contributes, both LSB 0."""
        end = self.offset + self.width
        first, last = max(self.offset, 8 * byte), min(end, 8 * byte + 8)
        return slice(end - last, end - first), slice(8 * byte + 8 - last, 8 * byte + 8 - first)


class Header:
    """Fields in wire order, without holes; `bytes` is the length without options."""

    def __init__(self, name: str, **widths: int):
        self.name, self.fields, offset = name, {}, 0
        for field, width in widths.items():
            self.fields[field] = Field(field, offset, width)
            offset += width
        if offset % 8:
            raise ValueError(f"{name} header is {offset} bits long, not whole bytes")
        self.bytes = offset // 8

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    def pack(self, **values: int) -> bytes:
        """The header's bytes; fields not named are 0."""
        word = 0
        for name, field in self.fields.items():
            value = values.pop(name, 0)
            if value >> field.width:
                raise ValueError(f"{self.name}.{name} = {value:#x} does not fit {field.width} bits")
            word = word << field.width | value
        if values:
            raise ValueError(f"{self.name} header has no field {', '.join(values)}")
        return word.to_bytes(self.bytes, "big")

    def unpack(self, data: bytes) -> dict[str, int]:
        """Fields of the header that `data` starts with."""
        word, left = int.from_bytes(data[:self.bytes], "big"), 8 * self.bytes
        return {name: word >> left - field.offset - field.width & (1 << field.width) - 1
                for name, field in self.fields.items()}


ETHERNET = Header("Ethernet", destination=48, source=48, type=16)
#: Follows the type 0x8100 or 0x88A8; `type` is that of what is inside.
TAG = Header("tag", priority=3, drop_eligible=1, vid=12, type=16)
IPV4 = Header("IPv4", version=4, ihl=4, tos=8, total_length=16, identification=16, reserved=1, dont_fragment=1,
              more_fragments=1, fragment_offset=13, ttl=8, protocol=8, checksum=16, source=32, destination=32)
UDP = Header("UDP", source=16, destination=16, length=16, checksum=16)
TCP = Header("TCP", source=16, destination=16, seq=32, ack=32, data_offset=4, reserved=4, flags=8, window=16,
             checksum=16, urgent=16)

TYPE_IPV4 = 0x0800
#: Customer and service tags.
TYPES_TAG = (0x8100, 0x88A8)
MAX_TAGS = 2
PROTOCOL_TCP, PROTOCOL_UDP = 6, 17
#: IHL and data offset count words of 4 bytes.
WORD_BYTES = 4

#: Frame lengths without FCS, IEEE Std 802.3-2022, 4A.4.2.
MIN_FRAME, MAX_FRAME, FCS_BYTES = 60, 1518, 4

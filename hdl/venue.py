"""One venue on the wire: its feed, its order session, its names. Data only; sim, host and gateware share it."""

from dataclasses import dataclass
from ipaddress import IPv4Address

#: EtherType of host-bridge frames: IEEE Std 802, local experimental EtherType 1.
HOST_ETHERTYPE = 0x88B5


@dataclass(frozen=True)
class VenueSpec:
    """Addresses are integers as on the wire (48-bit MAC, 32-bit IPv4).

    Parameters
    ----------
    name : market identifier code (ISO 10383).
    feed_ip, feed_port, mold_session : multicast group and MoldUDP64 session (10 ASCII bytes).
    local_*, remote_* : our and the venue's end of the order session.
    snd_nxt, rcv_nxt : TCP sequence numbers at the start, seen from us.
    sender_comp_id, target_comp_id : FIX 49 and 56 of what we send, at most 8 characters each.
    """

    name: str
    feed_ip: int
    feed_port: int
    mold_session: bytes
    local_mac: int
    remote_mac: int
    local_ip: int
    remote_ip: int
    local_port: int
    remote_port: int
    sender_comp_id: str
    target_comp_id: str
    snd_nxt: int = 1
    rcv_nxt: int = 1


def _venue(name: str, n: int) -> VenueSpec:
    return VenueSpec(
        name=name, feed_ip=int(IPv4Address(f"233.54.12.{111 + n}")), feed_port=26477 + n,
        mold_session=f"TG{name}{n:04d}".encode(), local_mac=0x02_54_47_00_00_01, remote_mac=0x02_54_47_00_01_00 + n,
        local_ip=int(IPv4Address("10.47.0.2")), remote_ip=int(IPv4Address(f"10.47.1.{n + 1}")),
        local_port=40001 + n, remote_port=9001 + n, sender_comp_id="TICKGATE", target_comp_id=name,
        snd_nxt=0x1000_0000 * (n + 1), rcv_nxt=0x2000_0000 * (n + 1))


#: The two venues of the simulated exchange, and what `tickgate run` trades on.
SIMULATED = (_venue("XTGA", 0), _venue("XTGB", 1))

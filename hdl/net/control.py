"""The control frame: whoever knows the key stops all orders with one frame, whatever the host does. Data only.

Ethernet II of type `CONTROL_ETHERTYPE` without tags, then `CONTROL`, then anything (padding). It can only kill. The key
is on the wire as it is: the frame keeps strangers and accidents out, not somebody who has seen one, and what such a
person can do with it is to stop orders again.
"""

from hdl.net.headers import ETHERNET, MIN_FRAME, Header

#: IEEE Std 802, local experimental EtherType 2 (that of the host bridge is 1).
CONTROL_ETHERTYPE = 0x88B6
CONTROL = Header("control", magic=32, command=16, key=64)
#: "TGCF".
CONTROL_MAGIC = 0x5447_4346
#: The one command there is.
KILL = 1
#: Bytes of a frame that count.
CONTROL_BYTES = ETHERNET.bytes + CONTROL.bytes


def control_frame(key: int, source: int = 0, destination: int = (1 << 48) - 1) -> bytes:
    """The frame that kills, without FCS. `key`: as written to NIC.control_key; link addresses are not looked at."""
    header = ETHERNET.pack(destination=destination, source=source, type=CONTROL_ETHERTYPE)
    return (header + CONTROL.pack(magic=CONTROL_MAGIC, command=KILL, key=key)).ljust(MIN_FRAME, b"\0")


__all__ = ["CONTROL", "CONTROL_BYTES", "CONTROL_ETHERTYPE", "CONTROL_MAGIC", "KILL", "control_frame"]

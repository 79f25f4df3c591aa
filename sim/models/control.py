"""Golden model of hdl.net.listener: what becomes of one frame."""

from hdl.net.control import CONTROL, CONTROL_BYTES, CONTROL_ETHERTYPE, CONTROL_MAGIC, KILL
from hdl.net.headers import ETHERNET


def heard(data: bytes, error: bool, key: int) -> str:
    """`kill`, `refused`, or empty where it is no control frame. `key`: 0 for none."""
    if len(data) < ETHERNET.bytes or ETHERNET.unpack(data)["type"] != CONTROL_ETHERTYPE:
        return ""
    if error or not key or len(data) < CONTROL_BYTES:
        return "refused"
    wanted = {"magic": CONTROL_MAGIC, "command": KILL, "key": key}
    return "kill" if CONTROL.unpack(data[ETHERNET.bytes:]) == wanted else "refused"

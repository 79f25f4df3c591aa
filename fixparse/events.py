"""What a FIX session tells its application."""

from dataclasses import dataclass

from fixparse.message import Message


@dataclass(frozen=True)
class LoggedOn:
    """The session is up; `heartbeat_ns` is what both ends agreed on."""
    heartbeat_ns: int


@dataclass(frozen=True)
class Received:
    """An application message, in sequence, once."""
    message: Message


@dataclass(frozen=True)
class Rejected:
    """The other end refused a message of ours (35=3)."""
    message: Message


@dataclass(frozen=True)
class Gap:
    """Messages from `begin` on are missing; they have been asked for."""
    begin: int
    seen: int


@dataclass(frozen=True)
class Disconnect:
    """Close the transport connection now."""
    reason: str


Event = LoggedOn | Received | Rejected | Gap | Disconnect

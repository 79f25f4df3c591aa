"""Links to a NIC: the interface, its driver and its implementations (one module each, imported where used)."""

from host.link.base import Link, LinkError, Place

__all__ = ["Link", "LinkError", "Place"]

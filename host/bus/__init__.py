"""The bus between the services: one interface, several transports."""

from host.bus.bus import Bus, Hop, Message, Subscription
from host.bus.inprocess import InProcess

__all__ = ["Bus", "Hop", "InProcess", "Message", "Subscription"]

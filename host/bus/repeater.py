"""A process on a bus that proposes what it hears, for tests of processes that come, go and are killed.

`python -m host.bus.repeater shared FOLDER NAME`, or `zenoh FOLDER NAME BUS ENDPOINT`; it says "here" once it listens.
"""

import sys
import time
from pathlib import Path

from host.bus import Message
from host.bus.node import Node
from host.bus.shared import Shared
from host.bus.topics import PROPOSED, Topic
from host.bus.zenoh import Zenoh

_REST_S = 0.001


def join(transport: str, folder: str, name: str, *where: str) -> Node:
    """The process's end of the bus; over zenoh `where` is the bus's name and the router's endpoint."""
    if transport == "shared":
        return Shared(Path(folder), name)
    bus, endpoint = where
    return Zenoh(Path(folder), name, bus=bus, connect=endpoint)


def repeat(node: Node) -> None:
    """For ever: whoever started this kills it."""
    def hear(message: Message) -> None:
        if message.source != node.source:
            node.publish(PROPOSED, b"heard " + message.payload)
    node.subscribe(PROPOSED, hear)
    node.publish(PROPOSED, b"here")
    while True:
        node.poll()
        time.sleep(_REST_S)


def payloads(node: Node, topic: Topic) -> list[object]:
    """What a process is told on a topic from now on; it grows."""
    seen: list[object] = []
    node.subscribe(topic, lambda message: seen.append(message.payload))
    return seen


if __name__ == "__main__":
    repeat(join(*sys.argv[1:]))

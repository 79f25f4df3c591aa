"""The router of a zenoh bus: the one place that every process connects to. `python -m host.bus.router --help`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

import zenoh

from host.bus.node import BusError

#: Loopback: beyond this machine only with a configuration that says how (docs/bus.md).
LISTEN = "tcp/127.0.0.1:7447"
#: A process that does not read holds the router up for so long (us), once; then it is cut off, and asks for what it
#: missed when it is back.
PATIENCE_US = 100_000
_PATIENCE = "transport/link/tx/queue/congestion_control/block/wait_before_close"


def configuration(mode: str, endpoints: str, config: Path | None) -> zenoh.Config:
    """Of a session: the file where there is one, as it is; else loopback, no discovery. Raises `BusError`."""
    try:
        if config:
            return zenoh.Config.from_file(str(config))
        made = zenoh.Config()
        made.insert_json5("mode", f'"{mode}"')
        made.insert_json5(f"{'listen' if mode == 'router' else 'connect'}/endpoints", f'["{endpoints}"]')
        made.insert_json5("scouting/multicast/enabled", "false")
        made.insert_json5(_PATIENCE, str(PATIENCE_US))
        return made
    except (zenoh.ZError, OSError) as error:
        raise BusError(f"{config or endpoints}: this is no configuration for zenoh ({error})") from None


def opened(config: zenoh.Config, where: str) -> zenoh.Session:
    """Raises `BusError` where it cannot connect or listen."""
    try:
        return zenoh.open(config)
    except zenoh.ZError as error:
        raise BusError(f"{where}: the bus cannot be reached or made there ({error}); is the router running, and are "
                       f"address and certificates right?") from None


def main() -> int:
    """Serves until SIGTERM or SIGINT. Says "ready" on its standard output once it listens."""
    parser = argparse.ArgumentParser(description="zenoh router of a Tickgate bus")
    parser.add_argument("--listen", default=LISTEN, help="endpoint (default: %(default)s)")
    parser.add_argument("--config", type=Path, help="zenoh configuration (JSON5), instead of --listen")
    given = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        session = opened(configuration("router", given.listen, given.config), str(given.config or given.listen))
    except BusError as error:
        print(f"router: {error}", file=sys.stderr)
        return 2
    print("ready", flush=True)
    ended.wait()
    session.close()  # type: ignore[no-untyped-call]
    return 0


if __name__ == "__main__":
    sys.exit(main())

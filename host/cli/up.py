"""`tickgate up`: the desk as processes, one a service, over shared memory or zenoh."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli.dashboard import LISTEN
from host.cli.errors import UserError
from host.cli.places import STATE
from host.cli.run import DEFAULT_SECONDS, nanoseconds
from sim.paths import BUILD

#: Apart from `tickgate run`'s, so that both may be looked at.
UP = BUILD / "up"


def up(bus: Annotated[str, typer.Option(help="shared: this machine's memory; zenoh: through a router.")] = "shared",
       seconds: Annotated[str, typer.Option(help="Simulated seconds of trading.")] = DEFAULT_SECONDS,
       seed: Annotated[int, typer.Option(help="Of the order flow. The desk's timing is the machine's.")] = 1,
       limits: Annotated[Path | None, typer.Option(help="Limits file, instead of the one in force.")] = None,
       out: Annotated[Path, typer.Option(help="Folder for book of record, logs, bus and warehouse.")] = UP,
       state: Annotated[Path, typer.Option("--state", help="Folder of the limits and the audit log.")] = STATE,
       connect: Annotated[str | None, typer.Option(help="zenoh: endpoint of a router that runs already.")] = None,
       bus_config: Annotated[Path | None, typer.Option(help="zenoh: a configuration (TLS, access control).")] = None,
       nic: Annotated[str, typer.Option(help="compiled: the NIC; direct: the exchange without one, and with no "
                                             "hardware gate.")] = "compiled",
       dashboard: Annotated[str, typer.Option(
           help="HOST:PORT of the live page. It is plain HTTP: keep it to this machine, or behind something that "
                "is not.")] = LISTEN,
       headless: Annotated[bool, typer.Option("--headless",
           help="Events as lines, no table and no dashboard.")] = False,
       ) -> None:
    """Trade as `tickgate run` does, with every service in a process of its own, supervised.

    `tickgate kill`, `resume`, `status` and `limits` act on it with `--run-dir`. A process that ends is started again;
    where the desk may not trade without it, orders are stopped until a person resumes. Ctrl-C ends the session in
    order.
    """
    from host.supervise.session import UpSession
    from host.supervise.setting import MARKETS, TRANSPORTS

    if bus not in TRANSPORTS:
        raise UserError(f"--bus {bus}: give {' or '.join(TRANSPORTS)}")
    if nic not in MARKETS:
        raise UserError(f"--nic {nic}: give {' or '.join(MARKETS)}")
    with UpSession(out, state, bus, seed, nanoseconds(seconds), limits=limits, connect=connect, config=bus_config,
                   market=nic, page=dashboard, headless=headless) as session:
        summary = session.trade()
    print(f"{summary['orders']:,} orders sent, {summary['fills']:,} fills, {summary['shares']:,} shares")
    if summary["breaks"]:
        raise UserError(f"{summary['breaks']} figures of the book of record and the NIC differ; see {out}")
    print("book of record and NIC agree" if nic == "compiled" else "without a NIC nothing was reconciled")

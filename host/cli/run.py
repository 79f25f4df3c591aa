"""`tickgate run`: trade on the simulated exchange, through the compiled NIC."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli.dashboard import LISTEN
from host.cli.errors import UserError
from host.cli.places import RUN, STATE

#: Simulated seconds of trading: about a minute on one core.
DEFAULT_SECONDS = "0.15"
_LONGEST_S = 3600
#: With more than half of the packets lost, requests and answers too, books are never whole.
_MOST_LOST = 500
#: Faults shown; all of them are in the summary.
_SHOWN = 5


def run(seed: Annotated[int, typer.Option(help="Of the order flow. Same seed, same result, bit for bit.")] = 1,
        seconds: Annotated[str, typer.Option(help="Simulated seconds of trading.")] = DEFAULT_SECONDS,
        limits: Annotated[Path | None, typer.Option(help="Limits file, instead of the one in force.")] = None,
        headless: Annotated[bool, typer.Option("--headless", help="No progress display and no dashboard.")] = False,
        dashboard: Annotated[str, typer.Option(
            help="HOST:PORT of the live page. It is plain HTTP: keep it to this machine, or behind something that "
                 "is not.")] = LISTEN,
        out: Annotated[Path, typer.Option(help="Folder for summary, records and FIX log.")] = RUN,
        state: Annotated[Path, typer.Option("--state", help="Folder of the limits and the audit log.")] = STATE,
        waveform: Annotated[Path | None, typer.Option(help="Write an FST waveform of the NIC (slow, large).")] = None,
        warehouse: Annotated[Path | None, typer.Option(
            help="Folder of the warehouse, added to. Without it: `warehouse` in --out, begun anew.")] = None,
        store: Annotated[bool, typer.Option("--store/--no-store", help="Whether to write a warehouse.")] = True,
        loss: Annotated[int, typer.Option(
            min=0, max=_MOST_LOST, help="Packets of the feeds to lose, of 1,000; books are recovered.")] = 0,
        variant: Annotated[str, typer.Option(help="gbe: 1 Gb/s, 8 bits wide; xgbe: 10 Gb/s, 64.")] = "gbe",
        ) -> None:
    """Start an exchange with two venues, the NIC and the host services in one process, and trade.

    `tickgate kill`, `resume`, `status` and `limits` act on it from another shell while it runs.
    """
    from hdl.config import VARIANTS
    from host.cli import audit
    from host.cli.limits import load_file
    from host.cli.lossy import recovery_tables
    from host.cli.session import Session
    from host.cli.tables import show, summary_tables

    if variant not in VARIANTS:
        raise UserError(f"--variant {variant}: there is {', '.join(VARIANTS)}")
    duration = nanoseconds(seconds)
    in_force = load_file(limits) if limits else audit.in_force(state)[0]
    with Session(out, in_force, seed, duration, headless=headless, waveform=waveform, warehouse=warehouse,
                 store=store, state=state, own_limits=limits is not None, dashboard=dashboard, loss=loss,
                 config=VARIANTS[variant]) as session:
        session.trade()
        summary = session.finish()
    show(*summary_tables(summary), *recovery_tables(summary))
    for fault in summary["faults"][:_SHOWN]:
        print(f"fault: {fault}")
    for one in summary["reconciliation"]:
        print(f"desk and NIC differ: {one['stock']} on {one['venue']}, {one['what']}: {one['desk']} and {one['nic']}")
    if not summary["reconciled"]:
        print("desk and NIC were not compared: an order or a request was still in flight")
    for one in summary["doubts"]:
        print(f"in doubt: order {one['order_id']:016X}: {one['what']}")
    print(f"summary, records and FIX log: {out}")


def nanoseconds(text: str) -> int:
    """Seconds as a decimal, to ns, exactly."""
    from decimal import Decimal, InvalidOperation

    try:
        value = Decimal(text) * 10**9
    except InvalidOperation:
        raise UserError(f"--seconds {text}: not a number") from None
    if not value.is_finite() or value != value.to_integral_value() or not 0 < value <= _LONGEST_S * 10**9:
        raise UserError(f"--seconds {text}: give 0.000000001 to {_LONGEST_S}, in whole nanoseconds")
    return int(value)

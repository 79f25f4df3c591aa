"""`tickgate risk`: what the gate decided, and why."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli.errors import UserError
from host.cli.keys import StateDir
from host.cli.places import DECISIONS, STATE

if TYPE_CHECKING:
    from host.risk.cases import Found, Session

app = typer.Typer(no_args_is_help=True, help="What the gate decided, and why.")

SessionName = Annotated[str | None, typer.Option("--session", help="Of the session, as `risk rejects` prints it; the "
                                                                   "newest that knows the order by default.")]


@app.command("explain")
def explain(order: Annotated[str, typer.Argument(help="ClOrdID: 16 hexadecimal digits, as FIX has it.")],
            session: SessionName = None, state: StateDir = STATE) -> None:
    """Say in words why an order was rejected, or how much it had to spare, with the figures each check saw."""
    order_id = _order_id(order)
    for one in _sessions(state, session):
        found = one.find(order_id)
        if found:
            print(f"order {order_id:016X}, session {one.folder.name}")
            for decision in found:
                _tell(decision)
            return
    raise UserError(f"no decision on order {order_id:016X} is kept in {state / DECISIONS}; "
                    f"`tickgate risk rejects` lists orders that were rejected")


@app.command("rejects")
def rejects(session: SessionName = None, state: StateDir = STATE,
            reason: Annotated[str | None, typer.Option(help="Only this reason, such as COLLAR.")] = None,
            last: Annotated[int, typer.Option(help="So many of the newest.")] = 20) -> None:
    """List orders that the gate rejected in the last session, and count them by reason."""
    from hdl.layouts import Reason
    from host.messages import reason_names

    if reason is not None and reason.upper() not in Reason.__members__:
        raise UserError(f"--reason {reason}: give one of {', '.join(Reason.__members__)}")
    one = next(iter(_sessions(state, session)), None)
    if one is None:
        raise UserError(f"no session has left decisions in {state / DECISIONS}: `tickgate run` does")
    found = [(time, order, reason_names(bits)) for time, order, bits in one.rejected()
             if reason is None or bits >> Reason[reason.upper()] & 1]
    counts = Counter(name for _, _, names in found for name in names)
    print(f"session {one.folder.name}: {len(found):,} rejected" + (
        f" ({', '.join(f'{name} {count:,}' for name, count in counts.most_common())})" if counts else ""))
    for time, order, names in found[-last:]:
        print(f"{time}  {order:016X}  {' '.join(names)}")
    if found:
        print(f"why: tickgate risk explain {found[-1][1]:016X}")


@app.command("checks")
def checks() -> None:
    """List the checks of this NIC's gate, and the limits each looks at."""
    from hdl.risk.checks import CHECKS
    from host.cli.tables import show, table
    from host.risk.fields import by_reason

    rows = [(str(int(check.reason)), check.reason.name, " ".join((check.__doc__ or "").split("\n\n")[0].split()),
             ", ".join(f"{one.level}.*.{one.name}".replace("firm.*", "firm") for one in by_reason(check.reason)))
            for check in sorted(CHECKS, key=lambda check: check.reason)]
    show(table("The gate's checks", ("bit", "check", "what it does", "limits"), rows, left=4))


def _tell(found: "Found") -> None:
    from hdl.layouts import Reason
    from hdl.risk.checks import CHECKS
    from host.cli.limitsview import moment
    from host.risk.explain import explain, order_line, says

    case = found.case
    reasons = explain(case)
    verdict = f"rejected by {', '.join(reason.name for reason in reasons)}" if reasons else f"passed; {found.sent}"
    where = f" on {found.venue}" if found.venue else ""
    time = case.decision["time"]
    print(f"{order_line(case, found.stock)}{where}, strategy {found.strategy}, at {moment(time)[:-4]}."
          f"{time % 10**9:09d} UTC, limits version {found.serial}\n{found.by}: {verdict}")
    for reason, text in reasons.items():
        print(f"  {reason.name}: {text}")
    if found.by == "host":
        return
    print("  the other checks saw:" if reasons else "  what the checks saw:")
    for check in sorted(CHECKS, key=lambda check: check.reason):
        if check.reason not in reasons and check.reason not in (Reason.KILL, Reason.RESTRICTED, Reason.STALE,
                                                                Reason.OPEN_ORDERS):
            print(f"    {check.reason.name.lower()}: {says(case, check.reason)}")


def _order_id(text: str) -> int:
    try:
        value = int(text.removeprefix("0x"), 16)
    except ValueError:
        raise UserError(f"{text}: an order id is 16 hexadecimal digits") from None
    if not 0 <= value < 1 << 64:
        raise UserError(f"{text}: an order id has 64 bits")
    return value


def _sessions(state: Path, name: str | None) -> "list[Session]":
    """Sessions that left decisions, newest first; one that is not whole is told and left out."""
    from host.risk.cases import Session

    folder = state / DECISIONS
    folders = sorted(folder.iterdir(), key=lambda one: one.name, reverse=True) if folder.is_dir() else []
    if name is not None:
        folders = [one for one in folders if one.name == name]
        if not folders:
            raise UserError(f"{folder / name}: there is no such session")
    found = []
    for one in folders:
        try:
            found.append(Session(one))
        except (OSError, ValueError, KeyError) as error:
            print(f"{one}: left out, not whole ({error})")
    return found

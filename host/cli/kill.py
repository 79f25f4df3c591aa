"""`tickgate kill` and `tickgate resume`: stop orders, and let them go again."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli import audit, control
from host.cli.errors import UserError
from host.cli.keys import As, KeyDir, Reason, StateDir
from host.cli.places import RUN, STATE

Venue = Annotated[str | None, typer.Option(help="One venue alone, by name.")]
StrategyName = Annotated[str | None, typer.Option("--strategy", help="One strategy alone, by name.")]
RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")]


def kill(venue: Venue = None, strategy: StrategyName = None, reason: Reason = "", run_dir: RunDir = RUN,
         state: StateDir = STATE) -> None:
    """Stop orders, at once, without a key: the NIC rejects everything until `tickgate resume`.

    Without a running session the next one starts killed.
    """
    scope = {name: value for name, value in (("venue", venue), ("strategy", strategy)) if value}
    try:
        answer = control.request(run_dir, {"command": "kill", "why": reason, **scope})  # nothing comes before it
    except control.NoAnswer as error:
        audit.note(state, "kill", reason, scope)
        raise UserError(f"{error}\nthe kill is in the audit log: a session that is being built starts with it, one "
                        f"that comes to itself acts on it") from None
    if answer is None:
        _check_names(state, scope)
    audit.note(state, "kill", reason, scope)
    print(answer["text"] if answer else f"no session is running in {run_dir}: the next one starts killed, "
                                        f"until `tickgate resume`")


def resume(reason: Annotated[str, typer.Option("--reason", "--why", "-m", help="Why, for the audit log; needed.")],
           venue: Venue = None, strategy: StrategyName = None, as_: As = None, run_dir: RunDir = RUN,
           state: StateDir = STATE, keys: KeyDir = None) -> None:
    """Lift a kill. Only a person with a key of role risk does this."""
    from host.cli.keys import signer

    if not reason.strip():
        raise UserError("a resume needs a reason: --reason TEXT")
    scope = {name: value for name, value in (("venue", venue), ("strategy", strategy)) if value}
    _check_names(state, scope)
    ledger = audit.append(state, "resume", reason.strip(), scope, signer(state, keys, as_))
    answer = control.request(run_dir, {"command": "resume", "number": ledger.count})
    left = ", ".join(" ".join(one).strip() for one in ledger.kills)
    print(answer["text"] if answer else f"no session is running in {run_dir}; the next one starts with "
                                        f"{left or 'nothing'} killed")


def _check_names(state: Path, scope: dict[str, str]) -> None:
    """A misspelt name would stop nothing."""
    from hdl.venue import SIMULATED

    known: dict[str, list[str]] = {"venue": [venue.target_comp_id for venue in SIMULATED]}
    if "strategy" in scope:
        known["strategy"] = list(audit.in_force(state)[0].strategies)
    for kind, name in scope.items():
        if name not in known[kind]:
            raise UserError(f"there is no {kind} {name!r}; there is {', '.join(known[kind])}")

"""The way of a change of limits: at once where it tightens, else as a proposal that waits for a second person."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host.cli import audit, control, keys
from host.cli.errors import UserError

if TYPE_CHECKING:
    from host.risk.direction import Change
    from host.risk.ledger import Ledger
    from host.risk.overrides import Stack
    from host.risk.tree import Edit

_SPAN = re.compile(r"(\d+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Make = Callable[["Stack", int], "list[Edit]"]


def span(until: str | None, for_: str | None) -> dict[str, int]:
    """`--until` and `--for` as a change has them."""
    if until and for_:
        raise UserError("give --until or --for, not both")
    if for_:
        parts = _SPAN.findall(for_)
        if not parts or "".join(map("".join, parts)) != for_:
            raise UserError(f"--for {for_}: write it like 90s, 30m, 4h or 1d12h")
        return {"for_s": sum(int(count) * _SECONDS[unit] for count, unit in parts)}
    if until:
        try:
            moment = datetime.fromisoformat(until).astimezone()
        except ValueError:
            raise UserError(f"--until {until}: write it like 2026-11-20T16:00, or with an offset: ...+00:00") from None
        return {"until_ns": int(moment.timestamp()) * 10**9}
    return {}


def submit(state: Path, run_dir: Path, who: tuple[Path | None, str | None], make: Make, kind: str, reason: str,
           when: dict[str, int] | None = None, what: dict[str, Any] | None = None) -> None:
    """Apply a change, or propose it.

    Parameters
    ----------
    who : folder of the private key, and whose.
    make : the edits, given what is in force and the time.
    when, what : from `span`; more that the entry says.
    """
    from host.risk.direction import loosens
    from host.risk.ledger import LedgerError
    from host.risk.limits import LimitsError
    from host.risk.overrides import difference

    signer = keys.signer(state, *who)
    audit.in_force(state)  # refuses to go on from limits that nobody signed
    ledger = audit.begin(state)
    assert ledger.stack
    now = max(time.time_ns(), ledger.time_ns)
    try:
        edits = make(ledger.stack, now)
        body = {"kind": kind, "edits": [[list(path), old, new] for path, old, new in edits]} | (when or {})
        body |= what or {}
        after = ledger.after(ledger.count + 1, now, _timed(body, now))
        found = difference(ledger.stack, after, now, kind)
    except (LimitsError, LedgerError) as error:
        raise UserError(f"{error}\nnothing was changed") from None
    if not found:
        raise UserError("this changes no limit; nothing was done")
    tell(found)
    if not loosens(found):
        audit.append(state, "limits", reason, lambda ledger, now: body | {"text": ledger.base_text(now, body)}, signer)
        reload(state, run_dir)
        return
    if not reason:
        raise UserError("loosening needs a reason: --reason TEXT; nothing was changed")
    after_ = audit.append(state, "propose", reason, body, signer)
    parts = " (what tightens waits with it; set that alone to have it now)" if any(
        change.effect.value == "tightens" for change in found) else ""
    print(f"nothing is in force yet: this loosens{parts}. Another person approves it with\n"
          f"  tickgate limits approve {after_.count} --as NAME")


def _timed(body: dict[str, Any], now: int) -> dict[str, Any]:
    from host.risk.ledger import from_now

    return from_now(body, now)


def approve(state: Path, run_dir: Path, who: tuple[Path | None, str | None], number: int, reason: str) -> None:
    """Put a proposal in force."""
    def what(ledger: "Ledger", now: int) -> dict[str, Any]:
        proposal = ledger.proposals.get(number)
        body = proposal["what"] if proposal else {}
        text = "" if "enrol" in body or not body else ledger.base_text(now, body)
        return {"proposal": number, "text": text}

    signer = keys.signer(state, *who)
    before = audit.read(state)
    after = audit.append(state, "approve", reason, what, signer)
    proposal = before.proposals[number]["what"]
    if "enrol" in proposal:
        print(f"{proposal['enrol']['name']} is enrolled as {proposal['enrol']['role']}")
        return
    from host.risk.overrides import difference

    assert before.stack
    assert after.stack
    tell(difference(before.stack, after.stack, after.time_ns, "limits"))
    print(f"proposal {number} is approved")
    reload(state, run_dir)


def reload(state: Path, run_dir: Path) -> None:
    """Have a running session take up what is in force now."""
    limits, _ = audit.in_force(state)
    try:
        answer = control.request(run_dir, {"command": "limits reload"})
    except UserError as error:
        raise UserError(f"version {limits.serial} is in force from the next session on, but the running one did not "
                        f"take it: {error}") from None
    print(answer["text"] if answer else f"version {limits.serial}; no session is running, the next one starts with it")


def tell(found: "list[Change]") -> None:
    width = max(len(change.path) for change in found)
    for change in found:
        print(f"{change.path:<{width}}  {change.old} -> {change.new}  ({change.effect.value})")

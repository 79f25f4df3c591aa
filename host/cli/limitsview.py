"""How limits look on a terminal."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from host.cli.tables import show as show_tables
from host.cli.tables import table
from host.risk.direction import shown
from host.risk.fields import FIELDS

if TYPE_CHECKING:
    from host.risk.ledger import Entry, Ledger
    from host.risk.limits import Limits


def moment(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def show(limits: "Limits", nic: dict[str, str], only: str) -> None:
    """Each limit in force: where it came from, the check that looks at it, and what the NIC holds."""
    rows = []
    for level, path, one in limits.tables():
        for name, field in FIELDS[level].items():
            where = f"{path}.{name}"
            if only in where:
                held = nic.get(where, "?") if field.reg else "host"
                rows.append((where, shown(level, name, one), one.sources[name], field.limit.check.name.lower(),
                             *([held] if nic else [])))
    columns = ("limit", "in force", "from", "check", *(["NIC"] if nic else []))
    show_tables(table("Limits in force", columns, rows))


def show_waiting(ledger: "Ledger", now: int) -> None:
    """Proposals, overrides and kills."""
    rows = [(str(number), entry["who"], moment(entry["time_ns"]), describe(entry), entry["reason"])
            for number, entry in ledger.proposals.items()]
    if rows:
        show_tables(table("Waiting for approval", ("number", "by", "since", "what", "reason"), rows, left=5))
    over = [(str(one.number), moment(one.end), edits_text([list(edit) for edit in one.edits]))
            for one in (ledger.stack.active(now) if ledger.stack else ())]
    if over:
        show_tables(table("Overrides", ("number", "until", "what"), over, left=3))


def edits_text(edits: list[list[Any]]) -> str:
    return ", ".join(f"{'.'.join(path)}: {old or '-'} -> {new or '-'}" for path, old, new in edits)


def describe(entry: "Entry") -> str:
    """What an entry did, in a line."""
    what = entry["what"]
    text = entry["command"] if entry["command"] not in ("limits", "propose") else what.get("kind", "")
    if "enrol" in what or entry["command"] in ("enrol", "revoke"):
        person = what.get("enrol", what)
        verb = "revoke" if entry["command"] == "revoke" else "enrol"
        return f"{verb} {person['name']} {person.get('role', '')}".strip()
    if "proposal" in what:
        return f"{text} proposal {what['proposal']}"
    if "cancels" in what:
        return f"cancel override {what['cancels']}"
    if "edits" in what:
        text = f"{text} {edits_text(what['edits'])}"
    if "for_s" in what:
        text += f", for {what['for_s']} s"
    if what.get("until_ns"):
        text += f", until {moment(what['until_ns'])}"
    scope = " ".join(f"{name} {what[name]}" for name in ("venue", "strategy") if what.get(name))
    return f"{text} {scope}".strip()

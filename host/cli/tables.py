"""Tables for people. Everything shown comes from the summary's integers; here they get their units."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

#: Integers of money are 1e-4 USD.
_UNIT = 10_000


def show(*tables: Table) -> None:
    console = Console(soft_wrap=False)
    for table in tables:
        console.print(table)


def usd(amount: int) -> str:
    """1e-4 USD as USD and cents, rounded half away from zero."""
    cents = (abs(amount) + 50) // 100
    return f"{'-' if amount < 0 else ''}{cents // 100:,}.{cents % 100:02d}"


def price(value: int) -> str:
    return f"{value // _UNIT}.{value % _UNIT:04d}"


def micro_usd(amount: int) -> str:
    """1e-6 USD a share, in cents."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 10_000}.{abs(amount) % 10_000:04d}"


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]], left: int = 1) -> Table:
    """A table whose first `left` columns are names and the others numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for n, column in enumerate(columns):
        made.add_column(column, justify="left" if n < left else "right")
    for row in rows:
        made.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    return made


def latency_table(origin: str, stages: dict[str, Any]) -> Table:
    names = {"trigger": "Tick to trade, hardware trigger (ns)", "host": "Tick to trade, host orders (ns)"}
    rows = ((name, one["count"], one["min"], one["p50"], one["p99"], one["max"])
            for name, one in ((name, one if isinstance(one, dict) else _fields(one)) for name, one in stages.items()))
    return table(names.get(origin, origin), ("stage", "orders", "min", "p50", "p99", "max"), rows)


def summary_tables(summary: dict[str, Any]) -> list[Table]:
    """The end of `tickgate run`, from `summary.json`."""
    tables = [_messages(summary), _orders(summary), _rejects(summary), _positions(summary), _venues(summary),
              _feedback(summary), _risk(summary), _charges(summary), _commanded(summary)]
    tables += [latency_table(origin, stages) for origin, stages in summary["latency_ns"].items()]
    return [one for one in tables if one.row_count]


def _fields(spread: Any) -> dict[str, int]:
    return {name: getattr(spread, name) for name in ("count", "min", "p50", "p99", "max")}


def _messages(summary: dict[str, Any]) -> Table:
    feeds = summary["feeds"]
    types = sorted({kind for feed in feeds.values() for kind in feed})
    return table("Market data messages", ("type", *feeds),
                 ((kind, *(feed.get(kind, 0) for feed in feeds.values())) for kind in types))


def _orders(summary: dict[str, Any]) -> Table:
    orders = summary["orders"]
    columns = ("origin", "decided", "rejected", "sent", "cancels", "fills", "shares")
    return table("Orders", columns,
                 ((origin, *(one[name] for name in columns[1:])) for origin, one in orders.items()))


def _rejects(summary: dict[str, Any]) -> Table:
    return table("Rejected by the gate", ("reason", "host", "NIC"),
                 ((reason, one["host"], one["nic"]) for reason, one in summary["rejects"].items()))


def _positions(summary: dict[str, Any]) -> Table:
    money = ("realised", "unrealised", "fees", "net")
    rows = [(stock, one["qty"], price(one["mark"]), *(usd(one[name]) for name in money))
            for stock, one in summary["positions"].items()]
    rows.append(("all", "", "", *(usd(summary["pnl"][name]) for name in money)))
    return table("Positions and P&L (USD)", ("stock", "shares", "mark", *money), rows)


def _venues(summary: dict[str, Any]) -> Table:
    """The part of it that fits a terminal; all measures are in the summary."""
    costs = ("slippage", "shortfall", "realised_spread")
    rows = ((f"{one['venue']} {one['manner']}", one["size"], one["orders"], f"{one['fill_ratio'] / 10:.1f} %",
             *(micro_usd(one[cost]) for cost in costs)) for one in summary["tca"])
    return table("Execution quality (cents a share)",
                 ("venue", "size", "orders", "filled", "slippage", "shortfall", "realised"), rows, left=2)


def _feedback(summary: dict[str, Any]) -> Table:
    """What would have been decided otherwise without TCA's scores and risk's figures."""
    names = {"rerouted": "orders routed elsewhere than by price alone", "explored": "orders sent to learn of a venue",
             "smaller": "orders made smaller", "held_back": "shares not sent there at once",
             "stepped_back": "prices stepped back from what fills had lost", "charged": "prices moved by risk's charge",
             "withheld": "orders withdrawn, as only reducing was left"}
    return table("What the feedback changed", ("what", "where", "count"),
                 ((names[what], where, count) for what, counts in summary["feedback"].items()
                  for where, count in counts.items()), left=2)


def _risk(summary: dict[str, Any]) -> Table:
    """Value at risk and the like, at the end and at most."""
    risk, names = summary["risk"], {
        "var": "value at risk (largest of three)", "historical": "  historical", "parametric": "  parametric",
        "monte_carlo": "  Monte Carlo", "shortfall": "expected shortfall", "stress": "worst scenario",
        "drawdown": "drawdown"}
    return table("Risk (USD)", ("figure", "at the end", "at most"),
                 ((names[name], usd(risk["last"][name]), usd(most)) for name, most in risk["most"].items()))


def _charges(summary: dict[str, Any]) -> Table:
    columns = ("net", "rent", "adjusted", "var", "added", "taken_off")
    return table("Risk by strategy (USD)", ("strategy", "net", "rent", "after rent", "VaR now", "added", "taken off"),
                 ((name, *(usd(one[column]) for column in columns))
                  for name, one in summary["risk"]["charges"].items()))


def _commanded(summary: dict[str, Any]) -> Table:
    """What risk told and did, in the order of time."""
    risk = summary["risk"]
    rows = [(one["time"], "level", f"{one['path']} is at {one['permille'] / 10:.1f} %: {one['level'].lower()}")
            for one in risk["levels"]]
    rows += [(one["time"], one["command"], f"{one['stock']} {_goal(one)}: {one['why']}") for one in risk["commands"]]
    rows += [(one["time"], "kill", one["why"]) for one in risk["kills"]]
    return table("What risk commanded", ("what", "", "us"),
                 ((what, text, time // 1000) for time, what, text in sorted(rows)), left=2)


def _goal(command: dict[str, Any]) -> str:
    return f"to {command['to']:,}" if "to" in command else f"by {command['qty']:+,}"

"""nextpnr's JSON report, as text for people."""


def utilisation(report: dict) -> str:
    """Cells used, one kind a line, those that the design uses alone."""
    lines = [f"{'cell':<24}{'used':>8}{'of':>8}"]
    for kind, cells in sorted(report["utilization"].items()):
        if cells["used"]:
            share = cells["used"] / cells["available"]
            lines.append(f"{kind:<24}{cells['used']:>8}{cells['available']:>8}{share:>8.1%}")
    return "\n".join(lines)


def clocks(report: dict) -> str:
    """Reached and demanded frequency of each clock."""
    lines = [f"{'clock':<44}{'MHz':>9}{'target':>9}"]
    for name, clock in sorted(report["fmax"].items()):
        lines.append(f"{name:<44}{clock['achieved']:>9.2f}{clock['constraint']:>9.2f}")
    return "\n".join(lines)


def critical_path(report: dict) -> str:
    """The slowest path between two registers, step by step."""
    def length(path):
        return sum(step["delay"] for step in path["path"])
    inside = [path for path in report["critical_paths"] if path["from"] == path["to"]]
    if not inside:
        return "no path between registers"
    worst = max(inside, key=length)
    lines, at = [f"slowest path, {worst['from']} ({length(worst):.2f} ns):"], 0.0
    for step in worst["path"]:
        at += step["delay"]
        where = step["net"] if step["type"] == "routing" else step["to"]["cell"]
        lines.append(f"{at:8.2f} ns  {step['type']:<12}{where}")
    return "\n".join(lines)

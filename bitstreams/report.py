"""nextpnr's JSON report, as figures and as text for people."""

from collections.abc import Mapping

from bitstreams.manifest import Figures, Manifest

#: A clock net on the global network, and the edge of a clock, as nextpnr writes them.
_GLOBAL, _EDGES = "$glbnet$", ("posedge ", "negedge ")


def renamed(report: dict, names: Mapping[str, str]) -> dict:
    """`report` with the clocks called by `names`, which has ours for each net name; others keep the net's."""
    def clock(net: str) -> str:
        net = net.removeprefix(_GLOBAL)
        return names.get(net, net)

    def end(text: str) -> str:
        for edge in _EDGES:
            if text.startswith(edge):
                return clock(text.removeprefix(edge))
        return text

    return {**report, "fmax": {clock(net): figures for net, figures in report["fmax"].items()},
            "critical_paths": [{**path, "from": end(path["from"]), "to": end(path["to"])}
                               for path in report["critical_paths"]]}


def clock_figures(report: dict) -> Figures:
    """Demanded and reached frequency of each clock, in MHz."""
    return {name: {"target_mhz": float(clock["constraint"]), "fmax_mhz": round(clock["achieved"], 2)}
            for name, clock in sorted(report["fmax"].items())}


def cell_figures(report: dict) -> Figures:
    """Cells used and there, of each kind that the design uses."""
    return {kind: {"used": cells["used"], "available": cells["available"]}
            for kind, cells in sorted(report["utilization"].items()) if cells["used"]}


def utilisation(report: dict) -> str:
    """Cells used, one kind a line, those that the design uses alone."""
    lines = [f"{'cell':<24}{'used':>8}{'of':>8}"]
    for kind, cells in cell_figures(report).items():
        lines.append(f"{kind:<24}{cells['used']:>8}{cells['available']:>8}{cells['used'] / cells['available']:>8.1%}")
    return "\n".join(lines)


def clocks(report: dict) -> str:
    """Reached and demanded frequency of each clock."""
    lines = [f"{'clock':<24}{'MHz':>9}{'target':>9}"]
    for name, clock in clock_figures(report).items():
        verdict = "" if clock["fmax_mhz"] >= clock["target_mhz"] else "  MISSED"
        lines.append(f"{name:<24}{clock['fmax_mhz']:>9.2f}{clock['target_mhz']:>9.2f}{verdict}")
    return "\n".join(lines)


def length(path: dict) -> float:
    """Nanoseconds from clock edge to clock edge, clock-to-output and setup time included."""
    return sum(step["delay"] for step in path["path"])


def slowest(report: dict, clock: str | None = None) -> dict | None:
    """The slowest path between two registers of `clock`, or of any one clock."""
    inside = [path for path in report["critical_paths"] if path["from"] == path["to"] and clock in (None, path["from"])]
    return max(inside, key=length, default=None)


def slowest_paths(report: dict) -> dict[str, str]:
    """For each clock its slowest path in words: the cells at its ends, and its length."""
    said = {}
    for clock in sorted(report["fmax"]):
        path = slowest(report, clock)
        steps = path["path"]
        said[clock] = f"{steps[0]['from']['cell']} -> {steps[-1]['to']['cell']} ({length(path):.2f} ns)"
    return said


def critical_path(report: dict, clock: str | None = None) -> str:
    """`slowest`, step by step."""
    worst = slowest(report, clock)
    if worst is None:
        return "no path between registers"
    lines, at = [f"slowest path, {worst['from']} ({length(worst):.2f} ns):"], 0.0
    for step in worst["path"]:
        at += step["delay"]
        where = step["net"] if step["type"] == "routing" else step["to"]["cell"]
        lines.append(f"{at:8.2f} ns  {step['type']:<12}{where}")
    return "\n".join(lines)


def crossings(report: dict) -> str:
    """The slowest path from each clock to each other one, and from and to pins; none is constrained."""
    lines = [f"{'from':<16}{'to':<16}{'ns':>8}"]
    for path in sorted(report["critical_paths"], key=lambda path: (path["from"], path["to"])):
        if path["from"] != path["to"]:
            lines.append(f"{path['from']:<16}{path['to']:<16}{length(path):>8.2f}")
    return "\n".join(lines)


def text(manifest: Manifest, report: dict) -> str:
    """The whole report, for a person."""
    identity = manifest.identity
    verdict = f"timing missed by {', '.join(manifest.missed)}: no bit file" if manifest.missed else "timing met"
    head = [f"{identity.board}, {identity.device}, variant {identity.variant}, seed {identity.seed}: {verdict}",
            f"sources {identity.source_digest}",
            ", ".join(f"{tool} {version}" for tool, version in identity.tools.items())]
    paths = [critical_path(report, clock) for clock in manifest.clocks]
    crossing = "Between clocks, and to and from pins (not constrained):\n" + crossings(report)
    return "\n\n".join(["\n".join(head), clocks(report), utilisation(report), *paths, crossing]) + "\n"

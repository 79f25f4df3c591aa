"""nextpnr's report as figures and text, from a real one, and from one made by hand where the answer is known."""

import json

import pytest

from bitstreams import report
from bitstreams.manifest import Manifest
from bitstreams.tools import read_report


def step(kind: str, delay: float, begin: str, end: str) -> dict:
    return {"type": kind, "delay": delay, "from": {"cell": begin}, "to": {"cell": end}, "net": f"{begin}_net"}


def path(begin: str, end: str, *delays: float) -> dict:
    kinds = ["clk-to-q", *["routing"] * (len(delays) - 2), "setup"]
    cells = [f"cell{n}" for n in range(len(delays) + 1)]
    steps = [step(*one) for one in zip(kinds, delays, cells[:-1], cells[1:], strict=True)]
    return {"from": begin, "to": end, "path": steps}


KNOWN = {
    "fmax": {"$glbnet$clock.clk": {"achieved": 100.004, "constraint": 125},
             "i": {"achieved": 150.0, "constraint": 125}},
    "critical_paths": [path("posedge $glbnet$clock.clk", "posedge $glbnet$clock.clk", 0.5, 9, 0.5),
                       path("posedge i", "posedge i", 0.5, 6, 0.1),
                       path("posedge i", "posedge $glbnet$clock.clk", 0.5, 20, 0.5),
                       path("<async>", "posedge i", 0.5, 1, 0.25)],
    "utilization": {"TRELLIS_COMB": {"used": 10, "available": 40}, "DCUA": {"used": 0, "available": 2}},
}
NAMES = {"clock.clk": "core_clk", "core_clk": "core_clk", "i": "rx_clk0"}


@pytest.fixture
def known():
    return report.renamed(json.loads(json.dumps(KNOWN)), NAMES)


def test_clocks_get_our_names(known):
    assert known["fmax"].keys() == {"core_clk", "rx_clk0"}
    assert [(one["from"], one["to"]) for one in known["critical_paths"]] == [
        ("core_clk", "core_clk"), ("rx_clk0", "rx_clk0"), ("rx_clk0", "core_clk"), ("<async>", "rx_clk0")]


def test_figures(known):
    assert report.clock_figures(known) == {"core_clk": {"target_mhz": 125.0, "fmax_mhz": 100.0},
                                           "rx_clk0": {"target_mhz": 125.0, "fmax_mhz": 150.0}}
    assert report.cell_figures(known) == {"TRELLIS_COMB": {"used": 10, "available": 40}}
    assert report.slowest_paths(known) == {"core_clk": "cell0 -> cell3 (10.00 ns)",
                                           "rx_clk0": "cell0 -> cell3 (6.60 ns)"}


def test_paths_between_clocks_are_not_critical_paths(known):
    assert "core_clk (10.00 ns)" in report.critical_path(known)
    assert "rx_clk0 (6.60 ns)" in report.critical_path(known, "rx_clk0")
    assert report.critical_path(known, "none") == "no path between registers"
    assert [line.split() for line in report.crossings(known).splitlines()[1:]] == [
        ["<async>", "rx_clk0", "1.75"], ["rx_clk0", "core_clk", "21.00"]]


def test_a_path_is_summed_step_by_step(known):
    lines = report.critical_path(known, "core_clk").splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["0.50", "9.50", "10.00"]


def test_a_real_report(built):
    _, folder, manifest, _ = built
    found = read_report(folder, "top")
    text = (folder / "report.txt").read_text()
    assert manifest.identity.source_digest in text
    assert "timing met" in text
    fmax = [clock["achieved"] for clock in found["fmax"].values()]
    assert all(f"{one:.2f}" in text for one in fmax)
    worst = report.slowest(found)
    assert report.length(worst) == pytest.approx(1000 / min(fmax), rel=0.01)
    assert all(one["net"] in text for one in worst["path"] if one["type"] == "routing")
    assert f"{found['utilization']['TRELLIS_FF']['used']}" in text


def test_the_report_of_a_missed_clock(known, built):
    identity = built[2].identity
    manifest = Manifest(identity, report.clock_figures(known), report.slowest_paths(known), report.cell_figures(known))
    assert (manifest.missed, manifest.worst) == (["core_clk"], "core_clk")
    assert manifest.margin("core_clk") == pytest.approx(0.8)
    text = report.text(manifest, known)
    assert "timing missed by core_clk: no bit file" in text
    (missed,) = (line.split() for line in text.splitlines() if "MISSED" in line)
    assert missed == ["core_clk", "100.00", "125.00", "MISSED"]

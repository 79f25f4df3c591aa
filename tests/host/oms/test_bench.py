"""The bench counts what is durable, and what comes back."""

from host.oms import bench


def test_figures(monkeypatch):
    for name, value in {"EVENTS": 900, "COMMITS": 5, "RUNS": 1}.items():
        monkeypatch.setattr(bench, name, value)
    figures = bench.figures()
    assert set(figures) == {"oms.durable_events_per_second", "oms.durable_events_per_cpu_second",
                            "oms.recovered_events_per_second", "oms.commit_p50_us",
                            "oms.commit_p99_us"}
    assert min(figures.values()) > 0

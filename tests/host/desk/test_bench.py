"""The bench of the desk times orders that really were sent, step by step."""

from host.desk import bench
from host.desk.statistics import ORIGINS


def test_figures(monkeypatch):
    monkeypatch.setattr(bench, "_WARM", 0)
    played = bench.play(15_000_000)
    orders = sum(played.statistics.orders[name]["sent"] for name in ORIGINS.values())
    assert {len(times) for times in played.steps.values()} == {orders}
    assert orders > 10
    assert all(min(times) > 0 for times in played.steps.values())
    assert played.steps["total"][-1] >= max(times[-1] for name, times in played.steps.items() if name != "total")
    cost = bench.page_cost(played.view, states=3)
    assert cost["dashboard.state_bytes"] > 1_000
    assert cost["dashboard.state_us"] > 0

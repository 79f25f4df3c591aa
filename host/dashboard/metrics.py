"""The state of a session for Prometheus. Names carry their unit; everything comes from the page's own state."""

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from host.dashboard.snapshot import PERMILLES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Units in one USD (of 1e-4 and of 1e-6), ns in a second, and of the whole.
_MONEY, _MICRO, _NS, _PERMILLE = 10**4, 10**6, 10**9, 1000

#: (name, help, labels, what of the state gives values): counters, then gauges.
Rows = Iterable[tuple[tuple[str, ...], float]]


def exposition(state: dict[str, Any], browsers: int = 0) -> bytes:
    """The text format of Prometheus, version 0.0.4. An empty state gives `tickgate_up 0`."""
    registry = CollectorRegistry()
    registry.register(_State(state, browsers))
    return generate_latest(registry)


class _State(Collector):
    def __init__(self, state: dict[str, Any], browsers: int):
        self.state, self.browsers = state, browsers

    def collect(self) -> Iterator[Metric]:
        state = self.state
        yield _gauge("tickgate_up", "1 while a session trades", (), [((), float(bool(state)))])
        yield _gauge("tickgate_dashboard_streams", "browsers that look", (), [((), float(self.browsers))])
        if state:
            yield from _counters(state)
            yield from _gauges(state)


def _counters(state: dict[str, Any]) -> Iterator[Metric]:
    yield _counter("tickgate_market_messages", "messages of subscribed symbols", ("feed",),
                   [((feed["name"],), feed["messages"]) for feed in state["feeds"]])
    yield _counter("tickgate_bus_messages", "messages on the bus", ("topic",),
                   [((topic,), count) for topic, count in state["topics"].items()])
    yield _counter("tickgate_feed_faults", "gaps and other faults of a feed", ("feed", "cause"),
                   [((feed["name"], cause), count) for feed in state["feeds"]
                    for cause, count in feed["faults"].items()])
    yield _counter("tickgate_orders", "orders by origin and what became of them", ("origin", "event"),
                   [((origin, event), count) for origin, counts in state["orders"].items()
                    for event, count in counts.items()])
    yield _counter("tickgate_rejects", "orders rejected, by reason and by who did", ("reason", "by"),
                   [((reason, by), count) for reason, host, nic in state["rejects"]
                    for by, count in (("host", host), ("nic", nic))])
    yield _counter("tickgate_faults", "faults told on the bus", (), [((), state["faults"])])


def _gauges(state: dict[str, Any]) -> Iterator[Metric]:
    yield _gauge("tickgate_session_time_seconds", "session time since its start", (), [((), state["time"] / _NS)])
    yield _gauge("tickgate_killed", "1 where orders are stopped", ("scope",),
                 [((name,), 1) for name in state["killed"]])
    yield _gauge("tickgate_live_orders", "orders that can still trade", (), [((), state["live"])])
    yield _gauge("tickgate_pnl_usd", "P&L after fees", ("strategy",),
                 [((name,), net / _MONEY) for name, net, _ in state["pnl"]["strategies"]])
    yield _gauge("tickgate_net_pnl_usd", "P&L of everything after fees", (), [((), state["pnl"]["net"] / _MONEY)])
    yield _gauge("tickgate_position_shares", "shares held", ("stock",),
                 [((stock,), qty) for stock, qty, *_ in state["pnl"]["stocks"]])
    yield _gauge("tickgate_limit_utilisation_ratio", "use of a limit, 1 is all of it", ("limit",),
                 [((path,), permille / _PERMILLE) for path, _, _, permille, *_ in state["limits"]])
    yield _gauge("tickgate_books", "books that there are", ("feed",),
                 [((feed["name"],), feed["books"]) for feed in state["feeds"]])
    yield _gauge("tickgate_exact_books", "books that are exact", ("feed",),
                 [((feed["name"],), feed["exact"]) for feed in state["feeds"]])
    yield _gauge("tickgate_stage_latency_seconds", "time of a stage over the last orders",
                 ("origin", "stage", "quantile"),
                 [((origin, stage, quantile), value / _NS) for origin, one in state["latency"].items()
                  for stage, *values in one["stages"] for quantile, value in zip(_QUANTILES, values, strict=False)])
    for name, help_ in (("slippage", "arrival slippage"), ("effective_spread", "effective spread"),
                        ("shortfall", "implementation shortfall")):
        yield _gauge(f"tickgate_venue_{name}_usd_per_share", f"{help_}, positive is a cost", ("venue",),
                     [((venue["name"],), venue[name] / _MICRO) for venue in state["venues"]])
    yield _gauge("tickgate_venue_fill_ratio", "filled of sent quantity", ("venue",),
                 [((venue["name"],), venue["fill_ratio"] / _PERMILLE) for venue in state["venues"]])


_QUANTILES = (*(str(permille / 1000) for permille in PERMILLES), "1.0")


def _counter(name: str, help_: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    return _filled(CounterMetricFamily(name, help_, labels=labels), rows)


def _gauge(name: str, help_: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    return _filled(GaugeMetricFamily(name, help_, labels=labels), rows)


def _filled(family: Any, rows: Rows) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family  # type: ignore[no-any-return]

"""Tick-to-trade by stage, from the hops of routed orders."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from host.bus import Hop

#: Percentiles shown, in 1/1000. No mean: it describes no order.
PERCENTILES = (("p50", 500), ("p99", 990))


@dataclass(frozen=True, slots=True)
class Spread:
    """How one stage was spread over its orders, in ns."""
    count: int
    min: int
    p50: int
    p99: int
    max: int


def percentile(ordered: list[int], permille: int) -> int:
    """The nearest-rank percentile of sorted values: one that really occurred."""
    rank = -(-len(ordered) * permille // 1000)
    return ordered[max(rank, 1) - 1]


def spread(values: Iterable[int]) -> Spread:
    ordered = sorted(values)
    if not ordered:
        return Spread(0, 0, 0, 0, 0)
    cuts = {name: percentile(ordered, permille) for name, permille in PERCENTILES}
    return Spread(len(ordered), ordered[0], max=ordered[-1], **cuts)


def stages(trails: Iterable[tuple[Hop, ...]]) -> dict[str, Spread]:
    """Each step from one place to the next, and `total` from tick (`nic.rx`) to the NIC's first byte out.

    Stages keep the order in which trails have them. Hops after `nic.tx` are the report of the order,
    not its way, and are left out.
    """
    values: dict[str, list[int]] = {}
    for trail in trails:
        out = next((n for n, hop in enumerate(trail) if hop.place == "nic.tx"), None)
        if not out:
            continue
        way = trail[:out + 1]
        for before, after in pairwise(way):
            values.setdefault(f"{before.place} > {after.place}", []).append(after.time - before.time)
        if way[0].place == "nic.rx":  # others answer a report or a rejection, not a tick
            values.setdefault("total", []).append(way[-1].time - way[0].time)
    total = values.pop("total", None)
    if total:
        values["total"] = total
    return {name: spread(times) for name, times in values.items()}

"""Percentiles that really occurred, and stages that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.bus import Hop
from host.desk.latency import percentile, spread, stages


@pytest.mark.parametrize(("permille", "value"), [(0, 1), (1, 1), (500, 50), (501, 51), (990, 99),
                                                   (991, 100), (1000, 100)])
def test_nearest_rank(permille, value):
    assert percentile(list(range(1, 101)), permille) == value


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_every_figure_is_one_of_the_values(values):
    found = spread(values)
    assert {found.min, found.p50, found.p99, found.max} <= set(values)
    assert found.min <= found.p50 <= found.p99 <= found.max
    assert found.count == len(values)


def trail(*hops):
    return tuple(Hop(*hop) for hop in hops)


def test_stages_and_total():
    found = stages([trail(("nic.rx", 100), ("nic.needed", 130), ("nic.tx", 140), ("orders.routed", 900)),
                    trail(("nic.rx", 200), ("nic.needed", 260), ("nic.tx", 270)),
                    trail(("report.rx", 0), ("nic.tx", 70)),
                    trail(("nic.tx", 5)), ()])
    assert list(found) == ["nic.rx > nic.needed", "nic.needed > nic.tx", "report.rx > nic.tx", "total"]
    assert (found["nic.rx > nic.needed"].min, found["nic.rx > nic.needed"].max) == (30, 60)
    assert (found["total"].count, found["total"].min, found["total"].max) == (2, 40, 70)


def test_nothing_measured():
    assert stages([]) == {}
    assert spread([]).count == 0

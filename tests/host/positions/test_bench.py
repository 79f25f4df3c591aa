"""The bench counts every fill."""

from host.positions import bench
from host.positions.cost import Fifo


def test_updates():
    assert bench.updates_per_second(2_000) > 0
    assert bench.updates_per_second(2_000, Fifo) > 0
    assert callable(bench.figures)

import pytest

from host.bus import bench


def test_the_figures_come_from_messages_that_arrived():
    assert bench.messages_per_second(2_000) > 0
    times = bench.round_trips_ns(500)
    assert len(times) == 500
    assert times == sorted(times)
    assert times[0] > 0


@pytest.mark.parametrize("transport", bench.TRANSPORTS)
def test_between_processes_every_message_is_answered(transport):
    figures = bench.between(transport, messages=200, round_trips=20, batches=5)
    names = {"messages_per_second", "round_trip_p50_us", "round_trip_p99_us", "round_trip_p999_us"}
    names |= {"records_per_second"} if transport == "shared" else set()
    assert set(figures) == {f"bus.{transport}.{name}" for name in names}
    assert all(figure > 0 for figure in figures.values())

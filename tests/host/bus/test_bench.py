from host.bus import bench


def test_the_figures_come_from_messages_that_arrived():
    assert bench.messages_per_second(2_000) > 0
    times = bench.round_trips_ns(500)
    assert len(times) == 500
    assert times == sorted(times)
    assert times[0] > 0

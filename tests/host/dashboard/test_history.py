"""A series never grows past its size, and always spans everything."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from host.dashboard.history import History


@given(st.integers(0, 5000), st.integers(2, 64))
def test_it_stays_small_and_spans_all(count, most):
    history = History(("time", "value"), most)
    for n in range(1, count + 1):
        history.add((n, None if n % 3 else n))
    times = [row[0] for row in history.rows]
    assert len(times) < max(most, 2)
    assert times == sorted(times)
    assert len({after - before for before, after in pairwise(times)}) <= 1  # evenly spaced
    if count:
        step = times[1] - times[0] if len(times) > 1 else count
        assert count - (times[-1] if times else 0) < max(step, most)


def test_columns():
    history = History(("time", "value"))
    assert history.columns() == [[], []]
    history.add((1, 5))
    history.add((2, None))
    assert history.columns() == [[1, 2], [5, None]]

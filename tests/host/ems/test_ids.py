"""ClOrdIDs: unique for ever, on free slots only."""

import pytest

from host.ems.ids import NoSlot, OrderIds


def test_every_slot_once_then_none():
    ids = OrderIds(4)
    taken = [ids.take(0) for _ in range(4)]
    assert {order_id % 4 for order_id in taken} == {0, 1, 2, 3}
    with pytest.raises(NoSlot, match="4 orders"):
        ids.take(0)


def test_a_slot_rests_before_it_is_used_again():
    ids = OrderIds(2, grace=100)
    first, second = ids.take(0), ids.take(0)
    ids.give_back(first, 50)
    with pytest.raises(NoSlot):
        ids.take(149)
    third = ids.take(150)
    assert third % 2 == first % 2
    assert len({first, second, third}) == 3


def test_giving_back_twice_or_late_frees_nobody_else_s_slot():
    ids = OrderIds(2)
    first = ids.take(0)
    ids.give_back(first, 0)
    ids.give_back(first, 0)
    ids.take(0)
    second = ids.take(0)  # on the slot of the first
    assert second % 2 == first % 2
    ids.give_back(first, 0)
    ids.give_back(ids.renumber(second), 0)
    with pytest.raises(NoSlot):
        ids.take(0)


def test_ranges_never_meet_and_days_differ(rng):
    a, b = OrderIds(8, slots=range(4), day=1), OrderIds(8, slots=range(4, 8), day=1)
    seen = set()
    for _ in range(200):
        ids = rng.choice((a, b))
        order_id = ids.take(0)
        assert order_id not in seen
        assert 0 <= order_id < 2**64
        assert (order_id % 8 < 4) == (ids is a)
        seen.add(order_id)
        ids.give_back(order_id, 0)
    assert OrderIds(8, day=2).take(0) not in seen


@pytest.mark.parametrize("slots", [0, 1, 3, 100])
def test_slots_are_a_power_of_two(slots):
    with pytest.raises(ValueError, match="power of two"):
        OrderIds(slots)

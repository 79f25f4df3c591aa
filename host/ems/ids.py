"""ClOrdIDs: 64-bit numbers, never used twice, whose low bits name a free open-order slot of the NIC.

    bit 63..48   day since the epoch (65,535 of them last until 2149)
    bit 47..s    counts up
    bit s-1..0   slot, s = log2(open_orders)
"""

from collections import deque
from collections.abc import Iterable

DAY_NS = 86_400 * 10**9
_DAY_SHIFT = 48


class NoSlot(Exception):
    """Every open-order slot of this allocator is in use."""


class OrderIds:
    """Hands out ClOrdIDs for one owner of slots.

    Each process that makes orders owns a range of slots, so that no two ever pick the same and none
    has to ask another. A slot given back is used again last, and not before `grace` ns: a trigger
    that was replaced may have fired a moment before.

    Parameters
    ----------
    open_orders : slots of the NIC (a power of two; `NicConfig.open_orders`).
    slots : the range owned; all of them by default.
    day : day since the epoch, so that ids differ from those of other days.
    """

    def __init__(self, open_orders: int, *, slots: range | None = None, day: int = 0, grace: int = 0):
        if open_orders < 2 or open_orders & (open_orders - 1):
            raise ValueError(f"open_orders must be a power of two, not {open_orders}")
        self.open_orders = open_orders
        self.grace = grace
        self._base = (day & 0xFFFF) << _DAY_SHIFT
        self._count = 0
        self._free = deque((slot, 0) for slot in (slots or range(open_orders)))
        self._used: dict[int, int] = {}

    def take(self, now: int) -> int:
        """A new ClOrdID. Raises `NoSlot` where every slot is taken, or given back too recently."""
        if not self._free or self._free[0][1] > now:
            raise NoSlot(f"all open-order slots are in use ({len(self._used)} orders)")
        slot, _ = self._free.popleft()
        order_id = self._used[slot] = self._number(slot)
        return order_id

    def renumber(self, order_id: int) -> int:
        """A new number on the slot of `order_id`: for its cancel, which takes no slot of its own."""
        return self._number(order_id & (self.open_orders - 1))

    def move(self, order_id: int, to: int) -> None:
        """The slot of `order_id` is `to`'s from now on: an order that replaces another takes its slot over."""
        slot = order_id & (self.open_orders - 1)
        if self._used.get(slot) == order_id and to & (self.open_orders - 1) == slot:
            self._used[slot] = to

    def give_back(self, order_id: int, now: int) -> None:
        """The order is dead, its slot may be used again. Ids that do not hold their slot are ignored."""
        slot = order_id & (self.open_orders - 1)
        if self._used.get(slot) == order_id:
            del self._used[slot]
            self._free.append((slot, now + self.grace))

    def resume(self, used: Iterable[int], live: Iterable[int]) -> None:
        """After a restart: numbers go on beyond those `used` today, and slots of `live` orders stay taken."""
        for order_id in used:
            if order_id >> _DAY_SHIFT == self._base >> _DAY_SHIFT:
                self._count = max(self._count, (order_id - self._base) // self.open_orders)
        taken = {order_id & (self.open_orders - 1): order_id for order_id in live}
        self._used |= taken
        self._free = deque((slot, since) for slot, since in self._free if slot not in taken)

    @property
    def in_use(self) -> int:
        return len(self._used)

    def _number(self, slot: int) -> int:
        self._count += 1
        return self._base | self._count * self.open_orders | slot

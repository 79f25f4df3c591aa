"""The checks of the software gate, one function each, compiled with numba.

Each gets the state (`host.risk.gatestate`), the order, and what is known of its moment, and says whether it rejects.
`CHECKS` must have every check of the gateware; `missing` tells which it has not. Integers alone: 64 bits signed, and
unsigned where a number may use all 64.
"""

from collections import namedtuple

import numpy as np
from numba import njit

from hdl.layouts import Action, Reason, Side
from hdl.registers import GATE
from hdl.risk.delta import FRACTION
from hdl.risk.headroom import LIMIT_BITS, UNIT

NEW = int(Action.NEW)
BUY, SELL, SELL_SHORT = (int(side) for side in Side)
#: Notional counts in units of so many bits of 1e-4 USD; how many a limit may have.
UNIT_BITS, MOST_UNITS = np.uint64(UNIT), 1 << LIMIT_BITS
#: Of the portfolio's delta: all ones.
NO_LIMIT = (1 << GATE["delta"].width) - 1
#: Of a position, in shares.
LEAST, MOST = -(1 << 31), (1 << 31) - 1

#: An intent, its fields cut to what the gate takes; `invalid` where that took something off.
Order = namedtuple("Order", "order_id symbol side price qty action strategy venue invalid")
#: Row of the symbol, 1 for a sell, reference price and whether it may be used, its age, worst-case position, time to
#: spare of the tighter rate limit, price x quantity, clock cycle.
Seen = namedtuple("Seen", "row sell reference usable age worst slack notional cycle")


@njit
def kill(state, order, seen):
    if order.action != NEW:
        return False
    return (state.killed != 0 or (order.venue < state.venues and (state.venue_killed >> order.venue) & 1 != 0)
            or (order.strategy < state.strategies and (state.strategy_killed >> order.strategy) & 1 != 0))


@njit
def restricted(state, order, seen):
    if (order.symbol >= state.symbols or order.strategy >= state.strategies or order.venue >= state.venues
            or order.invalid or not (order.side == BUY or order.side == SELL or order.side == SELL_SHORT)):
        return True
    return order.action == NEW and (not state.limits[seen.row].enabled or state.halted[seen.row] != 0)


@njit
def stale(state, order, seen):
    return not seen.usable or seen.age > np.uint64(state.limits[seen.row].max_age_us)


@njit
def quantity(state, order, seen):
    limits = state.limits[seen.row]
    return (order.qty == 0 or order.qty < limits.min_qty or order.qty > limits.max_qty or limits.lot == 0
            or order.qty % limits.lot != 0)


@njit
def notional(state, order, seen):
    return seen.notional > state.limits[seen.row].notional_usd


@njit
def collar(state, order, seen):
    limits = state.limits[seen.row]
    return (abs(order.price - seen.reference) > limits.collar_usd or limits.tick_usd == 0
            or order.price % limits.tick_usd != 0)


@njit
def position(state, order, seen):
    limits = state.limits[seen.row]
    if seen.sell:
        return seen.worst < max(-limits.short, LEAST)
    return seen.worst > min(limits.long, MOST)


@njit
def short_sale(state, order, seen):
    if not seen.sell:
        return False
    limits, top = state.limits[seen.row], state.tops[seen.row]
    above = seen.usable and top.bid_qty != 0 and order.price > top.bid_price
    if limits.short_restricted and not above:
        return seen.worst < 0 or order.side == SELL_SHORT
    return -seen.worst > limits.locates


@njit
def duplicate(state, order, seen):
    slot = state.orders[order.order_id & np.uint64(len(state.orders) - 1)]
    if not state.window_given or (not slot.live and order.order_id <= slot.order_id):
        return True
    held = 0
    for at in range(state.remembered):
        one = state.recent[at]
        if one.end > seen.cycle:
            held += 1
            if (one.symbol == order.symbol and one.sell == seen.sell and one.price == order.price
                    and one.qty == order.qty):
                return True
    return held >= len(state.recent)


@njit
def gross(state, order, seen):
    value = np.int64(seen.notional >> UNIT_BITS) + 1
    if order.strategy >= state.strategies or value > MOST_UNITS:
        return True
    for which in (state.strategies, order.strategy):
        account = state.accounts[which]
        if account.gross + value > account.most_entered or account.net[seen.sell] + value > account.most_net:
            return True
    return False


@njit
def delta(state, order, seen):
    if not state.delta_known[seen.row] or state.most_delta == 0:
        return True
    one = state.deltas[seen.row]
    if state.most_delta == NO_LIMIT:
        return False
    return state.delta_use[seen.sell ^ (one < 0)] + order.qty * abs(one) > state.most_delta << FRACTION


@njit
def rate(state, order, seen):
    return seen.slack < 0


@njit
def open_orders(state, order, seen):
    return state.orders[order.order_id & np.uint64(len(state.orders) - 1)].live != 0


@njit
def loss(state, order, seen):
    return state.loss != 0 or (order.strategy < state.strategies and (state.strategy_loss >> order.strategy) & 1 != 0)


@njit
def watchdog(state, order, seen):
    return seen.cycle >= state.silent_at


#: By bit: the function, and whether it applies to cancels too.
CHECKS = {
    Reason.KILL: (kill, True), Reason.RESTRICTED: (restricted, True), Reason.STALE: (stale, False),
    Reason.QUANTITY: (quantity, False), Reason.NOTIONAL: (notional, False), Reason.COLLAR: (collar, False),
    Reason.POSITION: (position, False), Reason.RATE: (rate, False), Reason.OPEN_ORDERS: (open_orders, False),
    Reason.DUPLICATE: (duplicate, False), Reason.GROSS: (gross, False), Reason.DELTA: (delta, False),
    Reason.SHORT_SALE: (short_sale, False),
    Reason.LOSS: (loss, False), Reason.WATCHDOG: (watchdog, False),
}


@njit
def _none(state, order, seen):
    return 0


def _one_more(before, check, bit, cancels):
    @njit
    def reasons(state, order, seen):
        found = before(state, order, seen)
        if (cancels or order.action == NEW) and check(state, order, seen):
            found |= bit
        return found
    return reasons


def all_of(reasons):
    """A compiled function that gives the bits of all these checks, each of them asked."""
    found = _none
    for reason in reasons:
        check, cancels = CHECKS[reason]
        found = _one_more(found, check, 1 << reason, cancels)
    return found

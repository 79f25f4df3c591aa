"""Messages for tests of the OMS, and sequences of anything at all."""

import itertools

from hypothesis import strategies as st

from hdl.layouts import Side
from host import messages as m
from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder, Report

ORDER = NewOrder(1, "AAPL", Side.BUY, 100, 10_000, 0, venue=0)
_ids = itertools.count()


def report(exec_type, qty=0, cum=0, exec_id=None, order_id=1, ref_id="", price=10_000, **more):
    return Report(order_id, exec_id or f"E{next(_ids)}", exec_type, "", "AAPL", Side.BUY, more.pop("venue", 0), qty,
                  price if qty else 0, more.pop("leaves", 0), cum, ref_id, **more)


def cancel(order_id=2, orig_id=1):
    return CancelOrder(order_id, orig_id, "AAPL", Side.BUY, 100, 0)


def replace(order_id=2, orig_id=1, qty=200, price=10_000):
    return ReplaceOrder(order_id, orig_id, "AAPL", Side.BUY, qty, price, 0)


KINDS = ("0", "4", "5", "6", "8", "A", "C", "D", "E", "3", "7", "9", "B", "I", "?", m.CANCEL_REFUSED)
STEPS = st.lists(st.one_of(
    st.tuples(st.sampled_from(["cancel", "replace"]), st.integers(2, 6), st.integers(50, 150)),
    st.tuples(st.sampled_from(KINDS), st.integers(0, 6), st.integers(0, 120)),
    st.tuples(st.sampled_from(["F", "G", "H"]), st.integers(0, 9), st.integers(-5, 60)),
    st.tuples(st.just("gate"), st.integers(1, 6), st.just(0))), max_size=30)


def play(oms, steps):
    """Anything at all, one message after the other."""
    oms.on_new(ORDER)
    for n, (kind, number, qty) in enumerate(steps):
        match kind:
            case "cancel":
                oms.on_cancel(cancel(number))
            case "replace":
                oms.on_replace(replace(number, qty=qty))
            case "gate":
                oms.on_rejection(Rejection(number, "AAPL", Side.BUY, 100, 10_000, 0, 1))
            case "F":
                oms.on_report(report("F", qty, exec_id=f"T{number}"))
            case "G" | "H":
                oms.on_report(report(kind, qty, exec_id=f"C{n}", ref_id=f"T{number}" if number % 2 else f"C{n - 2}"))
            case _:
                oms.on_report(report(kind, exec_id=f"S{n}", request_id=number, leaves=qty))



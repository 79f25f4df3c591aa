"""What the software gate holds: one record, laid out from the declarations that the gateware is made from."""

from functools import cache

import numpy as np

from hdl.config import NicConfig
from hdl.registers import GATE
from hdl.risk.recent import ENTRIES
from host.risk.fields import FIELDS, SYMBOL

#: Bits that the kernel's signed numbers hold.
_SIGNED = 63
#: Of GATE.cause, by name.
CAUSES = {bits.name: 1 << n for n, bits in enumerate(GATE["cause"].bits)}

TOP = np.dtype([(name, "<i8") for name in ("bid_price", "bid_qty", "ask_price", "ask_qty", "inexact", "crossed")]
               + [("rx_time", "<u8")])
ORDER = np.dtype([("order_id", "<u8"), *((name, "<i8") for name in (
    "live", "symbol", "side", "left", "strategy", "price", "qty"))])
#: Notional entered and its limits, in units of `UNIT` of 1e-4 USD (`hdl.risk.headroom`).
ACCOUNT = np.dtype([*((name, "<i8") for name in ("most_entered", "most_net", "gross")), ("net", "<i8", (2,))])
#: An order that passed, and the cycle in which it is forgotten.
RECENT = np.dtype([(name, "<i8") for name in ("symbol", "sell", "price", "qty", "end")])
#: In periods of the core clock: `pace` is one token, `depth` what may be owed, `due` when all will be paid back.
BUCKET = np.dtype([(name, "<i8") for name in ("pace", "depth", "closed", "due")])


def limits_dtype() -> np.dtype:
    """One symbol's limits, by their names in the limits file, in the units of their registers (times in ns)."""
    return np.dtype([(one.name, "<i8" if one.width < _SIGNED else "<u8") for one in FIELDS[SYMBOL].values()])


def rows(config: NicConfig) -> int:
    """A power of two: the low bits of any symbol pick one."""
    return 1 << max(1, (config.symbols - 1).bit_length())


@cache
def state_dtype(config: NicConfig) -> np.dtype:
    """The whole state. The last bucket and account are the firm's. One object for all gates of a size: numba knows a
    structured dtype by its object at once, and by its contents in 1.8 us.
    """
    count = rows(config)
    return np.dtype([
        ("symbols", "<i8"), ("strategies", "<i8"), ("venues", "<i8"), ("serial", "<i8"),
        ("killed", "<i8"), ("cause", "<i8"), ("venue_killed", "<i8"), ("strategy_killed", "<i8"),
        ("loss", "<i8"), ("strategy_loss", "<i8"),
        # of the watchdog: cycles from a beat to silence, the cycle in which it begins, whether that is still to come
        ("patience", "<i8"), ("silent_at", "<i8"), ("alive", "<i8"),
        ("limits", limits_dtype(), (count,)), ("tops", TOP, (count,)), ("halted", "<i8", (count,)),
        ("position", "<i8", (count,)), ("open", "<i8", (count, 2)),
        ("orders", ORDER, (config.open_orders,)), ("buckets", BUCKET, (config.strategies + 1,)),
        ("accounts", ACCOUNT, (config.strategies + 1,)),
        # portfolio delta: its limit in shares, delta of a share and use by direction in 1/256
        ("most_delta", "<i8"), ("deltas", "<i8", (count,)), ("delta_known", "<i8", (count,)),
        ("delta_use", "<i8", (2,)),
        # of duplicates: whether a window was given, its cycles, and orders that passed in it, the first `remembered`
        ("window_given", "<i8"), ("window", "<i8"), ("remembered", "<i8"), ("recent", RECENT, (ENTRIES,)),
    ])


def new_state(config: NicConfig) -> np.ndarray:
    """As after reset: all limits are zero, every order is rejected."""
    state = np.zeros(1, state_dtype(config))
    state["symbols"], state["strategies"], state["venues"] = config.symbols, config.strategies, config.venues
    state["buckets"]["closed"] = 1
    return state

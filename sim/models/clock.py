"""Golden model of hdl.net.clock: what the clock shows after so many cycles, in plain arithmetic."""

from datetime import date

from fixparse.templates import time_of_day

DAY_NS = 86_400 * 10**9
NS_PER_MS = 10**6


def grown(cycles: int, clock_fs: int, clock_hz: int, adjust: int = 0) -> int:
    """Nanoseconds by which the clock grows in so many cycles from reset, within 1 of each part's rounding."""
    size = min(abs(adjust), clock_hz)
    extra = cycles * size // clock_hz
    return cycles * clock_fs // 10**6 + (extra if adjust >= 0 else -extra)


def stamp(now: int, midnight: int, text: bytes) -> dict | None:
    """Fields of `TimeOfDay`, or None where it must not be known."""
    since = now - midnight
    if not (0 <= since < DAY_NS and text.isdigit() and len(text) == 8 and int(text)):
        return None
    ms = since // NS_PER_MS
    return {"known": 1, "date": int(text), "ms": ms, "date_digits": [int(c) for c in text.decode()],
            "time_digits": [int(c) for c in time_of_day(ms)]}


def midnight_of(day: date) -> int:
    """ns since the epoch at 00:00 UTC."""
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_NS

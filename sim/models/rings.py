"""Golden model of `hdl.rings.HostUp` and `hdl.bookrecords`: what becomes which record, from plain dicts.

The dicts are those that `sim.bus.unpack` makes of the structs in `hdl.messages`. Records come back as
`dict`s by field name with `serial` left out, so that they compare with what was read from the ring.
"""

from typing import Any

import numpy as np

from hdl.layouts import (
    BOOK_LEVELS,
    BOOK_TOP,
    BY_KIND,
    DECISION,
    HEADER_DTYPE,
    LEVELS_PER_RECORD,
    MARKET_EVENT,
    ORDER_SENT,
    Record,
    Side,
)

Fields = dict[str, Any]


def fields_of(raw: np.ndarray) -> Fields:
    """One 64-byte record as a dict of plain integers, by its kind; `serial` left out."""
    record = raw.view(BY_KIND[int(raw.view(HEADER_DTYPE)["kind"][0])].dtype)[0]
    return {name: int(record[name]) for name in record.dtype.names if name != "serial"}


def make(record: Record, **fields: int) -> Fields:
    """A record of these fields, the others 0."""
    return fields_of(record.make(**fields).view(np.uint8))


def market_event(event: Fields) -> Fields:
    message = event["message"]
    names = ("feed", "type", "detail", "price", "qty", "seq", "itch_time", "ref", "new_ref")
    return make(MARKET_EVENT, symbol=event["symbol"], time=message["rx_time"],
                side=Side.SELL if message["sell"] else Side.BUY, **{name: message[name] for name in names})


def book_top(top: Fields, now: int) -> Fields:
    """`now` is the clock when the top came: the time of one that no message caused."""
    names = ("symbol", "feed", "inexact", "crossed", "seq", "itch_time")
    sides = {f"{side}_{name}": top[side][name] for side in ("bid", "ask") for name in ("price", "qty")}
    return make(BOOK_TOP, flags=1 - top["event"], time=top["rx_time"] if top["event"] else now, **sides,
                **{name: top[name] for name in names})


def book_levels(top: Fields, levels: Fields) -> list[Fields]:
    """The parts of the reported depth, best levels first; none where no message caused the top."""
    if not top["event"]:
        return []
    parts = []
    for first in range(0, len(levels["levels"]), LEVELS_PER_RECORD):
        some = levels["levels"][first:first + LEVELS_PER_RECORD]
        values = {f"{name}{n}": level[name] for n, level in enumerate(some) for name in ("price", "qty")}
        parts.append(make(BOOK_LEVELS, symbol=top["symbol"], time=top["rx_time"], side=levels["side"], first=first,
                          exact=levels["exact"], feed=top["feed"], seq=top["seq"] & 0xFFFF_FFFF, **values))
    return parts


def decision(verdict: Fields, limits_serial: int) -> Fields:
    intent = verdict["intent"]
    asked = ("symbol", "order_id", "price", "qty", "side", "origin", "action", "strategy", "venue")
    seen = ("time", "reasons", "reference", "notional", "exposure", "rate_slack")
    return make(DECISION, serial_limits=limits_serial, **{name: intent[name] for name in asked},
                **{name: verdict[name] for name in seen})


def order_sent(verdict: Fields, sent: Fields, now: int) -> Fields:
    intent = verdict["intent"]
    names = ("symbol", "order_id", "rx_time", "origin", "action", "venue")
    return make(ORDER_SENT, time=now, cause_delay=(intent["needed"] - intent["rx_time"]) % 2**32,
                decide_delay=(verdict["time"] - intent["rx_time"]) % 2**32, msg_seq=sent["msg_seq"],
                tcp_seq=sent["tcp_seq"], transact_date=sent["date"], transact_ms=sent["ms"],
                **{name: intent[name] for name in names})

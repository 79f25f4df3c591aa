"""Made-up days of market data: millions of messages, all 23 types, hundreds of stocks, compiled.

    raw = day(messages=5_000_000, stocks=500, seed=1)       # a BinaryFILE, as an array of bytes

A day starts with S and a Stock Directory (R) for each stock. After that orders are added, executed, cancelled, deleted
and replaced, a few of each of the other types come in between, and time goes on. Each stock has a price of its own that
walks; some orders are stubs far from it. Every message makes sense after those before it.
"""

import numpy as np
from numba import njit

from hdl.feed.spec import ALPHA, COMMON, MESSAGES, MOLD_LENGTH_BYTES, PRICE4
from sim import itch
from sim.twin.tables import LENGTHS, NEW_REF, OFFSETS, PRICE, REF, SHARES, SIDE, WIDTHS

_LOCATE, _TIME = (next(item for item in COMMON if item.name == name) for name in ("locate", "timestamp"))
_LOCATE_AT, _LOCATE_WIDTH, _TIME_AT, _TIME_WIDTH = _LOCATE.offset, _LOCATE.width, _TIME.offset, _TIME.width
_HEAD = MOLD_LENGTH_BYTES
_OPEN_NS = 4 * 3600 * 10**9
_A, _F, _E, _C, _X, _D, _U = (ord(letter) for letter in "AFECXDU")
#: Types that add, and that change an order, by how often they come; the others together in one of so many.
_ADDS, _CHANGES, _OTHERS_ONE_IN = np.array([_A] * 9 + [_F]), np.array([_E, _E, _C, _X, _D, _D, _D, _D, _U, _U]), 20
_OTHERS = np.array([spec.code for spec in MESSAGES.values() if spec.type not in "AFECXDUR"])
_BUY, _SELL = ord("B"), ord("S")
#: Columns of the live orders.
_REF, _OWNER, _SIDE, _QTY = range(4)
#: Mean time between two messages; one message in so many moves its stock's price.
_GAP_NS, _WALK_ONE_IN = 5_000.0, 50
#: An order that is one of so many is far from the market.
_STUB_ONE_IN = 200


def name(stock: int) -> str:
    """Of stock number `stock`, from 0; its locate is one more."""
    return f"S{stock:05d}"


def day(messages: int, stocks: int, seed: int, live: int = 40) -> np.ndarray:
    """The file. `live` orders of each stock stand in the book on average, once it has filled."""
    if messages < stocks + 1:
        raise ValueError(f"{messages} messages are too few for {stocks} stocks: a directory message for each, and one")
    start = [itch.encode("S", timestamp=_OPEN_NS, event_code="O")]
    start += [itch.encode("R", locate=stock + 1, timestamp=_OPEN_NS, stock=name(stock), round_lot_size=100)
              for stock in range(stocks)]
    head = np.frombuffer(b"".join(len(one).to_bytes(_HEAD, "big") + one for one in start), np.uint8)
    room = np.zeros((messages - len(start)) * (_HEAD + int(LENGTHS.max())), np.uint8)
    names = np.frombuffer("".join(name(stock).ljust(8) for stock in range(stocks)).encode(), np.uint8).reshape(-1, 8)
    used = _fill(room, messages - len(start), names, seed, live, _templates(), _stock_offsets(), OFFSETS, WIDTHS,
                 LENGTHS)
    return np.concatenate([head, room[:used]])


def _templates() -> np.ndarray:
    """A message of each type with plausible contents, by type byte."""
    templates = np.zeros((256, int(LENGTHS.max())), np.uint8)
    for spec in MESSAGES.values():
        fields = {item.name: "T" * min(item.width, 1) if item.kind == ALPHA else 10_000 if item.kind == PRICE4 else 100
                  for item in spec.items}
        templates[spec.code, :spec.length] = np.frombuffer(itch.encode(spec.type, **fields), np.uint8)
    return templates


def _stock_offsets() -> np.ndarray:
    offsets = np.full(256, -1, np.int64)
    for spec in MESSAGES.values():
        if "stock" in spec.by_name:
            offsets[spec.code] = spec.by_name["stock"].offset
    return offsets


@njit(cache=True)
def _put(room, at, width, value):
    for n in range(width):
        room[at + width - 1 - n] = value >> (8 * n) & 0xFF


@njit(cache=True)
def _price(mid, side, stub_one_in):
    if np.random.randint(stub_one_in) == 0:
        return 100 if side == 0 else 1_999_999_900
    away = 100 * (1 + int(np.random.exponential(4.0)))
    return mid - away if side == 0 else mid + away


@njit(cache=True)
def _choose(orders, count):
    """(type, place of its order or -1) of the next message."""
    if np.random.randint(_OTHERS_ONE_IN) == 0:
        return _OTHERS[np.random.randint(len(_OTHERS))], -1
    room = len(orders) - count
    if room > 0 and (count == 0 or np.random.random() < 0.5 + 0.4 * room / len(orders)):
        return _ADDS[np.random.randint(len(_ADDS))], count
    return _CHANGES[np.random.randint(len(_CHANGES))], np.random.randint(count)


@njit(cache=True)
def _shares(order, kind):
    """What a message says of shares; the order is what it is after it."""
    some = 100 * np.random.randint(1, 10)
    if kind in (_E, _C, _X):
        some = min(some, order[_QTY])
        if kind == _X and some == order[_QTY] and some > 100:
            some -= 100     # an X leaves something, as the specification has it
        order[_QTY] -= some
    elif kind == _D:
        order[_QTY] = 0
    else:
        order[_QTY] = some
    return some


@njit(cache=True)
def _order(room, body, kind, order, new_ref, price, shares, offsets, widths):
    """The fields of a message that is about an order; `new_ref` of U."""
    _put(room, body + offsets[REF, kind], widths[REF], order[_REF])
    if kind == _U:
        _put(room, body + offsets[NEW_REF, kind], widths[NEW_REF], new_ref)
        order[_REF] = new_ref
    if offsets[SHARES, kind] >= 0:
        _put(room, body + offsets[SHARES, kind], widths[SHARES], shares)
    if kind in (_A, _F, _U):
        _put(room, body + offsets[PRICE, kind], widths[PRICE], price)
    if offsets[SIDE, kind] >= 0:
        room[body + offsets[SIDE, kind]] = _SELL if order[_SIDE] else _BUY


@njit(cache=True)
def _fill(room, messages, names, seed, live, templates, stock_offsets, offsets, widths, lengths):
    """Write so many messages; bytes used."""
    np.random.seed(seed)
    stocks = len(names)
    orders = np.zeros((live * stocks, 4), np.int64)
    mids = np.random.randint(10_000, 3_000_000, stocks) // 100 * 100
    count, ref, time, at = 0, 0, _OPEN_NS, 0
    for _ in range(messages):
        time += 1 + int(np.random.exponential(_GAP_NS))
        kind, place = _choose(orders, count)
        if kind in (_A, _F):
            ref += 1
            count += 1
            orders[place, _REF], orders[place, _OWNER] = ref, np.random.randint(stocks)
            orders[place, _SIDE] = np.random.randint(2)
        elif kind == _U:
            ref += 1
        stock = orders[place, _OWNER] if place >= 0 else np.random.randint(stocks)
        if np.random.randint(_WALK_ONE_IN) == 0:
            mids[stock] = max(10_000, mids[stock] + 100 * np.random.randint(-1, 2))

        body, length = at + _HEAD, lengths[kind]
        _put(room, at, _HEAD, length)
        room[body:body + length] = templates[kind, :length]
        _put(room, body + _LOCATE_AT, _LOCATE_WIDTH, stock + 1)
        _put(room, body + _TIME_AT, _TIME_WIDTH, time)
        if stock_offsets[kind] >= 0:
            room[body + stock_offsets[kind]:body + stock_offsets[kind] + names.shape[1]] = names[stock]
        if place >= 0:
            order = orders[place]
            shares = _shares(order, kind)
            _order(room, body, kind, order, ref, _price(mids[stock], order[_SIDE], _STUB_ONE_IN), shares, offsets,
                   widths)
            if order[_QTY] == 0:
                count -= 1
                orders[place] = orders[count]
        at = body + length
    return at


__all__ = ["day", "name"]

"""The tables of `hdl.feed.spec` as arrays, for compiled loops: by type byte, where each field lies."""

import numpy as np

from hdl.feed.spec import MESSAGES

#: Fields that books and rows need; the numbers of rows of `OFFSETS`.
FIELDS = ("ref", "new_ref", "shares", "price", "side")
REF, NEW_REF, SHARES, PRICE, SIDE = range(len(FIELDS))
NONE = -1


def _widths() -> np.ndarray:
    found = {(name, spec.by_name[name].width) for spec in MESSAGES.values() for name in FIELDS if name in spec.by_name}
    found.discard(("shares", 8))    # of Q, which moves no book
    return np.array([dict(found)[name] for name in FIELDS], np.int64)


def _offsets() -> np.ndarray:
    offsets = np.full((len(FIELDS), 256), NONE, np.int64)
    for spec in MESSAGES.values():
        for n, name in enumerate(FIELDS):
            item = spec.by_name.get(name)
            if item is not None and item.width == WIDTHS[n]:
                offsets[n, spec.code] = item.offset
    return offsets


#: Bytes of each field; offset in its message by field and type byte, `NONE` where the type does not have it.
WIDTHS = _widths()
OFFSETS = _offsets()
#: Length of each type, 0 of those that are not in the specification.
LENGTHS = np.zeros(256, np.int64)
for _spec in MESSAGES.values():
    LENGTHS[_spec.code] = _spec.length

__all__ = ["FIELDS", "LENGTHS", "NEW_REF", "NONE", "OFFSETS", "PRICE", "REF", "SHARES", "SIDE", "WIDTHS"]

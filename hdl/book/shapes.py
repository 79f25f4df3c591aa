"""What the parts of the book hand to each other."""

from amaranth.hdl import Const, Value
from amaranth.lib import data, enum

from hdl.config import NicConfig
from hdl.layouts import Inexact
from hdl.messages import FEED_BITS

PRICE_BITS = QTY_BITS = 32
REF_BITS = 64
#: Bits of the causes that the book keeps for a symbol; `Inexact.REFILL` is derived, never kept.
CAUSES = len(Inexact)


class Kind(enum.Enum, shape=4):
    """What a job does. Those from NOTIFY on are the book's own, and give way to any message."""
    NOTE = 0     # changes nothing, but has its row of the output
    ADD = 1      # A, F, and the second half of U
    REDUCE = 2   # E, C, X
    DELETE = 3   # D, and the first half of U
    NOTIFY = 4   # tell that exactness changed
    LIFT = 5     # start of a refill: take the floor off a list
    SETTLE = 6   # end of a refill: what the list holds is known
    MOVE = 7     # take an order out of the stash
    SCAN = 8     # look at one row of the order table


#: ITCH 5.0 message types that change a book (sections 1.3 and 1.4); any other is a NOTE.
KINDS = {"A": Kind.ADD, "F": Kind.ADD, "E": Kind.REDUCE, "C": Kind.REDUCE, "X": Kind.REDUCE, "D": Kind.DELETE,
         "U": Kind.DELETE}


class Step(enum.Enum, shape=3):
    """What happens to one list of levels."""
    NONE = 0
    ADD = 1
    SUB = 2
    LIFT = 3
    SETTLE = 4


class Only(enum.Enum, shape=2):
    """Which prices a step applies to while its list is being refilled."""
    ANY = 0
    KNOWN = 1    # better than the old floor: the order is not counted yet beyond it
    BEYOND = 2   # at or beyond the old floor: the refill's own additions


class Meta(data.Struct):
    """What a top of book repeats of its message."""
    feed: FEED_BITS
    seq: 64
    itch_time: 48
    rx_time: 64
    needed: 32


def key_of(price, side) -> Value:
    """Sort key of a price: smaller is better on both sides. Its own inverse."""
    side = Const(side & 1, 1) if isinstance(side, int) else side
    return price ^ (~side).replicate(PRICE_BITS)


META = tuple(name for name, _ in data.Layout.cast(Meta))


class Shapes:
    """Widths and layouts that follow from the configuration."""

    def __init__(self, config: NicConfig):
        self.config = config
        self.symbol_bits = max(1, (config.symbols - 1).bit_length())
        self.row_bits = (config.order_rows - 1).bit_length()
        self.key_bits = REF_BITS + self.symbol_bits
        self.tag_bits = self.key_bits - self.row_bits
        #: One list of levels: symbol and side.
        self.list_bits = self.symbol_bits + 1
        self.lists = 2 * config.symbols

        #: One order as the table holds it. `life` tells a symbol's present orders from those of before its last
        #: clear, `lap` whether the latest refill of its list has counted it.
        self.order = data.StructLayout({
            "price": PRICE_BITS, "qty": QTY_BITS, "side": 1, "life": 1, "lap": 1, "valid": 1, "tag": self.tag_bits})
        #: One list of levels. Both flags are set from the best level on without a gap: `valid`, the level exists;
        #: `known`, its quantity is complete. Prices at or beyond `floor` (if it has one) are not in the list.
        self.list = data.StructLayout({
            "keys": data.ArrayLayout(PRICE_BITS, config.levels), "qtys": data.ArrayLayout(QTY_BITS, config.levels),
            "valid": config.levels, "known": config.levels, "floor": PRICE_BITS, "bounded": 1})
        self.best = data.StructLayout({"key": PRICE_BITS, "qty": QTY_BITS, "valid": 1})
        self.job = data.StructLayout({
            "kind": Kind, "replace": 1, "symbol": self.symbol_bits, "side": 1, "ref": REF_BITS, "new_ref": REF_BITS,
            "price": PRICE_BITS, "qty": QTY_BITS, "meta": Meta})
        #: What happens between two messages: books emptied, then causes set.
        self.change = data.StructLayout({
            "clear": config.symbols, "fault": data.ArrayLayout(CAUSES, config.symbols)})
        self.scan = data.StructLayout({
            "active": 1, "sweep": 1, "symbol": self.symbol_bits, "side": 1, "floor": PRICE_BITS})

    def symbol_of(self, tag) -> Value:
        return tag[REF_BITS - self.row_bits:]


__all__ = ["CAUSES", "KINDS", "META", "PRICE_BITS", "QTY_BITS", "REF_BITS", "Kind", "Meta", "Only", "Shapes",
           "Step", "key_of"]

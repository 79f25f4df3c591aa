"""What the parts of the book hand to each other."""

from amaranth.hdl import Value
from amaranth.lib import data, enum

from hdl.config import NicConfig
from hdl.layouts import Inexact

PRICE_BITS = QTY_BITS = 32
REF_BITS = 64
#: Bits of the causes that are kept for a symbol (`Inexact.REFILL` is derived, but has its place).
CAUSES = len(Inexact)
#: What a `FeedFault` may say.
FEED_CAUSES = (Inexact.GAP, Inexact.BAD_FRAME)


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
    KNOWN = 1    # better than the old floor: beyond it, the order is not counted yet
    BEYOND = 2   # at the old floor or beyond: the refill's own additions


class Meta(data.Struct):
    """What a top of book repeats of its message."""
    seq: 64
    itch_time: 48
    rx_time: 64
    needed: 32


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

        #: What does not change while an order lies in its slot. `life` tells a symbol's present orders from those of
        #: before its last clear; `tag` is what the slot's row does not say of the key.
        self.title = data.StructLayout({"price": PRICE_BITS, "side": 1, "life": 1, "tag": self.tag_bits})
        #: What does. `lap` tells whether the latest refill of the order's list has counted it.
        self.state = data.StructLayout({"qty": QTY_BITS, "lap": 1, "valid": 1})
        #: What a list needs to know of an order.
        self.order = data.StructLayout({"price": PRICE_BITS, "qty": QTY_BITS, "side": 1, "lap": 1})
        #: One list of levels; what lies behind the last `valid` one is 0. Both flags are set from the best level on
        #: without a gap: `valid`, the level exists; `known`, its quantity is complete. Prices at `floor` (if `bounded`)
        #: or beyond are not in the list.
        self.list = data.StructLayout({
            "prices": data.ArrayLayout(PRICE_BITS, config.levels), "qtys": data.ArrayLayout(QTY_BITS, config.levels),
            "valid": config.levels, "known": config.levels, "floor": PRICE_BITS, "bounded": 1})
        self.best = data.StructLayout({"price": PRICE_BITS, "qty": QTY_BITS, "valid": 1})
        #: What any job is about, and what messages have besides.
        self.task = data.StructLayout({"kind": Kind, "symbol": self.symbol_bits, "side": 1, "ref": REF_BITS})
        self.job = data.StructLayout({
            "task": self.task, "replace": 1, "new_ref": REF_BITS, "price": PRICE_BITS, "qty": QTY_BITS, "meta": Meta})
        #: What happens between two messages: books emptied, then causes set.
        self.change = data.StructLayout({
            "clear": config.symbols, "fault": data.ArrayLayout(len(FEED_CAUSES), config.symbols)})
        self.scan = data.StructLayout({
            "active": 1, "sweep": 1, "symbol": self.symbol_bits, "side": 1, "floor": PRICE_BITS})

    def symbol_of(self, tag) -> Value:
        return tag[REF_BITS - self.row_bits:]


def causes_of(fault) -> Value:
    """`Inexact` bits of a `change`'s fault."""
    return sum((fault[n] << cause for n, cause in enumerate(FEED_CAUSES)), start=Value.cast(0))


__all__ = ["CAUSES", "FEED_CAUSES", "KINDS", "META", "PRICE_BITS", "QTY_BITS", "REF_BITS", "Kind", "Meta", "Only",
           "Shapes", "Step", "causes_of"]

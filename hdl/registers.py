"""The register map, once: gateware banks, host driver and reference page are derived from it.

A register is one 64-bit word. A `Block` is a group of registers, repeated for every port, feed,
symbol and so on; word addresses follow from the order of declaration (`RegisterMap`). Data only: the
gateware side is `hdl.csr`.

Access is `rw`, `ro` (the NIC's own state), or `wo` (a command, which acts when written, or text that the NIC alone
reads; reads 0).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hdl.config import NicConfig
from hdl.layouts import Reason

WORD_BITS = 64
#: Words of one frame image (512 bytes).
IMAGE_WORDS = 64
#: First word of NIC.ident.
MAGIC = 0x5449434B47415445  # "TICKGATE"


@dataclass(frozen=True)
class Limit:
    """Says of a field that it is a limit which people set: the limits file, its command line and its display follow.

    Parameters
    ----------
    name : in the limits file, with its unit at the end (`_usd`, `_us`); `a.b` is `b` in a table `a` of its own.
    check : the check that looks at it.
    loosens : which way lets more orders through: `up`, `down`, or `other` than a whole multiple of what it was.
        Empty where nobody said: every change counts as loosening.
    least : smallest value that makes sense.
    default : what a file means that does not give it; None: it must.
    """
    name: str
    check: Reason
    loosens: str = ""
    least: int = 0
    default: int | None = None


@dataclass(frozen=True)
class Bits:
    """A named field of a register, least significant first."""
    name: str
    width: int
    doc: str = ""
    limit: Limit | None = None


@dataclass(frozen=True)
class Reg:
    name: str
    access: str
    doc: str
    bits: tuple[Bits, ...] = ()
    unit: str = ""
    init: int = 0
    limit: Limit | None = None

    @property
    def width(self) -> int:
        """Bits that it has: those it names, or the whole word."""
        return sum(bits.width for bits in self.bits) or WORD_BITS

    def pack(self, **values: int) -> int:
        """The register's value from its fields; a value that does not fit is an error."""
        word = 0
        for name, at in self._places():
            value, width = values.pop(name, 0), at.stop - at.start
            if not 0 <= value < 1 << width:
                raise ValueError(f"{self.name}.{name} = {value} does not fit {width} bits")
            word |= value << at.start
        if values:
            raise ValueError(f"{self.name} has no field {', '.join(values)}")
        return word

    def unpack(self, word: int) -> dict[str, int]:
        return {name: word >> at.start & (1 << at.stop - at.start) - 1 for name, at in self._places()}

    def split(self, word) -> dict:
        """Its fields as slices of `word`, a signal."""
        return {name: word[at] for name, at in self._places()}

    def _places(self) -> Iterator[tuple[str, slice]]:
        start = 0
        for bits in self.bits:
            yield bits.name, slice(start, start + bits.width)
            start += bits.width


@dataclass(frozen=True)
class Block:
    """`memory` marks a block whose words live in a memory of its unit, with no register of their own."""
    name: str
    doc: str
    regs: tuple[Reg, ...]
    count: Callable[[NicConfig], int] = field(default=lambda config: 1)
    memory: bool = False

    @property
    def stride(self) -> int:
        """Words from one instance to the next: the next power of two."""
        return 1 << (len(self.regs) - 1).bit_length()

    def __getitem__(self, name: str) -> Reg:
        for reg in self.regs:
            if reg.name == name:
                return reg
        raise KeyError(f"block {self.name} has no register {name}")


def counters(**docs: str) -> tuple[Reg, ...]:
    """Read-only event counters that start at 0 and wrap at 2**32."""
    return tuple(Reg(name, "ro", doc, unit="count") for name, doc in docs.items())


NIC = Block("nic", "Identity and time.", (
    Reg("ident", "ro", f"{MAGIC:#x}: this is a Tickgate NIC", init=MAGIC),
    Reg("config", "ro", "digest of the NicConfig it was built from"),
    Reg("time", "rw", "the clock; writing sets it", unit="ns"),
    Reg("adjust", "rw", "added to the clock every second of its own time (signed 32 bit), to discipline it",
        unit="ns/s"),
    Reg("date", "rw", "UTC date for order time stamps, as 8 ASCII digits YYYYMMDD, first byte lowest"),
    Reg("midnight", "rw", "clock value at 00:00:00 UTC of `date`", unit="ns"),
    Reg("depth", "rw", "which book records go up", (
        Bits("events", 1, "MARKET_EVENT"), Bits("levels", 1, "BOOK_LEVELS"))),
    Reg("dropped", "ro", "records that the host was too slow for", unit="count"),
    Reg("control_key", "wo", "key of the control frame that kills (`hdl.net.control`), on the last port; 0, as after "
                             "reset: none does"),
    *counters(control_refused="control frames that were bad, or had another key"),
))

PORT = Block("port", "Receive path of one Ethernet port, each frame counted under one cause at most.", (
    *counters(
        frames="frames received, good or bad",
        bad_fcs="frames the MAC called bad (FCS, code error, runt)",
        not_ipv4="neither IPv4 nor a host-bridge frame",
        bad_header="IPv4 version, length or header checksum wrong",
        fragment="IPv4 fragments",
        not_udp="neither UDP nor an order session's TCP",
        bad_length="UDP length does not fit the frame",
        no_group="UDP to no configured feed",
        malformed="MoldUDP64 or ITCH structure wrong",
        messages="messages delivered",
        unknown_type="messages of an unknown type, skipped by length"),
), count=lambda config: config.ports)

FEED = Block("feed", "One market-data feed: a MoldUDP64 session on a multicast group.", (
    Reg("group", "rw", "where it is sent", (
        Bits("ip", 32, "destination address"), Bits("port", 16, "destination UDP port"),
        Bits("enable", 1), Bits("promiscuous", 1, "match any address and port"))),
    Reg("expected", "rw", "next sequence number; writing it starts the feed there and clears its state. "
                          "0: take the first one seen"),
    Reg("status", "ro", "state", (
        Bits("gap", 1, "a message was missed since `expected` was written"),
        Bits("ended", 1, "end of session seen"), Bits("started", 1, "a sequence number is known"),
        Bits("waiting", 1, "a message is missing, and the other line may still bring it"))),
    Reg("session", "ro", "first 8 bytes of the session in force, first byte lowest"),
    *counters(delivered="messages passed on", duplicate="messages seen before, dropped",
              gaps="jumps in the sequence", missed="messages missed in them",
              heartbeats="heartbeats", other_session="messages of another session, dropped"),
    Reg("wait", "rw", "how long a missing message is waited for, while the other line may still bring it, before it "
                      "counts as a gap; what is ahead of it is dropped meanwhile. 0: not at all", (
            Bits("time", 24),), unit="ns"),
    *counters(waits="times it waited", ahead="messages dropped because they were ahead of a missing one"),
), count=lambda config: config.feeds)

SYMBOL = Block("symbol", "One book.", (
    Reg("name", "rw", "stock, 8 ASCII bytes padded with spaces, first byte lowest; an R message with this "
                      "name on its feed sets the locate"),
    Reg("route", "rw", "what feeds it", (
        Bits("locate", 16, "stock locate of the day"), Bits("feed", 4), Bits("enable", 1, "deliver its messages"))),
    Reg("clear", "wo", "writing 1 empties the book and declares it exact: the feed is at its start, or what follows "
                       "is a snapshot"),
    Reg("status", "ro", "state", (
        Bits("inexact", 16, "`Inexact` bits"), Bits("crossed", 1), Bits("halted", 1, "trading action is not T"))),
), count=lambda config: config.symbols)

BOOK = Block("book", "The order table, all symbols together.", counters(
    live="orders held now", unknown="references not held", full="orders that did not fit",
    repeated="adds of a reference already held", arithmetic="quantities that would wrap or go below 0",
    refills="refills of a side finished", busy="messages dropped because the book was still busy"))

VENUE = Block("venue", "One order session: its TCP connection and its FIX sequence.", (
    Reg("local_ip", "rw", "own address and port", (Bits("ip", 32), Bits("port", 16))),
    Reg("remote_ip", "rw", "venue's address and port", (Bits("ip", 32), Bits("port", 16))),
    Reg("tcp", "rw", "sequence numbers; writing sets both", (
        Bits("snd_nxt", 32, "next byte to send"), Bits("rcv_nxt", 32, "next byte expected"))),
    Reg("msg_seq", "rw", "next MsgSeqNum, below 10**9", (Bits("msg_seq", 32),)),
    Reg("enable", "rw", "the session is up and orders may go", (Bits("enable", 1),)),
    *counters(sent="order frames sent", received="in-order segments read",
              out_of_order="segments not at rcv_nxt, ignored", reports="ExecutionReports applied",
              malformed="messages with a bad BodyLength, CheckSum or field",
              locked="writes to one of its images while it was enabled, ignored"),
), count=lambda config: config.venues)

#: Frame images: `kinds` (the `Action` values) images for each venue, IMAGE_WORDS words each, then sums.
IMAGE = Block("image", "Static bytes of the order frame of one venue and action, byte n in bits 8(n%8) of word n//8; "
              "written while the venue is not enabled. "
              "The last word holds the sums (`fix` in bits 0-7, `tcp` in bits 16-31) of the static bytes.",
              tuple(Reg(f"word{n}", "wo", f"bytes {8 * n} to {8 * n + 7}") for n in range(IMAGE_WORDS)),
              count=lambda config: 2 * config.venues, memory=True)

#: Symbol text of order frames; see fixparse.templates for the meaning of its 16 bytes.
SYMBOL_TEXT = Block("symbol_text", "Bytes of the symbol window of order frames of one symbol.", (
    Reg("low", "wo", "bytes 0 to 7"), Reg("high", "wo", "bytes 8 to 15")),
    count=lambda config: config.symbols, memory=True)

#: A rate limit. `hdl.risk.rates` says how they act; words that use other bits, and buckets that would take more
#: than 2**40 ns to fill, give no tokens.
RATE_INTERVAL = (Bits("interval", 40, limit=Limit("rate.interval_us", Reason.RATE, "down", least=1)),)
RATE_BURST = (Bits("burst", 16, limit=Limit("rate.burst", Reason.RATE, "up", least=1)),)

#: Notional entered: `hdl.risk.headroom` says how it is counted.
ENTERED = (Bits("most", 46, limit=Limit("entered_usd", Reason.GROSS, "up")),)
NET = (Bits("most", 46, limit=Limit("net_usd", Reason.GROSS, "up")),)

GATE = Block("gate", "The gate: kill, and limits of the firm.", (
    Reg("kill", "rw", "global kill; set by writing 1, cleared by writing CLEAR_KILL to `resume`", (Bits("kill", 1),)),
    Reg("venue_kill", "rw", "one bit a venue; writing sets bits", (Bits("venues", 4),)),
    Reg("strategy_kill", "rw", "one bit a strategy; writing sets bits", (Bits("strategies", 16),)),
    Reg("resume", "wo", "lifts kills, given the key word", (
        Bits("key", 16, "0x5AFE"), Bits("all", 1, "the global kill"), Bits("venues", 4), Bits("strategies", 16))),
    Reg("limits_serial", "ro", "the set of limits in force", (
        Bits("serial", 32, "its number"), Bits("staged", 1, "words have been written since, which are not in force"),
        Bits("waiting", 1, "a switch waits until the rows that were written are made ready"))),
    Reg("loss", "rw", "the firm's loss hold; set by writing 1, lifted by `release`", (Bits("hold", 1),)),
    Reg("strategy_loss", "rw", "loss holds, one bit a strategy; writing sets bits", (Bits("strategies", 16),)),
    Reg("release", "wo", "lifts holds, given the key word of `resume`", (
        Bits("key", 16, "0x5AFE"), Bits("loss", 1, "the firm's loss hold"),
        Bits("strategy_loss", 16, "of strategies"))),
    Reg("rate_interval", "rw", "one token every so many ns for the session; 0 gives none", RATE_INTERVAL, unit="ns"),
    Reg("rate_burst", "rw", "tokens a full session bucket holds; 0 gives none", RATE_BURST, unit="orders"),
    Reg("entered", "rw", "largest notional of open and executed orders of the firm's day", ENTERED, unit="1e-4 USD"),
    Reg("net", "rw", "largest notional bought less sold, or sold less bought, of the firm's day", NET, unit="1e-4 USD"),
    Reg("watchdog", "rw", "longest time from one write of `heartbeat` to the next; when it is over, new orders are "
        "rejected and the global kill falls. A write starts the time anew. 0 rejects", (
            Bits("timeout", 40, limit=Limit("watchdog_us", Reason.WATCHDOG, "up")),), unit="ns"),
    Reg("duplicate", "rw", "time in which an order like one that passed is a duplicate, in whole clock periods; 0 "
        "rejects every order, less than a period finds none", (
            Bits("window", 40, limit=Limit("duplicate_us", Reason.DUPLICATE, "down", least=1)),), unit="ns"),
    Reg("delta", "rw", "largest portfolio delta, up or down, all open orders of that direction filled; 0 rejects, "
        "the largest value is no limit", (
        Bits("most", 32, limit=Limit("delta", Reason.DELTA, "up")),), unit="shares"),
    Reg("heartbeat", "wo", "any write says that the host lives"),
    *counters(decisions="decisions", passed="passed"),
    Reg("cause", "ro", "what set the global kill since it was last lifted", (
        Bits("host", 1, "a write to `kill`"), Bits("trip", 1, "a control frame on the wire"),
        Bits("unknown_fill", 1, "a fill of an order that the NIC does not follow"),
        Bits("overfill", 1, "a fill of more than was left of its order"),
        Bits("unsupported", 1, "an ExecType (150) that moves a position in a way the NIC does not follow"),
        Bits("overrun", 1, "a report came before the NIC was done with the one before"),
        Bits("overflow", 1, "a position left its 32 bits"),
        Bits("watchdog", 1, "the host's heartbeat was missing"))),
    Reg("kill_poisons", "rw", "what becomes of an order frame on its way out when a kill comes that would have stopped "
        "it", (Bits("poisons", 1, "0: it ends well; 1: it ends with a bad FCS, and comes back as not sent"),)),
    Reg("limits_switch", "wo", "puts all that was written to LIMITS, STRATEGY and the limits here that are like a "
        "STRATEGY's in force, in one cycle, unless `words` is wrong", (
            Bits("serial", 32, "of the set, from then on"),
            Bits("words", 16, "how many were written since the last write of this register"))),
))

LIMITS = Block("limits", "Limits of one symbol. All zero (the state after reset) rejects every order. What is written "
               "acts when GATE.limits_switch puts it in force; a read gives what was written last.", (
    Reg("control", "rw", "who may trade", (
        Bits("enable", 1, "0: restricted", Limit("enabled", Reason.RESTRICTED, "up", default=1)),
        Bits("lot", 16, "lot size in shares; 0 rejects", Limit("lot", Reason.QUANTITY, "other", least=1)),
        Bits("tick", 16, "tick in 1e-4 USD; 0 rejects", Limit("tick_usd", Reason.COLLAR, "other", least=1)))),
    Reg("qty", "rw", "order quantity", (
        Bits("min", 32, limit=Limit("min_qty", Reason.QUANTITY, "down")),
        Bits("max", 32, limit=Limit("max_qty", Reason.QUANTITY, "up"))), unit="shares"),
    Reg("notional", "rw", "largest price x quantity", unit="1e-4 USD",
        limit=Limit("notional_usd", Reason.NOTIONAL, "up")),
    Reg("collar", "rw", "largest distance from the reference (the side's opposite best, or own best)",
        (Bits("band", 32, limit=Limit("collar_usd", Reason.COLLAR, "up")),), unit="1e-4 USD"),
    Reg("position", "rw", "largest worst-case position", (
        Bits("long", 32, "shares long", Limit("long", Reason.POSITION, "up")),
        Bits("short", 32, "shares short, as a positive number", Limit("short", Reason.POSITION, "up"))),
        unit="shares"),
    Reg("max_age", "rw", "oldest reference that may be used",
        (Bits("age", 40, limit=Limit("max_age_us", Reason.STALE, "up")),), unit="ns"),
    Reg("short_sale", "rw", "selling short", (
        Bits("locates", 32, "shares that may be short, all open sells filled", Limit(
            "locates", Reason.SHORT_SALE, "up")),
        Bits("restricted", 1, "1: the price test of SEC Rule 201 is in force", Limit(
            "short_restricted", Reason.SHORT_SALE, "down", default=0)))),
), count=lambda config: config.symbols, memory=True)

STRATEGY = Block("strategy", "Limits of one strategy; they act as those of a symbol do.", (
    Reg("rate_interval", "rw", "one token every so many ns; 0 gives none", RATE_INTERVAL, unit="ns"),
    Reg("rate_burst", "rw", "tokens a full bucket holds; 0 gives none", RATE_BURST, unit="orders"),
    Reg("entered", "rw", "largest notional of open and executed orders of its day", ENTERED, unit="1e-4 USD"),
    Reg("net", "rw", "largest notional bought less sold, or sold less bought, of its day", NET, unit="1e-4 USD"),
), count=lambda config: config.strategies, memory=True)

EXPOSURE = Block("exposure", "What the NIC holds of one symbol, moved by its own execution parser.", (
    Reg("position", "rw", "signed position (two's complement, 32 bits); written at start of day alone", unit="shares"),
    Reg("open", "ro", "open quantity by side", (Bits("buy", 32), Bits("sell", 32)), unit="shares"),
    Reg("delta", "rw", "what one share counts in the portfolio's delta; while it is being changed nothing may pass", (
        Bits("per_share", 16, "in 1/256 (two's complement); 256 for a stock"), Bits("known", 1, "0 rejects"))),
), count=lambda config: config.symbols)

BLOCKS = (NIC, PORT, FEED, SYMBOL, BOOK, VENUE, IMAGE, SYMBOL_TEXT, GATE, LIMITS, STRATEGY, EXPOSURE)



def is_staged(block: Block, name: str) -> bool:
    """Whether a register is part of the set of limits that GATE.limits_switch puts in force."""
    return block in (LIMITS, STRATEGY) or (block is GATE and any(reg.name == name for reg in STRATEGY.regs))


#: Key of GATE.resume.
RESUME_KEY = 0x5AFE


class RegisterMap:
    """Word addresses of every register of one NIC.

    Each block starts at a multiple of its own size rounded up to a power of two, so that an address
    splits into block, instance and register by its bits.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        self.base: dict[str, int] = {}
        self.size: dict[str, int] = {}
        self.count: dict[str, int] = {}
        spans = {}
        for block in BLOCKS:
            count = block.count(config)
            self.count[block.name] = count
            spans[block.name] = block.stride * (1 << (count - 1).bit_length())
        at = 0
        for block in sorted(BLOCKS, key=lambda block: -spans[block.name]):  # largest first: no padding
            self.base[block.name], self.size[block.name] = at, spans[block.name]
            at += spans[block.name]
        self.words = at

    @property
    def addr_bits(self) -> int:
        return (self.words - 1).bit_length()

    def address(self, block: Block, name: str, index: int = 0) -> int:
        """Word address of register `name` of instance `index` of `block`."""
        if not 0 <= index < self.count[block.name]:
            raise IndexError(f"{block.name}[{index}]: this NIC has {self.count[block.name]}")
        return self.base[block.name] + index * block.stride + block.regs.index(block[name])

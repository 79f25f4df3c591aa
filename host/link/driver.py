"""What services ask of a NIC, in their own terms: venues, symbols, limits, orders."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from hdl.layouts import ARM, INTENT, Action, Condition, Side
from hdl.order.image import image, symbol_words
from hdl.registers import (
    EXPOSURE,
    FEED,
    GATE,
    IMAGE,
    NIC,
    RESUME_KEY,
    SYMBOL,
    SYMBOL_TEXT,
    VENUE,
    Block,
)
from hdl.venue import VenueSpec
from host.link.base import Link

NS_PER_S = 10**9
#: Decimal digits that an order has for MsgSeqNum.
MSG_SEQ_DIGITS = 9
STOCK_BYTES = 8
IMMEDIATE_OR_CANCEL, DAY = ord("3"), ord("0")


class Exposure(NamedTuple):
    """What the NIC holds of a symbol, in shares."""
    position: int
    open_buy: int
    open_sell: int


class RegisterWrite(Protocol):
    """One register write, as `host.risk.registers` makes them."""
    block: Block
    register: str
    index: int
    value: int


class VerifyError(Exception):
    """Limits are not in force: a register did not read back as written, or the NIC did not switch to them."""


#: Looks at a NIC that makes a set of limits ready: each takes 8 cycles, and the largest NIC 30,000.
_LOOKS = 10_000
_SWITCH, _STATE = "limits_switch", "limits_serial"


class Driver:
    """Configures and commands the NIC behind `link`. Writes are posted; they act in the order of the calls."""

    def __init__(self, link: Link):
        self.link = link
        self.config = link.config

    # ---- set-up

    def set_clock(self, now_ns: int) -> None:
        """Set the clock to `now_ns` since the epoch, and with it the UTC date that orders carry."""
        today = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
        midnight = now_ns // NS_PER_S - (today.hour * 3600 + today.minute * 60 + today.second)
        digits = int.from_bytes(today.strftime("%Y%m%d").encode(), "little")
        self.link.write_many([(NIC, "time", 0, now_ns), (NIC, "date", 0, digits),
                              (NIC, "midnight", 0, midnight * NS_PER_S)])

    def report(self, events: bool = True, levels: bool = False) -> None:
        """Which book records come up besides tops: MARKET_EVENT, BOOK_LEVELS."""
        self.link.write(NIC, "depth", NIC["depth"].pack(events=int(events), levels=int(levels)))

    def set_feed(self, feed: int, venue: VenueSpec, expected: int = 0, promiscuous: bool = False,
                 wait_ns: int = 0) -> None:
        """Listen to a venue's multicast group, from sequence number `expected` (0: the first one seen).

        `wait_ns`: how long a message that one line lost is waited for on the other; 0 where there is one line only.
        """
        group = FEED["group"].pack(ip=venue.feed_ip, port=venue.feed_port, enable=1, promiscuous=int(promiscuous))
        self.link.write_many([(FEED, "expected", feed, expected), (FEED, "wait", feed, FEED["wait"].pack(time=wait_ns)),
                              (FEED, "group", feed, group)])

    def set_venue(self, index: int, venue: VenueSpec, msg_seq: int = 1) -> None:
        """Prepare an order session that is already established, its frame images included, and enable it."""
        if not 0 < msg_seq < 10**MSG_SEQ_DIGITS:
            raise ValueError(f"MsgSeqNum {msg_seq} is not 1 to {10**MSG_SEQ_DIGITS - 1}")
        writes = [
            (VENUE, "enable", index, 0),
            (VENUE, "local_ip", index, VENUE["local_ip"].pack(ip=venue.local_ip, port=venue.local_port)),
            (VENUE, "remote_ip", index, VENUE["remote_ip"].pack(ip=venue.remote_ip, port=venue.remote_port)),
            (VENUE, "tcp", index, VENUE["tcp"].pack(snd_nxt=venue.snd_nxt, rcv_nxt=venue.rcv_nxt)),
            (VENUE, "msg_seq", index, msg_seq),
        ]
        for action in Action:
            writes += [(IMAGE, f"word{n}", len(Action) * index + action, word)
                       for n, word in enumerate(image(venue, action))]
        self.link.write_many([*writes, (VENUE, "enable", index, 1)])

    def subscribe(self, symbol: int, stock: str, feed: int, locate: int = 0, order_symbol: str | None = None,
                  clear: bool = False) -> None:
        """Follow a stock on a feed. `locate` 0 waits for its R message; `clear` declares the book empty and exact.

        `order_symbol` is how orders write it, where that is not how the feed does.
        """
        name = stock.encode("ascii").ljust(STOCK_BYTES)
        if len(name) != STOCK_BYTES or not stock.strip():
            raise ValueError(f"stock {stock!r} is not 1 to {STOCK_BYTES} characters")
        low, high = symbol_words(order_symbol or stock)
        self.link.write_many([
            (SYMBOL_TEXT, "low", symbol, low), (SYMBOL_TEXT, "high", symbol, high),
            (SYMBOL, "name", symbol, int.from_bytes(name, "little")),
            (SYMBOL, "route", symbol, SYMBOL["route"].pack(locate=locate, feed=feed, enable=1)),
            *([(SYMBOL, "clear", symbol, 1)] if clear else []),
        ])

    # ---- risk

    def apply(self, writes: Iterable[RegisterWrite]) -> int:
        """Write limits in the order given, and read every register back. What comes before a write of
        GATE.limits_switch is in force after it, all at once, or else none of it. Returns how many were written.

        Raises `VerifyError` naming the registers that differ: then the set in force is the one before.
        """
        count, part = 0, list[RegisterWrite]()
        for write in writes:
            count += 1
            if write.register == _SWITCH:
                self._switch(part, write)
                part = []
            else:
                part.append(write)
        self._write(part)
        return count

    def _switch(self, part: list[RegisterWrite], switch: RegisterWrite) -> None:
        """A set that somebody began and left makes the first switch fail, which ends it; so all is written again."""
        wanted = GATE[_SWITCH].unpack(switch.value)["serial"]
        for _ in range(2):
            self._write(part)
            self.link.write(GATE, _SWITCH, switch.value)
            for _ in range(_LOOKS):
                state = GATE[_STATE].unpack(self.link.read(GATE, _STATE))
                if not state["waiting"]:
                    break
            if state == {"serial": wanted, "staged": 0, "waiting": 0}:
                return
        raise VerifyError(f"the NIC did not switch to limits {wanted}: {state['serial']} are in force as before; "
                          f"does something else write limits?")

    def _write(self, writes: list[RegisterWrite]) -> None:
        """And read back."""
        self.link.write_many([(write.block, write.register, write.index, write.value) for write in writes])
        wanted = {(write.block.name, write.register, write.index): write for write in writes}  # the last one counts
        places = [(write.block, write.register, write.index) for write in wanted.values()]
        differ = [f"{block.name}[{index}].{name}: wrote {write.value:#x}, reads {value:#x}"
                  for (block, name, index), write, value in zip(places, wanted.values(), self.link.read_many(places),
                                                                strict=True) if value != write.value]
        if differ:
            raise VerifyError("the NIC does not hold the limits written: " + "; ".join(differ))

    def kill(self) -> None:
        """Stop every order, now."""
        self.link.write(GATE, "kill", 1)

    def set_control_key(self, key: int) -> None:
        """The key of the frame that kills (`hdl.net.control.control_frame`); 0: none does. It cannot be read back."""
        self.link.write(NIC, "control_key", key)

    def set_kill_poisons(self, poisons: bool) -> None:
        """Whether a kill spoils an order frame that is on its way out, or lets it end."""
        self.link.write(GATE, "kill_poisons", int(poisons))

    def kill_venue(self, venue: int) -> None:
        self.link.write(GATE, "venue_kill", 1 << venue)

    def kill_strategy(self, strategy: int) -> None:
        self.link.write(GATE, "strategy_kill", 1 << strategy)

    def killed(self) -> dict[str, int]:
        """The kills in force: `kill` 0 or 1, `venue_kill` and `strategy_kill` one bit each."""
        names = ("kill", "venue_kill", "strategy_kill")
        return dict(zip(names, self.link.read_many([(GATE, name, 0) for name in names]), strict=True))

    def resume(self, everything: bool = False, venues: int = 0, strategies: int = 0) -> None:
        """Lift kills: the global one, and those of the bits given. A person decides this, never a service."""
        self.link.write(GATE, "resume", GATE["resume"].pack(key=RESUME_KEY, all=int(everything), venues=venues,
                                                            strategies=strategies))

    def set_position(self, symbol: int, shares: int) -> None:
        """The signed position at start of day."""
        self.link.write(EXPOSURE, "position", shares % (1 << 32), symbol)

    def exposure(self, symbol: int) -> Exposure:
        """Position and open quantities by the NIC's own execution parser."""
        position, both = self.link.read_many([(EXPOSURE, "position", symbol), (EXPOSURE, "open", symbol)])
        position &= (1 << 32) - 1
        open_qty = EXPOSURE["open"].unpack(both)
        return Exposure(position - (1 << 32) if position >> 31 else position, open_qty["buy"], open_qty["sell"])

    # ---- orders

    def send(self, order_id: int, symbol: int, side: Side, price: int, qty: int, strategy: int, venue: int,
             tif: int = DAY) -> None:
        """Ask for an order; it takes the gate like any other."""
        self.link.post(INTENT.make(order_id=order_id, symbol=symbol, side=side, price=price, qty=qty,
                                   strategy=strategy, venue=venue, tif=tif, action=Action.NEW))

    def cancel(self, order_id: int, orig_id: int, symbol: int, side: Side, qty: int, strategy: int,
               venue: int) -> None:
        """Ask for the cancel of order `orig_id`."""
        self.link.post(INTENT.make(order_id=order_id, orig_id=orig_id, symbol=symbol, side=side, qty=qty,
                                   strategy=strategy, venue=venue, tif=DAY, action=Action.CANCEL))

    def arm(self, symbol: int, condition: Condition, threshold: int, order_id: int, side: Side, price: int, qty: int,
            strategy: int, venue: int, refills: int = 0, tif: int = IMMEDIATE_OR_CANCEL) -> None:
        """Arm the symbol's trigger, in place of what was armed."""
        self.link.post(ARM.make(order_id=order_id, symbol=symbol, side=side, price=price, qty=qty, strategy=strategy,
                                venue=venue, tif=tif, action=Action.NEW, condition=condition, threshold=threshold,
                                refills=refills))

    def disarm(self, symbol: int) -> None:
        self.link.post(ARM.make(symbol=symbol, condition=Condition.NONE))

"""The busiest time a NIC can have, made beforehand: full wires on both ports, orders leaving and being answered.

    traffic = Busy(GBE)
    nic.post(traffic.setup())
    nic.run_while_busy()
    for turn in traffic.turns(10):
        nic.post(turn.records)
        for port, frames in enumerate(turn.frames):
            nic.send_many(port, frames)
        nic.run(TURN_CYCLES)

Each venue's feed has a port of its own and follows itself at wire distance, in packets of full size, every message
for a subscribed symbol; the sessions of both venues share port 0 with the first. The host's orders queue, so that
the next starts as soon as wire and gate allow; one trigger a turn fires. Each order is reported filled or canceled
in the turn after.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import numpy as np

from hdl.config import NicConfig
from hdl.layouts import ARM, INTENT, RECORD_BYTES, REG_WRITE, Action, Condition, Side
from hdl.order.image import image, symbol_words
from hdl.registers import EXPOSURE, FEED, GATE, IMAGE, LIMITS, NIC, STRATEGY, SYMBOL, SYMBOL_TEXT, VENUE, RegisterMap
from hdl.venue import SIMULATED, VenueSpec
from sim import fixtext, frames, itch

#: Cycles of one turn; what is queued for it keeps both ports full as long as that.
TURN_CYCLES = 20_000
#: Preamble with SFD, FCS and inter-frame gap (IEEE Std 802.3, 4.2).
WIRE_GAP_BYTES = 8 + 4 + 12
#: Orders of a turn: their frames take four fifths of the wire out, and their reports what is left of port 0.
ORDERS = 56
#: Messages in one packet of a feed, and reports in one segment: near the size of an Ethernet frame.
MESSAGES, REPORTS = 32, 6
_STOCKS = ("AAPL", "MSFT", "QQQ", "SPY")
_MID, _TICK, _SPAN, _LIVE, _LOT = 1_850_000, 100, 12, 60, 100
_DAY, _IMMEDIATE_OR_CANCEL = ord("0"), ord("3")
#: 2 January 2024, and its midnight in ns since the epoch.
_DATE, _MIDNIGHT = int.from_bytes(b"20240102", "little"), 1_704_153_600 * 10**9
_LARGE = (1 << 31) - 1


class Turn(NamedTuple):
    """`records` of the host, (n, 64) bytes, and the frames of each port."""
    records: np.ndarray
    frames: list[list[bytes]]


@dataclass
class _Resting:
    stock: int
    ref: int
    side: str
    qty: int


@dataclass
class _Feed:
    """The feed of one venue: adds, executions, cancels, deletes and replaces; its books never cross."""
    rng: Random
    venue: VenueSpec
    stocks: tuple[str, ...]
    sequence: int = 1
    ref: int = 0
    resting: list[_Resting] = field(default_factory=list)

    def packet(self, *last: bytes) -> bytes:
        """One frame; its last messages are those given."""
        messages = [self._message() for _ in range(MESSAGES)] + list(last)
        payload = itch.datagram(self.venue.mold_session, self.sequence, messages)
        self.sequence += len(messages)
        return frames.udp_frame(payload, source_ip=self.venue.remote_ip, source=self.venue.feed_port,
                                destination_ip=self.venue.feed_ip, destination=self.venue.feed_port)

    def trade(self) -> bytes:
        """A print of the first stock."""
        return itch.encode("P", locate=1, timestamp=1, side="B", shares=_LOT, stock=self.stocks[0], price=_MID)

    def _message(self) -> bytes:
        rng = self.rng
        if len(self.resting) < _LIVE * len(self.stocks) or rng.random() < 0.45:
            order = _Resting(rng.randrange(len(self.stocks)), self._new_ref(), rng.choice("BS"),
                             _LOT * rng.randrange(1, 9))
            self.resting.append(order)
            return self._encode("A", order, side=order.side, shares=order.qty, stock=self.stocks[order.stock],
                                price=self._price(order.side))
        order = self.resting.pop(rng.randrange(len(self.resting)))
        choice = rng.random()
        if order.qty > _LOT and choice < 0.5:
            order.qty -= _LOT
            self.resting.append(order)
            return self._encode(rng.choice("EX"), order, shares=_LOT)
        if choice < 0.7:
            return self._encode("D", order)
        old, order.ref = order.ref, self._new_ref()
        self.resting.append(order)
        return self._encode("U", order, ref=old, new_ref=order.ref, shares=order.qty, price=self._price(order.side))

    def _new_ref(self) -> int:
        self.ref += 1
        return self.ref

    def _price(self, side: str) -> int:
        away = _TICK * self.rng.randrange(1, _SPAN)
        return _MID - away if side == "B" else _MID + away

    def _encode(self, kind: str, order: _Resting, **fields) -> bytes:
        return itch.encode(kind, **{"locate": 1 + order.stock, "timestamp": 1, "ref": order.ref, **fields})


class Busy:
    """Traffic for a NIC with two feeds and two venues; the same for the same seed.

    Symbol n is stock n // 2 on feed and venue n % 2.
    """

    def __init__(self, config: NicConfig, seed: int = 1):
        self._config, self._map = config, RegisterMap(config)
        self._stocks = _STOCKS[:config.symbols // len(SIMULATED)]
        self._feeds = [_Feed(Random(seed + n), venue, self._stocks) for n, venue in enumerate(SIMULATED)]
        self._seq = [venue.rcv_nxt for venue in SIMULATED]
        self._reports = [1] * len(SIMULATED)
        self._ids = 0
        self._open: list[np.void] = []

    def turns(self, count: int) -> Iterator[Turn]:
        """The first brings the books up and has no orders: the gate would reject them."""
        yield Turn(np.zeros((0, RECORD_BYTES), np.uint8), [self._fill(0, []), self._fill(1, [])])
        for _ in range(count - 1):
            reports = self._answers()
            orders = [self._order(INTENT, Side.SELL if n % 2 else Side.BUY, _DAY) for n in range(ORDERS - 1)]
            # one that takes its first stock when it prints
            armed = self._order(ARM, Side.BUY, _IMMEDIATE_OR_CANCEL, symbol=0, venue=0,
                                condition=Condition.TRADE_THROUGH, threshold=_MID)
            self._open = [armed[0], *(order[0] for order in orders)]
            yield Turn(_raw([armed, *orders]), [self._fill(0, reports), self._fill(1, [])])

    def _fill(self, port: int, segments: list[bytes]) -> list[bytes]:
        """Frames that fill a port for one turn: those of the sessions, and the feed between them."""
        feed, room = self._feeds[port], TURN_CYCLES * self._config.lanes
        packets = []
        while sum(len(frame) + WIRE_GAP_BYTES for frame in packets + segments) < room:
            packets.append(feed.packet() if packets or port else feed.packet(feed.trade()))
        return [frame for n, packet in enumerate(packets) for frame in (packet, *segments[n::len(packets)])]

    def _order(self, record, side: Side, tif: int, **fields) -> np.ndarray:
        self._ids += 1
        symbol = self._ids % self._config.symbols
        return record.make(**{"order_id": self._ids, "symbol": symbol, "venue": symbol % 2, "strategy": symbol % 2,
                              "side": side, "price": _MID, "qty": _LOT, "tif": tif, "action": Action.NEW, **fields})

    # ---- what the venues say of the orders of the turn before --------------------------------------

    def _answers(self) -> list[bytes]:
        segments = []
        for index, venue in enumerate(SIMULATED):
            mine = [order for order in self._open if order["venue"] == index]
            for at in range(0, len(mine), REPORTS):
                text = b"".join(self._report(index, order) for order in mine[at:at + REPORTS])
                segments.append(frames.tcp_frame(
                    text, source_ip=venue.remote_ip, destination_ip=venue.local_ip, source=venue.remote_port,
                    destination=venue.local_port, seq=self._seq[index], source_mac=venue.remote_mac,
                    destination_mac=venue.local_mac))
                self._seq[index] += len(text)
        return segments

    def _report(self, venue: int, order: np.void) -> bytes:
        """Two of three are filled, the third canceled."""
        self._reports[venue] += 1
        filled = order["order_id"] % 3 > 0
        fill = {"t150": "F", "t39": "2", "t32": str(_LOT), "t31": f"{_MID / 10_000:.2f}", "t14": str(_LOT)}
        rest = {"t150": "4", "t39": "4", "t32": None, "t31": None, "t14": "0"}
        return fixtext.report(t49=SIMULATED[venue].name, t34=str(self._reports[venue]), t11=f"{order['order_id']:016X}",
                              t54="2" if order["side"] else "1", t151="0", **(fill if filled else rest))

    # ---- registers -----------------------------------------------------------------------------------

    def setup(self) -> np.ndarray:
        """Register writes to post first, (n, 64) bytes: clock, feeds, symbols, sessions, and limits that pass."""
        writes = [(NIC, "time", 0, _MIDNIGHT), (NIC, "date", 0, _DATE), (NIC, "midnight", 0, _MIDNIGHT),
                  (NIC, "depth", 0, NIC["depth"].pack(events=1, levels=1)), *self._limits()]
        for index, venue in enumerate(SIMULATED):
            writes += [*self._session(index, venue), (FEED, "expected", index, 1),
                       (FEED, "group", index, FEED["group"].pack(ip=venue.feed_ip, port=venue.feed_port, enable=1))]
        for symbol in range(len(SIMULATED) * len(self._stocks)):
            stock, feed = divmod(symbol, len(SIMULATED))
            low, high = symbol_words(self._stocks[stock])
            route = SYMBOL["route"].pack(locate=1 + stock, feed=feed, enable=1)
            name = int.from_bytes(self._stocks[stock].encode().ljust(8), "little")
            writes += [(SYMBOL_TEXT, "low", symbol, low), (SYMBOL_TEXT, "high", symbol, high),
                       (SYMBOL, "name", symbol, name), (SYMBOL, "route", symbol, route), (SYMBOL, "clear", symbol, 1)]
        records = [REG_WRITE.make(addr=self._map.address(block, name, index), data=value)
                   for block, name, index, value in writes]
        return _raw(records)

    def _session(self, index: int, venue: VenueSpec) -> list[tuple]:
        images = [(IMAGE, f"word{n}", len(Action) * index + action, word)
                  for action in Action for n, word in enumerate(image(venue, action))]
        return [(VENUE, "local_ip", index, VENUE["local_ip"].pack(ip=venue.local_ip, port=venue.local_port)),
                (VENUE, "remote_ip", index, VENUE["remote_ip"].pack(ip=venue.remote_ip, port=venue.remote_port)),
                (VENUE, "tcp", index, VENUE["tcp"].pack(snd_nxt=venue.snd_nxt, rcv_nxt=venue.rcv_nxt)),
                (VENUE, "msg_seq", index, 1), *images, (VENUE, "enable", index, 1)]

    def _limits(self) -> list[tuple]:
        rates = [(block, name, index, value) for block, index in ((GATE, 0), (STRATEGY, 0), (STRATEGY, 1))
                 for name, value in (("rate_interval", 1_000), ("rate_burst", 1_000),
                                     ("entered", (1 << 46) - 1), ("net", (1 << 46) - 1))]
        firm = [(GATE, "watchdog", 0, GATE["watchdog"].pack(timeout=10**12)), (GATE, "duplicate", 0, 1),
                (GATE, "delta", 0, (1 << 32) - 1),
                *((EXPOSURE, "delta", index, EXPOSURE["delta"].pack(per_share=256, known=1))
                  for index in range(self._config.symbols))]
        symbols = [(LIMITS, name, index, value) for index in range(self._config.symbols) for name, value in (
            ("qty", LIMITS["qty"].pack(min=1, max=_LARGE)), ("notional", _LARGE),
            ("collar", LIMITS["collar"].pack(band=_LARGE)), ("max_age", 10**12),
            ("position", LIMITS["position"].pack(long=_LARGE, short=_LARGE)),
            ("short_sale", LIMITS["short_sale"].pack(locates=_LARGE)),
            ("control", LIMITS["control"].pack(enable=1, lot=_LOT, tick=_TICK)))]
        switch = GATE["limits_switch"].pack(serial=1, words=len(rates + symbols))
        return [*firm, *rates, *symbols, (GATE, "limits_switch", 0, switch)]


def _raw(records: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([record.view(np.uint8) for record in records]).reshape(-1, RECORD_BYTES)


__all__ = ["TURN_CYCLES", "Busy", "Turn"]

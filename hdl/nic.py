"""The NIC: wiring only. What each block does, and in how many cycles, is in its own docstring.

Every order, the host's or a trigger's, takes the one path `IntentArbiter -> Gate -> OrderEntry`; there
is no other way to `tx`.
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.book.book import Book
from hdl.config import NicConfig
from hdl.csr import BusFanout, Counters, RegisterBank
from hdl.feed.pace import Pace
from hdl.feed.path import FeedPath
from hdl.feed.sequencer import Sequencer
from hdl.feed.subscription import Subscription
from hdl.intents import IntentArbiter
from hdl.net.clock import Clock
from hdl.net.counters import PortCounters
from hdl.net.listener import ControlListener
from hdl.net.receiver import Receiver
from hdl.net.receiver64 import Receiver64
from hdl.order.entry import OrderEntry
from hdl.registers import NIC
from hdl.rings import HostDown, HostUp
from hdl.risk.gate import Gate
from hdl.strategy.triggers import Triggers
from hdl.streams import axis, axis_rx, records


class Nic(wiring.Component):
    """A complete NIC core, without MACs.

    Latency in cycles, from the receive beat that carries the last byte a decision needs to the first beat
    of the order frame, is measured by `tickgate bench`.

    Parameters
    ----------
    config : its sizes.

    Members
    -------
    rx : frames of each Ethernet port, as the MAC delivers them; never held back.
    tx : order frames, for port 0.
    host_i, host_o : 64-byte records from and to the host (`hdl.layouts`).
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "rx": In(axis_rx(config.data_width)).array(config.ports),
            "tx": Out(axis(config.data_width)),
            "host_i": In(records),
            "host_o": Out(records),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.clock = self.clock = Clock(config)
        m.submodules.sequencer = self.sequencer = Sequencer(config)
        m.submodules.subscription = self.subscription = Subscription(config)
        m.submodules.book = self.book = Book(config)
        m.submodules.triggers = self.triggers = Triggers(config)
        m.submodules.intents = self.intents = IntentArbiter(config)
        m.submodules.gate = self.gate = Gate(config)
        m.submodules.entry = self.entry = OrderEntry(config)
        m.submodules.down = self.down = HostDown(config)
        m.submodules.up = self.up = HostUp(config)

        self.messages = self.sequencer.i if config.lanes == 1 else self._paced(m)
        buses = [self._identity(m), *(self._port(m, port) for port in range(config.ports))]
        self._market_data(m)
        self._orders(m)
        self._host(m)
        buses += [block.bus for block in (self.sequencer, self.subscription, self.book, self.gate, self.entry)]
        m.submodules.fanout = fanout = BusFanout(len(buses))
        connect(m, self.down.bus, fanout.i)
        for output, bus in zip(fanout.o, buses, strict=True):
            connect(m, output, bus)
        return m

    def _identity(self, m: Module):
        """Identity and time; the bank of the NIC block."""
        m.submodules.identity = bank = RegisterBank(self.config, NIC)
        m.d.comb += [
            bank.ident_status.eq(NIC["ident"].init),
            bank.config_status.eq(self.config.digest),
            bank.dropped_status.eq(self.up.dropped),
            self.clock.time_stb.eq(bank.time_stb),
            self.clock.time_wdata.eq(bank.time_wdata),
            self.clock.adjust_value.eq(bank.adjust_value),
            self.clock.midnight_value.eq(bank.midnight_value),
            self.clock.date_value.eq(bank.date_value),
            bank.time_set.eq(1),
            bank.time_data.eq(self.clock.now),
            self.up.events_on.eq(bank.depth_value[0]),
            self.up.levels_on.eq(bank.depth_value[1]),
        ]
        self._control(m, bank)
        return bank.bus

    def _control(self, m: Module, bank):
        """A frame on the last port kills, given the key."""
        m.submodules.listener = listener = ControlListener(self.config)
        m.submodules.refused = refused = Counters(("control",))
        m.d.comb += [
            listener.i.payload.eq(self.rx[-1].payload), listener.i.valid.eq(self.rx[-1].valid),
            listener.set.eq(bank.control_key_stb), listener.key.eq(bank.control_key_wdata),
            self.gate.trip.eq(listener.kill), refused.i.control.eq(listener.refused),
            bank.control_refused_status.eq(refused.o.control),
        ]

    def _port(self, m: Module, port: int):
        """Frames of one port to messages, and its counters."""
        config = self.config
        m.submodules[f"receiver{port}"] = receiver = (Receiver if config.lanes == 1 else Receiver64)(config, port)
        m.submodules[f"path{port}"] = path = FeedPath(config, port)
        m.submodules[f"counters{port}"] = counters = PortCounters(config, port)
        connect(m, flipped(self.rx[port]), receiver.i)
        connect(m, receiver.feed_o, path.i)
        connect(m, path.o, self.messages[port])
        m.d.comb += [
            receiver.now.eq(self.clock.now), path.now.eq(self.clock.now),
            receiver.feeds.eq(self.sequencer.feeds), receiver.venues.eq(self.entry.venues),
        ]
        for block in (receiver, path):
            for name in block.count.signature.members:
                m.d.comb += getattr(counters.i, name).eq(getattr(block.count, name))
        if port == 0:
            connect(m, receiver.session_o, self.entry.session_i)
        return counters.bus

    def _paced(self, m: Module):
        """Eight bytes a cycle bring messages faster than the sequencer takes them."""
        m.submodules.pace = pace = Pace(self.config)
        for before, after in zip(pace.o, self.sequencer.i, strict=True):
            connect(m, before, after)
        m.d.comb += pace.hold.eq(self.sequencer.holds)
        return pace.i

    def _market_data(self, m: Module):
        """From messages in sequence to triggers."""
        connect(m, self.sequencer.o, self.subscription.i)
        connect(m, self.sequencer.fault, self.book.fault)
        m.d.comb += self.sequencer.now.eq(self.clock.now)
        message, top = self.subscription.o, self.book.top
        for reader in (self.book.i, self.triggers.trade, self.up.event):
            m.d.comb += [reader.payload.eq(message.payload), reader.valid.eq(message.valid)]
        for reader in (self.triggers.top, self.gate.top, self.up.top):
            m.d.comb += [reader.payload.eq(top.payload), reader.valid.eq(top.valid)]
        m.d.comb += [
            self.up.levels.eq(self.book.levels), self.book.again.eq(self.up.again),
            self.book.clear.eq(self.subscription.clear), self.book.feed_of.eq(self.subscription.feeds),
            self.subscription.inexact.eq(self.book.inexact), self.subscription.crossed.eq(self.book.crossed),
            self.gate.halted.eq(self.subscription.halted),
        ]

    def _orders(self, m: Module):
        """Intents through the gate, and out; executions back into the gate."""
        gate, entry, intents = self.gate, self.entry, self.intents
        connect(m, self.triggers.o, intents.trigger)
        connect(m, self.down.intent, intents.host)
        connect(m, intents.o, gate.i)
        connect(m, entry.o, flipped(self.tx))
        connect(m, entry.report, gate.report)
        connect(m, self.sequencer.bad, entry.bad)
        m.d.comb += [
            intents.now.eq(self.clock.now), gate.now.eq(self.clock.now),
            intents.free.eq(entry.idle & self.up.room), intents.unsent.eq(entry.unsent.valid),
            entry.coming.eq(intents.o.payload), entry.asked.payload.eq(gate.asked.payload),
            entry.asked.valid.eq(gate.asked.valid), entry.passed.eq(gate.passed),
            entry.killed.eq(gate.killed), entry.venue_killed.eq(gate.venue_killed),
            entry.strategy_killed.eq(gate.strategy_killed), entry.kill_poisons.eq(gate.poisons),
            entry.stamp.eq(self.clock.stamp),
            gate.unsent.payload.eq(entry.unsent.payload), gate.unsent.valid.eq(entry.unsent.valid),
        ]

    def _host(self, m: Module):
        """Everything that goes up, and what comes down."""
        up, down, gate, entry = self.up, self.down, self.gate, self.entry
        connect(m, flipped(self.host_i), down.i)
        connect(m, up.o, flipped(self.host_o))
        connect(m, down.arm, self.triggers.arm)
        connect(m, down.value, up.value)
        connect(m, entry.bytes_o, up.session)
        connect(m, gate.execution, up.execution)
        connect(m, self.sequencer.event, up.feed_event)
        m.d.comb += [
            up.now.eq(self.clock.now),
            up.limits_serial.eq(gate.limits_serial),
            up.decision.payload.eq(gate.o.payload), up.decision.valid.eq(gate.o.valid),
            up.sent.payload.eq(entry.sent.payload), up.sent.valid.eq(entry.sent.valid),
            up.unsent.payload.eq(entry.poisoned), up.unsent.valid.eq(entry.unsent.valid),
        ]

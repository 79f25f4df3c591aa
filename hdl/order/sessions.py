"""State of the order sessions: the VENUE registers, sequence numbers, counters."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.counters import EventCounters
from hdl.csr import BusSignature
from hdl.layouts import Action
from hdl.messages import VENUE_BITS, VenueFilter
from hdl.order.session import COUNTERS
from hdl.pick import pick
from hdl.registers import IMAGE, VENUE, WORD_BITS, RegisterMap

#: Counters of a VENUE. They are counted in this order: what may come again soonest comes first.
COUNTED = tuple(reversed(("sent", "locked", *COUNTERS)))


class Numbers(data.Struct):
    """Sequence numbers of a session, in the next frame."""
    snd_nxt: unsigned(32)
    rcv_nxt: unsigned(32)
    msg_seq: unsigned(32)


class Sessions(wiring.Component):
    """Registers, sequence numbers and counters of all VENUEs; the lock of their images.

    A sequence number moves the cycle after its strobe, or two cycles after it if the bus writes just then.

    Ports
    -----
    bus : In(BusSignature). write : Out, its strobe, except to an image of an enabled venue: that is counted alone.
    venue : In, the session of the frame. numbers : Out(Numbers) of it.
    sent : In, its frame, with `length` payload bytes, has left; `venue` and `length` stay for another cycle.
    rcv_nxt : Out, of each venue. update : In, one bit a venue, its `rcv_nxt` becomes `following`, which stays for
        another cycle.
    count : In, for each of `COUNTERS` one bit a venue.
    filters : Out, array of VenueFilter; `enable` of each is the register.
    restart : Out, one bit a venue: the host is writing its TCP sequence numbers.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "bus": In(BusSignature()), "write": Out(1), "venue": In(VENUE_BITS), "numbers": Out(Numbers), "sent": In(1),
            "length": In(16), "rcv_nxt": Out(data.ArrayLayout(32, config.venues)), "update": In(config.venues),
            "following": In(32), "filters": Out(data.ArrayLayout(VenueFilter, config.venues)),
            "count": In(wiring.Signature({name: Out(unsigned(config.venues)) for name in COUNTERS})),
            "restart": Out(config.venues)})

    def elaborate(self, platform):
        m = Module()
        writes, held = [], [Signal(Numbers, name=f"numbers{n}") for n in range(self.config.venues)]
        for n, filter_ in enumerate(self.filters):
            write = {reg.name: Signal(name=f"write_{reg.name}{n}") for reg in VENUE.regs if reg.access == "rw"}
            for name, strobe in write.items():
                m.d.comb += strobe.eq(self.bus.write & (self.bus.addr == self._address(name, n)))
            writes.append(write)
            for end in ("local", "remote"):
                with m.If(write[f"{end}_ip"]):
                    m.d.sync += Cat(filter_[f"{end}_ip"], filter_[f"{end}_port"]).eq(self.bus.wdata)
            with m.If(write["enable"]):
                m.d.sync += filter_.enable.eq(self.bus.wdata[0])
            m.d.comb += [self.restart[n].eq(write["tcp"]), self.rcv_nxt[n].eq(held[n].rcv_nxt)]
        m.d.comb += self.numbers.eq(pick(held, self.venue))
        self._move(m, held, writes)
        self._answer(m, held, self._lock(m))
        return m

    def _lock(self, m: Module):
        """A cancel passes a kill: what its image says must not change while orders may go. One bit a venue: refused."""
        where, locked = RegisterMap(self.config), Signal(self.config.venues)
        bits, image_bits = (where.size[IMAGE.name] - 1).bit_length(), (IMAGE.stride * len(Action) - 1).bit_length()
        here = self.bus.write & (self.bus.addr[bits:] == where.base[IMAGE.name] >> bits)
        for n, filter_ in enumerate(self.filters):
            m.d.comb += locked[n].eq(here & filter_.enable & (self.bus.addr[image_bits:bits] == n))
        m.d.comb += self.write.eq(self.bus.write & ~locked.any())
        return locked

    def _address(self, name: str, venue: int) -> int:
        return RegisterMap(self.config).address(VENUE, name, venue)

    def _move(self, m: Module, held, writes):
        """The bus goes first: what is written and what follows share the way in."""
        sent, update = Signal(), Signal(self.config.venues)     # what still waits
        tcp, msg_seq = (Cat(write[name] for write in writes) for name in ("tcp", "msg_seq"))
        moving, coming = self.sent | sent, self.update | update
        m.d.sync += [sent.eq(moving & self.bus.write), update.eq(Mux(self.bus.write, coming, 0))]
        now, comes = self.numbers, Signal(Numbers)
        m.d.comb += comes.eq(Mux(self.bus.write, Cat(self.bus.wdata, self.bus.wdata[:32]), Cat(
            (now.snd_nxt + self.length)[:32], self.following, (now.msg_seq + 1)[:32])))
        for n, numbers in enumerate(held):
            left = moving & ~self.bus.write & (self.venue == n)
            for name, moves in (("snd_nxt", tcp[n] | left), ("msg_seq", msg_seq[n] | left),
                                ("rcv_nxt", tcp[n] | coming[n] & ~self.bus.write)):
                with m.If(moves):
                    m.d.sync += numbers[name].eq(comes[name])

    def _answer(self, m: Module, held, locked):
        """Bus reads: what is asked for is looked up in the second cycle."""
        venues, stride = self.config.venues, VENUE.stride
        bits = (RegisterMap(self.config).size[VENUE.name] - 1).bit_length()
        base = RegisterMap(self.config).base[VENUE.name]
        m.submodules.counters = counters = EventCounters(venues * len(COUNTED))
        asked, addr, found = Signal(), Signal(bits), Signal(WORD_BITS)
        reg, venue = addr[:(stride - 1).bit_length()], addr[(stride - 1).bit_length():]
        m.d.sync += [asked.eq(self.bus.read & (self.bus.addr[bits:] == base >> bits)), addr.eq(self.bus.addr),
                     self.bus.rdata.eq(Mux(asked, found, 0))]
        kinds = [COUNTED.index(name) * venues + n if name in COUNTED else 0 for n in range(venues)
                 for name in [*(register.name for register in VENUE.regs), *[""] * (stride - len(VENUE.regs))]]
        options = {
            "local_ip": [Cat(f.local_ip, f.local_port) for f in self.filters],
            "remote_ip": [Cat(f.remote_ip, f.remote_port) for f in self.filters],
            "tcp": [Cat(numbers.snd_nxt, numbers.rcv_nxt) for numbers in held],
            "msg_seq": [numbers.msg_seq for numbers in held], "enable": [f.enable for f in self.filters],
            **{name: [counters.value] for name in COUNTED}}
        m.d.comb += [counters.read.eq(asked), counters.which.eq(pick(kinds, addr)),
                     found.eq(pick([pick(options[register.name], venue) for register in VENUE.regs], reg))]
        events = {**{name: getattr(self.count, name) for name in COUNTERS},
                  "sent": Mux(self.sent, 1 << self.venue, 0), "locked": locked}
        m.d.comb += counters.events.eq(Cat(Value.cast(events[name])[:venues] for name in COUNTED))

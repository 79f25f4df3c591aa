"""Whose packet is it: captured addresses against the configured feeds and order sessions."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.messages import FeedFilter, VenueFilter

#: Cycles from addresses to `hit` and `index`.
LATENCY = 3


class Addresses(data.Struct):
    """What a packet says of itself, in IPv4 and then in UDP or TCP."""
    source_ip: unsigned(32)
    destination_ip: unsigned(32)
    source: unsigned(16)
    destination: unsigned(16)


def _equal(m: Module, a, b) -> Signal:
    """Registered comparison."""
    equal = Signal()
    m.d.sync += equal.eq(a == b)
    return equal


class _Match(wiring.Component):
    """Compares each address, then combines, then picks the lowest index that matches: a register after each.

    Ports
    -----
    i : In(Addresses)
    filters : In, an array of `FILTER`; may change at any time, effective from the next packet.
    hit, index : Out, follow `i` by `LATENCY` cycles, one verdict a cycle.
    """

    FILTER: type[data.Struct]

    def __init__(self, count: int):
        super().__init__({"i": In(Addresses), "filters": In(data.ArrayLayout(self.FILTER, count)),
                          "hit": Out(1), "index": Out(2)})

    def compared(self, m: Module, filter) -> Signal:
        """Whether the packet is the filter's, from registered comparisons."""
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        hit, index = 0, 0
        for n in reversed(range(self.filters.shape().length)):
            match = Signal(name=f"match{n}")
            m.d.sync += match.eq(self.compared(m, self.filters[n]))
            hit, index = hit | match, Mux(match, n, index)
        m.d.sync += [self.hit.eq(hit), self.index.eq(index)]
        return m


class FeedMatch(_Match):
    """Market data: destination group and UDP port."""

    FILTER = FeedFilter

    def compared(self, m, filter):
        here = _equal(m, self.i.destination_ip, filter.ip) & _equal(m, self.i.destination, filter.port)
        return filter.enable & (filter.promiscuous | here)


class VenueMatch(_Match):
    """Order sessions: both ends of the TCP connection."""

    FILTER = VenueFilter

    def compared(self, m, filter):
        return (filter.enable
                & _equal(m, self.i.source_ip, filter.remote_ip) & _equal(m, self.i.source, filter.remote_port)
                & _equal(m, self.i.destination_ip, filter.local_ip)
                & _equal(m, self.i.destination, filter.local_port))

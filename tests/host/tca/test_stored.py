"""A past day from the warehouse gives what was added up while it happened."""

import pytest

from hdl.config import GBE
from hdl.layouts import Side
from hdl.venue import SIMULATED
from host.alpha.maker import Maker, MakerParameters
from host.alpha.quoting import Glft
from host.alpha.strategy import Propose
from host.bus.topics import TOPS
from host.cli.simulation import START_NS
from host.desk.desk import FEES, Desk
from host.ems.algos import Sweep
from host.risk.limits import load
from host.tca import stored
from host.tca.sums import Column, total
from host.universe import Universe
from host.warehouse.adapter import WarehouseAdapter
from host.warehouse.query import Query
from host.warehouse.writer import Warehouse
from sim.exchange import Exchange
from sim.exchange.direct import DirectNic

UNIVERSE = Universe.grid(("AAPL", "MSFT"), tuple(venue.target_comp_id for venue in SIMULATED))
POLL_NS, DURATION_NS = 5_000, 40_000_000


class Taking(Maker):
    """A maker that now and then takes as well, in parts."""

    def on_top(self, top, now):
        actions = super().on_top(top, now)
        if now >= getattr(self, "next", 0) and top.usable:
            self.next = now + 3_000_000
            stock = self.context.universe.by_index[top.symbol].stock
            actions.append(Propose(self.context.take_id(), stock, Side.BUY, 300, top.ask + 300, algo=Sweep()))
        return actions


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """The desk after a session, its end, and the folder of its warehouse."""
    folder, now = tmp_path_factory.mktemp("warehouse"), START_NS
    exchange = Exchange(SIMULATED, UNIVERSE.stocks, 7, START_NS)
    desk = Desk(GBE, UNIVERSE, load(), SIMULATED, lambda writes: None, lambda: now, seed=7, strategies={
        "maker": lambda context: Taking(context, MakerParameters(model=Glft()))})
    warehouse = Warehouse(folder, "day")
    WarehouseAdapter(desk.bus, warehouse, UNIVERSE.venues).about(
        now, venues=list(UNIVERSE.venues), strategies=desk.risk.limits.strategy_names, stocks=list(UNIVERSE.stocks))
    nic = DirectNic(exchange, SIMULATED, [(one.index, one.stock, one.venue) for one in UNIVERSE.listings])
    while now < START_NS + DURATION_NS:
        now += POLL_NS
        desk.nic.on_records(nic.advance(now))
        nic.post(desk.nic.take(), now + 4_000)
    assert not desk.failures
    desk.tca.advance(now)
    assert warehouse.close()
    return desk, now, folder


def test_every_sum_of_every_cell_is_the_same(day):
    desk, now, folder = day
    with Query(folder) as query:
        found = stored.cells(query, UNIVERSE, FEES, now)
    assert found == desk.tca.cells
    everything = total(found)
    assert everything[Column.FILLS] > 30
    assert all(everything.values), "every measure was exercised"
    assert {key.takes for key in found} == {True, False}
    assert desk.bus.counts[TOPS.name] > 500


def test_an_empty_day_has_no_cells(tmp_path, day):
    with Query(day[2], session="another") as query:
        assert stored.cells(query, UNIVERSE, FEES, day[1]) == {}

"""What the exchange says of trading, and what the compiled NIC's gate makes of it: bit 1 of a decision."""

import pytest

from hdl.config import GBE
from hdl.layouts import DECISION, HEADER_DTYPE, INTENT, Action, Reason
from hdl.registers import FEED, LIMITS, SYMBOL, VENUE
from hdl.risk.words import walk_cycles
from host.risk.registers import Write, switched
from sim import itch
from sim.faults.rig import Rig
from sim.faults.truth import framed

#: Of the stocks followed: two of feed 0, and one of feed 1.
FEED_A, FEED_B = 0, 1


class Desk:
    """A NIC whose limits enable every symbol and allow nothing: bit 1 of a decision is the trading state alone."""

    def __init__(self, rig: Rig):
        self.rig, self.seq, self.orders = rig, [1, 1], 0
        self.one, self.other = rig.symbols(FEED_A)
        self.far = rig.symbols(FEED_B)[0]
        for feed in (FEED_A, FEED_B):
            rig.load(feed, 1, [])
        control = LIMITS["control"].pack(enable=1, lot=1, tick=1)
        limits = [Write(LIMITS, "control", symbol, control) for symbol in range(rig.config.symbols)]
        rig.write((one.block, one.register, one.index, one.value) for one in switched(limits, serial=1))
        rig.write([(VENUE, "enable", 0, 1)])    # the gate is asked only where an order could leave
        rig.nic.run(walk_cycles(rig.config))    # limits that have just been written reject

    def say(self, type_: str, symbol: int | None = None, feed: int = FEED_A, **fields):
        """The feed's next message: of a symbol, or of the feed."""
        locate = 0 if symbol is None else 1 + symbol
        raw = itch.encode(type_, locate=locate, **fields)
        self.rig.nic.send(0, framed(self.rig.venues[feed], itch.datagram(
            self.rig.venues[feed].mold_session, self.seq[feed], [raw])))
        self.seq[feed] += 1
        self.rig.nic.run_while_busy(quiet=400)

    def trades(self, symbol: int) -> bool:
        """An order is not rejected for being restricted; the register says the same."""
        self.orders += 1
        self.rig.nic.post(INTENT.make(order_id=self.orders, symbol=symbol, price=100, qty=1, action=Action.NEW))
        self.rig.nic.run_while_busy(quiet=400)
        raw = self.rig.nic.records().raw
        [decision] = raw[raw.view(HEADER_DTYPE).reshape(-1)["kind"] == DECISION.kind].view(DECISION.dtype).reshape(-1)
        trades = not int(decision["reasons"]) >> Reason.RESTRICTED & 1
        [state] = self.rig.read([(SYMBOL, "status", symbol)])
        assert SYMBOL["status"].unpack(state)["halted"] == (not trades)
        return trades

    def state(self) -> tuple[bool, bool, bool]:
        return self.trades(self.one), self.trades(self.other), self.trades(self.far)


@pytest.fixture(scope="module")
def rig():
    with Rig(GBE) as rig:
        yield rig


@pytest.fixture
def desk(rig):
    desk = Desk(rig)
    assert desk.state() == (True, True, True)
    return desk


@pytest.mark.parametrize("state", "HPQ")
def test_a_trading_action_halts_its_stock_until_it_trades_again(desk, state):
    desk.say("H", desk.one, trading_state=state)
    assert desk.state() == (False, True, True)
    desk.say("H", desk.one, trading_state="T")
    assert desk.state() == (True, True, True)


def test_an_operational_halt_is_its_own(desk):
    desk.say("h", desk.one, halt_action="H")
    desk.say("H", desk.one, trading_state="T")
    assert desk.state() == (False, True, True)
    desk.say("h", desk.one, halt_action="T")
    assert desk.state() == (True, True, True)


def test_an_auction_collar_means_a_pause(desk):
    desk.say("J", desk.one)
    assert desk.state() == (False, True, True)
    desk.say("H", desk.one, trading_state="T")
    assert desk.state() == (True, True, True)


def test_a_circuit_breaker_halts_the_whole_feed(desk):
    desk.say("V")
    assert desk.state() == (True, True, True)
    desk.say("W", breached_level="1")
    assert desk.state() == (False, False, True)
    desk.say("H", desk.one, trading_state="T")
    assert desk.state() == (True, False, True)


@pytest.mark.parametrize("event", "MEC")
def test_the_close_halts_the_whole_feed(desk, event):
    for before in "OSQ":
        desk.say("S", event_code=before)
    assert desk.state() == (True, True, True)
    desk.say("S", feed=FEED_B, event_code=event)
    assert desk.state() == (True, True, False)


def test_short_sale_restrictions_are_not_halts(desk):
    desk.say("Y", desk.one, reg_sho_action="1")
    assert desk.state() == (True, True, True)
    assert desk.rig.read([(FEED, "gaps", FEED_A)]) == [0]

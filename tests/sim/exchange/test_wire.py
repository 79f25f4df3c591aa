"""The exchange and the NIC's golden models agree on the wire: order frames in, reports out."""

import pytest

from hdl.layouts import Action, Side
from hdl.venue import SIMULATED
from sim.exchange import Exchange
from sim.exchange.client import Client
from sim.models.order import Session
from sim.models.tokenizer import MALFORMED, tokenize

START = 1_767_364_200_000_000_000
MS = 1_000_000


class Wire:
    """The encoder's frames into an exchange without flow, its answers through the tokenizer."""

    def __init__(self, venue):
        self.exchange = Exchange(SIMULATED, ["AAPL", "MSFT"], 1, START, rates=None)
        self.session, self.client, self.now = Session(venue), Client(venue), START
        self.stream = b""

    def send(self, action, order_id, side=Side.BUY, price=185_0000, tif="0", orig_id=0):
        """The reports that come back."""
        self.now += MS
        self.exchange.advance(self.now)
        intent = {"action": action, "order_id": order_id, "orig_id": orig_id, "side": side, "qty": 100,
                  "price": price, "tif": ord(tif)}
        frame = self.session.frame(intent, "AAPL", 20260102, 52_200_000 + (self.now - START) // MS)
        self.exchange.receive(self.now, frame)
        self.session.left(intent)
        answers = self.client.messages(one.frame for one in self.exchange.advance(self.now + MS // 2))
        payload = b"".join(message.raw for message in answers)
        self.stream += payload
        return tokenize(payload)


@pytest.mark.parametrize("venue", [0, 1])
def test_frames_of_the_encoder_are_taken_and_reports_are_read(venue):
    wire = Wire(SIMULATED[venue])
    accepted, = wire.send(Action.NEW, 0xA1)
    assert (accepted["order_id"], chr(accepted["exec_type"]), accepted["leaves_qty"]) == (0xA1, "0", 100)
    _, own, resting = wire.send(Action.NEW, 0xA2, Side.SELL, 184_9900, "3")
    assert [fill["order_id"] for fill in (own, resting)] == [0xA2, 0xA1]
    for fill in (own, resting):
        assert (chr(fill["exec_type"]), chr(fill["ord_status"])) == ("F", "2")
        assert (fill["last_qty"], fill["last_price"], fill["leaves_qty"]) == (100, 185_0000, 0)
    assert [chr(report["exec_type"]) for report in wire.send(Action.NEW, 0xA3, Side.SELL_SHORT, tif="3")] == ["0", "4"]
    wire.send(Action.NEW, 0xA4)
    canceled, = wire.send(Action.CANCEL, 0xA5, orig_id=0xA4)
    assert (canceled["order_id"], chr(canceled["exec_type"]), canceled["leaves_qty"]) == (0xA4, "4", 0)
    rejected, = wire.send(Action.NEW, 0xA6, price=185_0050)
    assert (rejected["order_id"], chr(rejected["exec_type"]), rejected["leaves_qty"]) == (0xA6, "8", 0)
    assert wire.send(Action.CANCEL, 0xA7, orig_id=0xA4) == []  # 35=9, which moves no exposure
    assert len(tokenize(wire.stream)) == 9
    assert MALFORMED not in tokenize(wire.stream)
    counts = wire.exchange.summary()[venue]
    assert counts["tcp"] == {"segments": 7}
    assert counts["session"]["refused"] == counts["session"]["garbage"] == 0

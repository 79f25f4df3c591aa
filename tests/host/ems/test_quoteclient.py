"""A request for a quote and its answer, over the bus, as `tickgate rfq` asks."""

import pytest

from fixparse.codec import parse
from hdl.layouts import BOOK_TOP, Side
from host.alpha.appetite import Appetite
from host.bus import InProcess
from host.bus.topics import QUOTE_REQUESTS, QUOTES, TOPS
from host.cli import control, main, rfq
from host.cli.errors import UserError
from host.ems.quoteclient import QuoteClient
from host.ems.rfq import RfqAdapter
from host.marketdata.adapter import MarketDataAdapter
from host.marketdata.books import Books
from host.universe import Universe

NOW = 1_767_623_400 * 10**9
UNIVERSE = Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))
BID, ASK = 1_850_000, 1_850_400


class World:
    """A desk that quotes, and a client."""

    def __init__(self):
        self.bus, books, self.reasons = InProcess(lambda: NOW), Books(), {}
        MarketDataAdapter(self.bus, books)
        RfqAdapter(self.bus, UNIVERSE, books, lambda stock: 0, lambda stock: 100,
                   lambda order: self.reasons.get(order.side, 0), Appetite())
        self.client = QuoteClient(self.bus)
        for symbol in (0, 1):
            self.bus.publish(TOPS, BOOK_TOP.make(symbol=symbol, bid_price=BID, bid_qty=100, ask_price=ASK, ask_qty=100,
                                                 seq=1, time=NOW))

    def ask(self, *what):
        return self.client.take(self.client.ask(*what))


@pytest.fixture
def world():
    return World()


def test_both_sides_one_side_and_none(world):
    both = world.ask("AAPL", 300)
    assert set(both.sides) == {"bid", "offer"}
    assert both.sides["bid"][0] < both.sides["offer"][0]
    assert (both.sides["bid"][1], both.valid_ns, both.quote_id, both.why) == (300, 10**8, "Q000000001", "")
    assert parse(both.request).text(35) == "R"
    assert set(world.ask("AAPL", 300, Side.BUY).sides) == {"offer"}, "who buys is shown our offer"
    assert world.ask("MSFT", 300).why == "no price for MSFT now"
    assert world.ask("IBM", 300).why == "IBM is not quoted here"
    world.reasons = {Side.BUY: 1, Side.SELL: 1}
    assert world.ask("AAPL", 300).why == "beyond our limits"


def test_answers_go_to_who_asked(world):
    other = QuoteClient(world.bus, "OTHER")
    mine = world.client.ask("AAPL", 100)
    assert other.take(mine) is None
    assert world.client.take(mine).sides
    assert world.client.take(mine) is None, "once"


def test_without_a_desk_there_is_no_answer():
    client = QuoteClient(InProcess(lambda: NOW))
    with pytest.raises(UserError, match="does not answer"):
        rfq.told(client.take(client.ask("AAPL", 1)))


@pytest.mark.parametrize("request_", [{}, {"stock": "AAPL"}, {"stock": 5, "qty": 5}, {"stock": "A\x0135=D", "qty": 1},
                                      {"stock": "", "qty": 1}, {"stock": "ÄÄ", "qty": 1}])
def test_what_is_no_request_is_refused(request_):
    with pytest.raises(UserError, match="has a stock and a quantity"):
        rfq.wanted(request_)


def served(world, folder):
    """The command's answer is what a session's control socket says."""
    def request(where, what):
        assert where == folder
        return rfq.told(world.ask(*rfq.wanted(what)))
    return request


def test_the_command(world, tmp_path, monkeypatch, capsys):
    assert main.call(["rfq", "AAPL", "300", "--run-dir", str(tmp_path)]) == 2
    assert "no session is running" in capsys.readouterr().err
    monkeypatch.setattr(control, "request", served(world, tmp_path))
    assert main.call(["rfq", "AAPL", "300", "--run-dir", str(tmp_path), "--side", "sell", "--fix"]) == 0
    out = capsys.readouterr().out
    assert "|35=R|" in out
    assert "|35=S|" in out
    assert "AAPL: bid 18" in out
    assert "for 300 (quote Q000000001, good for 100 ms)" in out
    assert main.call(["rfq", "IBM", "300", "--run-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "no quote: IBM is not quoted here\n"
    for wrong in (["AAPL", "0"], ["AAPL", "many"], ["AAPL", "5", "--side", "hold"]):
        assert main.call(["rfq", *wrong, "--run-dir", str(tmp_path)]) == 2


def test_the_bus_has_both_messages(world):
    seen = []
    for topic in (QUOTE_REQUESTS, QUOTES):
        world.bus.subscribe(topic, lambda message: seen.append(parse(message.payload).text(35)))
    world.ask("AAPL", 100)
    assert seen == ["R", "S"]

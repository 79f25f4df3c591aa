"""Requests for quotes: what is quoted, what is refused, and why."""

import pytest

from fixparse.codec import build, encode, parse
from fixparse.errors import FixError
from hdl.layouts import Reason, Side
from host.alpha.quoting import Fixed
from host.ems.rfq import CLOSED, EXCEEDS_LIMIT, OTHER, UNKNOWN_SYMBOL, QuoteDesk, RfqParameters
from host.marketdata.books import Books, Top
from host.risk.utilisation import Utilisation
from host.universe import Universe

NOW = 1_767_623_400 * 10**9
UNIVERSE = Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))


class World:
    def __init__(self):
        self.books, self.held, self.reasons, self.asked = Books(), 0, {}, []
        self.desk = QuoteDesk(UNIVERSE, self.books, lambda stock: self.held, lambda stock: 100, self.check,
                              sender="TICKGATE", target="CLIENT", parameters=RfqParameters(model=Fixed()))
        for venue in (0, 1):
            self.books.tops[venue] = Top(venue, 10_000, 100, 10_400, 100, 0, 0, 1, 1)

    def check(self, order):
        self.asked.append(order)
        return self.reasons.get(order.side, 0)

    def ask(self, qty=100, stock=b"AAPL", **more):
        fields = {131: b"R1", 146: b"1", 55: stock, 38: b"%d" % qty}
        fields |= {int(tag[1:]): value for tag, value in more.items()}
        header = [(35, b"R"), (34, b"1"), (49, b"CLIENT"), (52, b"20260105-14:30:00"), (56, b"TICKGATE")]
        return parse(self.desk.answer(encode(build(b"FIX.4.4", [*header, *fields.items()])), NOW))


@pytest.fixture
def world():
    return World()


def both(message):
    return message.price(132), message.price(133)


def test_a_quote_has_both_sides_their_sizes_and_how_long_it_stands(world):
    quote = world.ask(300)
    assert quote.text(35) == "S"
    assert (quote.text(131), quote.text(55), quote.text(117)) == ("R1", "AAPL", "Q000000001")
    assert both(quote) == (10_100, 10_300)
    assert (quote.qty(134), quote.qty(135)) == (300, 300)
    assert quote.time(62) - quote.time(60) == 100_000_000
    assert world.ask().text(117) == "Q000000002"


@pytest.mark.parametrize(("side", "shown", "hidden"), [(b"1", 133, 132), (b"2", 132, 133)])
def test_who_names_a_side_is_shown_what_they_would_trade_with(world, side, shown, hidden):
    quote = world.ask(_54=side)
    assert shown in quote
    assert hidden not in quote
    assert [order.side for order in world.asked] == [Side.SELL if side == b"1" else Side.BUY]


def test_large_requests_pay_and_inventory_leans(world):
    assert both(world.ask(501)) == (10_000, 10_400)
    assert both(world.ask(5_000)) == (9_200, 11_200)
    world.held = 400
    assert both(world.ask()) == (9_900, 10_100)


@pytest.mark.parametrize(("more", "reason"), [
    ({"stock": b"TSLA"}, UNKNOWN_SYMBOL), ({"stock": b"MSFT"}, CLOSED), ({"qty": 0}, OTHER), ({"_146": b"2"}, OTHER),
])
def test_refusals(world, more, reason):
    answer = world.ask(**more)
    assert (answer.text(35), answer.text(131), answer.number(658)) == ("AG", "R1", reason)
    assert answer.text(58)


def test_a_side_that_the_gate_would_stop_is_left_out_and_both_are_a_refusal(world):
    world.reasons = {Side.BUY: 1 << Reason.GROSS}
    quote = world.ask()
    assert 132 not in quote
    assert 133 in quote
    world.reasons[Side.SELL] = 1 << Reason.KILL
    assert world.ask().number(658) == EXCEEDS_LIMIT


def test_at_the_throttle_level_only_what_reduces_is_quoted(world):
    world.held = 300
    world.desk.appetite.on_utilisation(Utilisation("firm.loss_usd", 95, 100))
    quote = world.ask()
    assert 132 not in quote
    assert 133 in quote
    assert world.ask(900).number(658) == EXCEEDS_LIMIT, "it would turn the position round"


def test_what_is_no_request_is_an_error(world):
    with pytest.raises(FixError, match="not a QuoteRequest"):
        world.desk.answer(encode(build(b"FIX.4.4", [(35, b"0"), (34, b"1")])), NOW)
    with pytest.raises(FixError):
        world.ask(_38=b"many")


def test_every_truncation_is_an_error_and_none_is_answered(world):
    raw = encode(build(b"FIX.4.4", [(35, b"R"), (34, b"1"), (131, b"R1"), (146, b"1"), (55, b"AAPL"), (38, b"100")]))
    assert parse(world.desk.answer(raw, NOW)).text(35) == "S"
    for end in range(len(raw)):
        with pytest.raises(FixError):
            world.desk.answer(raw[:end], NOW)

"""Answering requests for quotes: 35=R in, 35=S or 35=AG out.

Source: FIX 4.4 (errata 20030618) volume 3, QuoteRequest (R), QuoteRequestReject (AG) and Quote (S); tags and values
volume 6. One instrument a request; Side (54) asks for one side, without it both are quoted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fixparse.codec import parse
from fixparse.errors import FixError
from fixparse.fields import FIX44
from fixparse.forms import Form, Header
from fixparse.values import format_price, format_time
from hdl.layouts import Side
from host import fixmap
from host.alpha.appetite import Appetite
from host.alpha.quoting import ONE, Glft, QuoteModel
from host.alpha.signals import Variance, microprice, round_down, round_up
from host.bus import Bus, Message
from host.bus.topics import FAULTS, QUOTE_REQUESTS, QUOTES, TOPS
from host.marketdata.books import Books
from host.messages import NewOrder, direction
from host.universe import Universe

_QUOTE, _REJECT, _REQUEST = b"S", b"AG", b"R"
_QUOTE_FORM, _REJECT_FORM = Form(_QUOTE, "Symbol TransactTime"), Form(_REJECT, "Text")
_SYMBOL, _QTY, _SIDE = 55, 38, 54
_QUOTE_ID, _REQUEST_ID, _RELATED, _REASON, _VALID_UNTIL = 117, 131, 146, 658, 62
#: Price and size of each side: BidPx and BidSize, OfferPx and OfferSize.
_SIDE_TAGS = {Side.BUY: (132, 134), Side.SELL: (133, 135)}
#: QuoteRequestRejectReason (658).
UNKNOWN_SYMBOL, CLOSED, EXCEEDS_LIMIT, OTHER = 1, 2, 3, 99


@dataclass(frozen=True)
class RfqParameters:
    """Quantities in shares, prices in ticks, times in ns.

    Parameters
    ----------
    lot : shares that the quoting model takes for one unit.
    depth : shares for which the market's touch is a fair price; beyond it a quote steps back by `per_depth` ticks
        for each such part.
    valid : how long a quote stands.
    """
    model: QuoteModel = field(default_factory=Glft)
    lot: int = 100
    depth: int = 500
    per_depth: int = 1
    valid: int = 100_000_000


class QuoteDesk:
    """Gives each request one answer. It quotes what it would be allowed to trade: each side is checked by the gate as
    the order that it would become, and left out where the gate would stop it.

    Parameters
    ----------
    check : the host's gate: reason bits of an order, 0 passes.
    variance : of a stock, as quoting models take it.
    strategy : in whose name the gate is asked.
    """

    def __init__(self, universe: Universe, books: Books, position: Callable[[str], int], tick: Callable[[str], int],
                 check: Callable[[NewOrder], int], *, sender: str, target: str, strategy: int = 0,
                 appetite: Appetite | None = None, variance: Callable[[str], int] = lambda stock: 0,
                 parameters: RfqParameters = RfqParameters()):
        self.universe, self.books, self.position, self.tick, self.check = universe, books, position, tick, check
        self.strategy, self.variance, self.parameters = strategy, variance, parameters
        self.appetite = appetite or Appetite()
        self._header = Header(FIX44.encode(), sender.encode(), target.encode(), places=9)
        self._quotes = 0

    def answer(self, raw: bytes, now: int) -> bytes:
        """35=S, or 35=AG with the reason. Raises `FixError` for what is not a request that can be answered at all."""
        message = parse(raw)
        if message.msg_type != _REQUEST:
            raise FixError(35, message.offset(35), f"is {message.text(35)}, not a QuoteRequest", reject=11)
        request = message[_REQUEST_ID]
        if message.number(_RELATED) != 1:
            return self._refuse(request, OTHER, "one instrument a request", now)
        stock, qty = message.text(_SYMBOL), message.qty(_QTY)
        if stock not in self.universe.by_stock:
            return self._refuse(request, UNKNOWN_SYMBOL, f"{stock} is not quoted here", now)
        if qty <= 0:
            return self._refuse(request, OTHER, "OrderQty must be positive", now)
        sides = [Side.BUY, Side.SELL]
        if _SIDE in message:  # who wants to buy is shown our offer
            sides = [Side.SELL if message[_SIDE] == fixmap.SIDES[Side.BUY] else Side.BUY]
        prices = self.prices(stock, qty)
        if not prices:
            return self._refuse(request, CLOSED, f"no price for {stock} now", now)
        allowed = [side for side in sides if self._allowed(stock, side, qty, prices[side], now)]
        if not allowed:
            return self._refuse(request, EXCEEDS_LIMIT, "beyond our limits", now)
        return self._quote(request, stock, qty, {side: prices[side] for side in allowed}, now)

    def prices(self, stock: str, qty: int) -> dict[Side, int]:
        """Our bid and offer for `qty` shares, on the tick; empty where no book may be trusted."""
        tops = [top for listing in self.universe.by_stock[stock]
                if (top := self.books.tops.get(listing.index)) and top.usable]
        if not tops:
            return {}
        p, tick = self.parameters, self.tick(stock)
        fair = sum(microprice(top) for top in tops) // len(tops)
        held = (2 * self.position(stock) + p.lot) // (2 * p.lot)
        below, above = p.model.distances(held, self.variance(stock), self.appetite.charge)
        back = -(-max(0, qty - p.depth) // p.depth) * p.per_depth * ONE
        bid = round_down(fair - (below + back) * tick // ONE, tick)
        ask = round_up(fair + (above + back) * tick // ONE, tick)
        return {Side.BUY: max(bid, tick), Side.SELL: max(ask, bid + tick, 2 * tick)}

    def _allowed(self, stock: str, side: Side, qty: int, price: int, now: int) -> bool:
        larger = abs(self.position(stock) + direction(side) * qty) > abs(self.position(stock))
        if self.appetite.reduce_only and larger:
            return False
        return not self.check(NewOrder(0, stock, side, qty, price, self.strategy, time=now))

    def _quote(self, request: bytes, stock: str, qty: int, prices: dict[Side, int], now: int) -> bytes:
        self._quotes += 1
        extra = [(_QUOTE_ID, b"Q%09d" % self._quotes), (_REQUEST_ID, request),
                 (_VALID_UNTIL, format_time(now + self.parameters.valid, self._header.places))]
        for side, price in prices.items():
            price_tag, size_tag = _SIDE_TAGS[side]
            extra += [(price_tag, format_price(price)), (size_tag, b"%d" % qty)]
        return _QUOTE_FORM.encode(self._header, now, stock.encode(), format_time(now, self._header.places), extra=extra)

    def _refuse(self, request: bytes, reason: int, why: str, now: int) -> bytes:
        return _REJECT_FORM.encode(self._header, now, why.encode("latin-1", "replace"),
                                   extra=[(_REQUEST_ID, request), (_REASON, b"%d" % reason)])


class RfqAdapter:
    """Requests on the bus: each gets its answer, or a fault says why it can have none. Follows the variance of every
    stock on its first venue."""

    def __init__(self, bus: Bus, universe: Universe, books: Books, position: Callable[[str], int],
                 tick: Callable[[str], int], check: Callable[[NewOrder], int], appetite: Appetite):
        self.bus, self.books = bus, books
        self._variances = {chain[0].index: Variance(tick(stock)) for stock, chain in universe.by_stock.items()}
        self._first = {stock: chain[0].index for stock, chain in universe.by_stock.items()}
        self.desk = QuoteDesk(universe, books, position, tick, check, sender="TICKGATE", target="CLIENT",
                              appetite=appetite, variance=lambda stock: self._variances[self._first[stock]].per_second)
        bus.subscribe(TOPS, self._on_tops, name="rfq")
        bus.subscribe(QUOTE_REQUESTS, self._on_request, name="rfq")

    def _on_tops(self, message: Message) -> None:
        for symbol in dict.fromkeys(message.payload["symbol"].tolist()):
            top = self.books.tops.get(symbol)
            if symbol in self._variances and top and top.usable:
                self._variances[symbol].update(top.twice_mid, top.time)

    def _on_request(self, message: Message) -> None:
        try:
            answer = self.desk.answer(message.payload, message.time)
        except FixError as error:
            self.bus.publish(FAULTS, {"service": "rfq", "what": f"a request that cannot be answered: {error}"})
            return
        self.bus.publish(QUOTES, answer, cause=message)

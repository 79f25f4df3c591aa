"""Client orders at a venue, and the ExecutionReports that tell what becomes of them.

Source: FIX 4.4 volume 4, ExecutionReport (35=8), and appendix D, "order state changes".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fixparse.enums import ExecType, OrdStatus
from fixparse.enums import Side as SideText
from fixparse.fields import TAGS
from fixparse.forms import Header
from fixparse.orders import execution_report
from hdl.layouts import Side
from sim.exchange.matching import Book, Event, Executed
from sim.exchange.stocks import Stock

LIQUIDITY = TAGS["LastLiquidityInd"]
#: Its values.
ADDED, REMOVED = b"1", b"2"


@dataclass
class Listing:
    """One stock at one venue. A halted one takes no new orders."""
    stock: Stock
    locate: int
    book: Book
    halted: bool = False


@dataclass(eq=False)
class ClientOrder:
    """One order as the client sees it.

    `symbol`, `side` and `time_in_force` are FIX text; `listing` is None where the symbol is not listed;
    `ref` is 0 while the order is not in the book.
    """
    listing: Listing | None
    symbol: bytes
    cl_ord_id: bytes
    order_id: bytes
    side: bytes
    qty: int
    price: int
    time_in_force: bytes
    ref: int = 0
    cum_qty: int = 0
    notional: int = 0
    status: bytes = OrdStatus.NEW

    @property
    def live(self) -> bool:
        return self.status in (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)

    @property
    def leaves_qty(self) -> int:
        return self.qty - self.cum_qty if self.live else 0

    @property
    def average_price(self) -> int:
        """1e-4 USD, rounded to the nearest, halves up."""
        return (2 * self.notional + self.cum_qty) // (2 * self.cum_qty) if self.cum_qty else 0

    @property
    def book_side(self) -> Side:
        return Side.BUY if self.side == SideText.BUY else Side.SELL

    def fill(self, qty: int, price: int) -> None:
        self.cum_qty += qty
        self.notional += qty * price
        self.status = OrdStatus.FILLED if self.cum_qty == self.qty else OrdStatus.PARTIALLY_FILLED


class Reporter:
    """Writes the reports of one session. ExecID (17) counts up and is unique for the day."""

    def __init__(self, header: Header, name: str):
        self.header = header
        self._name = name.encode()
        self._reports = 0

    def report(self, now: int, order: ClientOrder, exec_type: bytes, *, status: bytes | None = None,
               cl_ord_id: bytes | None = None, orig_cl_ord_id: bytes | None = None, last_qty: int = 0,
               last_price: int = 0, extra: tuple = ()) -> bytes:
        """One report of `order` as it stands; `status` and `cl_ord_id` where they differ from the order's."""
        self._reports += 1
        return execution_report(
            self.header, now, order_id=order.order_id, cl_ord_id=cl_ord_id or order.cl_ord_id,
            exec_id=b"%b%09d" % (self._name, self._reports), exec_type=exec_type, ord_status=status or order.status,
            symbol=order.symbol, side=order.side, qty=order.qty, price=order.price,
            last_qty=last_qty, last_price=last_price, leaves_qty=order.leaves_qty, cum_qty=order.cum_qty,
            avg_price=order.average_price, orig_cl_ord_id=orig_cl_ord_id, extra=extra)

    def fills(self, now: int, events: Iterable[Event]) -> list[bytes]:
        """A report for each client order that traded, as resting order or as aggressor."""
        reports = []
        for event in events:
            if not isinstance(event, Executed):
                continue
            for order, liquidity in ((event.aggressor, REMOVED), (event.owner, ADDED)):
                if order is not None:
                    order.fill(event.qty, event.price)
                    reports.append(self.report(now, order, ExecType.TRADE, last_qty=event.qty, last_price=event.price,
                                               extra=((LIQUIDITY, liquidity),)))
        return reports

"""What the services take and give: orders, cancels and reports, as plain values.

On the bus these travel as FIX; `host.fixmap` converts. Prices in 1e-4 USD, quantities in shares,
times in ns since the epoch.
"""

from dataclasses import dataclass, replace

from fixparse.enums import ExecType, TimeInForce
from hdl.layouts import Origin, Reason, Side

#: TimeInForce (59) as text.
DAY, IOC = TimeInForce.DAY.decode(), TimeInForce.IMMEDIATE_OR_CANCEL.decode()

#: Venue not chosen yet.
UNROUTED = -1


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A limit order (35=D). `order_id` is the ClOrdID as a number; `venue` is `UNROUTED` until the EMS chose."""
    order_id: int
    stock: str
    side: Side
    qty: int
    price: int
    strategy: int
    tif: str = DAY
    venue: int = UNROUTED
    time: int = 0
    origin: Origin = Origin.HOST

    def to(self, venue: int) -> "NewOrder":
        return replace(self, venue=venue)

    def of(self, strategy: int) -> "NewOrder":
        return replace(self, strategy=strategy)


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A request to cancel what is left of `orig_id` (35=F)."""
    order_id: int
    orig_id: int
    stock: str
    side: Side
    qty: int
    strategy: int
    venue: int = UNROUTED
    time: int = 0


@dataclass(frozen=True, slots=True)
class ReplaceOrder:
    """A request to replace `orig_id` (35=G). `qty` is the new total, what has been filled included."""
    order_id: int
    orig_id: int
    stock: str
    side: Side
    qty: int
    price: int
    strategy: int
    venue: int = UNROUTED
    time: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a venue said of an order: ExecutionReport (35=8), or OrderCancelReject (35=9).

    Parameters
    ----------
    order_id : the order it is about: OrigClOrdID (41) where present, else ClOrdID (11).
    exec_type : ExecType (150), one character; `CANCEL_REFUSED` for 35=9.
    exec_id, ref_id : ExecID (17), and ExecRefID (19) of a bust or correction.
    maker : LastLiquidityInd (851) says that the order added liquidity.
    request_id : the cancel or replace that it answers: ClOrdID (11) where 41 is present, else 0.
    price : the order's Price (44), 0 where absent.
    """

    order_id: int
    exec_id: str
    exec_type: str
    status: str
    stock: str
    side: Side
    venue: int
    last_qty: int = 0
    last_price: int = 0
    leaves_qty: int = 0
    cum_qty: int = 0
    ref_id: str = ""
    maker: bool = False
    text: str = ""
    time: int = 0
    request_id: int = 0
    price: int = 0

    @property
    def is_trade(self) -> bool:
        return self.exec_type == TRADE


#: ExecType (150) as text. `CANCEL_REFUSED` is ours, for 35=9, which has no ExecType.
NEW, PENDING_NEW, REJECTED = ExecType.NEW.decode(), ExecType.PENDING_NEW.decode(), ExecType.REJECTED.decode()
CANCELED, PENDING_CANCEL = ExecType.CANCELED.decode(), ExecType.PENDING_CANCEL.decode()
REPLACED, PENDING_REPLACE = ExecType.REPLACED.decode(), ExecType.PENDING_REPLACE.decode()
EXPIRED, RESTATED = ExecType.EXPIRED.decode(), ExecType.RESTATED.decode()
DONE_FOR_DAY, CALCULATED = ExecType.DONE_FOR_DAY.decode(), ExecType.CALCULATED.decode()
STOPPED, SUSPENDED = ExecType.STOPPED.decode(), ExecType.SUSPENDED.decode()
TRADE, TRADE_CORRECT = ExecType.TRADE.decode(), ExecType.TRADE_CORRECT.decode()
TRADE_CANCEL, ORDER_STATUS = ExecType.TRADE_CANCEL.decode(), ExecType.ORDER_STATUS.decode()
CANCEL_REFUSED = "cancel refused"


@dataclass(frozen=True, slots=True)
class Rejection:
    """An order that did not leave: `reasons` are the gate's bits (`hdl.layouts.Reason`)."""
    order_id: int
    stock: str
    side: Side
    qty: int
    price: int
    strategy: int
    reasons: int
    time: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return reason_names(self.reasons)


def reason_names(reasons: int) -> tuple[str, ...]:
    """Names of the bits of a decision, lowest first."""
    return tuple(reason.name for reason in Reason if reasons >> reason & 1)


def direction(side: Side) -> int:
    """+1 for a buy, -1 for a sell or short sale."""
    return -1 if side & 1 else 1


def marketable(order: NewOrder, bid: int, ask: int) -> bool:
    """The order would trade at once against these best prices."""
    return ask <= order.price if order.side == Side.BUY else bid >= order.price

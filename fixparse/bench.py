"""How fast the codec is on this machine, on one core."""

import time
from collections.abc import Callable

from fixparse.codec import parse
from fixparse.enums import ExecType, OrdStatus, Side
from fixparse.fields import FIX44
from fixparse.forms import Header
from fixparse.orders import execution_report, new_order_single

_START_NS = 1_767_364_200_000_000_000
_BATCH = 2_000


def _reports(count: int) -> list[bytes]:
    """Fills as a venue sends them, each one different."""
    header = Header(FIX44.encode(), b"XTGA", b"TICKGATE")
    return [execution_report(
        header, _START_NS + n * 1_234_567, order_id=b"%010d" % n, cl_ord_id=b"%016X" % (n << 20), exec_id=b"E%09d" % n,
        exec_type=ExecType.TRADE, ord_status=OrdStatus.PARTIALLY_FILLED, symbol=(b"AAPL", b"MSFT")[n % 2],
        side=Side.BUY, qty=300, price=1_234_500 + n, last_qty=100, last_price=1_234_400 + n, leaves_qty=200,
        cum_qty=100, avg_price=1_234_400 + n) for n in range(count)]


def _per_second(batch: Callable[[], None], seconds: float) -> float:
    """Messages a second in the best of the runs that fit into `seconds`."""
    best, deadline = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        batch()
        end = time.perf_counter()
        best = min(best, end - start)
        if end > deadline:
            return _BATCH / best


def figures(seconds: float = 1.0) -> dict[str, float]:
    """Full parses of ExecutionReports (every field cut and checked, frame verified), and NewOrderSingles built
    from values; each measured for `seconds`."""
    reports = _reports(_BATCH)
    header = Header(FIX44.encode(), b"TICKGATE", b"XTGA")

    def parse_all() -> None:
        for report in reports:
            parse(report)

    def encode_all() -> None:
        for n in range(_BATCH):
            new_order_single(header, _START_NS + n * 1_000, cl_ord_id=b"%016X" % n, symbol=b"AAPL", side=Side.BUY,
                             qty=100 + n, price=1_234_500 + n)

    return {"fix.parse_execution_reports_per_second": _per_second(parse_all, seconds),
            "fix.encode_new_orders_per_second": _per_second(encode_all, seconds)}

"""The checks, one file each. The gate is made of this list."""

from hdl.risk.checks.collar import Collar
from hdl.risk.checks.delta import Delta
from hdl.risk.checks.duplicate import Duplicate
from hdl.risk.checks.gross import Gross
from hdl.risk.checks.kill import Kill
from hdl.risk.checks.loss import Loss
from hdl.risk.checks.notional import Notional
from hdl.risk.checks.open_orders import OpenOrderSlot
from hdl.risk.checks.position import Position
from hdl.risk.checks.quantity import Quantity
from hdl.risk.checks.rate import Rate
from hdl.risk.checks.restricted import Restricted
from hdl.risk.checks.short_sale import ShortSale
from hdl.risk.checks.stale import Stale
from hdl.risk.checks.watchdog import Heartbeat

CHECKS = (Kill, Restricted, Stale, Quantity, Notional, Collar, Position, Rate, OpenOrderSlot, Loss, Heartbeat,
          ShortSale, Gross, Duplicate, Delta)

__all__ = ["CHECKS", *(check.__name__ for check in CHECKS)]

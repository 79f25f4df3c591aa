"""The checks, one file each. The gate is made of this list."""

from hdl.risk.checks.collar import Collar
from hdl.risk.checks.kill import Kill
from hdl.risk.checks.notional import Notional
from hdl.risk.checks.open_orders import OpenOrderSlot
from hdl.risk.checks.position import Position
from hdl.risk.checks.quantity import Quantity
from hdl.risk.checks.rate import Rate
from hdl.risk.checks.restricted import Restricted
from hdl.risk.checks.stale import Stale

CHECKS = (Kill, Restricted, Stale, Quantity, Notional, Collar, Position, Rate, OpenOrderSlot)

__all__ = ["CHECKS", "Collar", "Kill", "Notional", "OpenOrderSlot", "Position", "Quantity", "Rate", "Restricted",
           "Stale"]

"""The order state change matrices of FIX, message by message.

Source: FIX 4.4 (errata 20030618) volume 4, "Order State Change Matrices"; they are named here as appendix D
of FIX 4.2 numbers them (D1 to D37), with FIX 4.4's ExecTypes. A line is `message: OrdStatus CumQty LeavesQty`
with the figures that our book must show afterwards. Where OrdStatus differs from the matrix because our
request is on its way and not acknowledged, the line says `(crossing)`.

  D X             the order, 10000
  F Y X, G Y X q  cancel and replace Y of X
  0 X, F X q ...  ExecutionReport with that ExecType, ClOrdID (11) and LastQty
  4 Y X           the same with OrigClOrdID (41)
  H X E B, G...   bust E of execution B, correction
  9 Y X           OrderCancelReject
"""

import pytest

from hdl.layouts import Side
from host import messages as m
from host.messages import CancelOrder, NewOrder, ReplaceOrder, Report
from host.oms.breaks import Break
from host.oms.oms import Oms
from host.oms.order import Order

NUMBER = {"X": 1, "Y": 2, "Z": 3}
STATUS = {"PNew": "pending new", "New": "new", "Part": "partially filled", "Filled": "filled", "PCxl": "pending cancel",
          "PRep": "pending replace", "Cxl": "canceled", "Rej": "rejected", "DFD": "done for day", "Exp": "expired",
          "Stop": "stopped", "Calc": "calculated", "Susp": "suspended"}

MATRICES = {
    "D1 filled order": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        F X 1000: Part 3000 7000
        F X 7000: Filled 10000 0""",
    "D1 rejected": """
        D X: PNew 0 10000
        8 X: Rej 0 0""",
    "D2 part-filled day order, done for day": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        F X 1000: Part 3000 7000
        3 X: DFD 3000 0""",
    "D3 cancel of a zero-filled order": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F Y X: PCxl 0 10000
        6 Y X: PCxl 0 10000
        4 Y X: Cxl 0 0""",
    "D3 the cancel is rejected": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F Y X: PCxl 0 10000
        9 Y X: New 0 10000""",
    "D4 executions while the cancel is active": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        F Y X: PCxl 2000 8000
        F X 3000: PCxl 5000 5000 (crossing)
        6 Y X: PCxl 5000 5000
        F X 1000: PCxl 6000 4000
        4 Y X: Cxl 6000 0""",
    "D4 the cancel is rejected after a fill": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        F Y X: PCxl 2000 8000
        6 Y X: PCxl 2000 8000
        F X 1000: PCxl 3000 7000
        9 Y X: Part 3000 7000""",
    "D5 filled before the cancel can be accepted": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        F Y X: PCxl 2000 8000
        F X 3000: PCxl 5000 5000 (crossing)
        6 Y X: PCxl 5000 5000
        F X 5000: PCxl 10000 0
        9 Y X: Filled 10000 0""",
    "FIX 4.4, 6: cancel of an order that is not acknowledged": """
        D X: PNew 0 10000
        F Y X: PCxl 0 10000
        6 Y X: PCxl 0 10000
        4 Y X: Cxl 0 0""",
    "FIX 4.4, 7: acknowledgement and cancel cross": """
        D X: PNew 0 10000
        F Y X: PCxl 0 10000
        0 X: PCxl 0 10000 (crossing)
        6 Y X: PCxl 0 10000
        9 Y X: New 0 10000""",
    "the order is rejected while its cancel is under way": """
        D X: PNew 0 10000
        F Y X: PCxl 0 10000
        8 X: Rej 0 0
        9 Y X: Rej 0 0""",
    "D6 zero-filled, replaced to increase": """
        D X: PNew 0 10000
        0 X: New 0 10000
        G Y X 11000: PRep 0 10000
        E Y X: PRep 0 10000
        5 Y X 11000: New 0 11000
        F Y 1000: Part 1000 10000
        F Y 2000: Part 3000 8000""",
    "D7 execution while pending replace": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 12000: PRep 1000 9000
        E Y X: PRep 1000 9000
        F X 100: PRep 1100 8900
        5 Y X 12000: Part 1100 10900
        F Y 10900: Filled 12000 0""",
    "D8 filled, replaced to increase": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 10000: Filled 10000 0
        G Y X 12000: PRep 10000 0
        E Y X: PRep 10000 0
        5 Y X 12000: Part 10000 2000
        F Y 2000: Filled 12000 0""",
    "D9 replace rejected because a fill occurred": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 10000: PRep 1000 9000
        F X 9000: PRep 10000 0 (crossing)
        9 Y X: Filled 10000 0""",
    "D10 decrease above what is filled": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 8000: PRep 1000 9000
        F X 500: PRep 1500 8500 (crossing)
        E Y X: PRep 1500 8500
        F X 100: PRep 1600 8400
        5 Y X 8000: Part 1600 6400
        F Y 6400: Filled 8000 0""",
    "D11 decrease to what is filled": """
        D X: PNew 0 10000
        0 X: New 0 10000
        G Y X 7000: PRep 0 10000
        F X 7000: PRep 7000 3000 (crossing)
        5 Y X 7000: Filled 7000 0""",
    "D12 decrease below what is filled: amended to it": """
        D X: PNew 0 10000
        0 X: New 0 10000
        G Y X 7000: PRep 0 10000
        F X 8000: PRep 8000 2000 (crossing)
        5 Y X 8000: Filled 8000 0""",
    "D13 one replace after another": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 8000: PRep 1000 9000
        E Y X: PRep 1000 9000
        F X 500: PRep 1500 8500
        5 Y X 8000: Part 1500 6500
        F Y 2000: Part 3500 4500
        G Z Y 6000: PRep 3500 4500
        E Z Y: PRep 3500 4500
        5 Z Y 6000: Part 3500 2500
        F Z 2500: Filled 6000 0""",
    "D14, D15 a replace is rejected, the next accepted": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 8000: PRep 1000 9000
        E Y X: PRep 1000 9000
        F X 500: PRep 1500 8500
        9 Y X: Part 1500 8500
        F X 2000: Part 3500 6500
        G Z X 6000: PRep 3500 6500
        E Z X: PRep 3500 6500
        5 Z X 6000: Part 3500 2500
        F Z 2500: Filled 6000 0""",
    "D16 chained, taken one after the other": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 8000: PRep 1000 9000
        G Z Y 7000: PRep 1000 9000
        E Y X: PRep 1000 9000
        5 Y X 8000: PRep 1000 7000 (crossing)
        E Z Y: PRep 1000 7000
        5 Z Y 7000: Part 1000 6000
        F Z 6000: Filled 7000 0""",
    "D17 chained, both pending before either is replaced": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 8000: PRep 1000 9000
        G Z Y 7000: PRep 1000 9000
        E Y X: PRep 1000 9000
        E Z X: PRep 1000 9000
        5 Y X 8000: PRep 1000 7000
        5 Z Y 7000: Part 1000 6000
        F Z 6000: Filled 7000 0""",
    "FIX 4.4, 21: the second replace is rejected because the first is pending": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        G Y X 8000: PRep 1000 9000
        G Z Y 7000: PRep 1000 9000
        E Y X: PRep 1000 9000
        9 Z X: PRep 1000 9000
        5 Y X 8000: Part 1000 7000
        F Y 2000: Part 3000 5000""",
    "D19 unsolicited cancel of a part-filled order": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        4 X: Cxl 1000 0""",
    "D20 unsolicited new terms": """
        D X: PNew 0 10000
        0 X: New 0 10000
        D X 11000: New 0 11000
        F X 1000: Part 1000 10000
        D X 12000: Part 1000 11000""",
    "D21 unsolicited reduction": """
        D X: PNew 0 10000
        0 X: New 0 10000
        D X 9000: New 0 9000
        F X 9000: Filled 9000 0""",
    "D27 done for day, restated, and part-filled the next day": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        3 X: DFD 2000 0
        D X 10000: Part 2000 8000
        F X 1000: Part 3000 7000""",
    "D29 restated and canceled the next day": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000: Part 2000 8000
        3 X: DFD 2000 0
        D X 10000: Part 2000 8000
        F Y X: PCxl 2000 8000
        6 Y X: PCxl 2000 8000
        4 Y X: Cxl 2000 0""",
    "D31, D32 fill or kill, immediate or cancel": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        4 X: Cxl 1000 0""",
    "D34 correction and cancellation of executions": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000 C: Part 1000 9000
        F X 9000 D: Filled 10000 0
        H X E C: Part 9000 1000
        G X F D 9000: Part 9000 1000
        F X 1000 G: Filled 10000 0
        G X H F 9000: Filled 10000 0
        G Y X 12000: PRep 10000 0
        E Y X: PRep 10000 0
        5 Y X 12000: Part 10000 2000
        G Y K H 9500: Part 10500 1500""",
    "D35 a canceled order, a busted and a new execution": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 5000 B: Part 5000 5000
        F Y X: PCxl 5000 5000
        6 Y X: PCxl 5000 5000
        4 Y X: Cxl 5000 0
        H X E B: Cxl 0 0
        F X 4000 F: Cxl 4000 0""",
    "D36 corrections after the order was restated": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 2000 B: Part 2000 8000
        3 X: DFD 2000 0
        D X 10000: Part 2000 8000
        F X 1000 E: Part 3000 7000
        G X F B 1500: Part 2500 7500
        G X G E 500: Part 2000 8000""",
    "D37 stopped, then filled": """
        D X: PNew 0 10000
        0 X: New 0 10000
        7 X: Stop 0 10000
        F X 1000: Part 1000 9000
        F X 9000: Filled 10000 0""",
    "suspended and restated": """
        D X: PNew 0 10000
        0 X: New 0 10000
        F X 1000: Part 1000 9000
        9 X: Susp 1000 9000
        D X 10000: Part 1000 9000""",
    "expired, then a late fill and the calculated commission": """
        D X: PNew 0 10000
        0 X: New 0 10000
        C X: Exp 0 0
        F X 1000: Exp 1000 0
        B X: Calc 1000 0""",
}


class Player:
    """One order, and a venue that says what the matrix has it say."""

    def __init__(self):
        self.oms, self.executions, self.sent = Oms(), 0, {}

    @property
    def order(self) -> Order:
        return self.oms.orders[1]

    def play(self, message: str) -> None:
        kind, *rest = message.split()
        if not self.oms.orders:
            self.oms.on_new(NewOrder(1, "AAPL", Side.BUY, 10_000, 500_000, 0, venue=0))
        elif kind == "F" and len(rest) == 2 and rest[1] in NUMBER:
            self.oms.on_cancel(CancelOrder(NUMBER[rest[0]], NUMBER[rest[1]], "AAPL", Side.BUY, 10_000, 0))
        elif kind == "G" and rest[1] in NUMBER:
            self.oms.on_replace(ReplaceOrder(NUMBER[rest[0]], NUMBER[rest[1]], "AAPL", Side.BUY, int(rest[2]),
                                             500_000, 0))
        else:
            outcome = self.oms.on_report(self.report(kind, rest))
            assert outcome is not None
            assert not isinstance(outcome, Break), str(outcome)

    def report(self, kind: str, rest: list[str]) -> Report:
        self.executions += 1
        ids = [NUMBER[one] for one in rest if one in NUMBER]
        order_id, request_id = (ids[1], ids[0]) if len(ids) == 2 else (ids[0], 0)
        others, qty = [one for one in rest if one not in NUMBER], 0
        if kind in "GH":
            exec_id, ref_id = others[:2]
            qty = int(others[2]) if kind == "G" else 0
        else:
            qty = next((int(one) for one in others if one.isdigit()), 0)
            exec_id, ref_id = next((one for one in others if not one.isdigit()), f"auto{self.executions}"), ""
        terms = kind in "5D"
        return Report(order_id, "" if kind == "9" and request_id else exec_id,
                      m.CANCEL_REFUSED if kind == "9" and request_id else kind, "", "AAPL", Side.BUY, 0,
                      0 if terms else qty, 500_000 if qty and not terms else 0,
                      leaves_qty=qty - self.order.filled if terms else 0, cum_qty=self.order.filled if terms else 0,
                      ref_id=ref_id, request_id=request_id)


@pytest.mark.parametrize("name", MATRICES)
def test_matrix(name):
    player = Player()
    for line in MATRICES[name].strip().splitlines():
        message, _, expected = line.strip().partition(": ")
        player.play(message)
        status, cum, leaves, *_ = expected.split()
        order = player.order
        assert (order.state.value, order.filled, order.leaves) == (STATUS[status], int(cum), int(leaves)), line
    assert not player.oms.breaks

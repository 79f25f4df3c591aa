"""What each strategy's risk costs: executions joined with the risk of their moment, and rent for what is held.

The firm's VaR is shared out by marginals (`host.risk.analytics.live`): a strategy's part is the sum of what it holds
x the marginal VaR of each stock, negative where it hedges the others, and the parts add up to the whole. It pays rent
for its part as long as it has it. P&L less rent is what it earned after the risk that it made others carry.
Integers alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from host.messages import Report
from host.positions.positions import Positions
from host.risk.analytics.live import MARGINAL, Figures

#: Rent for one horizon's worth of VaR, in 1/1000 of it.
RENT = 10


@dataclass(frozen=True, slots=True)
class Charge:
    """One strategy at one moment (topic `risk.charges`), 1e-4 USD.

    Parameters
    ----------
    var : its part of the firm's VaR.
    share : that part in 1/1000 of `firm.var_usd`.
    added, taken_off : VaR that its executions brought and took, each at the marginal of its moment.
    rent : paid so far. net : P&L after fees. adjusted : net less rent.
    """
    strategy: int
    var: int
    share: int
    added: int
    taken_off: int
    rent: int
    net: int
    adjusted: int


@dataclass
class _Account:
    positions: Positions
    added: int = 0
    taken_off: int = 0
    rent: int = 0  # 1e-4 USD x ns x 1/1000


@dataclass
class Charges:
    """Keeps an account of each strategy.

    Parameters
    ----------
    positions : makes the empty positions of a strategy.
    horizon : of the VaR, ns.
    """
    positions: Callable[[], Positions]
    horizon: int
    rent: int = RENT
    _accounts: dict[int, _Account] = field(default_factory=dict)
    _marginal: Mapping[str, int] = field(default_factory=dict)
    _since: int = 0

    def on_report(self, strategy: int, report: Report) -> None:
        """An execution, bust or correction of a strategy, at the risk as of now."""
        account = self._account(strategy)
        before = self._part(account, report.stock)
        account.positions.on_report(report)
        change = self._part(account, report.stock) - before
        if change > 0:
            account.added += change
        else:
            account.taken_off -= change

    def on_figures(self, figures: Figures, marks: Mapping[str, int], limit: int) -> list[Charge]:
        """New figures: rent is due since the last ones (none where the clock went back). `marks` by stock, `limit` of
        the firm's VaR."""
        past = max(0, figures.time - self._since) if self._since else 0
        self._since, self._marginal = figures.time, figures.marginal
        lines = []
        for strategy, account in sorted(self._accounts.items()):
            for stock in account.positions.by_stock:
                account.positions.on_mark(stock, marks.get(stock, 0))
            var = self._var(account)
            account.rent += var * past * self.rent
            rent, net = account.rent // (self.horizon * 1000), account.positions.net
            share = max(0, var) * 1000 // limit if limit > 0 else 1000 * (var > 0)
            lines.append(Charge(strategy, var, share, account.added, account.taken_off, rent, net, net - rent))
        return lines

    def held(self, stock: str) -> dict[int, int]:
        """Units of a stock by strategy."""
        return {strategy: account.positions.by_stock[stock].qty for strategy, account in self._accounts.items()
                if stock in account.positions.by_stock}

    def recover(self, executed: Iterable[tuple[int, Report]]) -> None:
        """After a restart: what the book of record has, by strategy; what it added then is not known any more."""
        for strategy, report in executed:
            self._account(strategy).positions.on_report(report)

    def _account(self, strategy: int) -> _Account:
        if strategy not in self._accounts:
            self._accounts[strategy] = _Account(self.positions())
        return self._accounts[strategy]

    def _var(self, account: _Account) -> int:
        return sum(one.qty * self._marginal.get(stock, 0)
                   for stock, one in account.positions.by_stock.items()) // MARGINAL

    def _part(self, account: _Account, stock: str) -> int:
        held = account.positions.by_stock.get(stock)
        return held.qty * self._marginal.get(stock, 0) // MARGINAL if held else 0

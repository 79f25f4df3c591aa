"""What the feedback changed: each decision that would have been another one without TCA's scores or risk's figures."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Effects:
    """Counted where the decisions are made, by the router and the strategies.

    Parameters
    ----------
    rerouted : orders by the venue that price alone would have chosen, and the one that was.
    explored : orders sent to a venue to learn of it, by venue.
    smaller, held_back : orders made smaller, and the shares that were not sent there at once, by venue.
    stepped_back : orders of a strategy priced further off for what resting ones had lost, by strategy and stock.
    charged : the same for risk: a limit that fills up, or its own charge.
    withheld : orders withdrawn or not offered because only reducing was left.
    """
    rerouted: Counter[tuple[int, int]] = field(default_factory=Counter)
    explored: Counter[int] = field(default_factory=Counter)
    smaller: Counter[int] = field(default_factory=Counter)
    held_back: Counter[int] = field(default_factory=Counter)
    stepped_back: Counter[tuple[int, str]] = field(default_factory=Counter)
    charged: Counter[tuple[int, str]] = field(default_factory=Counter)
    withheld: Counter[tuple[int, str]] = field(default_factory=Counter)

    def on_size(self, venue: int, wanted: int, sent: int) -> int:
        """An order to `venue` became smaller (or did not); gives `sent` back."""
        if sent < wanted:
            self.smaller[venue] += 1
            self.held_back[venue] += wanted - sent
        return sent

    def on_price(self, strategy: int, stock: str, price: int, *, without_scores: int, without_charge: int) -> None:
        """An order was offered at `price`; the others are what it would have been without one of the feeds."""
        self.stepped_back[strategy, stock] += price != without_scores
        self.charged[strategy, stock] += price != without_charge

    def summary(self, venues: tuple[str, ...], strategies: Mapping[int, str] | None = None
                ) -> dict[str, dict[str, int]]:
        """By name, for the summary of a session."""
        names = strategies or {}
        by_venue = (("explored", self.explored), ("smaller", self.smaller), ("held_back", self.held_back))
        by_strategy = (("stepped_back", self.stepped_back), ("charged", self.charged), ("withheld", self.withheld))
        return {
            "rerouted": {f"{venues[old]} > {venues[new]}": n for (old, new), n in sorted(self.rerouted.items())},
            **{what: {venues[venue]: n for venue, n in sorted(counts.items())} for what, counts in by_venue},
            **{what: {f"{names.get(index, str(index))} {stock}": n for (index, stock), n in sorted(counts.items()) if n}
               for what, counts in by_strategy}}

"""What the feedback changed: every decision that would have been another one without the scores."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Effects:
    """Counted where the decisions are made, by the router and the strategies.

    Parameters
    ----------
    rerouted : orders by the venue that price alone would have chosen, and the one that was.
    explored : orders sent to a venue to learn of it, by venue.
    smaller, held_back : orders made smaller, and the shares that were not sent there at once, by venue.
    """
    rerouted: Counter[tuple[int, int]] = field(default_factory=Counter)
    explored: Counter[int] = field(default_factory=Counter)
    smaller: Counter[int] = field(default_factory=Counter)
    held_back: Counter[int] = field(default_factory=Counter)

    def on_size(self, venue: int, wanted: int, sent: int) -> int:
        """An order to `venue` became smaller (or did not); gives `sent` back."""
        if sent < wanted:
            self.smaller[venue] += 1
            self.held_back[venue] += wanted - sent
        return sent

    def summary(self, venues: tuple[str, ...]) -> dict[str, dict[str, int]]:
        """By name, for the summary of a session."""
        return {
            "rerouted": {f"{venues[old]} > {venues[new]}": n for (old, new), n in sorted(self.rerouted.items())},
            **{what: {venues[venue]: n for venue, n in sorted(counts.items())}
               for what, counts in (("explored", self.explored), ("smaller", self.smaller),
                                    ("held_back", self.held_back))}}

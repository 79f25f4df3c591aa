"""Kill and resume: one state, and the register writes that make the NIC follow it."""

from dataclasses import dataclass, field

from hdl.registers import GATE, RESUME_KEY
from host.risk.registers import Write


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """A kill or resume. `venues` and `strategies` are masks; `all` is the global one."""
    kill: bool
    all: bool
    venues: int
    strategies: int
    who: str
    why: str
    time: int


@dataclass
class Control:
    """What is killed. Nothing here lifts a kill by itself: `resume` is for a person to ask for."""

    killed: bool = False
    venues: int = 0
    strategies: int = 0
    history: list[ControlEvent] = field(default_factory=list)

    def kill(self, who: str, why: str, time: int, *, venues: int = 0, strategies: int = 0) -> list[Write]:
        """Stop orders: everything, or the venues and strategies of the masks. Repeating it does no harm."""
        everything = not venues and not strategies
        self.killed |= everything
        self.venues |= venues
        self.strategies |= strategies
        self.history.append(ControlEvent(True, everything, venues, strategies, who, why, time))
        writes = []
        if everything:
            writes.append(Write(GATE, "kill", 0, 1))
        if venues:
            writes.append(Write(GATE, "venue_kill", 0, venues))
        if strategies:
            writes.append(Write(GATE, "strategy_kill", 0, strategies))
        return writes

    def resume(self, who: str, why: str, time: int, *, venues: int = 0, strategies: int = 0) -> list[Write]:
        """Lift the global kill, or those of the masks."""
        everything = not venues and not strategies
        if everything:
            self.killed = False
        self.venues &= ~venues
        self.strategies &= ~strategies
        self.history.append(ControlEvent(False, everything, venues, strategies, who, why, time))
        word = GATE["resume"].pack(key=RESUME_KEY, all=everything, venues=venues, strategies=strategies)
        return [Write(GATE, "resume", 0, word)]

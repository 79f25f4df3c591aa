"""What the OMS could not accept: a clear event for a person to look at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """A message that changed nothing. It is kept in the journal as refused.

    Parameters
    ----------
    number : its number in the journal; `Oms.accept` takes it.
    order_id : the order it speaks of.
    state : that order's state, as text; empty where we do not know the order.
    message : what came, in the terms of FIX.
    exec_id : ExecID (17), empty where it has none.
    why : the rule that it breaks.
    """

    number: int
    order_id: int
    state: str
    message: str
    exec_id: str
    why: str

    def __str__(self) -> str:
        state = f" ({self.state})" if self.state else ""
        return f"order {self.order_id:016X}{state}: {self.message} refused: {self.why}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person's decision that a refused trade was real, and counts.

    Parameters
    ----------
    refusal : the refused message's number in the journal.
    who, why : for the record; neither may be empty.
    """

    refusal: int
    who: str
    why: str
    time: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """What does not add up although every message was legal, found when all messages have been read.

    Parameters
    ----------
    order_id : 0 where no order is known.
    what : the question, with its figures.
    """

    order_id: int
    what: str

"""The life of an order: states, events, and every legal transition, as a table.

States are FIX 4.4's OrdStatus (volume 4, appendix D) as far as they are used. What is not in the
table is illegal, and becomes a `Break` for a person to look at; it never changes an order.
"""

import enum


class State(enum.Enum):
    PENDING_NEW = "pending new"        # sent, or on its way; nothing heard
    NEW = "new"
    PARTIALLY_FILLED = "partially filled"
    FILLED = "filled"
    PENDING_CANCEL = "pending cancel"  # a cancel was sent; fills may still come
    CANCELED = "canceled"
    REJECTED = "rejected"              # by the gate or the venue
    EXPIRED = "expired"

    @property
    def live(self) -> bool:
        """The order can still trade."""
        return self in _LIVE


_LIVE = {State.PENDING_NEW, State.NEW, State.PARTIALLY_FILLED, State.PENDING_CANCEL}


class Event(enum.Enum):
    ACCEPTED = enum.auto()
    FILLED_SOME = enum.auto()       # a trade, with quantity left afterwards
    FILLED_ALL = enum.auto()
    CANCEL_SENT = enum.auto()
    CANCELED = enum.auto()
    CANCEL_REFUSED = enum.auto()    # 35=9, or the gate stopped the cancel
    REJECTED = enum.auto()
    EXPIRED = enum.auto()
    BUSTED = enum.auto()            # a trade was taken back


#: The state follows from the quantity filled: new, partially filled, or filled.
BY_FILLS = None

_S, _E = State, Event

_OPEN = {
    _E.FILLED_SOME: _S.PARTIALLY_FILLED, _E.FILLED_ALL: _S.FILLED, _E.CANCEL_SENT: _S.PENDING_CANCEL,
    _E.CANCELED: _S.CANCELED, _E.EXPIRED: _S.EXPIRED, _E.REJECTED: _S.REJECTED, _E.CANCEL_REFUSED: BY_FILLS,
    _E.BUSTED: BY_FILLS,
}

TRANSITIONS: dict[State, dict[Event, State | None]] = {
    _S.PENDING_NEW: {**_OPEN, _E.ACCEPTED: _S.NEW},
    _S.NEW: {**_OPEN, _E.ACCEPTED: _S.NEW},
    # an acknowledgement that comes after its first fill changes nothing
    _S.PARTIALLY_FILLED: {**_OPEN, _E.ACCEPTED: _S.PARTIALLY_FILLED},
    # fills race the cancel: it stays pending until the venue answers it or nothing is left
    _S.PENDING_CANCEL: {**_OPEN, _E.ACCEPTED: _S.PENDING_CANCEL, _E.FILLED_SOME: _S.PENDING_CANCEL,
                        _E.CANCEL_SENT: _S.PENDING_CANCEL, _E.BUSTED: _S.PENDING_CANCEL},
    # the refusal of a cancel that came too late
    _S.FILLED: {_E.ACCEPTED: _S.FILLED, _E.CANCEL_REFUSED: _S.FILLED, _E.BUSTED: BY_FILLS},
    # reports out of order: a trade from before the cancel still counts
    _S.CANCELED: {_E.ACCEPTED: _S.CANCELED, _E.FILLED_SOME: _S.CANCELED, _E.FILLED_ALL: _S.FILLED,
                  _E.CANCELED: _S.CANCELED, _E.CANCEL_REFUSED: _S.CANCELED, _E.BUSTED: _S.CANCELED},
    _S.EXPIRED: {_E.ACCEPTED: _S.EXPIRED, _E.FILLED_SOME: _S.EXPIRED, _E.FILLED_ALL: _S.FILLED,
                 _E.CANCEL_REFUSED: _S.EXPIRED, _E.BUSTED: _S.EXPIRED},
    _S.REJECTED: {_E.CANCEL_REFUSED: _S.REJECTED},
}


class IllegalTransition(Exception):
    """An event that the order's state does not allow."""


def step(state: State, event: Event, filled: int, qty: int) -> State:
    """The state after `event`; `filled` of `qty` are filled once it is applied."""
    try:
        after = TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(f"{event.name} on an order that is {state.value}") from None
    if after is BY_FILLS:
        return State.FILLED if filled == qty else State.PARTIALLY_FILLED if filled else State.NEW
    return after

"""Every topic of the bus: its name, and the shape of what travels on it. Data only.

Three kinds of payload travel. Orders and executions are FIX 4.4 messages, as bytes. Market data and
the NIC's own records are arrays of a record's dtype (`hdl.layouts`). Everything else is a flat
dataclass or dict of integers and strings, which any transport can write as msgpack.

A topic is kept unless it says that it is lossy: whatever happens to a subscriber, it is given every message of
a kept topic, late if need be. Of a lossy one a slow subscriber misses some, and is told which.
"""

import enum
from dataclasses import dataclass

from hdl.layouts import (
    ARM,
    BOOK_LEVELS,
    BOOK_TOP,
    DECISION,
    EXECUTION,
    FEED_EVENT,
    INTENT,
    MARKET_EVENT,
    ORDER_SENT,
    REG_WRITE,
    Record,
)


class Kind(enum.Enum):
    FIX = "fix"
    RECORDS = "records"
    STRUCT = "struct"


@dataclass(frozen=True)
class Topic:
    """A named flow of messages of one shape.

    Parameters
    ----------
    kind : what a payload is.
    record : the record of a RECORDS topic.
    doc : who says what to whom.
    struct : the dataclass of a STRUCT topic, as "module:name"; without one its structs are dicts.
    lossy : the next message makes up for one that was missed, so a slow subscriber may miss some.
    """

    name: str
    kind: Kind
    doc: str
    record: Record | None = None
    struct: str = ""
    lossy: bool = False

    def __str__(self) -> str:
        return self.name


def _records(name: str, record: Record, doc: str, *, lossy: bool = False) -> Topic:
    return Topic(name, Kind.RECORDS, doc, record, lossy=lossy)


def _struct(name: str, doc: str, struct: str = "", *, lossy: bool = False) -> Topic:
    return Topic(name, Kind.STRUCT, doc, struct=struct, lossy=lossy)


# The flow of one trade, in its order (docs: "The flow of one trade").
PROPOSED = Topic("orders.proposed", Kind.FIX, "step 1, analytics to risk gate: 35=D with 11, 55, 54, 38, 44; 35=F")
PASSED = Topic("orders.passed", Kind.FIX, "step 2, risk gate to EMS: the same, passed")
ROUTED = Topic("orders.routed", Kind.FIX, "step 3, EMS to exchange: byte for byte what left the NIC")
VENUE_REPORTS = Topic("executions.venue", Kind.FIX, "step 4, exchange to EMS: 35=8 and 35=9, as received")
REPORTS = Topic("executions.desk", Kind.FIX, "step 5, EMS to positions, risk, TCA and analytics: each report once")
REJECTED = Topic("orders.rejected", Kind.FIX, "gate to analytics: 35=8 with 150=8 and the reasons in 58")

MARKET_EVENTS = _records("market.events", MARKET_EVENT, "normalised ITCH messages of subscribed symbols", lossy=True)
TOPS = _records("market.tops", BOOK_TOP, "top of book after each message", lossy=True)
LEVELS = _records("market.levels", BOOK_LEVELS, "depth of the side a message changed", lossy=True)
FEED_EVENTS = _records("market.feeds", FEED_EVENT, "gaps, session changes, bad frames")

DECISIONS = _records("nic.decisions", DECISION, "the gate's audit records")
SENT = _records("nic.sent", ORDER_SENT, "order frames that left, with hardware times")
NIC_EXECUTIONS = _records("nic.executions", EXECUTION, "reports the NIC applied to its exposure")
INTENTS = _records("nic.intents", INTENT, "EMS to NIC: orders and cancels")
ARMS = _records("nic.arms", ARM, "analytics to NIC: triggers")

ORDERS = _struct("oms.orders", "each change of an order's state")
QUOTE_REQUESTS = Topic("quotes.requests", Kind.FIX, "client to EMS: 35=R, one instrument each")
QUOTES = Topic("quotes.answers", Kind.FIX, "EMS to client: 35=S, or 35=AG with the reason")
PARENTS = _struct("ems.parents", "each change of a parent order that an algorithm works")
COMMANDS = _struct("risk.commands", "risk to EMS: bring the position of a stock to at most `to` shares; EMS: it is "
                                    "there")
RISK = _struct("risk.figures", "what the portfolio could lose, as measured now")
CHARGES = _struct("risk.charges", "what each strategy pays for its share of that", "host.risk.charge:Charge")
POSITIONS = _struct("positions", "position and P&L of a stock after a change")
BREAKS = _struct("positions.breaks", "a figure on which desk and NIC differ when all is quiet",
                 "host.positions.reconcile:Break")
UTILISATION = _struct("risk.utilisation", "use of a limit as it enters another level",
                      "host.risk.utilisation:Utilisation")
SAMPLES = _struct("risk.samples", "use of a limit whenever it has changed", "host.risk.utilisation:Utilisation")
REFUSED = _struct("risk.refused", "risk to audit: an order that the host's gate rejected, with what it saw")
CONTROL = _struct("risk.control", "kill and resume", "host.risk.control:ControlEvent")
MEASURES = _struct("tca.measures", "each venue's measures of the session so far, a few times a second", lossy=True)
VENUES = _struct("tca.venues", "measures and score of a venue, for routing and analytics",
                 "host.tca.scores:VenueScore", lossy=True)
FAULTS = _struct("bus.faults", "a service failed, or a sequence number was missed")
LIMITS_WANTED = _struct("limits.wanted", "supervisor to NIC: a limits file, to be written and read back")
LIMITS_HELD = _struct("limits.held", "NIC to all: the limits that it holds from now on, or why it does not")
REGISTERS = _records("nic.registers", REG_WRITE, "risk and the supervisor to NIC: limits, kill and resume")
SESSION = _struct("desk.session", "phases of a session, in their order: trading, stopping, over, reconciled")
SERVICES = _struct("desk.services", "each process of the desk, now and then: how it is, and how far it has come",
                   lossy=True)

#: Not a topic: what a recorder's subscription to all of them is called.
TAP = Topic("*", Kind.STRUCT, "every topic")

TOPICS = {topic.name: topic for topic in (
    PROPOSED, PASSED, ROUTED, VENUE_REPORTS, REPORTS, REJECTED, MARKET_EVENTS, TOPS, LEVELS, FEED_EVENTS,
    DECISIONS, SENT, NIC_EXECUTIONS, INTENTS, ARMS, ORDERS, QUOTE_REQUESTS, QUOTES, PARENTS, COMMANDS, RISK, CHARGES,
    POSITIONS, BREAKS, UTILISATION, SAMPLES, REFUSED, CONTROL, MEASURES, VENUES, FAULTS, LIMITS_WANTED,
    LIMITS_HELD, REGISTERS, SESSION, SERVICES)}

#: The record topics by record kind: where a record from the NIC belongs.
BY_RECORD = {topic.record.kind: topic for topic in TOPICS.values() if topic.record}

"""Values of enumerated fields, and messages with their required fields. A table without behaviour.

Source: FIX 4.2 (errata 20010501), FIX 4.4 (errata 20030618) volumes 1, 2, 4 and 6, FIXT 1.1 and FIX 5.0 SP2.
A class names the values that code uses; `VALUES` says which of them (and which others) a version knows.
"""

from fixparse.fields import FIX42, FIX44, FIX50SP2


class MsgType:
    """35."""
    HEARTBEAT = b"0"
    TEST_REQUEST = b"1"
    RESEND_REQUEST = b"2"
    REJECT = b"3"
    SEQUENCE_RESET = b"4"
    LOGOUT = b"5"
    EXECUTION_REPORT = b"8"
    ORDER_CANCEL_REJECT = b"9"
    LOGON = b"A"
    NEW_ORDER_SINGLE = b"D"
    ORDER_CANCEL_REQUEST = b"F"
    ORDER_CANCEL_REPLACE_REQUEST = b"G"
    ORDER_STATUS_REQUEST = b"H"
    DONT_KNOW_TRADE = b"Q"
    BUSINESS_MESSAGE_REJECT = b"j"
    ORDER_MASS_CANCEL_REQUEST = b"q"
    ORDER_MASS_CANCEL_REPORT = b"r"
    TRADE_CAPTURE_REPORT = b"AE"


#: Messages of the session level: answered by the session itself, never by an application.
SESSION_TYPES = frozenset((MsgType.HEARTBEAT, MsgType.TEST_REQUEST, MsgType.RESEND_REQUEST, MsgType.REJECT,
                           MsgType.SEQUENCE_RESET, MsgType.LOGOUT, MsgType.LOGON))


class Side:
    """54."""
    BUY = b"1"
    SELL = b"2"
    SELL_SHORT = b"5"
    SELL_SHORT_EXEMPT = b"6"


class OrdType:
    """40."""
    MARKET = b"1"
    LIMIT = b"2"


class TimeInForce:
    """59."""
    DAY = b"0"
    GOOD_TILL_CANCEL = b"1"
    IMMEDIATE_OR_CANCEL = b"3"
    FILL_OR_KILL = b"4"


class ExecType:
    """150. A fill is `TRADE` from FIX 4.3 on, `PARTIAL_FILL` or `FILL` before."""
    NEW = b"0"
    PARTIAL_FILL = b"1"
    FILL = b"2"
    DONE_FOR_DAY = b"3"
    CANCELED = b"4"
    REPLACED = b"5"
    PENDING_CANCEL = b"6"
    STOPPED = b"7"
    REJECTED = b"8"
    SUSPENDED = b"9"
    PENDING_NEW = b"A"
    CALCULATED = b"B"
    EXPIRED = b"C"
    RESTATED = b"D"
    PENDING_REPLACE = b"E"
    TRADE = b"F"
    TRADE_CORRECT = b"G"
    TRADE_CANCEL = b"H"
    ORDER_STATUS = b"I"


class OrdStatus:
    """39."""
    NEW = b"0"
    PARTIALLY_FILLED = b"1"
    FILLED = b"2"
    DONE_FOR_DAY = b"3"
    CANCELED = b"4"
    PENDING_CANCEL = b"6"
    STOPPED = b"7"
    REJECTED = b"8"
    SUSPENDED = b"9"
    PENDING_NEW = b"A"
    CALCULATED = b"B"
    EXPIRED = b"C"
    PENDING_REPLACE = b"E"


class OrdRejReason:
    """103."""
    UNKNOWN_SYMBOL = b"1"
    EXCHANGE_CLOSED = b"2"
    ORDER_EXCEEDS_LIMIT = b"3"
    DUPLICATE_ORDER = b"6"
    UNSUPPORTED_ORDER_CHARACTERISTIC = b"11"
    INCORRECT_QUANTITY = b"13"
    OTHER = b"99"


class CxlRejReason:
    """102."""
    TOO_LATE_TO_CANCEL = b"0"
    UNKNOWN_ORDER = b"1"
    DUPLICATE_CL_ORD_ID = b"6"
    OTHER = b"99"


class CxlRejResponseTo:
    """434."""
    ORDER_CANCEL_REQUEST = b"1"
    ORDER_CANCEL_REPLACE_REQUEST = b"2"


class BusinessRejectReason:
    """380."""
    OTHER = b"0"
    UNKNOWN_SECURITY = b"2"
    UNSUPPORTED_MESSAGE_TYPE = b"3"
    CONDITIONALLY_REQUIRED_FIELD_MISSING = b"5"


def _same(values: str) -> dict[str, str]:
    return dict.fromkeys((FIX42, FIX44, FIX50SP2), values)


def _versions(fix42: str, fix44: str, fix50: str) -> dict[str, str]:
    return {FIX42: fix42, FIX44: fix44, FIX50SP2: fix50}


#: Tag -> version -> the values it may have, separated by spaces; a version not named has no list.
VALUES: dict[int, dict[str, str]] = {
    20: {FIX42: "0 1 2 3"},
    21: _same("1 2 3"),
    29: _versions("1 2 3 4", "1 2 3 4", "1 2 3 4 5"),
    39: _versions("0 1 2 3 4 5 6 7 8 9 A B C D E", "0 1 2 3 4 6 7 8 9 A B C D E", "0 1 2 3 4 5 6 7 8 9 A B C D E"),
    40: _versions("1 2 3 4 5 6 7 8 9 A B C D E F G H I P", "1 2 3 4 6 7 8 9 D E G I J K L M P",
                  "1 2 3 4 5 6 7 8 9 A B C D E F G H I J K L M P Q R S"),
    54: _versions("1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 8 9 A B C D E F G", "1 2 3 4 5 6 7 8 9 A B C D E F G H"),
    59: _versions("0 1 2 3 4 5 6", "0 1 2 3 4 5 6 7", "0 1 2 3 4 5 6 7 8 9 A B C"),
    63: _versions("0 1 2 3 4 5 6 7 8 9", "0 1 2 3 4 5 6 7 8 9", "0 1 2 3 4 5 6 7 8 9 B C"),
    98: _same("0 1 2 3 4 5 6"),
    102: _versions("0 1 2 3", "0 1 2 3 4 5 6 99", "0 1 2 3 4 5 6 7 8 18 99"),
    103: _versions("0 1 2 3 4 5 6 7 8", "0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 99",
                   "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 18 19 20 21 22 23 24 25 26 27 28 29 99"),
    150: _versions("0 1 2 3 4 5 6 7 8 9 A B C D E", "0 3 4 5 6 7 8 9 A B C D E F G H I",
                   "0 3 4 5 6 7 8 9 A B C D E F G H I J K L M N"),
    373: _versions("0 1 2 3 4 5 6 7 8 9 10 11", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 99",
                   "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99"),
    378: _versions("0 1 2 3 4 5", "0 1 2 3 4 5 6 7 8 9 10 99",
                   "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 99"),
    380: _versions("0 1 2 3 4 5", "0 1 2 3 4 5 6 7", "0 1 2 3 4 5 6 7 8 9 10 18"),
    385: _same("R S"),
    434: _same("1 2"),
    528: {FIX44: "A G I P R W", FIX50SP2: "A G I M P R W"},
    851: {FIX44: "1 2 3", FIX50SP2: "0 1 2 3 4 5 6 7 8 9 10 11"},
    1128: {FIX50SP2: "0 1 2 3 4 5 6 7 8 9"},
}

#: Standard header and trailer of every version.
HEADER_REQUIRED = "BeginString BodyLength MsgType SenderCompID TargetCompID MsgSeqNum SendingTime CheckSum"

#: MsgType -> name, and version -> required fields after the header, named as `fixparse.fields.FIELDS` has them.
MESSAGES: dict[bytes, tuple[str, dict[str, str]]] = {
    b"0": ("Heartbeat", _same("")),
    b"1": ("TestRequest", _same("TestReqID")),
    b"2": ("ResendRequest", _same("BeginSeqNo EndSeqNo")),
    b"3": ("Reject", _same("RefSeqNum")),
    b"4": ("SequenceReset", _same("NewSeqNo")),
    b"5": ("Logout", _same("")),
    b"A": ("Logon", _versions("EncryptMethod HeartBtInt", "EncryptMethod HeartBtInt",
                              "EncryptMethod HeartBtInt DefaultApplVerID")),
    b"8": ("ExecutionReport", _versions(
        "OrderID ExecID ExecTransType ExecType OrdStatus Symbol Side LeavesQty CumQty AvgPx",
        "OrderID ExecID ExecType OrdStatus Side LeavesQty CumQty AvgPx",
        "OrderID ExecID ExecType OrdStatus Side LeavesQty CumQty")),
    b"9": ("OrderCancelReject", _versions(
        "OrderID ClOrdID OrigClOrdID OrdStatus CxlRejResponseTo",
        "OrderID ClOrdID OrigClOrdID OrdStatus CxlRejResponseTo",
        "OrderID ClOrdID OrdStatus CxlRejResponseTo")),
    b"D": ("NewOrderSingle", _versions(
        "ClOrdID HandlInst Symbol Side TransactTime OrdType",
        "ClOrdID Side TransactTime OrdType", "ClOrdID Side TransactTime OrdType")),
    b"F": ("OrderCancelRequest", _versions(
        "OrigClOrdID ClOrdID Symbol Side TransactTime",
        "OrigClOrdID ClOrdID Side TransactTime", "ClOrdID Side TransactTime")),
    b"G": ("OrderCancelReplaceRequest", _versions(
        "OrigClOrdID ClOrdID HandlInst Symbol Side TransactTime OrdType",
        "OrigClOrdID ClOrdID Side TransactTime OrdType", "ClOrdID Side TransactTime OrdType")),
    b"H": ("OrderStatusRequest", _versions("ClOrdID Symbol Side", "ClOrdID Side", "Side")),
    b"Q": ("DontKnowTrade", _versions("OrderID ExecID DKReason Symbol Side", "OrderID ExecID DKReason Side",
                                      "OrderID ExecID DKReason Side")),
    b"j": ("BusinessMessageReject", _same("RefMsgType BusinessRejectReason")),
    b"q": ("OrderMassCancelRequest", {FIX44: "ClOrdID MassCancelRequestType TransactTime",
                                      FIX50SP2: "ClOrdID MassCancelRequestType TransactTime"}),
}

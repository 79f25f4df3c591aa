"""FIX data types: which text is a value of a type.

Source: FIX 4.2 chapter "field formats"; FIX 4.4 volume 1 "data types"; FIX 5.0 SP2 volume 1 "data types"
(time stamps down to picoseconds since EP206).
"""

import re
from collections.abc import Callable

from fixparse.values import parse_time


def _pattern(pattern: bytes) -> Callable[[bytes], bool]:
    match = re.compile(pattern, re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def _timestamp(text: bytes) -> bool:
    try:
        # Beyond the nanosecond only the form matters.
        parse_time(text[:-3] if len(text) == 30 and text[-3:].isdigit() else text)
    except ValueError:
        return False
    return True


_DATE = rb"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_TIME = rb"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.(\d{3}){1,4})?"

_float = _pattern(rb"-?(\d+\.?\d*|\.\d+)")
_int = _pattern(rb"-?\d+")
_positive = _pattern(rb"0*[1-9]\d*")
_string = _pattern(rb"[^\x01]+")
_char = _pattern(rb"[\x20-\xff]")
_words = _pattern(rb"[^\x01 ]+( [^\x01 ]+)*")
_date = _pattern(_DATE)

#: Type -> does the text have its form?
VALID: dict[str, Callable[[bytes], bool]] = {
    "INT": _int,
    "LENGTH": _pattern(rb"\d+"),
    "NUMINGROUP": _pattern(rb"\d+"),
    "SEQNUM": _pattern(rb"\d+"),   # 0 is "infinity" in EndSeqNo (16)
    "TAGNUM": _positive,
    "FLOAT": _float,
    "QTY": _float,
    "PRICE": _float,
    "PRICEOFFSET": _float,
    "AMT": _float,
    "PERCENTAGE": _float,
    "CHAR": _char,
    "BOOLEAN": _pattern(rb"[YN]"),
    "STRING": _string,
    "MULTIPLEVALUESTRING": _words,
    "MULTIPLECHARVALUE": _pattern(rb"[^\x01 ]( [^\x01 ])*"),
    "COUNTRY": _pattern(rb"[A-Z]{2}"),
    "CURRENCY": _pattern(rb"[A-Za-z]{3}"),  # minor units such as GBp are in use beside ISO 4217
    "EXCHANGE": _string,
    "MONTHYEAR": _pattern(rb"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]|w[1-5])?"),
    "UTCTIMESTAMP": _timestamp,
    "UTCTIMEONLY": _pattern(_TIME),
    "UTCDATEONLY": _date,
    "LOCALMKTDATE": _date,
    "DATA": _pattern(rb".*"),
}

#: How the fault of a type is put to a person.
FORM: dict[str, str] = {
    "BOOLEAN": "Y or N", "CHAR": "one character", "COUNTRY": "a country of two letters",
    "CURRENCY": "a currency of three letters", "UTCTIMESTAMP": "a UTC time YYYYMMDD-HH:MM:SS[.sss]",
    "UTCTIMEONLY": "a UTC time of day HH:MM:SS[.sss]", "UTCDATEONLY": "a date YYYYMMDD",
    "LOCALMKTDATE": "a date YYYYMMDD", "MONTHYEAR": "a month YYYYMM, YYYYMMDD or YYYYMMwN",
    "INT": "an integer", "LENGTH": "a length", "SEQNUM": "a sequence number", "NUMINGROUP": "a count",
    "MULTIPLEVALUESTRING": "words with one space between them",
    "MULTIPLECHARVALUE": "characters with one space between them",
} | dict.fromkeys(("FLOAT", "QTY", "PRICE", "PRICEOFFSET", "AMT", "PERCENTAGE"), "a decimal number")

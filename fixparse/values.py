"""FIX text to integers and back, exactly: prices, quantities, times. No floats anywhere.

Source: FIX 4.4 volume 1, "data types": float fields may be negative, may have leading zeros, and may or
may not have a decimal point; trailing zeros mean nothing.
"""

from datetime import date

#: Decimal places of a price unit: prices are integers of 1e-4 USD.
PRICE_PLACES = 4
PRICE_ONE = 10**PRICE_PLACES
#: Longest number taken, leading zeros and all; far longer than any that means something.
MAX_CHARS = 40
_ZEROS = b"0" * PRICE_PLACES
NS = 1_000_000_000
DAY_NS = 86_400 * NS
_EPOCH = date(1970, 1, 1).toordinal()


def parse_int(text: bytes) -> int:
    """An int field: digits, perhaps a minus sign; leading zeros are fine."""
    if len(text) <= MAX_CHARS and (text.isdigit() or (text[:1] == b"-" and text[1:].isdigit())):
        return int(text)
    raise ValueError(f"{_shown(text)} is not an integer")


def parse_price(text: bytes) -> int:
    """A decimal in units of 1e-4; what is not a whole number of them is an error."""
    whole, _, part = text.partition(b".")
    digits = whole[1:] if whole[:1] == b"-" else whole
    if len(part) > PRICE_PLACES:
        part, rest = part[:PRICE_PLACES], part[PRICE_PLACES:]
        if rest.strip(b"0"):
            raise ValueError(f"{_shown(text)} is finer than {PRICE_PLACES} decimals, or not a decimal")
    joined = digits + part
    if not joined.isdigit() or len(joined) > MAX_CHARS:
        raise ValueError(f"{_shown(text)} is not a decimal number")
    value = int(joined + _ZEROS[len(part):])
    return value if digits is whole else -value


def format_price(price: int) -> bytes:
    """Units of 1e-4 as decimal text with four places, the shortest of fixed length: 1234500 is `123.4500`."""
    if price < 0:
        return b"-%d.%04d" % divmod(-price, PRICE_ONE)
    return b"%d.%04d" % divmod(price, PRICE_ONE)


def parse_qty(text: bytes) -> int:
    """Whole shares. Qty is a float field, so `100.0` is 100; a fraction of a share is an error."""
    if text.isdigit() and len(text) <= MAX_CHARS:
        return int(text)
    value = parse_price(text)
    if value % PRICE_ONE:
        raise ValueError(f"{_shown(text)} is not a whole number of shares")
    return value // PRICE_ONE


_day_text: dict[bytes, int] = {}
_second_text: dict[int, bytes] = {}


def _day(text: bytes) -> int:
    """Days since the epoch of YYYYMMDD."""
    day = _day_text.get(text)
    if day is None:
        if len(text) != 8 or not text.isdigit():
            raise ValueError(f"{_shown(text)} is not a date YYYYMMDD")
        day = date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal() - _EPOCH
        if len(_day_text) > 1000:
            _day_text.clear()
        _day_text[text] = day
    return day


def parse_time(text: bytes) -> int:
    """A UTCTimestamp in ns since the epoch: YYYYMMDD-HH:MM:SS, with 3, 6 or 9 decimals or none.

    Second 60 is a leap second (the spec allows it) and counts as the first of the next minute.
    """
    clock, fraction = text[9:17], text[18:]
    digits = clock[:2] + clock[3:5] + clock[6:]
    if (text[8:9] != b"-" or clock[2:3] != b":" or clock[5:6] != b":" or len(digits) != 6 or not digits.isdigit()
            or (len(text) > 17 and (text[17:18] != b"." or len(fraction) not in (3, 6, 9) or not fraction.isdigit()))):
        raise ValueError(f"{_shown(text)} is not a UTC time YYYYMMDD-HH:MM:SS[.sss]")
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{_shown(text)} is no time of day")
    seconds = _day(text[:8]) * 86_400 + hour * 3600 + minute * 60 + second
    return seconds * NS + (int(fraction.ljust(9, b"0")) if fraction else 0)


def format_time(ns: int, places: int = 3) -> bytes:
    """ns since the epoch as a UTCTimestamp with 0, 3, 6 or 9 decimals, the rest cut off (never rounded up)."""
    seconds, rest = divmod(ns, NS)
    text = _second_text.get(seconds)
    if text is None:
        days, second = divmod(seconds, 86_400)
        day = date.fromordinal(_EPOCH + days)
        text = b"%04d%02d%02d-%02d:%02d:%02d" % (day.year, day.month, day.day,
                                                 second // 3600, second // 60 % 60, second % 60)
        if len(_second_text) > 1000:
            _second_text.clear()
        _second_text[seconds] = text
    if places == 3:
        return b"%b.%03d" % (text, rest // 1_000_000)
    if places == 0:
        return text
    return b"%b.%0*d" % (text, places, rest // 10**(9 - places))


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("latin-1"))

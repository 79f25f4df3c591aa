"""Message templates: lengths stand still, slots hold their values, the codec reads back what was written."""

import pytest

from fixparse import codec, values
from fixparse.templates import (
    CHECKSUM,
    EXECUTION_REPORT,
    NEW_ORDER_SINGLE,
    ORDER_CANCEL_REQUEST,
    OrderValues,
    SessionText,
    symbol_text,
    time_of_day,
)

TEMPLATES = [NEW_ORDER_SINGLE, ORDER_CANCEL_REQUEST]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-/"
U32 = 2**32 - 1


def random_name(rng, length):
    return "".join(rng.choice(ALPHABET) for _ in range(length))


def random_values(rng, symbol):
    return OrderValues(
        msg_seq=rng.randrange(10**9), date=rng.choice([20240229, 19991231, rng.randrange(20200101, 20991231)]),
        ms=rng.randrange(86_400_000), order_id=rng.getrandbits(64), orig_id=rng.getrandbits(64), symbol=symbol,
        qty=rng.choice([0, 1, U32, rng.randrange(10**6)]), price=rng.choice([0, 1, U32, rng.randrange(10**8)]),
        side=rng.choice("125"), tif=rng.choice("0134"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.msg_type)
@pytest.mark.parametrize("length", range(1, 9))
def test_codec_reads_back(template, length, rng):
    for _ in range(50):
        session = SessionText(random_name(rng, rng.randint(1, 8)), random_name(rng, length))
        order = random_values(rng, random_name(rng, length))
        text = template.encode(session, order)
        assert len(text) == template.length
        message = codec.parse(text)     # refuses a wrong BodyLength or CheckSum
        assert message.msg_type == template.msg_type.encode()
        assert message.number(9) == template.body_length
        assert (message.text(49), message.text(56)) == (session.sender, session.target)
        assert message.number(34) == order.msg_seq
        assert int(message[11], 16) == order.order_id
        assert message.text(55) == order.symbol
        assert message.qty(38) == order.qty
        assert message.text(54) == order.side
        assert message[52] == message[60]
        assert message[52][:8] == b"%08d" % order.date
        assert message[52][9:].translate(None, b":.") == time_of_day(order.ms).encode()
        if template is NEW_ORDER_SINGLE:
            assert message.price(44) == order.price
            assert (message.text(59), message.text(40)) == (order.tif, "2")
        else:
            assert int(message[41], 16) == order.orig_id


def test_time_is_a_utc_timestamp():
    order = OrderValues(1, 20240229, 86_399_999, 1, "A", 1, "1")
    text = codec.parse(NEW_ORDER_SINGLE.encode(SessionText("A", "B"), order))
    assert text.time(60) == values.parse_time(b"20240229-23:59:59.999")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.msg_type)
def test_image_differs_from_the_message_in_slots_alone(template, rng):
    session = SessionText("TICKGATE", "XTGA")
    image, text = template.image(session), template.encode(session, random_values(rng, "AAPL"))
    slots = {offset for place in template.places for offset in place.offsets}
    assert {n for n, byte in enumerate(image) if byte == 0} == slots
    assert all(text[n] == byte for n, byte in enumerate(image) if n not in slots)
    assert template.places[-1].slot is CHECKSUM
    assert text[template.summed:].startswith(b"10=")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.msg_type)
def test_required_fields_are_there(template):
    """FIX 4.4 volume 4: fields marked Y of the two messages, and those that a limit order needs."""
    required = {"D": {11, 55, 54, 60, 40, 38, 44}, "F": {41, 11, 55, 54, 60, 38}}[template.msg_type]
    message = codec.parse(template.encode(SessionText("A", "B"), OrderValues(1, 20240101, 0, 1, "A", 1, "1")))
    assert required <= set(message.tags)
    assert len(set(message.tags)) == len(message.tags)


@pytest.mark.parametrize("bad", [
    {"msg_seq": 10**9}, {"order_id": 2**64}, {"qty": 10**10}, {"price": 10**10}, {"side": "12"}, {"tif": ""},
    {"symbol": "TOOLONGXX"}, {"symbol": ""}, {"symbol": "A B"}, {"symbol": "A|B"}, {"symbol": "A\x01"}])
def test_a_value_that_does_not_fit_is_an_error(bad):
    good = {"msg_seq": 1, "date": 20240101, "ms": 0, "order_id": 1, "symbol": "A", "qty": 1, "side": "1"}
    with pytest.raises(ValueError):
        NEW_ORDER_SINGLE.encode(SessionText("A", "B"), OrderValues(**{**good, **bad}))


@pytest.mark.parametrize("name", ["", "NINECHARS", "A=B", "A|", "é"])
def test_comp_ids_that_do_not_fit(name):
    with pytest.raises(ValueError, match="CompID"):
        NEW_ORDER_SINGLE.image(SessionText(name, "B"))


def test_symbol_window():
    assert symbol_text("AAPL") == b"AAPL\x0138=00000000"
    assert symbol_text("BRK.A123") == b"BRK.A123\x0138=0000"


def test_report_fields_are_distinct():
    assert len({field.tag for field in EXECUTION_REPORT}) == len({field.name for field in EXECUTION_REPORT}) == 8

"""The codec against real logs, byte for byte, and against itself: three ways in must agree on everything."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixparse import codec
from fixparse.checksum import byte_sum
from fixparse.codec import FixError, build, checksum, encode, finish, parse
from fixparse.fields import DATA_OF, LENGTH_OF
from fixparse.logs import read
from fixparse.walk import walk

LOGS = {"fix42_orders_and_executions.log": (2486, 0), "fix44_broker_uat.txt": (330, 0),
        "fixt11_exec_banzai.log": (92, 2)}
ORDER = build(b"FIX.4.4", [(35, b"D"), (34, b"000000012"), (49, b"TICKGATE"), (52, b"20260102-14:30:00.000"),
                           (56, b"XTGA"), (11, b"00000000000000FF"), (55, b"AAPL"), (54, b"1"), (38, b"000000100"),
                           (40, b"2"), (44, b"0000123.4500"), (58, b"a=b"), (75205, b"x")]).raw


def refused(raw: bytes) -> FixError:
    with pytest.raises(FixError) as caught:
        parse(raw)
    return caught.value


def with_trailer(text: bytes) -> bytes:
    return b"%b10=%b\x01" % (text, checksum(text))


@pytest.mark.data
@pytest.mark.parametrize("name", LOGS)
def test_real_messages_come_out_byte_for_byte(data_dir, name):
    valid, invalid = LOGS[name]
    good = bad = 0
    for line in read(data_dir / "fix" / name):
        try:
            message = parse(line.raw)
        except FixError:
            bad += 1
            continue
        good += 1
        assert message.raw == line.raw
        assert encode(message) == line.raw
        assert walk(line.raw) == (message.tags, message.values)
    assert (good, bad) == (valid, invalid)


@pytest.mark.data
def test_all_malformed_messages_are_refused_with_tag_and_offset(data_dir):
    lines = list(read(data_dir / "fix" / "malformed_body_lengths.log"))
    assert len(lines) == 84
    for line in lines:
        error = refused(line.raw)
        body = line.raw.index(b"\x0135=") + 1
        length = line.raw.index(b"\x0110=") + 1 - body
        assert error.tag == 9
        assert error.offset == line.raw.index(b"\x019=") + 1
        assert f"the body has {length} bytes" in str(error)
        assert str(error).startswith(f"BodyLength (9) at byte {error.offset}: is {length - 4}")


def test_every_truncation_of_a_message_is_refused():
    for size in range(len(ORDER)):
        error = refused(ORDER[:size])
        assert error.offset <= size
        assert error.tag in (8, 9, 35, 10), str(error)


@pytest.mark.data
def test_every_truncation_of_real_messages_is_refused(data_dir, rng):
    raws = [line.raw for line in read(data_dir / "fix" / "fix44_broker_uat.txt")]
    for raw in rng.sample(raws, 10):
        for size in range(len(raw)):
            refused(raw[:size])


def test_every_changed_byte_is_refused(rng):
    for at in range(len(ORDER)):
        for _ in range(8):
            value = rng.randrange(256)
            if value != ORDER[at]:
                refused(ORDER[:at] + bytes((value,)) + ORDER[at + 1:])


@pytest.mark.data
def test_cut_matcher_and_walk_agree_on_mutated_real_messages(data_dir, rng):
    """Checksum and length are repaired after a mutation, so that what lies deeper is reached."""
    raws = [line.raw for line in read(data_dir / "fix" / "fix44_broker_uat.txt")]
    for raw in raws * 2:
        parse(raw)
    for _ in range(4000):
        raw = bytearray(rng.choice(raws))
        for _ in range(rng.randint(1, 3)):
            raw[rng.randrange(len(raw))] = rng.choice(b"=\x01\x010189;aA\xff")
        body = bytes(raw[raw.find(b"\x0135=") + 1:raw.rfind(b"\x0110=") + 1])
        repaired = finish(b"FIX.4.4", body)
        for candidate in (bytes(raw), repaired):
            try:
                expected = walk(candidate)
            except FixError:
                expected = None
            try:
                message = parse(candidate)
                assert encode(message) == candidate
                assert (message.tags, message.values) == expected
            except FixError:
                assert expected is None


@pytest.mark.parametrize(("raw", "tag", "offset", "says"), [
    (b"", 8, 0, "truncated"),
    (b"9=5\x0135=0\x0110=000\x01", 8, 0, "must come here"),
    (with_trailer(b"8=XIF.4.4\x019=5\x0135=0\x01"), 8, 0, "not a FIX version"),
    (with_trailer(b"8=FIX.4.4\x0135=0\x019=5\x01"), 9, 10, "must come here"),
    (with_trailer(b"8=FIX.4.4\x019=11\x0134=1\x0135=0\x01"), 35, 15, "must come here"),
    (with_trailer(b"8=FIX.4.4\x019=x\x0135=0\x01"), 9, 10, "not a length"),
    (with_trailer(b"8=FIX.4.4\x019=\x0135=0\x01"), 9, 10, "no value"),
    (with_trailer(b"8=FIX.4.4\x019=6\x0135=0\x01"), 9, 10, "is 6, but the body has 5 bytes"),
    (with_trailer(b"8=FIX.4.4\x019=500\x0135=0\x01"), 9, 10, "is 500, but the body has 5 bytes"),
    (b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01", 10, 19, "add up to 163"),
    (b"8=FIX.4.4\x019=5\x0135=0\x0110=163", 10, 19, "truncated"),
    (b"8=FIX.4.4\x019=5\x0135=0\x0110=1634\x01", 10, 19, "add up to"),
    (b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01junk", None, 26, "4 bytes follow"),
    (b"8=FIX.4.4\x019=5\x0135=0\x01", 9, 10, "truncated"),
    (finish(b"FIX.4.4", b"35=0\x0158=\x01"), 58, 19, "no value"),
    (finish(b"FIX.4.4", b"35=0\x01junk\x01"), None, 20, "has no '='"),
    (finish(b"FIX.4.4", b"35=0\x01=5\x01"), None, 19, "not a positive number"),
    (finish(b"FIX.4.4", b"35=0\x01+5=5\x01"), None, 20, "not a positive number"),
    (finish(b"FIX.4.4", b"35=0\x01058=5\x01"), None, 20, "leading zeros"),
    (finish(b"FIX.4.4", b"35=0\x010=5\x01"), None, 19, "not a positive number"),
    (finish(b"FIX.4.4", b"35=0\x011234567890=5\x01"), None, 20, "not a positive number"),
    (finish(b"FIX.4.4", b"35=0\x0110=163\x0158=a\x01"), 10, 20, "before the end"),
    (finish(b"FIX.4.4", b"35=0\x019=5\x01"), 9, 19, "comes twice"),
    (finish(b"FIX.4.4", b"35=0\x018=FIX.4.4\x01"), 8, 20, "comes twice"),
    (finish(b"FIX.4.4", b"35=0\x0195=x\x0196=a\x01"), 95, 20, "not a length"),
    (finish(b"FIX.4.4", b"35=0\x0195=" + b"0" * 5000 + b"\x0196=a\x01"), 95, 22, "not a length"),
    (with_trailer(b"8=FIX.4.4\x019=" + b"0" * 5000 + b"5\x0135=0\x01"), 9, 10, "not a length"),
    (finish(b"FIX.4.4", b"35=0\x0195=1\x0158=a\x01"), 58, 25, "must follow its length"),
    (finish(b"FIX.4.4", b"35=0\x0195=2\x0196=a\x01"), 96, 25, "no SOH after the 2 bytes"),
    (finish(b"FIX.4.4", b"35=0\x0195=999\x0196=a\x01"), 96, 27, "no SOH after the 999 bytes"),
])
def test_faults_are_named_with_tag_and_offset(raw, tag, offset, says):
    error = refused(raw)
    assert (error.tag, error.offset) == (tag, offset)
    assert says in str(error)


def test_data_fields_hold_any_byte():
    blob = b"a\x01b=\x0110=000\x01\xff\x00"
    message = build(b"FIX.4.4", [(35, b"B"), (95, b"%d" % len(blob)), (96, blob), (58, b"after")])
    assert message[96] == blob
    assert message[58] == b"after"
    assert encode(message) == message.raw


def test_values_may_hold_equals_signs_and_any_latin_byte():
    message = build(b"FIXT.1.1", [(35, b"8"), (17, b"17=17=1"), (58, b"caf\xe9 \x7f")])
    assert message[17] == b"17=17=1"
    assert message.text(58) == "café \x7f"


def test_body_length_keeps_its_leading_zeros():
    raw = finish(b"FIX.4.4", b"35=0\x0134=1\x01", 6)
    assert b"9=000010\x01" in raw
    assert encode(parse(raw)) == raw


def test_repeated_tags_stay_in_order():
    message = build(b"FIX.4.4", [(35, b"D"), (453, b"2"), (448, b"A"), (447, b"D"), (448, b"B"), (447, b"C")])
    assert message[448] == b"A"
    assert message.all(448) == [b"A", b"B"]
    assert [tag for tag, _ in message][3:8] == [453, 448, 447, 448, 447]
    assert message.offset(447) == message.raw.index(b"447=D")
    assert 448 in message
    assert 999 not in message
    assert message.get(999) is None


def test_typed_access_names_tag_and_offset():
    message = parse(ORDER)
    assert (message.qty(38), message.price(44), message.number(34)) == (100, 1_234_500, 12)
    assert message.time(52) == 1_767_364_200_000_000_000
    with pytest.raises(FixError, match=r"TransactTime \(60\).*missing"):
        message.time(60)
    with pytest.raises(FixError) as caught:
        message.qty(55)
    assert (caught.value.tag, caught.value.offset, caught.value.reject) == (55, ORDER.index(b"55="), 6)


def test_a_message_that_cannot_be_sent_is_not_built():
    for fields in ([(35, b"0"), (58, b"")], [(35, b"0"), (58, b"a\x01b")], [(58, b"a"), (35, b"0")], []):
        with pytest.raises(FixError):
            build(b"FIX.4.4", fields)


def test_a_frequent_layout_still_refuses_what_is_wrong():
    """The matcher of a layout must not let a bad frame or an empty value through."""
    for n in range(2 * codec._FREQUENT):
        parse(build(b"FIX.4.4", [(35, b"zz"), (34, b"%d" % n), (58, b"x")]).raw)
    assert any(layout.tags == (8, 9, 35, 34, 58, 10) for layout in codec._frequent[b"zz"])
    good = build(b"FIX.4.4", [(35, b"zz"), (34, b"7"), (58, b"y")]).raw
    assert refused(good[:-4] + b"999\x01"[:4]).tag == 10
    assert refused(finish(b"FIX.4.4", b"35=zz\x0134=7\x0158=\x01")).tag == 58
    assert refused(good.replace(b"9=", b"9=1", 1)).tag == 9
    assert parse(good)[58] == b"y"


@given(st.binary(max_size=2000))
def test_checksum_is_the_sum_of_all_bytes(data):
    assert byte_sum(data) == sum(data) % 256


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 513, 4096])
@pytest.mark.parametrize("value", [0x00, 0x7F, 0x80, 0xFF])
def test_checksum_at_its_edges(size, value):
    assert byte_sum(bytes([value]) * size) == size * value % 256


VALUES = st.binary(min_size=1, max_size=30).filter(lambda value: b"\x01" not in value)
TAGS = st.integers(1, 99_999).filter(lambda tag: tag not in {8, 9, 10, *DATA_OF, *LENGTH_OF})


@given(st.sampled_from([b"FIX.4.2", b"FIX.4.4", b"FIXT.1.1"]), VALUES, st.lists(st.tuples(TAGS, VALUES), max_size=40))
def test_whatever_is_built_comes_back(begin, kind, fields):
    message = build(begin, [(35, kind), *fields])
    assert list(message)[3:-1] == fields
    assert message.msg_type == kind
    assert encode(message) == message.raw
    assert re.fullmatch(rb"10=\d\d\d\x01", message.raw[-7:])


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_raise_fix_error(data):
    try:
        message = parse(data)
    except FixError as error:
        message, offset = None, error.offset
    if message is None:
        assert 0 <= offset <= len(data)
    else:
        assert encode(message) == data

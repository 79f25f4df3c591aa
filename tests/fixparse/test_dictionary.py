"""Our tables against the data dictionaries, and validation of values."""

import xml.etree.ElementTree as ET

import pytest

from fixparse.codec import FixError, build, parse
from fixparse.datatypes import VALID
from fixparse.dictionary import dictionary, name
from fixparse.enums import MESSAGES, VALUES
from fixparse.fields import DATA_OF, FIELDS, FIX42, FIX44, FIX50SP2, LENGTH_OF, TAGS, VERSIONS
from fixparse.logs import read

FILES = {FIX42: ("FIX42.xml",), FIX44: ("FIX44.xml",), FIX50SP2: ("FIXT11.xml", "FIX50SP2.xml")}
#: Types that we treat alike.
SAME = {"XMLDATA": "DATA", "UTCDATE": "UTCDATEONLY"}


@pytest.fixture(scope="module", params=VERSIONS)
def published(request, data_dir):
    """Version, and its roots as published, the session layer first."""
    folder = data_dir / "fix" / "dictionaries"
    return request.param, [ET.parse(folder / file).getroot() for file in FILES[request.param]]


def fields_of(roots):
    found = {}
    for root in roots:
        for field in root.find("fields"):
            found.setdefault(int(field.get("number")), field)
    return found


@pytest.mark.data
def test_names_and_types_are_the_published_ones(published):
    version, roots = published
    theirs, ours = fields_of(roots), dictionary(version).fields
    assert set(ours) == set(theirs) & {row[0] for row in FIELDS}
    for tag, field in ours.items():
        kind = theirs[tag].get("type")
        assert (field.name, field.type) == (theirs[tag].get("name"), SAME.get(kind, kind)), tag


@pytest.mark.data
def test_values_are_the_published_ones(published):
    version, roots = published
    theirs, ours = fields_of(roots), dictionary(version).fields
    for tag in set(VALUES) & set(ours):
        values = {value.get("enum").encode() for value in theirs[tag].iter("value")}
        assert ours[tag].values == values, tag


@pytest.mark.data
def test_required_fields_are_the_published_ones(published):
    version, roots = published
    components = {}
    for root in roots:
        components |= {one.get("name"): one for one in root.find("components")}

    def required(node):
        for child in node:
            if child.get("required") == "Y":
                if child.tag == "component":
                    yield from required(components[child.get("name")])
                else:
                    yield child.get("name")

    header = {*required(roots[0].find("header")), *required(roots[0].find("trailer"))}
    theirs = {one.get("msgtype").encode(): one for root in roots for one in root.find("messages")}
    ours = dictionary(version)
    assert set(ours.messages) == set(theirs) & set(MESSAGES)
    for kind, message in ours.messages.items():
        assert {ours.fields[tag].name for tag in message.required} == header | set(required(theirs[kind])), kind


@pytest.mark.data
def test_length_and_data_fields_are_pairs(published):
    version, _ = published
    fields = dictionary(version).fields
    assert {tag for tag, field in fields.items() if field.type == "DATA"} == set(LENGTH_OF) & set(fields)
    for data, length in LENGTH_OF.items():
        if data in fields:
            assert fields[length].type == "LENGTH"
            assert fields[data].length_tag == length
            assert DATA_OF[length] == data


def test_every_type_has_a_check():
    for version in VERSIONS:
        assert {field.type for field in dictionary(version).fields.values()} <= set(VALID)


@pytest.mark.data
def test_real_messages_are_valid(data_dir):
    """Valid, but for what this broker keeps from FIX 4.2: values of OrdStatus, OrdType and ExecType."""
    for file, tolerated in (("fix42_orders_and_executions.log", set()), ("fix44_broker_uat.txt", {39, 40, 150})):
        faults = set()
        for line in read(data_dir / "fix" / file):
            message = parse(line.raw)
            try:
                dictionary(message.begin_string).validate(message)
            except FixError as error:
                faults.add((error.tag, message[error.tag]))
        assert {tag for tag, _ in faults} == tolerated
        assert all(value in dictionary(FIX42).fields[tag].values for tag, value in faults)


GOOD = {"INT": b"-05", "LENGTH": b"12", "SEQNUM": b"0007", "NUMINGROUP": b"2", "TAGNUM": b"35", "FLOAT": b"-00.50",
        "QTY": b"000000100", "PRICE": b"0000123.4500", "PRICEOFFSET": b".5", "AMT": b"5.", "PERCENTAGE": b"0.05",
        "CHAR": b"A", "BOOLEAN": b"N", "STRING": b"any text", "MULTIPLEVALUESTRING": b"A b 12",
        "MULTIPLECHARVALUE": b"A b", "COUNTRY": b"US", "CURRENCY": b"GBp", "EXCHANGE": b"XNAS",
        "MONTHYEAR": b"202602w3", "UTCTIMESTAMP": b"20260102-14:30:00.123456789012", "UTCTIMEONLY": b"23:59:60.500",
        "UTCDATEONLY": b"20260131", "LOCALMKTDATE": b"20260229", "DATA": b"\x01\n=\xff"}
BAD = {"INT": [b"1.0", b"+1", b"x"], "LENGTH": [b"-1", b"1.5"], "SEQNUM": [b"-1", b"1a"], "NUMINGROUP": [b"-2"],
       "TAGNUM": [b"0"], "FLOAT": [b".", b"1e5", b"1.2.3", b"1,0"], "QTY": [b"ten"], "PRICE": [b"-", b"1 0"],
       "CHAR": [b"AB"], "BOOLEAN": [b"y", b"true", b"1"], "STRING": [b"a\x01b"],
       "MULTIPLEVALUESTRING": [b"A  b", b" A"],
       "MULTIPLECHARVALUE": [b"AB C"], "COUNTRY": [b"USA", b"us"], "CURRENCY": [b"US", b"U$D"],
       "MONTHYEAR": [b"202613", b"202601w6", b"2026"], "UTCTIMESTAMP": [b"20260102", b"20260102-14:30:00.1"],
       "UTCTIMEONLY": [b"24:00:00", b"14:30"], "UTCDATEONLY": [b"20261301", b"2026-01-01"],
       "LOCALMKTDATE": [b"20260132"]}


@pytest.mark.parametrize("kind", GOOD)
def test_values_of_a_type(kind):
    assert VALID[kind](GOOD[kind])
    for text in (*BAD.get(kind, ()), b"" if kind != "DATA" else None):
        assert text is None or not VALID[kind](text), text


HEADER = [(34, b"1"), (49, b"A"), (52, b"20260102-14:30:00.000"), (56, b"B")]
ORDER = [(35, b"D"), *HEADER, (11, b"x"), (55, b"AAPL"), (54, b"1"), (60, b"20260102-14:30:00"), (38, b"1"), (40, b"2")]


@pytest.mark.parametrize("tag", [49, 56, 34, 52, 11, 54, 60, 40])
def test_a_missing_required_field_is_named(tag):
    fields = [field for field in ORDER if field[0] != tag]
    with pytest.raises(FixError) as caught:
        dictionary(FIX44).validate(build(b"FIX.4.4", fields))
    assert (caught.value.tag, caught.value.reject) == (tag, 1)


@pytest.mark.parametrize(("tag", "value", "reject"), [
    (54, b"Z", 5), (40, b"A", 5), (38, b"many", 6), (60, b"yesterday", 6), (34, b"-1", 6)])
def test_a_wrong_value_is_named_with_its_place(tag, value, reject):
    fields = [(seen, value if seen == tag else text) for seen, text in ORDER]
    message = build(b"FIX.4.4", fields)
    with pytest.raises(FixError) as caught:
        dictionary(FIX44).validate(message)
    assert (caught.value.tag, caught.value.reject) == (tag, reject)
    assert caught.value.offset == message.raw.index(b"\x01%d=" % tag) + 1


def test_versions_differ():
    assert dictionary("FIX.4.2").fields[32].name == "LastShares"
    assert dictionary(b"FIX.4.4").fields[32].name == "LastQty"
    assert dictionary(b"FIXT.1.1") is dictionary(FIX50SP2)
    assert b"F" not in dictionary(FIX42).fields[150].values
    assert b"F" in dictionary(FIX44).fields[150].values
    assert 20 not in dictionary(FIX44).fields
    assert dictionary(FIX44).by_name["ClOrdID"].tag == TAGS["ClOrdID"] == 11
    assert (name(11), name(75205)) == ("ClOrdID", "75205")
    with pytest.raises(FixError, match=r"FIX\.9\.9.*known are"):
        dictionary(b"FIX.9.9")

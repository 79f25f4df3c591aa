"""The framer: every good message comes out once, whatever surrounds it and wherever the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixparse.codec import build, finish
from fixparse.logs import read
from fixparse.stream import Framer, split


def order(n: int, text: bytes = b"x") -> bytes:
    return build(b"FIX.4.4", [(35, b"D"), (34, b"%d" % n), (58, text)]).raw


GOOD = [order(n) for n in range(1, 6)]
GARBAGE = [
    b"noise", b"\x01", b"8=FIX", b"8=FIX.4.4\x01", b"8=FIX.4.4\x019=", b"8=FIX.4.4\x019=x\x0135=0\x0110=000\x01",
    b"8=FIX.4.4\x0135=0\x01", b"8=FIX.4.4\x019=5\x0135=0\x0110=999\x01", order(9)[:-3], order(9)[:-8], order(9)[5:],
    finish(b"FIX.4.4", b"35=0\x01").replace(b"9=5", b"9=4"), finish(b"FIX.4.4", b"35=0\x01").replace(b"9=5", b"9=9"),
    b"8=FIX.4.4\x019=99999999\x0135=0\x01", b"8=FIX" * 5, b"8=FIX.4.4" + b"y" * 60 + b"\x019=5\x01",
]


def test_messages_and_rest():
    stream = b"".join(GOOD)
    assert split(stream) == (GOOD, b"")
    assert split(stream[:-1]) == (GOOD[:-1], GOOD[-1][:-1])
    assert split(b"") == ([], b"")


def test_every_cut_of_the_stream():
    stream = b"..".join(GOOD)
    for cut in range(len(stream) + 1):
        framer = Framer()
        assert framer.feed(stream[:cut]) + framer.feed(stream[cut:]) == GOOD
        assert framer.garbage == 2 * (len(GOOD) - 1)
        assert framer.waiting == 0


@pytest.mark.parametrize("garbage", GARBAGE)
def test_no_good_message_is_lost_to_garbage(garbage):
    stream = GOOD[0] + garbage + b"".join(GOOD[1:])
    for size in (1, 7, len(stream)):
        framer = Framer()
        seen = [raw for at in range(0, len(stream), size) for raw in framer.feed(stream[at:at + size])]
        assert seen == GOOD
        assert framer.garbage == len(garbage)


def test_a_body_length_that_covers_the_next_messages_delays_but_loses_nothing():
    long = finish(b"FIX.4.4", b"35=0\x01").replace(b"9=5", b"9=99")
    framer = Framer()
    assert framer.feed(long + GOOD[0]) == []
    assert framer.feed(b"".join(GOOD[1:])) == GOOD


def test_a_length_that_hits_a_later_trailer_loses_nothing():
    """BodyLength reaches to the CheckSum of a later message: the sum is wrong, so the search starts anew."""
    body = b"35=0\x0158=a\x0110=000\x01" + GOOD[0][:-7]
    assert split(b"8=FIX.4.4\x019=%d\x01%b10=000\x01" % (len(body), body) + GOOD[1])[0] == [GOOD[1]]
    assert split(b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body) + GOOD[0][-7:] + GOOD[1])[0] == [GOOD[0], GOOD[1]]


def test_data_with_a_message_inside_is_one_message():
    outer = build(b"FIX.4.4", [(35, b"B"), (95, b"%d" % len(GOOD[0])), (96, GOOD[0])]).raw
    assert split(outer + GOOD[1]) == ([outer, GOOD[1]], b"")


@given(st.lists(st.one_of(st.sampled_from(GOOD).map(lambda raw: (True, raw)),
                          st.binary(max_size=40).filter(lambda raw: b"8" not in raw).map(lambda raw: (False, raw))),
                max_size=12), st.lists(st.integers(1, 60), min_size=1, max_size=10))
def test_any_mixture_in_any_pieces(parts, sizes):
    stream = b"".join(raw for _, raw in parts)
    framer, seen, at = Framer(), [], 0
    while at < len(stream):
        size = sizes[at % len(sizes)]
        seen += framer.feed(stream[at:at + size])
        at += size
    assert seen == [raw for good, raw in parts if good]


def test_body_length_limit():
    big = order(1, b"x" * 200)
    assert split(big, max_body=100) == ([], b"")
    assert split(big + GOOD[0], max_body=100) == ([GOOD[0]], b"")


@pytest.mark.data
def test_malformed_messages_of_a_stream_are_skipped(data_dir):
    raws = [line.raw for line in read(data_dir / "fix" / "malformed_body_lengths.log")]
    stream = b"".join(raw + GOOD[n % 5] for n, raw in enumerate(raws))
    assert split(stream) == ([GOOD[n % 5] for n in range(len(raws))], b"")

"""The session: two ends wired together, and one end against messages written by hand."""

from itertools import pairwise

import pytest

from fixparse.codec import build, finish, parse
from fixparse.dictionary import dictionary
from fixparse.enums import SESSION_TYPES
from fixparse.events import Disconnect, Gap, LoggedOn, Received, Rejected
from fixparse.forms import Header
from fixparse.session import Session, State
from fixparse.stream import split
from fixparse.values import NS, format_time

T0 = 1_767_364_200 * NS
BEGINS = [b"FIX.4.2", b"FIX.4.4", b"FIXT.1.1"]


def end(initiator=True, begin=b"FIX.4.4", **options):
    names = (b"DESK", b"VENUE") if initiator else (b"VENUE", b"DESK")
    return Session(Header(begin, *names), initiator=initiator, **options)


def messages(data):
    raws, rest = split(data)
    assert rest == b""
    found = [parse(raw) for raw in raws]
    for message in found:
        if message.msg_type in SESSION_TYPES:
            dictionary(message.begin_string).validate(message)
    return found


def kinds(data):
    return [message.text(35) for message in messages(data)]


def pump(one, two, now=T0):
    """Carry bytes both ways until both are quiet; gives the events of each."""
    events = ([], [])
    while True:
        out = one.output(), two.output()
        if not any(out):
            return events
        events[1].extend(two.receive(now, out[0]))
        events[0].extend(one.receive(now, out[1]))


@pytest.fixture
def up():
    """Both ends, logged on."""
    pair = end(), end(initiator=False)
    for each in pair:
        each.connect(T0)
    pump(*pair)
    return pair


class Peer:
    """Writes messages by hand to one end, an initiator."""

    def __init__(self, **options):
        self.session = end(**options)
        self.session.connect(T0)
        self.session.output()
        self.seq = 1

    def say(self, kind, *fields, seq=None, now=T0, sender=b"VENUE", begin=b"FIX.4.4"):
        if seq is None:
            seq, self.seq = self.seq, self.seq + 1
        raw = build(begin, [(35, kind), (34, b"%d" % seq), (49, sender), (52, format_time(now)), (56, b"DESK"),
                            *fields]).raw
        return self.session.receive(now, raw)

    def logon(self, **options):
        return self.say(b"A", (98, b"0"), (108, b"30"), **options)

    def heard(self):
        return messages(self.session.output())


@pytest.mark.parametrize("begin", BEGINS)
def test_logon_traffic_logout(begin):
    one, two = end(begin=begin, heartbeat_ns=7 * NS), end(initiator=False, begin=begin)
    one.connect(T0)
    two.connect(T0)
    assert pump(one, two) == ([LoggedOn(7 * NS)], [LoggedOn(7 * NS)])
    assert one.send(T0, b"D", [(11, b"x"), (55, b"AAPL")]) == 2
    two.send(T0, b"8", [(37, b"y")])
    ours, theirs = pump(one, two)
    assert (ours[0].message[37], theirs[0].message[11]) == (b"y", b"x")
    one.logout(T0, b"done")
    ours, theirs = pump(one, two)
    assert theirs == [Disconnect("logged out: done")]
    assert ours == [Disconnect("logged out: no reason given")]
    assert one.state is two.state is State.CLOSED
    assert (one.header.seq, one.next_in) == (two.next_in, two.header.seq) == (4, 4)


def test_reset_on_logon():
    one, two = end(reset=True), end(initiator=False)
    one.header.seq, one.next_in, two.header.seq, two.next_in = 50, 60, 70, 80
    one.connect(T0)
    two.connect(T0)
    pump(one, two)
    assert (one.header.seq, one.next_in, two.header.seq, two.next_in) == (2, 2, 2, 2)


def test_lost_messages_are_sent_again_in_order_and_once(up):
    one, two = up
    for n in range(3):
        one.send(T0, b"D", [(11, b"lost%d" % n)])
        one.tick(T0 + 31 * NS)  # a heartbeat among them, which is not sent again
    one.output()  # lost
    one.send(T0 + NS, b"D", [(11, b"last")])
    _, events = pump(one, two, T0 + NS)
    assert events[0] == Gap(2, one.header.seq - 1)
    received = [event.message for event in events[1:]]
    assert [message.text(11) for message in received] == ["lost0", "lost1", "lost2", "last"]
    assert all(message[43] == b"Y" and 122 in message for message in received)
    assert two.next_in == one.header.seq


def test_messages_sent_while_down_arrive_after_the_next_logon(up):
    one, two = up
    for each in up:
        each.disconnected()
    one.send(T0, b"D", [(11, b"kept")])
    assert one.output() == b""
    for each in up:
        each.connect(T0)
    _, events = pump(one, two)
    assert [type(event) for event in events] == [LoggedOn, Gap, Received]
    assert events[2].message[11] == b"kept"
    assert two.next_in == one.header.seq


def test_both_ends_may_have_a_gap(up):
    one, two = up
    one.send(T0, b"D", [(11, b"a")])
    two.send(T0, b"8", [(37, b"b")])
    one.output(), two.output()
    one.send(T0, b"D", [(11, b"c")])
    two.send(T0, b"8", [(37, b"d")])
    ours, theirs = pump(one, two)
    assert [event.message.text(37) for event in ours if isinstance(event, Received)] == ["b", "d"]
    assert [event.message.text(11) for event in theirs if isinstance(event, Received)] == ["a", "c"]


def test_any_loss_is_made_good(rng):
    one, two = end(heartbeat_ns=30 * NS), end(initiator=False)
    one.connect(T0)
    two.connect(T0)
    pump(one, two)
    got, sent, now = ([], []), ([], []), T0
    for n in range(200):
        for index, each in enumerate((one, two)):
            each.send(now, b"D", [(11, b"%d" % n)])
            sent[index].append(b"%d" % n)
        now += NS
        for index, (source, sink) in enumerate(((one, two), (two, one))):
            for raw in split(source.output())[0]:
                if rng.random() < 0.7:
                    got[index].extend(event.message[11] for event in sink.receive(now, raw)
                                      if isinstance(event, Received))
        now += 31 * NS if rng.random() < 0.1 else 0
    for _ in range(4):  # now without loss; the heartbeats tell what is missing
        now += 31 * NS
        one.tick(now), two.tick(now)
        events = pump(one, two, now)
        for index in (0, 1):
            got[index].extend(event.message[11] for event in events[1 - index] if isinstance(event, Received))
    assert got == sent


def test_heartbeats_test_requests_and_silence():
    peer = Peer(heartbeat_ns=10 * NS)
    assert peer.logon() == [LoggedOn(10 * NS)]
    session = peer.session
    assert session.next_time() == T0 + 10 * NS
    assert session.tick(T0 + 10 * NS - 1) == []
    assert peer.heard() == []
    session.tick(T0 + 10 * NS)
    assert [message[35] for message in peer.heard()] == [b"0"]
    assert session.next_time() == T0 + 12 * NS
    session.tick(T0 + 12 * NS)
    (test,) = peer.heard()
    peer.say(b"0", (112, test[112]), now=T0 + 13 * NS)
    session.tick(T0 + 25 * NS)
    assert [message[35] for message in peer.heard()] == [b"0", b"1"]
    assert session.tick(T0 + 37 * NS - 1) == []
    assert session.tick(T0 + 37 * NS) == [Disconnect("the other end is silent")]
    assert session.next_time() is None


def test_timeouts_of_logon_and_logout():
    session = end(heartbeat_ns=10 * NS)
    session.connect(T0)
    assert session.next_time() == T0 + 12 * NS
    assert session.tick(T0 + 12 * NS) == [Disconnect("timed out waiting for the other end's Logon")]
    peer = Peer(heartbeat_ns=10 * NS)
    peer.logon()
    peer.session.logout(T0)
    assert peer.session.tick(T0 + 12 * NS) == [Disconnect("timed out waiting for the other end's Logout")]


def test_a_test_request_is_answered():
    peer = Peer()
    peer.logon()
    peer.say(b"1", (112, b"are you there"))
    (answer,) = peer.heard()
    assert (answer[35], answer[112]) == (b"0", b"are you there")


def test_a_number_too_low_ends_the_session_unless_it_is_a_duplicate():
    peer = Peer()
    peer.logon()
    assert len(peer.say(b"8", (37, b"a"))) == 1
    assert peer.say(b"8", (37, b"a"), (43, b"Y"), (122, b"20260102-14:30:00"), seq=2) == []
    (event,) = peer.say(b"8", (37, b"a"), seq=2)
    assert event == Disconnect("MsgSeqNum too low, expected 3, received 2")
    assert peer.heard()[-1][35] == b"5"


def test_a_gap_is_asked_for_once_and_again_after_a_heartbeat_time():
    peer = Peer(heartbeat_ns=10 * NS)
    peer.logon()
    assert peer.say(b"8", (37, b"c"), seq=4) == [Gap(2, 4)]
    (request,) = peer.heard()
    assert (request[35], request[7], request[16]) == (b"2", b"2", b"0")
    assert peer.say(b"8", (37, b"d"), seq=5) == []
    assert peer.heard() == []
    assert peer.say(b"0", seq=6, now=T0 + 10 * NS) == [Gap(2, 6)]
    assert [event.message[37] for seq in (2, 3, 4, 5) for event in peer.say(b"8", (37, b"%d" % seq), seq=seq)] == [
        b"2", b"3", b"4", b"5"]
    assert peer.say(b"4", (123, b"Y"), (36, b"10"), seq=6) == []
    assert peer.session.next_in == 10


def test_sequence_reset():
    peer = Peer()
    peer.logon()
    assert peer.say(b"4", (36, b"20"), seq=2) == []
    assert peer.session.next_in == 20
    peer.say(b"4", (36, b"5"), seq=20)
    (reject,) = peer.heard()
    assert (reject[35], reject[371], reject[373]) == (b"3", b"36", b"5")
    assert peer.session.next_in == 20


@pytest.mark.parametrize(("begin", "last", "expected"), [
    (1, 0, [(1, 2, "4"), (2, None, "D"), (3, 4, "4"), (4, None, "D"), (5, 6, "4")]),
    (2, 2, [(2, None, "D")]), (3, 3, [(3, 4, "4")]), (4, 99, [(4, None, "D"), (5, 6, "4")]), (6, 0, [])])
def test_resend(begin, last, expected):
    peer = Peer()
    peer.logon()
    session = peer.session
    session.send(T0, b"D", [(11, b"a")])
    peer.say(b"1", (112, b"x"))
    session.send(T0, b"D", [(11, b"b")])
    peer.say(b"1", (112, b"y"))
    peer.heard()
    assert session.header.seq == 6
    peer.say(b"2", (7, b"%d" % begin), (16, b"%d" % last), now=T0 + NS)
    answers = peer.heard()
    assert [(message.number(34), message.number(36) if 36 in message else None, message.text(35))
            for message in answers] == expected
    for message in answers:
        assert message[43] == b"Y"
        assert message.time(52) == T0 + NS
        if message.text(35) == "D":
            assert message.time(122) == T0
    assert session.header.seq == 6


def test_what_breaks_the_form_is_rejected_and_used_up():
    peer = Peer()
    peer.logon()
    head = b"35=8\x0134=2\x0149=VENUE\x0152=20260102-14:30:00\x0156=DESK\x01"
    assert peer.session.receive(T0, finish(b"FIX.4.4", head + b"58=\x01")) == []
    (reject,) = peer.heard()
    assert [reject.number(tag) for tag in (45, 371, 373)] == [2, 58, 4]
    assert peer.session.next_in == 3
    assert peer.session.receive(T0, b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01junk") == []
    assert peer.heard() == []
    assert peer.session.next_in == 3
    peer.seq = 3
    assert len(peer.say(b"8", (37, b"x"))) == 1


@pytest.mark.parametrize(("options", "says"), [
    ({"sender": b"STRANGER"}, "CompID"), ({"begin": b"FIX.4.2"}, "BeginString")])
def test_the_wrong_end_is_left(options, says):
    peer = Peer()
    peer.logon()
    (event,) = peer.say(b"0", **options)
    assert isinstance(event, Disconnect)
    assert says in event.reason
    assert peer.heard()[-1][35] == b"5"


def test_logon_comes_first_and_once():
    peer = Peer()
    assert peer.say(b"0") == [Disconnect("the first message is not a Logon")]
    peer = Peer()
    peer.logon()
    peer.logon()
    assert peer.heard()[0][35] == b"3"
    peer = Peer(next_in=5)
    (event,) = peer.logon()
    assert "too low, expected 5, received 1" in event.reason


def test_a_reject_is_told():
    peer = Peer()
    peer.logon()
    (event,) = peer.say(b"3", (45, b"1"), (58, b"no"))
    assert isinstance(event, Rejected)
    assert event.message[58] == b"no"


def test_nothing_is_taken_after_the_end():
    peer = Peer()
    peer.logon()
    peer.say(b"5")
    assert peer.say(b"8", (37, b"x")) == []
    peer.session.logout(T0)
    with pytest.raises(ValueError, match="35=A"):
        peer.session.send(T0, b"A", [])


def test_numbers_count_up(up):
    one, _ = up
    for n in range(5):
        one.send(T0, b"D", [(11, b"%d" % n)])
    numbers = [message.number(34) for message in messages(one.output())]
    assert all(after == before + 1 for before, after in pairwise(numbers))

"""The history: who may do what, and every way of tampering with it."""

import json
import random

import pytest

from host.risk.keys import RISK, TRADER, Signer
from host.risk.ledger import FIRST, PROPOSAL_NS, Ledger, LedgerError, digest, line_of
from host.risk.limits import DEFAULT_FILE
from host.risk.tree import edits

HOUR = 3600 * 10**9


class Desk:
    """A ledger with people, kept in memory."""

    def __init__(self):
        self.texts, self.lines, self.now = {}, [], 1_000
        self.ledger = Ledger(self.text_of)
        self.people = {}
        text = DEFAULT_FILE.read_text()
        self.do("begin", text=self.keep(text))

    def text_of(self, name):
        if name not in self.texts:
            raise LedgerError("gone")
        return self.texts[name]

    def keep(self, text):
        name = digest(text.encode())
        self.texts[name] = text
        return name

    def do(self, command, who=None, reason="", **what):
        self.now += 1
        entry = self.ledger.entry(self.now, command, who or "os", reason, what, self.people.get(who))
        self.ledger.admit(entry)
        self.lines.append(line_of(entry))
        return entry["number"]

    def enrol(self, name, role=RISK, by=None):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.people[name] = Signer(name, Ed25519PrivateKey.generate())
        person = {"name": name, "role": role, "public": self.people[name].public.text}
        try:
            return self.do("enrol", by or name, **person)
        except LedgerError:
            return self.do("propose", by or name, enrol=person)

    def edits(self, **values):
        tree = self.ledger.stack.copy().base
        tree["symbols"]["AAPL"].update(values)
        return [[list(path), old, new] for path, old, new in edits(self.ledger.stack.base, tree)]

    def change(self, who, command="limits", more=None, **values):
        what = {"edits": self.edits(**values)} | (more or {})
        if command == "limits":
            what["text"] = self.keep(self.ledger.base_text(self.now + 1, what))
        return self.do(command, who, **what)

    def approve(self, who, number):
        text = self.ledger.base_text(self.now + 1, self.ledger.proposals[number]["what"])
        return self.do("approve", who, proposal=number, text=self.keep(text) if text else "")

    def max_qty(self, later=0):
        return self.ledger.stack.limits(self.now + later, "x").symbols["AAPL"].max_qty

    def replay(self, lines):
        ledger = Ledger(self.text_of)
        for line in lines:
            ledger.admit(json.loads(line), line)
        return ledger


@pytest.fixture
def desk():
    made = Desk()
    made.enrol("anna")
    made.enrol("bob", by="anna")
    made.enrol("tim", TRADER, by="anna")
    made.approve("bob", made.ledger.count)
    return made


def test_tightening_needs_one_signature_loosening_two(desk):
    desk.change("tim", max_qty=500)
    assert desk.max_qty() == 500
    with pytest.raises(LedgerError, match="nobody approved"):
        desk.change("anna", max_qty=501)
    number = desk.change("tim", "propose", max_qty=800)
    assert desk.max_qty() == 500
    for who, said in (("tim", "needs risk"), (None, "no key")):
        with pytest.raises(LedgerError, match=said):
            desk.do("approve", who, proposal=number, text="")
    desk.approve("bob", number)
    assert desk.max_qty() == 800
    with pytest.raises(LedgerError, match="no proposal"):
        desk.do("approve", "bob", proposal=number, text="")


def test_nobody_approves_their_own_proposal(desk):
    number = desk.change("anna", "propose", max_qty=2_000)
    with pytest.raises(LedgerError, match="another person"):
        desk.approve("anna", number)
    with pytest.raises(LedgerError, match="in use under another name"):
        desk.approve("bob", desk.do("propose", "anna", enrol={
            "name": "anna2", "role": RISK, "public": desk.people["anna"].public.text}))
    desk.do("reject", "bob", proposal=number)
    assert not [one for one in desk.ledger.proposals.values() if "edits" in one["what"]]


def test_one_person_lets_nobody_in_once_there_have_been_two():
    desk = Desk()
    with pytest.raises(LedgerError):
        desk.enrol("tim", TRADER)
    assert not desk.ledger.people
    desk.enrol("anna")
    desk.enrol("bob", by="anna")
    assert set(desk.ledger.people) == {"anna", "bob"}
    desk.enrol("eve", by="anna")
    assert "eve" not in desk.ledger.people
    desk.do("revoke", "anna", name="bob")
    with pytest.raises(LedgerError, match="no key"):
        desk.approve("bob", desk.ledger.count - 1)
    desk.enrol("mallory", by="anna")
    assert set(desk.ledger.people) == {"anna"}


def test_a_proposal_that_is_overtaken_is_refused(desk):
    number = desk.change("anna", "propose", max_qty=2_000)
    desk.change("bob", max_qty=400)
    with pytest.raises(Exception, match="400 by now"):
        desk.approve("bob", number)


def test_a_forgotten_proposal_is_not_approved(desk):
    first, second = (desk.change("anna", "propose", max_qty=qty) for qty in (2_000, 3_000))
    desk.now += PROPOSAL_NS - 3
    desk.approve("bob", first)
    desk.now += 3
    with pytest.raises(LedgerError, match="too old"):
        desk.do("approve", "bob", proposal=second, text="")
    desk.do("reject", "bob", proposal=second)


def test_an_override_expires_by_itself(desk):
    number = desk.change("anna", "propose", {"for_s": 3600}, max_qty=5_000)
    serial = desk.ledger.stack.tree(desk.now)["serial"]
    desk.approve("bob", number)
    assert (desk.max_qty(), desk.max_qty(HOUR - 1), desk.max_qty(HOUR)) == (5_000, 5_000, 1_000)
    serials = [desk.ledger.stack.tree(desk.now + later)["serial"] for later in (0, HOUR)]
    assert serials == [serial + 1, serial + 2]
    assert desk.ledger.stack.next_end(desk.now) == desk.now + HOUR


def test_a_tight_override_needs_no_second_person_and_ending_it_early_does(desk):
    number = desk.do("limits", "tim", edits=desk.edits(max_qty=10), for_s=3600)
    assert (desk.max_qty(), desk.max_qty(HOUR)) == (10, 1_000)
    what = {"edits": [], "cancels": number}
    with pytest.raises(LedgerError, match="nobody approved"):
        desk.do("limits", "tim", **what, text=desk.keep(desk.ledger.base_text(desk.now + 1, what)))
    with pytest.raises(LedgerError, match="nobody approved"):  # hidden below the override until it ends
        desk.change("tim", max_qty=3_000)
    desk.approve("bob", desk.do("propose", "tim", **what))
    assert desk.max_qty() == 1_000


def test_kill_needs_no_key_and_resume_needs_one_of_role_risk(desk):
    desk.do("kill", venue="XTGA", strategy="maker")
    desk.do("kill")
    assert set(desk.ledger.kills) == {("venue", "XTGA"), ("strategy", "maker"), ("all", "")}
    for who, reason in (("tim", "x"), (None, "x"), ("anna", "")):
        with pytest.raises(LedgerError):
            desk.do("resume", who, reason)
    desk.do("resume", "anna", "checked", venue="XTGA")
    assert set(desk.ledger.kills) == {("strategy", "maker"), ("all", "")}


def test_a_signature_of_another_or_of_something_else_is_refused(desk):
    entry = desk.ledger.entry(desk.now, "resume", "", "x", {}, desk.people["anna"])
    for forged in (entry | {"who": "bob"}, entry | {"reason": "y"}, entry | {"signature": ""},
                   entry | {"key": "0" * 16}, entry | {"who": "bob", "key": desk.people["bob"].public.fingerprint}):
        with pytest.raises(LedgerError, match="not signed"):
            desk.ledger.admit(forged)
    desk.ledger.admit(entry)


def history(desk):
    desk.change("tim", max_qty=500)
    desk.do("kill")
    desk.approve("bob", desk.change("anna", "propose", max_qty=900))
    desk.do("resume", "anna", "checked")
    desk.do("limits", "tim", edits=desk.edits(long=10), for_s=3600)
    return desk.lines


def test_what_was_written_replays_to_the_same(desk):
    ledger = desk.replay(history(desk))
    assert (ledger.count, ledger.head, ledger.people) == (desk.ledger.count, desk.ledger.head, desk.ledger.people)
    assert ledger.stack == desk.ledger.stack
    assert [one.serial for one in ledger.versions] == [1, 2, 3]


def test_every_edit_deletion_and_reordering_is_found(desk, rng):
    lines = history(desk)
    for n in range(len(lines)):
        for forged in (lines[:n] + lines[n + 1:] if n < len(lines) - 1 else None,
                       [*lines[:n], lines[n + 1], lines[n], *lines[n + 2:]] if n + 1 < len(lines) else None,
                       [*lines[:n], mutated(lines[n], rng), *lines[n + 1:]]):
            # the last line has nobody after it: its own signature is what tells
            if forged is None or (n == len(lines) - 1 and b'"signature"' not in lines[n]):
                continue
            with pytest.raises((LedgerError, ValueError)):
                desk.replay(forged)


def mutated(line: bytes, rng: random.Random) -> bytes:
    """One value changed, in a line that is still JSON."""
    entry = json.loads(line)
    name = rng.choice(sorted(entry))
    entry[name] = {"time_ns": 10**30, "number": 99, "what": {"text": FIRST}}.get(name, "other")
    return line_of(entry)


def test_a_chain_made_again_without_the_keys_is_found(desk):
    """Everything after a change hashed anew: the signatures do not fit."""
    lines = history(desk)
    entries = [json.loads(line) for line in lines]
    at = next(n for n, entry in enumerate(entries) if entry["command"] == "limits")
    entries[at]["what"]["edits"][0][2] = "900000"
    previous = digest(lines[at - 1])
    for n in range(at, len(entries)):
        entries[n]["previous"] = previous
        previous = digest(line_of(entries[n]))
    with pytest.raises(LedgerError, match="not signed"):
        desk.replay([*lines[:at], *map(line_of, entries[at:])])


def test_a_limits_file_that_is_gone_or_another_is_found(desk):
    lines = history(desk)
    desk.texts.pop(desk.ledger.versions[1].text)
    with pytest.raises(LedgerError, match="gone"):
        desk.replay(lines)


@pytest.mark.parametrize("junk", [{}, {"number": "x"}, {"command": 5}, {"what": None}])
def test_junk_is_an_error_of_its_line(desk, junk):
    good = desk.ledger.entry(desk.now, "kill", "os", "", {})
    with pytest.raises(LedgerError, match=f"entry {desk.ledger.count + 1}"):
        desk.ledger.admit(good | junk if junk else {})

"""The history of limits, keys and kills: who may do what, and what follows from everything that was done.

An entry is one JSON object on one line. It names the SHA-256 of the line before it, and is signed by who made it,
over itself without the signature. `Ledger.admit` takes entries in order, refuses what is not allowed, and holds
what is in force. The same rules judge an entry before it is written and when the file is read again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from host.risk.direction import loosens
from host.risk.keys import RISK, ROLES, PublicKey, Signer
from host.risk.limits import LimitsError, parse
from host.risk.overrides import Override, Stack, difference
from host.risk.tree import Edit, dump, edit

Entry = dict[str, Any]

FIRST = "0" * 64
#: Commands that need no signature: where a ledger starts, what only takes risk away, and what a session tells.
UNSIGNED = ("begin", "kill", "session")
#: Commands that only people with the role `risk` may give.
FOR_RISK = ("enrol", "revoke", "approve", "resume")
DAY_NS = 86_400 * 10**9
#: What was wanted so long ago may not be approved any more.
PROPOSAL_NS = 7 * DAY_NS


class LedgerError(Exception):
    """An entry that is not allowed, or not what was once written."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def line_of(entry: Entry) -> bytes:
    """An entry as it is hashed and stored."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def message_of(entry: Entry) -> bytes:
    """What is signed."""
    return line_of({name: value for name, value in entry.items() if name != "signature"})


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    role: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class Version:
    """A base that was applied: `text` is the digest of its file."""
    number: int
    time_ns: int
    serial: int
    text: str


@dataclass
class Ledger:
    """What follows from the entries so far.

    Parameters
    ----------
    text_of : the text of a limits file by its digest; raises `LedgerError` where it is gone or another.

    `people` are those whose keys are good; `proposals` wait for approval, by their entry's number; `kills` are those
    that a person has not lifted (`scopes`).
    """
    text_of: Callable[[str], str]
    count: int = 0
    head: str = FIRST
    time_ns: int = 0
    stack: Stack | None = None
    people: dict[str, Person] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    proposals: dict[int, Entry] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    kills: dict[tuple[str, str], Entry] = field(default_factory=dict)
    _had_two: bool = False
    _strict: bool = True

    def entry(self, time_ns: int, command: str, who: str, reason: str, what: dict[str, Any],
              signer: Signer | None = None) -> Entry:
        """The next entry; time never runs backwards in a ledger."""
        entry = {"number": self.count + 1, "previous": self.head, "time_ns": max(time_ns, self.time_ns), "who": who,
                 "command": command, "reason": reason, "what": what}
        if signer:
            entry |= {"who": signer.name, "key": signer.public.fingerprint}
            entry["signature"] = signer.sign(message_of(entry))
        return entry

    def admit(self, entry: Entry, line: bytes | None = None) -> None:
        """Take the next entry; `line` is how it was read. Raises `LedgerError`, and then nothing has changed.

        What was written may be older than a limit of today: one that is missing counts as the tightest.
        """
        number, self._strict = self.count + 1, line is None
        try:
            if entry["number"] != number or entry["previous"] != self.head:
                raise LedgerError("does not follow from the entry before it")
            if entry["time_ns"] < self.time_ns:
                raise LedgerError("is older than the entry before it")
            if (number == 1) != (entry["command"] == "begin"):
                raise LedgerError("a ledger starts with `begin`, and only there")
            self._authority(entry)
            take = getattr(self, f"_{entry['command'].replace(' ', '_')}", None)
            if take is None:
                raise LedgerError(f"the command {entry['command']!r} is not known")
            take(entry)
        except LedgerError as error:
            raise LedgerError(f"entry {number}: {error}") from None
        except LimitsError as error:
            raise LedgerError(f"entry {number}: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LedgerError(f"entry {number}: not as this version of Tickgate writes it ({error!r})") from None
        self.count, self.time_ns = number, entry["time_ns"]
        self.head = digest(line if line is not None else line_of(entry))

    def _authority(self, entry: Entry) -> None:
        """Signed by a key that was good, with a role that may."""
        command = entry["command"]
        if command in UNSIGNED and "signature" not in entry:
            return
        person = self.people.get(entry["who"])
        if not self.names and command == "enrol":  # the first key of all vouches for itself
            person = Person(entry["what"]["name"], entry["what"]["role"], PublicKey(entry["what"]["public"]))
        if person is None or person.name != entry["who"]:
            raise LedgerError(f"{entry['who']} has no key here; `tickgate keys list` shows who has")
        if entry.get("key") != person.public.fingerprint or not person.public.verifies(
                str(entry.get("signature", "")), message_of(entry)):
            raise LedgerError(f"not signed with the key of {person.name}")
        if command in FOR_RISK and person.role != RISK:
            raise LedgerError(f"{person.name} has the role {person.role}; `{command}` needs {RISK}")

    # ---- limits

    def _begin(self, entry: Entry) -> None:
        what = entry["what"]
        base = parse(self.text_of(what["text"]), "limits")
        self.stack = Stack(base, int(base.get("serial", 1)))
        self.versions.append(Version(entry["number"], entry["time_ns"], self.stack.serial, what["text"]))

    def after(self, number: int, time_ns: int, what: dict[str, Any]) -> Stack:
        """What would be in force with a change of limits. Raises `LimitsError` where it does not fit what is."""
        assert self.stack
        stack, changes = self.stack.copy(), edits_of(what)
        if until := what.get("until_ns"):
            if until <= time_ns:
                raise LedgerError("its time is over already")
            stack.overrides.append(Override(number, time_ns, until, tuple(changes)))
        elif what.get("cancels"):
            kept = [one for one in stack.overrides if one.number != what["cancels"]]
            if len(kept) == len(stack.overrides):
                raise LedgerError(f"there is no override {what['cancels']}")
            stack.overrides, stack.applied = kept, stack.applied + 2 * (len(stack.overrides) - len(kept)) + 1
        else:
            edit(stack.base, changes, "limits")
            stack.applied += 1
        return stack

    def _apply(self, entry: Entry, what: dict[str, Any], approved: bool) -> None:
        assert self.stack
        stack = self.after(entry["number"], entry["time_ns"], what)
        if not approved and loosens(
                difference(self.stack, stack, entry["time_ns"], "limits", self._strict)):
            raise LedgerError("loosens limits, and nobody approved it")
        if not what.get("until_ns"):
            stack.base["serial"] = stack.tree(entry["time_ns"])["serial"]
            text = dump(stack.base)
            if digest(text.encode()) != entry["what"]["text"]:
                raise LedgerError("the limits it names are not those that follow from it")
            self.text_of(entry["what"]["text"])
            self.versions.append(Version(entry["number"], entry["time_ns"], int(stack.base["serial"]),
                                         entry["what"]["text"]))
        self.stack = stack

    def base_text(self, time_ns: int, what: dict[str, Any]) -> str:
        """The file that a change of limits makes at this time; empty where it changes no file."""
        if from_now(what, time_ns).get("until_ns"):
            return ""
        stack = self.after(self.count + 1, time_ns, what)
        stack.base["serial"] = stack.tree(time_ns)["serial"]
        return dump(stack.base)

    def _limits(self, entry: Entry) -> None:
        self._apply(entry, from_now(entry["what"], entry["time_ns"]), approved=False)

    def _propose(self, entry: Entry) -> None:
        self.proposals[entry["number"]] = entry

    def _reject(self, entry: Entry) -> None:
        proposal = self._proposal(entry)
        if self.people[entry["who"]].role != RISK and entry["who"] != proposal["who"]:
            raise LedgerError("only who proposed it, or a person with the role risk, may reject it")
        del self.proposals[proposal["number"]]

    def _approve(self, entry: Entry) -> None:
        proposal = self._proposal(entry)
        if entry["who"] == proposal["who"] or entry["key"] == proposal["key"]:
            raise LedgerError(f"{entry['who']} proposed it: another person must approve it")
        what = proposal["what"]
        if "enrol" in what:
            self._admit_person(what["enrol"])
        else:
            self._apply(entry, from_now(what, entry["time_ns"]), approved=True)
        del self.proposals[proposal["number"]]

    def _proposal(self, entry: Entry) -> Entry:
        number = entry["what"]["proposal"]
        if number not in self.proposals:
            raise LedgerError(f"no proposal {number} waits; `tickgate limits show` lists those that do")
        if entry["command"] == "approve" and entry["time_ns"] > self.proposals[number]["time_ns"] + PROPOSAL_NS:
            raise LedgerError(f"proposal {number} is too old: it was good for {PROPOSAL_NS // DAY_NS} days. Reject it, "
                              f"and propose it again if it is still wanted")
        return self.proposals[number]

    # ---- people

    def may_enrol_alone(self) -> bool:
        """Until there have been two people with the role risk, one may let in the next."""
        return not self._had_two

    def _enrol(self, entry: Entry) -> None:
        if not self.may_enrol_alone():
            raise LedgerError("there have been two people with the role risk: another one must approve a new key")
        if not self.names and entry["what"]["role"] != RISK:
            raise LedgerError(f"the first key must have the role {RISK}")
        self._admit_person(entry["what"])

    def _admit_person(self, what: dict[str, Any]) -> None:
        person = Person(what["name"], what["role"], PublicKey(what["public"]))
        if person.name in self.names:
            raise LedgerError(f"the name {person.name} is or was in use; take another")
        if person.role not in ROLES:
            raise LedgerError(f"there is no role {person.role}")
        if any(person.public.fingerprint == one.public.fingerprint for one in self.people.values()):
            raise LedgerError("this key is in use under another name")
        self.names.add(person.name)
        self.people[person.name] = person
        self._had_two |= sum(one.role == RISK for one in self.people.values()) > 1

    def _revoke(self, entry: Entry) -> None:
        name = entry["what"]["name"]
        if name not in self.people:
            raise LedgerError(f"there is no key of {name}")
        del self.people[name]

    # ---- kills and sessions

    def _kill(self, entry: Entry) -> None:
        for scope in scopes(entry["what"]):
            self.kills[scope] = entry

    def _resume(self, entry: Entry) -> None:
        if not entry["reason"]:
            raise LedgerError("a resume needs a reason")
        for scope in scopes(entry["what"]):
            self.kills.pop(scope, None)

    def _session(self, entry: Entry) -> None:
        """Nothing follows from it."""


def scopes(what: dict[str, Any]) -> list[tuple[str, str]]:
    """What a kill or resume is about: ("venue", name), ("strategy", name), or all of it."""
    return [(kind, what[kind]) for kind in ("venue", "strategy") if what.get(kind)] or [("all", "")]


def from_now(what: dict[str, Any], time_ns: int) -> dict[str, Any]:
    """A change that is in force for a while, from the moment at which it is."""
    return what | {"until_ns": time_ns + what["for_s"] * 10**9} if what.get("for_s") else what


def edits_of(what: dict[str, Any]) -> list[Edit]:
    return [(tuple(path), old, new) for path, old, new in what.get("edits", [])]

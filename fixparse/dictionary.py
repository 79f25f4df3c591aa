"""The FIX dictionary: what a field is called, which values it may have, which fields a message needs.

`parse` settles the form of a message, `Dictionary.validate` its content, for one version. FIXT.1.1
carries FIX 5.0 SP2.
"""

from dataclasses import dataclass

from fixparse.datatypes import FORM, VALID
from fixparse.enums import HEADER_REQUIRED, MESSAGES, VALUES
from fixparse.errors import FixError
from fixparse.fields import FIELDS, FIX42, FIX50SP2, LENGTH_OF, NAMES, TAGS, VARIANTS, VERSIONS, WITHDRAWN
from fixparse.message import Message


@dataclass(frozen=True)
class Field:
    """One field of one version; `values` is empty where any value of the type will do."""
    tag: int
    name: str
    type: str
    values: frozenset[bytes]

    @property
    def length_tag(self) -> int | None:
        """For a data field, the length field that comes right before it."""
        return LENGTH_OF.get(self.tag)


@dataclass(frozen=True)
class MessageType:
    """One message of one version; `required` holds header, body and trailer."""
    type: bytes
    name: str
    required: tuple[int, ...]


class Dictionary:
    """The fields and messages of one version: `FIX42`, `FIX44` or `FIX50SP2`."""

    def __init__(self, version: str):
        self.version = version
        self.fields = {field.tag: field for field in _fields(version)}
        self.by_name = {field.name: field for field in self.fields.values()}
        self.messages = {kind: MessageType(kind, name, tuple(
            TAGS[field] for field in (HEADER_REQUIRED + " " + required[version]).split()))
            for kind, (name, required) in MESSAGES.items() if version in required}
        self._checks = {tag: (VALID[field.type], field.values) for tag, field in self.fields.items()}

    def validate(self, message: Message) -> None:
        """Raise `FixError` for a missing required field or a value that its field may not have.

        Fields and message types that the tables do not hold (a venue's own) are left alone.
        """
        kind = self.messages.get(message.msg_type)
        if kind is not None:
            for tag in kind.required:
                message[tag]
        at = 0
        for tag, value in message:
            check = self._checks.get(tag)
            if check is not None:
                valid, values = check
                if not valid(value):
                    form = FORM.get(self.fields[tag].type, "a value of its type")
                    raise FixError(tag, at, f"is {value[:40].decode('latin-1')!r}, not {form}", reject=6)
                if values and value not in values:
                    raise FixError(tag, at, f"{value[:40].decode('latin-1')!r} is not a value of {self.version}",
                                   reject=5)
            at += len(str(tag)) + len(value) + 2


def _fields(version: str):
    variants = {tag: (name, kind) for tag, name, kind in VARIANTS.get(version, ())}
    for tag, name, kind, *since in FIELDS:
        if version != FIX42 and tag in WITHDRAWN:
            continue
        if since and VERSIONS.index(version) < VERSIONS.index(since[0]):
            continue
        name, kind = variants.get(tag, (name, kind))
        values = VALUES.get(tag, {}).get(version, "")
        yield Field(tag, name, kind, frozenset(value.encode() for value in values.split()))


_DICTIONARIES = {version: Dictionary(version) for version in VERSIONS}


def dictionary(begin_string: bytes | str) -> Dictionary:
    """The dictionary for a BeginString (8) or version name; an unknown one raises `FixError`."""
    name = begin_string.decode("latin-1") if isinstance(begin_string, bytes) else begin_string
    found = _DICTIONARIES.get(FIX50SP2 if name == "FIXT.1.1" else name)
    if found is None:
        known = ", ".join((*VERSIONS, "FIXT.1.1"))
        raise FixError(TAGS["BeginString"], 0, f"is {name!r}; known are {known}")
    return found


def name(tag: int) -> str:
    """A field's name in the latest version, or its number where the tables do not hold it."""
    return NAMES.get(tag, str(tag))

"""What is wrong with a FIX message, and where."""

from fixparse.fields import NAMES


class FixError(ValueError):
    """A message that breaks the rules.

    Parameters
    ----------
    tag : the field at fault, or None where no field could be told.
    offset : byte of the message at which the fault is (0 is the `8` of `8=`).
    reason : what is wrong, for a person.
    reject : SessionRejectReason (373) to answer with; None where the message is garbled, which the
        session protocol ignores (FIX 4.4 volume 2, "message rejection and garbled messages").
    """

    def __init__(self, tag: int | None, offset: int, reason: str, reject: int | None = None):
        field = "message" if tag is None else f"{NAMES.get(tag, 'tag')} ({tag})"
        super().__init__(f"{field} at byte {offset}: {reason}")
        self.tag = tag
        self.offset = offset
        self.reason = reason
        self.reject = reject

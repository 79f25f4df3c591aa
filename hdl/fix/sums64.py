"""What the checksums of a frame are made of, for the adders of `hdl.fix.checksums64`: worked out from the templates.

A byte at an even offset of the frame is the high one of its word in the TCP checksum (RFC 9293, section 3.1; RFC 1071);
the FIX CheckSum counts every byte once, modulo 256 (FIX 4.4 volume 2, "checksum calculation"). So each slot gives two
numbers, the sums of its bytes at even and at odd offsets. The characters of a slot at the parity of its first one are
called near, the others far; each place of the slot counts them one way or the other. Of digits, only what they are more
than `0` is added; the rest is a constant.
"""

from amaranth.hdl import Cat, Const, Value

from fixparse.templates import Kind
from hdl.fix.slots64 import SLOTS
from hdl.layouts import Action
from hdl.order.image import FRAMES, sum16

TERM_BITS, FIX_BITS = 16, 8
TIME, CHECKSUM = "time", "checksum"
#: Words of the TCP header, known early.
HEADER = ("tcp_seq", "tcp_ack")
#: Numbers that become digits on the way, known late; what else is in the FIX message is known early.
LATE = ("msg_seq", "qty", "price")
EARLY = tuple(name for name in SLOTS if name not in (*HEADER, *LATE, TIME, CHECKSUM))
#: Bits of the early bytes' two sums.
EARLY_BITS = 12
_ZERO = ord("0")
_MOST = {Kind.DIGIT: 9, Kind.HEX: ord("F") - _ZERO, Kind.BYTE: 255}


def ones_add(a, b, carry=0) -> Value:
    """a + b + carry: 17 bits whose top one is worth 1 in a ones' complement sum, and can be the next one's carry."""
    return (Cat(Const(1, 1), a[:TERM_BITS]) + Cat(carry, b[:TERM_BITS]))[1:TERM_BITS + 2]


def compress(words: list[Value]) -> list[Value]:
    """Two words with the ones' complement sum of all, without a carry chain."""
    while len(words) > 2:
        a, b, c, *words = words
        carries = (a & b) | (a & c) | (b & c)
        words += [a ^ b ^ c, Cat(carries[-1], carries[:-1])]
    return words


def total(values: list) -> Value:
    """Added two by two."""
    values = [Value.cast(value) for value in values] or [Const(0, 1)]
    while len(values) > 1:
        values = [values[n] + values[n + 1] if n + 1 < len(values) else values[n] for n in range(0, len(values), 2)]
    return values[0]


def parts(name: str, chars: list) -> tuple[list, list]:
    """The near and the far ones of a slot's characters; the same in each of its places."""
    place = SLOTS[name].places[0]
    return tuple([char for char, offset in zip(chars, place, strict=True) if (offset - place[0]) & 1 == half]
                 for half in (0, 1))


def turns(action: Action, name: str) -> list[int]:
    """For each place of a slot whether its first character stands at an odd offset."""
    return [place[0] & 1 for place in FRAMES[action].slots[name].places] if name in FRAMES[action].slots else []


def high_low(action: Action, name: str, near, far) -> tuple[list, list]:
    """What all places of a slot add at even offsets, and at odd ones."""
    odd = turns(action, name)
    return [far if turn else near for turn in odd], [near if turn else far for turn in odd]


def constant(action: Action) -> tuple[int, int]:
    """What the digits' `0` characters come to: in the TCP checksum, and in that of FIX."""
    frame, fix = bytearray(FRAMES[action].length), 0
    for slot in FRAMES[action].slots.values():
        if slot.kind is not Kind.BYTE:
            for offset in (offset for place in slot.places for offset in place):
                frame[offset] = _ZERO
                fix += _ZERO * slot.in_fix
    return sum16(bytes(frame)), fix % (1 << FIX_BITS)


def checksum_digits(fix: int) -> tuple[int, ...]:
    """The digits of a FIX CheckSum."""
    return tuple(int(char) for char in f"{fix:0{SLOTS[CHECKSUM].chars}d}")


def checksum_word(fix: int) -> int:
    """What they add to the TCP checksum, the same in all frames."""
    near, far = (sum(half) for half in parts(CHECKSUM, list(checksum_digits(fix))))
    (high,), (low,) = high_low(Action.NEW, CHECKSUM, near, far)
    return high << FIX_BITS | low


def most(names: tuple[str, ...]) -> int:
    """The largest sum of these slots' bytes at even or at odd offsets."""
    found = 0
    for action in FRAMES:
        halves = []
        for name in names:
            slot = SLOTS[name]
            near, far = (len(half) * _MOST[slot.kind] for half in parts(name, list(slot.places[0])))
            halves.append([sum(values) for values in high_low(action, name, near, far)])
        found = max(found, *(sum(half) for half in zip(*halves, strict=True)))
    return found


def check() -> None:
    """What the adders rely on, whatever the templates say. Raises ValueError that names what does not hold."""
    for action, frame in FRAMES.items():
        for name, slot in frame.slots.items():
            for place in slot.places:
                if name in SLOTS and [at - place[0] & 1 for at in place] != [
                        at - SLOTS[name].places[0][0] & 1 for at in SLOTS[name].places[0]]:
                    raise ValueError(f"{action.name}: the characters of {name} at {place} are spaced as nowhere else")
        if turns(action, CHECKSUM) != turns(Action.NEW, CHECKSUM) or any(turns(action, name) != [0] for name in HEADER):
            raise ValueError(f"{action.name}: the CheckSum or a number of the TCP header is at the other parity")
    for names, bits in (((TIME,), FIX_BITS), (LATE, FIX_BITS), (EARLY, EARLY_BITS)):
        if most(names) >= 1 << bits:
            raise ValueError(f"{', '.join(names)}: the sum of their bytes may be {most(names)}, more than {bits} bits")


__all__ = ["CHECKSUM", "EARLY", "EARLY_BITS", "FIX_BITS", "HEADER", "LATE", "TERM_BITS", "TIME", "check",
           "checksum_digits", "checksum_word", "compress", "constant", "high_low", "most", "ones_add", "parts", "total"]

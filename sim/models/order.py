"""Golden model of hdl.order.entry, frame by frame: what leaves for a decision, and how the sessions move."""

from dataclasses import dataclass, field

from fixparse.templates import OrderValues
from hdl.config import NicConfig
from hdl.layouts import Action, Side
from hdl.order.image import FRAMES, SIDE_CHARS, frame, image, symbol_words
from hdl.registers import IMAGE, SYMBOL_TEXT, VENUE, RegisterMap
from hdl.venue import VenueSpec


def register_writes(config: NicConfig, venues: list[VenueSpec], symbols: list[str], msg_seq: int = 1):
    """(address, value) of everything order entry needs, `enable` last."""
    where = RegisterMap(config).address
    for n, venue in enumerate(venues):
        values = {"local_ip": venue.local_ip | venue.local_port << 32,
                  "remote_ip": venue.remote_ip | venue.remote_port << 32,
                  "tcp": venue.snd_nxt | venue.rcv_nxt << 32, "msg_seq": msg_seq}
        for name, value in values.items():
            yield where(VENUE, name, n), value
        for action in Action:
            for word, value in enumerate(image(venue, action)):
                yield where(IMAGE, f"word{word}", 2 * n + action), value
    for n, symbol in enumerate(symbols):
        low, high = symbol_words(symbol)
        yield where(SYMBOL_TEXT, "low", n), low
        yield where(SYMBOL_TEXT, "high", n), high
    for n in range(len(venues)):
        yield where(VENUE, "enable", n), 1


@dataclass
class Session:
    """Sequence numbers of one venue."""
    venue: VenueSpec
    msg_seq: int = 1
    snd_nxt: int = field(init=False)
    rcv_nxt: int = field(init=False)

    def __post_init__(self):
        self.snd_nxt, self.rcv_nxt = self.venue.snd_nxt, self.venue.rcv_nxt

    def frame(self, intent: dict, symbol: str, date: int, ms: int) -> bytes:
        """The frame of an intent (fields of `Intent`) at this moment."""
        values = OrderValues(self.msg_seq, date, ms, intent["order_id"], symbol, intent["qty"],
                             SIDE_CHARS[Side(intent["side"])], intent["price"], chr(intent["tif"]), intent["orig_id"])
        return frame(self.venue, Action(intent["action"]), values, self.snd_nxt, self.rcv_nxt)

    def left(self, intent: dict):
        """Its frame has ended well."""
        self.msg_seq += 1
        self.snd_nxt = (self.snd_nxt + FRAMES[Action(intent["action"])].payload) % 2**32

    def receive(self, seq: int, payload: bytes) -> bool:
        """A segment whose frame ended well; whether it was in order."""
        if seq != self.rcv_nxt or not payload:
            return False
        self.rcv_nxt = (self.rcv_nxt + len(payload)) % 2**32
        return True

"""ExecutionReports for tests: real ones out of a log, made ones, and ways to spoil them."""

import re
from pathlib import Path

from fixparse.checksum import finish

SOH = b"\x01"


def log_messages(path: Path) -> list[bytes]:
    """Every FIX 4.4 message of a log that writes `;` for SOH."""
    found = re.findall(rb"8=FIX\.4\.4;.*;10=[0-9]{3};", path.read_bytes())
    return [text.replace(b";", SOH) for text in found]


def report(**tags: str | None) -> bytes:
    """An ExecutionReport; `report(t31="1.5")` sets tag 31, None leaves a tag out; `|` is SOH."""
    fields = {"t49": "XTGA", "t56": "TICKGATE", "t34": "2", "t37": "O1", "t17": "E1", "t11": f"{0xABC:016X}",
              "t150": "F", "t39": "1", "t55": "AAPL", "t54": "1", "t32": "100", "t31": "123.45", "t151": "300",
              "t14": "100", "t6": "123.45", **tags}
    body = "35=8|" + "".join(f"{tag[1:]}={value}|" for tag, value in fields.items() if value is not None)
    return finish(b"FIX.4.4", body.encode("latin-1").replace(b"|", SOH))


def mutate(rng, text: bytes) -> bytes:
    """One or a few bytes changed, dropped, doubled or inserted, mostly among those that FIX is made of."""
    data = bytearray(text)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.choice(b"0123456789=\x01.8-A") if rng.random() < 0.8 else rng.randrange(256)
            case 1:
                del data[at]
            case 2:
                data[at:at] = data[at:at + rng.randrange(1, 12)]
            case _:
                data.insert(at, rng.choice(b"0123456789=\x01.8"))
    return bytes(data)

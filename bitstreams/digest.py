"""The identity of a bitstream: the digest of its sources, and the versions of the tools.

Everything that the gateware and the flow are made of is Python in `SOURCES`; nothing else of this repository goes
into a bitstream. A change of a comment changes the digest too: the digest says which text was built.
"""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("bitstreams", "fixparse", "hdl")


def source_digest(root: Path = ROOT) -> str:
    """SHA-256, in hex, over the path and the text of every source file."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in SOURCES for path in (root / folder).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

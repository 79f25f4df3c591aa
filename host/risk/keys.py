"""Keys of people: Ed25519 (RFC 8032), the private one in a file of its owner alone.

A private key is PKCS #8 PEM (RFC 5958), encrypted with a passphrase, or plain in a file of mode 0600. Nothing here
prints or logs one.
"""

import base64
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: What a person may do: `risk` changes limits, approves, resumes and enrols; `trader` tightens and proposes.
RISK, TRADER = "risk", "trader"
ROLES = (RISK, TRADER)

Passphrase = Callable[[], str]


class KeyProblem(Exception):
    """A key that cannot be read, made or used; says where, and what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What verifies a person's signature: 32 bytes, in base64."""
    text: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(base64.b64decode(self.text)).hexdigest()[:16]

    def verifies(self, signature: str, message: bytes) -> bool:
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.text, validate=True))
            key.verify(base64.b64decode(signature, validate=True), message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A person with their private key at hand."""

    def __init__(self, name: str, key: Ed25519PrivateKey):
        self.name, self._key = name, key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = PublicKey(base64.b64encode(raw).decode())

    def sign(self, message: bytes) -> str:
        return base64.b64encode(self._key.sign(message)).decode()


def create(path: Path, name: str, passphrase: str | None) -> Signer:
    """Make a private key in `path`, which must not exist; mode 0600 from the first byte on."""
    key = Ed25519PrivateKey.generate()
    lock: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption())
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
    except FileExistsError:
        raise KeyProblem(f"{path}: there is a key of {name} already; it is never overwritten") from None
    except OSError as error:
        raise KeyProblem(f"{path}: the key cannot be written ({error.strerror})") from None
    return Signer(name, key)


def load(path: Path, name: str, passphrase: Passphrase) -> Signer:
    """Read a private key; `passphrase` is asked where it is encrypted. A plain one that others may read is refused."""
    try:
        text, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        raise KeyProblem(f"{path}: no private key of {name} here; `tickgate keys new {name}` makes one") from None
    except OSError as error:
        raise KeyProblem(f"{path}: {error.strerror}") from None
    try:
        key = serialization.load_pem_private_key(text, None)
        plain = True
    except TypeError:  # it is encrypted
        plain = False
    except ValueError:
        raise KeyProblem(f"{path}: not a private key in PEM") from None
    if plain and stat.S_IMODE(mode) & 0o077:
        raise KeyProblem(f"{path}: a key without passphrase that others may read (mode {stat.S_IMODE(mode):04o}) is "
                        f"not used: revoke it, or `chmod 600` it if nobody else has been on this machine")
    if not plain:
        try:
            key = serialization.load_pem_private_key(text, passphrase().encode())
        except ValueError:
            raise KeyProblem(f"{path}: the passphrase is wrong") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem(f"{path}: not an Ed25519 key")
    return Signer(name, key)

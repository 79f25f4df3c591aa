"""Certificates of a zenoh bus, and the configurations that use them: one authority, one certificate a process.

For one desk on hosts of its own. `python -m host.bus.certificates FOLDER NAME...` makes them; the authority's key is
not kept, so that nobody can add a process later: make all of them again instead.
"""

import argparse
import datetime
import ipaddress
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host.bus.router import PATIENCE_US
from host.bus.topics import Topic

#: How long certificates are good for.
DAYS = 365
_AUTHORITY = "authority"
#: What access control may be said of (zenoh, "Access Control").
_MESSAGES = ("put", "delete", "declare_subscriber", "query", "reply", "declare_queryable")


@dataclass(frozen=True)
class Files:
    """A folder of certificates (`NAME.pem`) and keys (`NAME.key`), as `make` leaves it."""
    folder: Path

    def router(self, listen: str, publishes: Mapping[str, Iterable[Topic]], bus: str = "desk") -> dict[str, Any]:
        """Configuration of the router.

        Parameters
        ----------
        listen : endpoint, for example "tls/0.0.0.0:7447".
        publishes : the topics of each process, by the name of its certificate. Everyone named may subscribe and ask;
            nobody can publish, or answer for, what is not its own, nor in another's name.
        """
        rules: list[dict[str, Any]] = [
            {"id": "hear", "permission": "allow", "flows": ["ingress"], "key_exprs": ["**"],
             "messages": ["declare_subscriber", "query"]},
            {"id": "told", "permission": "allow", "flows": ["egress"], "key_exprs": ["**"],
             "messages": list(_MESSAGES)}]
        subjects, policies = [], []
        for name, topics in publishes.items():
            own = [f"tickgate/{bus}/m/{topic.name}/{name}/**" for topic in topics]
            rules.append({"id": f"send {name}", "permission": "allow", "flows": ["ingress"],
                          "key_exprs": [f"tickgate/{bus}/b/{name}/**", *own],
                          "messages": ["put", "declare_queryable", "reply"]})
            subjects.append({"id": name, "cert_common_names": [name]})
            policies.append({"rules": ["hear", "told", f"send {name}"], "subjects": [name]})
        return {
            "mode": "router", "listen": {"endpoints": [listen]}, "scouting": {"multicast": {"enabled": False}},
            "transport": {"link": {"tls": self._tls("router", "listen"), "tx": _TX}},
            "access_control": {"enabled": True, "default_permission": "deny", "rules": rules, "subjects": subjects,
                               "policies": policies}}

    def client(self, connect: str, name: str) -> dict[str, Any]:
        """Configuration of the process that has the certificate `name`."""
        return {"mode": "client", "connect": {"endpoints": [connect]}, "scouting": {"multicast": {"enabled": False}},
                "transport": {"link": {"tls": self._tls(name, "connect"), "tx": _TX}}}

    def _tls(self, name: str, side: str) -> dict[str, Any]:
        return {"root_ca_certificate": str(self.folder / f"{_AUTHORITY}.pem"), "enable_mtls": True,
                f"{side}_private_key": str(self.folder / f"{name}.key"),
                f"{side}_certificate": str(self.folder / f"{name}.pem")}


_TX = {"queue": {"congestion_control": {"block": {"wait_before_close": PATIENCE_US}}}}


def make(folder: Path, names: Sequence[str], hosts: Sequence[str] = ("127.0.0.1", "localhost")) -> Files:
    """Keys (P-256, readable by their owner alone) and certificates of `names`; `hosts`: where the router listens."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = _name(_AUTHORITY)
    root = _builder(issuer, issuer, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256())
    _write(folder / f"{_AUTHORITY}.pem", root.public_bytes(serialization.Encoding.PEM))
    for name in names:
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_name(name), issuer, own.public_key()).add_extension(
            x509.SubjectAlternativeName([_host(one) for one in hosts]), critical=False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False).sign(key, hashes.SHA256())
        _write(folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))
        _write(folder / f"{name}.key", own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return Files(folder)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=DAYS)))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser(description="certificates of a Tickgate bus over zenoh")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+", help="processes; the router's is made too")
    parser.add_argument("--host", action="append", help="address or name of the router (default: this machine)")
    given = parser.parse_args()
    try:
        make(given.folder, ("router", *given.names), tuple(given.host or ("127.0.0.1", "localhost")))
    except OSError as error:
        print(f"certificates: {given.folder}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

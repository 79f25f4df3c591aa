"""`tickgate keys`: who may change limits, and their keys."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli import audit
from host.cli.errors import UserError
from host.cli.places import STATE

if TYPE_CHECKING:
    from host.risk.keys import Signer

app = typer.Typer(no_args_is_help=True, help="People who may change limits and lift kills, and their keys.")

StateDir = Annotated[Path, typer.Option("--state", help="Folder of the limits and the audit log.")]
KeyDir = Annotated[Path | None, typer.Option("--keys", envvar="TICKGATE_KEYS",
                                             help="Folder of your private key; `keys` in the state folder by default.")]
As = Annotated[str | None, typer.Option("--as", envvar="TICKGATE_AS", help="Whose key signs, where there are several.")]
Reason = Annotated[str, typer.Option("--reason", "--why", "-m", help="Why, for the audit log.")]

_SUFFIX = ".pem"


def key_folder(state: Path, keys: Path | None) -> Path:
    return keys or state / "keys"


def signer(state: Path, keys: Path | None, name: str | None) -> "Signer":
    """The private key to sign with: that of `name`, or the only one there is."""
    from host.risk.keys import KeyProblem, load

    folder = key_folder(state, keys)
    there = sorted(path.stem for path in folder.glob(f"*{_SUFFIX}"))
    if name is None:
        if len(there) != 1:
            said = f"there are keys of {', '.join(there)}: say whose with --as" if there else (
                "there is none yet: `tickgate keys new YOUR_NAME --role risk` makes one")
            raise UserError(f"this needs a signature. In {folder} {said}")
        (name,) = there
    try:
        return load(folder / (name + _SUFFIX), name, lambda: _ask(f"passphrase of {name}: "))
    except KeyProblem as error:
        raise UserError(str(error)) from None


def _ask(prompt: str) -> str:
    """A passphrase, from the terminal alone: neither the process list nor a log may show it."""
    import getpass

    try:
        with open("/dev/tty", "rb"):
            pass
        return getpass.getpass(prompt)
    except (OSError, EOFError):
        raise UserError("there is no terminal to ask for a passphrase on") from None


@app.command("new")
def new(name: Annotated[str, typer.Argument(help="Your name: letters, digits, - and _.")],
        role: Annotated[str, typer.Option(help="risk: changes, approves, resumes. trader: tightens and proposes.")],
        as_: As = None, state: StateDir = STATE, keys: KeyDir = None, reason: Reason = "",
        plain: Annotated[bool, typer.Option("--no-passphrase", help="Its file mode (0600) alone protects it.")] = False,
        ) -> None:
    """Make a key of your own and enrol it.

    The first one, of role risk, vouches for itself, and lets in the second (`--as`). From then on a new key waits for
    two people: one who asks, another who approves (`tickgate limits approve`).
    """
    from host.risk.keys import ROLES, KeyProblem, create

    if role not in ROLES:
        raise UserError(f"--role {role}: give {' or '.join(ROLES)}")
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > 32:
        raise UserError(f"{name}: letters, digits, - and _ alone, at most 32")
    ledger, path = audit.read(state), key_folder(state, keys) / (name + _SUFFIX)
    first = not ledger.names
    if name in ledger.names:
        raise UserError(f"the name {name} is or was in use; take another")
    sponsor = None if first else signer(state, keys, as_)
    passphrase = None if plain else _ask(f"new passphrase of {name}: ")
    if passphrase is not None and (len(passphrase) < 8 or passphrase != _ask("once more: ")):
        raise UserError("the two are not the same, or shorter than 8 characters; no key was made")
    try:
        made = create(path, name, passphrase)
    except KeyProblem as error:
        raise UserError(str(error)) from None
    person = {"name": name, "role": role, "public": made.public.text}
    try:
        if first or ledger.may_enrol_alone():
            audit.append(state, "enrol", reason, person, sponsor or made)
            print(f"{name} is enrolled as {role}, key {made.public.fingerprint}; the private key is {path}")
        else:
            after = audit.append(state, "propose", reason, {"enrol": person}, sponsor)
            print(f"the private key is {path}; it is good once another person has approved it:\n"
                  f"  tickgate limits approve {after.count} --as NAME")
    except UserError:
        os.unlink(path)
        raise


@app.command("list")
def list_(state: StateDir = STATE) -> None:
    """Who is enrolled."""
    from host.cli.tables import show, table

    ledger = audit.read(state)
    if not ledger.people:
        print(f"nobody yet: `tickgate keys new YOUR_NAME --role risk` makes the first key ({state})")
        return
    show(table("People", ("name", "role", "key"), [(one.name, one.role, one.public.fingerprint)
                                                   for one in ledger.people.values()], left=3))


@app.command("revoke")
def revoke(name: str, reason: Reason = "", as_: As = None, state: StateDir = STATE, keys: KeyDir = None) -> None:
    """End a key, at once. Its name is never used again."""
    audit.append(state, "revoke", reason, {"name": name}, signer(state, keys, as_))
    print(f"the key of {name} is no longer good")

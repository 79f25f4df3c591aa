"""The dashboard of a session: where it listens, what its buttons do, and `tickgate dashboard`."""

import ipaddress
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli import audit, control
from host.cli.errors import UserError
from host.cli.places import DASHBOARD, RUN, folder, write_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from host.dashboard.server import Act

#: Where it listens unless told otherwise: this machine alone.
LISTEN = "127.0.0.1:8750"
#: How long a resume may take: it signs, and waits for the session.
_RESUME_S = 60.0
_FILES = Path(__file__).parent.parent / "dashboard"
_SCOPES: tuple[str, ...] = ("venue", "strategy")


def dashboard(run_dir: Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")] = RUN,
              grafana: Annotated[Path | None, typer.Option(help="Write the Grafana board to this file.")] = None,
              alerts: Annotated[Path | None, typer.Option(help="Write Prometheus alert rules to this file.")] = None,
              ) -> None:
    """Say where the running session's page is, or write the Grafana board or the alert rules for its /metrics."""
    if grafana:
        write_text(grafana, (_FILES / "grafana.json").read_text(encoding="utf-8"))
        print(f"{grafana}: import it in Grafana and choose the Prometheus that scrapes /metrics")
    if alerts:
        write_text(alerts, (_FILES / "alerts.yml").read_text(encoding="utf-8"))
        print(f"{alerts}: name it under rule_files of the Prometheus that scrapes /metrics")
    if grafana or alerts:
        return
    if control.request(run_dir, {"command": "ping"}) is None:
        raise UserError(f"no session is running in {run_dir}")
    try:
        print(json.loads((run_dir / DASHBOARD).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError):
        raise UserError(f"the session in {run_dir} runs without a dashboard (--headless)") from None


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, an IPv6 address in brackets. Port 0 takes any that is free."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise UserError(f"--dashboard {text}: write it as HOST:PORT, such as {LISTEN}")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tell(run_dir: Path, where: str, host: str) -> None:
    """Leave the address (never the token) where other commands find it, and where exactly it listens."""
    port = where.rstrip("/").rpartition(":")[2]
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    write_text(folder(run_dir) / DASHBOARD, json.dumps({"address": where, "listen": listen}) + "\n")


def announce(say: "Callable[[str], None]", where: str, host: str, token: str) -> None:
    """Show the address and, this once, the token."""
    say(f"dashboard: {where}#token={token}")
    if not is_loopback(host):
        say("it listens beyond this machine, in plain HTTP: anyone on the way can read the token")


def buttons(run_dir: Path, state: Path) -> "Act":
    """What the page's buttons do: what `tickgate kill` and `tickgate resume` do, audit log and keys included."""
    from host.dashboard.server import Refused

    def act(said: dict[str, str]) -> str:
        scope: dict[str, str] = {name: said[name] for name in _SCOPES if name in said}
        try:
            return (_kill if said["command"] == "kill" else _resume)(run_dir, state, scope, said.get("why", ""))
        except UserError as error:
            raise Refused(str(error)) from None

    return act


def _kill(run_dir: Path, state: Path, scope: dict[str, str], why: str) -> str:
    reason = f"dashboard: {why}" if why else "dashboard"
    answer = control.request(run_dir, {"command": "kill", "why": reason, **scope})  # nothing comes before it
    audit.note(state, "kill", reason, scope)
    if answer is None:
        raise UserError("the session has ended; the next one starts killed, until `tickgate resume`")
    return str(answer["text"])


def _resume(run_dir: Path, state: Path, scope: dict[str, str], why: str) -> str:
    """By the command itself, in a process without a terminal: it signs with the key of role risk that is there."""
    if not why.strip():
        raise UserError("a resume needs a reason")
    options = [part for name, value in scope.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-c", "from host.cli.main import main; main()", "resume", "--reason",
               f"dashboard: {why}", "--run-dir", str(run_dir), "--state", str(state), *options]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_RESUME_S,
                              start_new_session=True, check=False)
    except subprocess.TimeoutExpired:
        raise UserError("the resume takes too long: use `tickgate resume` in a terminal") from None
    if done.returncode:
        problem = done.stderr.strip().removeprefix("tickgate: ") or f"exit code {done.returncode}"
        raise UserError(f"{problem} (`tickgate resume` in a terminal can ask for a passphrase)")
    return done.stdout.strip()

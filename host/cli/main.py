"""Entry point of `tickgate`. No traceback reaches a user."""

import os
import sys

import typer

from host.cli import (
    bench,
    bitstream,
    dashboard,
    docs,
    formal,
    keys,
    kill,
    latency,
    limits,
    places,
    replay,
    rfq,
    risk,
    run,
    status,
    tca,
    up,
)
from host.cli.errors import UserError

#: Exit codes: the input was wrong, we were, the user stopped it.
BAD_INPUT, OUR_FAULT, INTERRUPTED = 2, 70, 130

app = typer.Typer(name="tickgate", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  rich_markup_mode="rich", help="FPGA/SmartNIC co-design toolchain for a market-making desk.")
app.command("run")(run.run)
app.command("up")(up.up)
app.command("replay")(replay.replay)
app.add_typer(limits.app, name="limits")
app.add_typer(keys.app, name="keys")
app.add_typer(risk.app, name="risk")
app.command("kill")(kill.kill)
app.command("resume")(kill.resume)
app.command("status")(status.status)
app.command("latency")(latency.latency)
app.command("tca")(tca.tca)
app.command("rfq")(rfq.rfq)
app.command("dashboard")(dashboard.dashboard)
app.command("bench")(bench.bench)
app.command("formal")(formal.formal)
app.add_typer(bitstream.app, name="bitstream")
app.command("docs")(docs.docs)


def main() -> None:
    code = call(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has gone (`| head`): Python would say so once more as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def call(arguments: list[str]) -> int:
    """Run one command line; returns its exit code and never raises."""
    try:
        app(arguments, prog_name="tickgate")
        return 0
    except SystemExit as exit_:  # typer has shown usage errors, and ends every command so
        return exit_.code if isinstance(exit_.code, int) else BAD_INPUT if exit_.code else 0
    except UserError as error:
        return _say(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _say("stopped", INTERRUPTED)
    except BrokenPipeError:
        return 0
    except Exception as error:
        return _our_fault(error)


def _say(text: str, code: int) -> int:
    print(f"tickgate: {text}", file=sys.stderr)
    return code


def _our_fault(error: Exception) -> int:
    kept = places.crash(error)
    where = f"; details for a bug report are in {kept}" if kept else ""
    return _say(f"internal error: {type(error).__name__}: {error}{where}", OUR_FAULT)

"""`tickgate rfq`: ask the running desk for a quote, as a client would."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host.cli import control
from host.cli.errors import UserError
from host.cli.places import RUN

if TYPE_CHECKING:
    from host.ems.quoteclient import Answer

_SIDES = ("buy", "sell")
_MILLISECOND = 10**6


def rfq(stock: Annotated[str, typer.Argument(help="Name of the stock or option, as in the limits file.")],
        qty: Annotated[int, typer.Argument(min=1, max=10**9, help="Shares or contracts.")],
        side: Annotated[str | None, typer.Option(help="What you would do: buy or sell; without it both sides.")] = None,
        fix: Annotated[bool, typer.Option("--fix", help="Show both messages, 35=R and 35=S or 35=AG.")] = False,
        run_dir: Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")] = RUN) -> None:
    """Ask the running session for a quote (FIX 35=R) and show its answer (35=S), or why there is none (35=AG).

    Each side was put to the risk gate first, as the order that it would become. Ends with 1 where nothing is quoted.
    """
    if side not in (None, *_SIDES):
        raise UserError(f"--side {side}: give {' or '.join(_SIDES)}")
    request = {"command": "rfq", "stock": stock, "qty": qty} | ({"side": side} if side else {})
    answer = control.request(run_dir, request)
    if answer is None:
        raise UserError(f"no session is running in {run_dir}")
    if fix:
        print(answer["request"].replace("\x01", "|"))
        print(answer["answer"].replace("\x01", "|"))
    if answer["why"]:
        print(f"no quote: {answer['why']}")
        raise typer.Exit(1)
    shown = ", ".join(f"{name} {price} for {shares:,}" for name, (price, shares) in answer["sides"].items())
    print(f"{stock}: {shown} (quote {answer['quote_id']}, good for {answer['valid_ns'] // _MILLISECOND} ms)")


def told(answer: "Answer | None") -> dict[str, Any]:
    """What a session tells of an answer; prices as text. Raises `UserError` where there is none."""
    from fixparse.values import format_price

    if answer is None:
        raise UserError("the desk does not answer: its risk service is not there, or could not read the request; see "
                        "its faults")
    return {"request": answer.request.decode("latin-1"), "answer": answer.raw.decode("latin-1"),
            "quote_id": answer.quote_id, "valid_ns": answer.valid_ns, "why": answer.why,
            "sides": {name: [format_price(price).decode(), qty] for name, (price, qty) in answer.sides.items()}}


def wanted(request: dict[str, Any]) -> tuple[str, int, Any]:
    """Stock, quantity and side of a request from the control socket."""
    from hdl.layouts import Side

    stock, qty, side = request.get("stock"), request.get("qty"), request.get("side")
    if not isinstance(stock, str) or not isinstance(qty, int) or not stock.isascii() or "\x01" in stock or not stock:
        raise UserError("a request for a quote has a stock and a quantity")
    return stock, qty, Side[side.upper()] if side in _SIDES else None

"""`tickgate bitstream`: place and route the NIC for a board."""

from typing import Annotated

import typer

from host.cli.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Bitstreams, with open tools.")


@app.callback()
def group() -> None:
    """Bitstreams, with open tools."""


@app.command("build")
def build(board: Annotated[str, typer.Argument(help="Board, for example versa_ecp5_5g.")]) -> None:
    """Synthesise, place and route; leaves `top.bit`, reports and `manifest.json` in build/bitstreams/BOARD/."""
    from bitstreams.errors import BitstreamError

    try:
        from bitstreams.plan import build as build_bitstream
    except ModuleNotFoundError:
        raise UserError(f"{board}: the complete NIC does not fit this device yet, so there is no build plan for it. "
                        "`python -m bitstreams.block MODULE:CLASS` places and routes one block") from None

    try:
        print(build_bitstream(board))
    except BitstreamError as error:
        raise UserError(str(error)) from None

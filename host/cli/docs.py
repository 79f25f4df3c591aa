"""`tickgate docs`: the register and record reference, generated from their declarations."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli.places import DOCS, write_text


def docs(out: Annotated[Path, typer.Option(help="Folder to write to.")] = DOCS,
         variant: Annotated[str, typer.Option(help="NIC variant, for addresses.")] = "gbe") -> None:
    """Write the register and record reference as Markdown and HTML."""
    from hdl.config import VARIANTS
    from host.cli.errors import UserError
    from host.cli.reference import html, pages

    if variant not in VARIANTS:
        raise UserError(f"--variant {variant}: there is {', '.join(VARIANTS)}")
    for name, (title, text) in pages(VARIANTS[variant]).items():
        write_text(out / f"{name}.md", text)
        write_text(out / f"{name}.html", html(title, text))
        print(out / f"{name}.html")

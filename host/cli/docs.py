"""`tickgate docs`: the documentation site, with the reference made from the declarations."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError
from host.cli.places import DOCS, folder


def docs(out: Annotated[Path, typer.Option(help="Folder to write to: source/ (Markdown) and site/ (HTML).")] = DOCS,
         variant: Annotated[str, typer.Option(help="NIC variant, for addresses of registers.")] = "gbe") -> None:
    """Build the documentation site, to be read from disk or served as it is."""
    from hdl.config import VARIANTS
    from host.reference.site import SiteError, build, stage

    if variant not in VARIANTS:
        raise UserError(f"--variant {variant}: there is {', '.join(VARIANTS)}")
    source, site = folder(out) / "source", out / "site"
    try:
        stage(source, pages(variant))
        build(source, site)
    except ImportError as error:
        raise UserError(f"{source} is written, but the site needs {error.name}: run `make setup`") from None
    except SiteError as error:
        raise UserError(f"the site is not whole:\n{error}") from None
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    print(site / "index.html")


def pages(variant: str) -> dict[str, str]:
    """Every generated page, by its name."""
    from hdl.config import VARIANTS
    from host.cli.main import app
    from host.reference import commands, desk, nic, tested
    from sim.paths import ROOT

    return {"registers": nic.registers(VARIANTS[variant]), "records": nic.records(), "topics": desk.topics(),
            "limits": desk.limits(), "cli": commands.commands(typer.main.get_command(app)),
            "tests": tested.tested(ROOT / "tests")}

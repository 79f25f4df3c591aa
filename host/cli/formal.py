"""`tickgate formal`: the proofs, and the mutants that must fail them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from host.cli.places import write_text

FAILED = 1


def formal(names: Annotated[list[str] | None, typer.Argument(help="Proofs by name; all if none is given.")] = None,
           json_file: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
           ) -> None:
    """Prove every property, and check that each mutant is caught. Exit code 1 where one does not hold.

    What is proven, and on what grounds, is in docs/proofs.md.
    """
    from rich.console import Console

    from host.cli.errors import UserError
    from host.cli.tables import show, table
    from sim.formal import FormalError, prove_all

    try:
        with Console(stderr=True).status("proving") as status:
            results = prove_all(lambda text: status.update(text), names or ())
    except FormalError as error:
        raise UserError(str(error)) from None
    columns = ("name", "status", "engine", "properties", "depth", "mutants_caught", "mutants_tried", "seconds")
    show(table("Proofs", columns, ((one[column] for column in columns) for one in results), left=3))
    if json_file:
        write_text(json_file, json.dumps(results, indent=1, sort_keys=True) + "\n")
    if any(one["status"] != "pass" for one in results):
        raise typer.Exit(FAILED)

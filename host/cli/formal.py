"""`tickgate formal`: the proofs, and the mutants that must fail them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError


def formal(json_file: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
           ) -> None:
    """Prove every property, and check that each mutant is caught."""
    from rich.console import Console
    from rich.table import Table

    from sim.formal import FormalError, prove_all

    console = Console()
    try:
        with console.status("proving") as status:
            results = prove_all(status.update)
    except FormalError as error:
        raise UserError(str(error)) from None
    table = Table("proof", "status", "properties", "depth", "engine", "seconds", "mutants caught", title="Proofs")
    for one in results:
        table.add_row(one["name"], one["status"], str(one["properties"]), str(one["depth"]), one["engine"],
                      str(one["seconds"]), f"{one['mutants_caught']} of {one['mutants_tried']}")
    console.print(table)
    if json_file:
        json_file.write_text(json.dumps(results, indent=1) + "\n")
    if any(one["status"] != "pass" for one in results):
        raise typer.Exit(1)

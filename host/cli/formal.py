"""`tickgate formal`: the proofs, and the mutants that must fail them."""

from pathlib import Path
from typing import Annotated

import typer


def formal(json_file: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
           ) -> None:
    """Prove every property, and check that each mutant is caught."""
    raise NotImplementedError

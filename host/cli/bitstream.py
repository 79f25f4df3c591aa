"""`tickgate bitstream`: place and route the NIC for a board."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli.errors import UserError

if TYPE_CHECKING:
    from bitstreams.board import Board
    from bitstreams.manifest import Manifest
    from hdl.config import NicConfig

app = typer.Typer(no_args_is_help=True, help="Bitstreams, with open tools.")

BoardName = Annotated[str, typer.Argument(metavar="BOARD", help="Board, for example versa_ecp5_5g.")]
Variant = Annotated[str | None, typer.Option(help="NIC variant, gbe or tiny; the board's own by default.")]
MAX_SEED = 2**31 - 1
# Where a sweep's seeds are tried.
Jobs = Annotated[int | None, typer.Option(min=1, help="Seeds at a time, each on a core and with 2 GB. One a core by "
                                                      "default; on a batch system all.")]
Cluster = Annotated[str, typer.Option(help="local: threads; dask: processes of this machine under a dask scheduler; or "
                                           "jobs of slurm, lsf, pbs, sge.")]
Queue = Annotated[str | None, typer.Option(help="Queue or partition of the jobs.")]
Account = Annotated[str | None, typer.Option(help="Account or project of the jobs.")]
Hours = Annotated[int, typer.Option(min=1, max=99, help="Longest run of a job.")]
Memory = Annotated[str, typer.Option(help="Memory of a job.")]
Interface = Annotated[str | None, typer.Option(help="Network interface by which jobs reach this machine.")]
Directives = Annotated[list[str] | None, typer.Option("--directive", help="A further line of a job's header, without "
                                                                          "#SBATCH or the like. Repeatable.")]


@app.callback()
def group() -> None:
    """Bitstreams, with open tools."""


@app.command("build")
def build(board: BoardName,
          seed: Annotated[int, typer.Option(min=1, max=MAX_SEED, help="Seed of placement and routing.")] = 1,
          variant: Variant = None) -> None:
    """Synthesise, place and route; leaves top.bit, report.txt and manifest.json in build/bitstreams/BOARD/.

    A clock that misses its target is an error, and leaves no bit file. What is built already is not built again.
    """
    from bitstreams import plan

    with _bitstream(board, variant) as (found, config), Stages() as stages:
        manifest, made = plan.build(found, config, seed, stage=stages.begin)
    _show(manifest, plan.folder_of(found, config), "built" if made else "up to date, nothing to do")


@app.command("sweep")
def sweep(board: BoardName,
          seeds: Annotated[int, typer.Option(min=1, max=1000, help="Try seeds 1 to this.")] = 5,
          jobs: Jobs = None, variant: Variant = None, cluster: Cluster = "local", queue: Queue = None,
          account: Account = None, hours: Hours = 4, memory: Memory = "4GB", interface: Interface = None,
          directive: Directives = None,
          job_script: Annotated[bool, typer.Option("--job-script", help="Show the script of a job, and end.")] = False,
          ) -> None:
    """Place and route with several seeds, and keep the one whose worst clock has the most margin.

    Jobs of a batch system need this folder and this Python at the same place as here.
    """
    from bitstreams import cluster as clusters
    from bitstreams import plan
    from bitstreams.sweep import sweep as sweep_seeds

    job = clusters.Job(queue, account, hours, memory, interface, tuple(directive or ()))
    with _bitstream(board, variant) as (found, config):
        if job_script:
            print(clusters.job_script(cluster, job))
            return
        clusters.check(cluster)
        count = jobs or (seeds if cluster in clusters.BATCH else os.cpu_count() or 1)
        with Stages() as stages:
            def result(manifest: "Manifest") -> None:
                stages.say(f"seed {manifest.identity.seed}: {_clocks(manifest)}")

            best = sweep_seeds(found, config, range(1, seeds + 1), stage=stages.begin, result=result,
                               workers=lambda: clusters.workers(cluster, count, job))
    _show(best, plan.folder_of(found, config), f"seed {best.identity.seed} kept")


@contextmanager
def _bitstream(name: str, variant: str | None) -> "Iterator[tuple[Board, NicConfig]]":
    """Board and configuration by their names; what goes wrong with them is the user's to read."""
    from bitstreams import board, plan
    from bitstreams.errors import BitstreamError

    try:
        found = board.find(name)
        yield found, plan.variant(found, variant)
    except BitstreamError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{error.filename or 'build folder'}: {error.strerror}") from None


def _clocks(manifest: "Manifest") -> str:
    return ", ".join(f"{name} {clock['fmax_mhz']:.2f} of {clock['target_mhz']:g} MHz"
                     for name, clock in manifest.clocks.items())


def _show(manifest: "Manifest", folder: Path, what: str) -> None:
    print(f"{manifest.identity.board}, variant {manifest.identity.variant}: {what}")
    print(f"  clocks    {_clocks(manifest)}")
    print(f"  bit file  {folder / 'top.bit'}")
    print(f"  report    {folder / 'report.txt'}")


class Stages:
    """One line for each stage with the time it took; the stage at work is shown running where there is a terminal."""

    def __enter__(self) -> "Stages":
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
                                  console=Console(stderr=True), transient=True)
        self._progress.start()
        self._stage: str | None = None
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._end("failed" if failed else "")
        self._progress.stop()

    def begin(self, stage: str) -> None:
        self._end()
        self._stage, self._since, self._task = stage, time.monotonic(), self._progress.add_task(stage, total=None)

    def say(self, text: str) -> None:
        self._progress.console.print(f"  {text}", highlight=False)

    def _end(self, how: str = "") -> None:
        if self._stage:
            seconds = round(time.monotonic() - self._since)
            self.say(f"{self._stage:<24}{seconds // 60:>4}:{seconds % 60:02d}  {how}".rstrip())
            self._progress.remove_task(self._task)
            self._stage = None

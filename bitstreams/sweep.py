"""Seeds side by side: placement is a matter of luck by 10 to 20 %, so several are tried and the best is kept.

The netlist is the same for all and made once. Each seed has a folder `seeds/<seed>` with its report and manifest.
Where the seeds are tried makes no difference to what comes out: `bitstreams.cluster`.
"""

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from bitstreams import plan, report
from bitstreams.board import Board
from bitstreams.manifest import Identity, Manifest
from bitstreams.netlist import TOP
from bitstreams.tools import read_report
from hdl.config import NicConfig

#: Told a seed's result as it comes.
Result = Callable[[Manifest], None]
#: Makes what tries the seeds.
Workers = Callable[[], AbstractContextManager[Executor]]


def sweep(board: Board, config: NicConfig, seeds: Iterable[int], folder: Path | None = None,
          stage: plan.Stage = lambda name: None, result: Result = lambda manifest: None,
          workers: Workers = lambda: ThreadPoolExecutor(1)) -> Manifest:
    """Place and route with every seed, as many at a time as there are `workers`; pack the best as `plan.build` would.

    The best is the one whose worst clock has the most margin; of equals, the first seed. Returns its manifest.

    Raises
    ------
    TimingError : the best misses its timing too.
    FitError, ToolError, BitstreamError : as `plan.build`.
    """
    folder = folder or plan.folder_of(board, config)
    identity = plan.identify(board, config, seed=0)
    with plan.locked(folder):
        names = plan.synthesized(board, config, folder, identity, stage)
        stage("placement and routing")
        tried = _try_all(board, folder, [replace(identity, seed=seed) for seed in seeds], names, workers, result)
        best = min(tried, key=lambda manifest: (-manifest.margin(manifest.worst), manifest.identity.seed))
        best = _keep(best, folder, names, stage)
    plan.check(best, folder)
    return best


def seed_folder(folder: Path, seed: int) -> Path:
    return folder / "seeds" / str(seed)


def _try_all(board: Board, folder: Path, identities: list[Identity], names, workers: Workers, result: Result):
    """The manifest of each identity; those that are there already are not made again."""
    with workers() as pool:
        trials = [pool.submit(_try, board, folder, identity, names) for identity in identities]
        try:
            for trial in as_completed(trials):
                result(trial.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [trial.result() for trial in trials]


def _try(board: Board, source: Path, identity: Identity, names: dict[str, str]) -> Manifest:
    """Place and route one seed."""
    folder = seed_folder(source, identity.seed)
    folder.mkdir(parents=True, exist_ok=True)
    if manifest := plan.built(folder, identity):
        return manifest
    plan.discard(folder)
    manifest, found = plan.route(board, source, identity, names, folder, stage=lambda name: None)
    (folder / plan.REPORT).write_text(report.text(manifest, found))
    manifest.save(folder / plan.MANIFEST)
    return manifest


def _keep(best: Manifest, folder: Path, names: dict[str, str], stage: plan.Stage) -> Manifest:
    """Make the best seed's result the build's."""
    plan.discard(folder)
    source = seed_folder(folder, best.identity.seed)
    for name in (f"{TOP}.config", f"{TOP}.report.json"):
        shutil.copyfile(source / name, folder / name)
    return plan.finish(best, report.renamed(read_report(folder, TOP), names), folder, stage)

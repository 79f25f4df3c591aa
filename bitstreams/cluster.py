"""Where seeds are tried: threads here, or workers of a dask cluster, here or as jobs of a batch system.

All of them are executors to `bitstreams.sweep`, so that what comes out is the same. Workers of a batch system see the
same folders as this machine: the repository with its build folder, and the Python that runs this.
"""

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from bitstreams.digest import ROOT
from bitstreams.errors import BitstreamError


class Batch(NamedTuple):
    """A batch system: its class in dask_jobqueue, its command that submits a job, what that class calls the account,
    and how a job's longest run of some hours is written."""
    kind: str
    submit: str
    account: str
    walltime: str = "{:02d}:00:00"


BATCH = {
    "slurm": Batch("SLURMCluster", "sbatch", "account"),
    "lsf": Batch("LSFCluster", "bsub", "project", "{:02d}:00"),
    "pbs": Batch("PBSCluster", "qsub", "account"),
    "sge": Batch("SGECluster", "qsub", "project"),
}
#: What `--cluster` may be: threads of this process, processes of this machine under dask, or a batch system.
NAMES = ("local", "dask", *BATCH)
LOGS = ROOT / "build" / "bitstreams" / "jobs"


@dataclass(frozen=True)
class Job:
    """What each job asks of a batch system. It tries one seed at a time, on one core.

    Parameters
    ----------
    queue, account : as the batch system names them; None leaves its default.
    hours : longest run of a job.
    memory : of a job, in a form that dask reads.
    interface : network interface by which jobs reach this machine; None for the default one.
    directives : further lines of the job's header, without the batch system's mark.
    """
    queue: str | None = None
    account: str | None = None
    hours: int = 4
    memory: str = "4GB"
    interface: str | None = None
    directives: tuple[str, ...] = ()


def check(name: str) -> None:
    """Raise `BitstreamError` if there is no such place, or if its batch system is not on this machine."""
    if name not in NAMES:
        raise BitstreamError(f"{name}: no such cluster; there is: {', '.join(NAMES)}")
    if name in BATCH and shutil.which(BATCH[name].submit) is None:
        raise BitstreamError(f"{name}: {BATCH[name].submit}, which submits its jobs, is not on this machine's PATH; "
                             f"--job-script shows what would be submitted")


@contextmanager
def workers(name: str, count: int, job: Job = Job()) -> Iterator[Executor]:
    """`count` seeds at a time, where `name` says. BitstreamError: see `check`; or workers died of a seed."""
    check(name)
    if name == "local":
        with ThreadPoolExecutor(count) as pool:
            yield pool
        return
    from distributed import Client, KilledWorker, LocalCluster

    cluster = (_batch(name, job) if name in BATCH else
               LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None))
    with cluster:
        if name in BATCH:
            cluster.scale(jobs=count)
        try:
            with Client(cluster) as client, client.get_executor(pure=False) as pool:
                yield pool
        except KilledWorker as error:
            raise BitstreamError(f"{name}: workers end before a seed is done ({error}); is --memory enough? Their logs "
                                 f"are in {LOGS}") from None


def job_script(name: str, job: Job = Job()) -> str:
    """The script that would be submitted for each worker; needs no batch system."""
    if name not in BATCH:
        raise BitstreamError(f"{name}: there are job scripts for {', '.join(BATCH)} alone")
    with _batch(name, job) as cluster:
        return cluster.job_script()


def _batch(name: str, job: Job) -> Any:
    """A cluster without a worker yet."""
    import dask_jobqueue

    batch = BATCH[name]
    LOGS.mkdir(parents=True, exist_ok=True)
    return getattr(dask_jobqueue, batch.kind)(
        cores=1, processes=1, memory=job.memory, walltime=batch.walltime.format(job.hours), queue=job.queue,
        interface=job.interface, job_extra_directives=list(job.directives), job_name="tickgate-seed",
        python=sys.executable, log_directory=str(LOGS), local_directory=str(LOGS), job_script_prologue=[f"cd {ROOT}"],
        worker_extra_args=["--no-dashboard"], scheduler_options={"dashboard_address": None},
        **{batch.account: job.account})


__all__ = ["BATCH", "NAMES", "Job", "check", "job_script", "workers"]

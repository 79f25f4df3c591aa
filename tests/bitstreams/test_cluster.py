"""Seeds on a dask cluster give what they give here; what would be submitted to a batch system, without one."""

import shutil

import pytest

from bitstreams.cluster import BATCH, Job, job_script, workers
from bitstreams.digest import ROOT
from bitstreams.errors import BitstreamError, FitError
from bitstreams.sweep import seed_folder, sweep
from hdl.config import TINY

JOB = Job(queue="fpga", account="desk", hours=6, memory="3GB", interface="lo")


def test_the_same_by_way_of_dask(built, new_folder):
    """The same best seed and the same placement, byte for byte, from other processes."""
    board, folders = built[0], [new_folder(), new_folder()]
    best = [sweep(board, TINY, (1, 2), folder=folder, workers=lambda name=name: workers(name, 2))
            for name, folder in zip(("local", "dask"), folders, strict=True)]
    assert best[0] == best[1]
    for seed in (1, 2):
        one, other = ((seed_folder(folder, seed) / "top.config").read_bytes() for folder in folders)
        assert one == other


def _raise(number: int):
    raise FitError(f"{number} too many")


def test_an_error_of_a_worker_is_the_error():
    with workers("dask", 1) as pool, pytest.raises(FitError, match="7 too many"):
        pool.submit(_raise, 7).result()


@pytest.mark.parametrize(("name", "lines"), [
    ("slurm", ["#SBATCH -p fpga", "#SBATCH -A desk", "#SBATCH --cpus-per-task=1", "#SBATCH -t 06:00:00",
               "#SBATCH --mem=3G", "#SBATCH --exclusive"]),
    ("lsf", ["#BSUB -q fpga", '#BSUB -P "desk"', "#BSUB -n 1", "#BSUB -W 06:00", "#BSUB --exclusive"]),
    ("pbs", ["#PBS -q fpga", "#PBS -A desk", "#PBS -l walltime=06:00:00"]),
    ("sge", ["#$ -q fpga", "#$ -P desk", "#$ -l h_rt=06:00:00"]),
])
def test_job_scripts(name, lines):
    script = job_script(name, Job(**{**vars(JOB), "directives": ("--exclusive",)})).splitlines()
    assert set(lines) <= set(script)
    assert f"cd {ROOT}" in script
    assert any("distributed.cli.dask_worker tcp://127.0.0.1:" in line and "--nthreads 1" in line for line in script)


@pytest.mark.parametrize("name", BATCH)
def test_a_batch_system_that_is_not_here_is_said(name, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda command: None)
    with pytest.raises(BitstreamError, match=BATCH[name].submit), workers(name, 1):
        pass

"""`tickgate bitstream` as a person sees it; the tools themselves are tried in tests/bitstreams."""

import re

import pytest

from bitstreams import board, plan, sweep
from bitstreams.errors import FitError, TimingError
from bitstreams.manifest import Identity, Manifest
from host.cli import main

TARGET = 125.0


def manifest(fmax: float = 130.5, seed: int = 1) -> Manifest:
    identity = Identity("versa_ecp5_5g", "LFE5UM5G-45F-8BG381", "gbe", seed, "0" * 64, {"yosys": "0.70"})
    return Manifest(identity, {"core_clk": {"target_mhz": TARGET, "fmax_mhz": fmax}}, {"core_clk": "a -> b (9.00 ns)"},
                    {}, "f" * 64 if fmax >= TARGET else None)


@pytest.fixture
def tools(monkeypatch):
    """In the tools' place: `answer` is what the build gives or raises; `calls` what was asked for."""
    class Tools:
        calls, answer, made = [], manifest(), True

    def build(found, config, seed, stage):
        tools.calls.append((found.name, config.name, seed))
        for name in ("synthesis", "placement", "routing", "packing"):
            stage(name)
        if isinstance(tools.answer, Exception):
            raise tools.answer
        return tools.answer, tools.made

    def sweep_seeds(found, config, seeds, stage, result, workers):
        with workers() as pool:
            tools.calls.append((found.name, config.name, list(seeds), pool._max_workers))
        for seed in seeds:
            result(manifest(seed=seed))
        return manifest(seed=2)

    tools = Tools()
    monkeypatch.setattr(plan, "build", build)
    monkeypatch.setattr(sweep, "sweep", sweep_seeds)
    return tools


def call(capsys, *arguments):
    code = main.call(["bitstream", *arguments])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_build(capsys, tools):
    code, out, err = call(capsys, "build", "versa_ecp5_5g")
    assert code == 0
    assert tools.calls == [("versa_ecp5_5g", board.find("versa_ecp5_5g").config.name, 1)]
    assert "core_clk 130.50 of 125 MHz" in out
    assert str(plan.BUILD / "versa_ecp5_5g" / "top.bit") in out
    for stage in ("synthesis", "placement", "routing", "packing"):
        assert re.search(rf"{stage} +\d+:\d\d", err), "each stage with its time"


def test_a_build_that_is_there_says_so(capsys, tools):
    tools.made = False
    code, out, _ = call(capsys, "build", "versa_ecp5_5g")
    assert code == 0
    assert "up to date, nothing to do" in out


def test_options_reach_the_build(capsys, tools):
    assert call(capsys, "build", "versa_ecp5_5g", "--seed", "7", "--variant", "tiny")[0] == 0
    assert tools.calls == [("versa_ecp5_5g", "tiny", 7)]


@pytest.mark.parametrize("error", [TimingError("versa: core_clk reaches 101.00 MHz of 125", manifest(101.0)),
                                   FitError("the design does not fit: 50000 TRELLIS_COMB of 43848")])
def test_what_went_wrong_is_said_and_the_exit_code_tells(capsys, tools, error):
    tools.answer = error
    code, out, err = call(capsys, "build", "versa_ecp5_5g")
    assert code == main.BAD_INPUT
    assert out == ""
    assert str(error) in err
    assert "failed" in err
    assert "Traceback" not in err


def test_sweep(capsys, tools):
    code, out, err = call(capsys, "sweep", "versa_ecp5_5g", "--seeds", "3", "--jobs", "2")
    assert code == 0
    assert tools.calls == [("versa_ecp5_5g", board.find("versa_ecp5_5g").config.name, [1, 2, 3], 2)]
    assert [f"seed {seed}:" in err for seed in (1, 2, 3)] == [True] * 3
    assert "seed 2 kept" in out


def test_sweep_shows_the_script_of_a_job(capsys, tools):
    code, out, _ = call(capsys, "sweep", "versa_ecp5_5g", "--cluster", "slurm", "--job-script", "--queue", "fpga",
                        "--interface", "lo", "--hours", "2", "--directive", "--exclusive")
    assert code == 0
    assert tools.calls == []
    assert {"#SBATCH -p fpga", "#SBATCH -t 02:00:00", "#SBATCH --exclusive"} <= set(out.splitlines())


@pytest.mark.parametrize(("arguments", "says"), [
    (["build", "moon"], "moon: no such board; there is: versa_ecp5_5g"),
    (["build", "versa_ecp5_5g", "--variant", "huge"], "huge: no such variant; there is: gbe, tiny"),
    (["build", "versa_ecp5_5g", "--seed", "0"], "--seed"),
    (["sweep", "versa_ecp5_5g", "--seeds", "0"], "--seeds"),
    (["sweep", "moon"], "moon: no such board"),
    (["sweep", "versa_ecp5_5g", "--cluster", "slum"], "slum: no such cluster; there is: local, dask, slurm, lsf"),
    (["sweep", "versa_ecp5_5g", "--cluster", "lsf"], "lsf: bsub, which submits its jobs, is not on this machine"),
    (["sweep", "versa_ecp5_5g", "--job-script"], "local: there are job scripts for slurm"),
    (["build"], "BOARD")])
def test_wrong_arguments(capsys, tools, arguments, says):
    code, _, err = call(capsys, *arguments)
    assert code == main.BAD_INPUT
    assert says in err
    assert tools.calls == []

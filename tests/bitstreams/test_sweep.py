"""Seeds side by side on a real, small design."""

import pytest

from bitstreams import plan
from bitstreams.cluster import workers
from bitstreams.digest import file_digest
from bitstreams.manifest import Manifest
from bitstreams.sweep import seed_folder, sweep
from hdl.config import TINY

SEEDS = (3, 1, 2)


@pytest.fixture(scope="module")
def swept(built, new_folder):
    """A sweep's folder, its best, its results in the order they came, and its stages."""
    board, folder, results, stages = built[0], new_folder(), [], []
    best = sweep(board, TINY, SEEDS, folder=folder, stage=stages.append, result=results.append,
                 workers=lambda: workers("local", 2))
    return folder, best, results, stages


def test_every_seed_is_tried_once(swept):
    _, _, results, stages = swept
    assert sorted(manifest.identity.seed for manifest in results) == sorted(SEEDS)
    assert stages == ["elaboration", "synthesis", "placement and routing", "packing"]


def test_the_best_is_kept(swept):
    folder, best, results, _ = swept
    fmax = {manifest.identity.seed: manifest.clocks["core_clk"]["fmax_mhz"] for manifest in results}
    assert fmax[best.identity.seed] == max(fmax.values())
    assert len(set(fmax.values())) > 1, "seeds that make no difference test nothing"
    assert Manifest.load(folder / "manifest.json") == best
    assert best.bitstream_sha256 == file_digest(folder / "top.bit")
    assert not list((folder / "seeds").rglob("*.bit"))
    assert Manifest.load(seed_folder(folder, best.identity.seed) / "manifest.json").clocks == best.clocks


def test_a_sweep_finds_what_a_build_of_that_seed_finds(swept, built):
    _, folder, manifest, _ = built
    one = Manifest.load(seed_folder(swept[0], manifest.identity.seed) / "manifest.json")
    assert one.clocks == manifest.clocks
    assert (seed_folder(swept[0], 1) / "top.config").read_bytes() == (folder / "top.config").read_bytes()


def test_the_kept_build_is_up_to_date(swept, built):
    folder, best, _, _ = swept
    assert plan.build(built[0], TINY, best.identity.seed, folder) == (best, False)


def test_seeds_that_were_tried_are_not_tried_again(swept, built, monkeypatch):
    folder, best, _, _ = swept
    monkeypatch.setattr(plan.tools, "place_and_route", lambda *arguments, **more: 1 / 0)
    assert sweep(built[0], TINY, SEEDS, folder=folder) == best

"""The build plan on a real, small design: what it leaves, what it refuses, and that it repeats itself exactly."""

import json
import shutil
from dataclasses import replace

import pytest

from bitstreams import plan
from bitstreams.digest import file_digest
from bitstreams.errors import BitstreamError, TimingError
from bitstreams.manifest import Manifest
from hdl.config import GBE, TINY
from tests.bitstreams.small import CLOCKS, MHZ, blinker

#: No ECP5 flip-flop reaches this.
ABSURD_MHZ = 5000.0


@pytest.fixture
def copy(built, new_folder):
    """Another folder with the same finished build in it."""
    folder = new_folder()
    shutil.copytree(built[1], folder, dirs_exist_ok=True)
    return folder


def test_what_a_build_leaves(built):
    _, folder, manifest, stages = built
    assert stages == ["elaboration", "synthesis", "placement", "routing", "packing"]
    assert manifest.bitstream_sha256 == file_digest(folder / "top.bit")
    assert manifest.missed == []
    assert Manifest.load(folder / "manifest.json") == manifest
    assert manifest.clocks["core_clk"]["target_mhz"] == MHZ
    assert manifest.clocks["core_clk"]["fmax_mhz"] > MHZ


def test_the_manifest_as_others_read_it(built):
    flat = json.loads((built[1] / "manifest.json").read_text())
    assert {"source_digest", "tools", "seed", "variant", "clocks", "utilisation", "bitstream_sha256"} <= flat.keys()
    assert flat["timing_met"] is True
    assert flat["clocks"].keys() == {*CLOCKS}
    assert flat["utilisation"]["EHXPLLL"] == {"used": 1, "available": 4}
    assert set(flat["tools"]) == {"amaranth", "amaranth-boards", "yosys", "nextpnr"}


def test_the_same_inputs_give_the_same_bytes(built, new_folder):
    _, folder, manifest, _ = built
    elsewhere = new_folder()
    assert plan.build(blinker(), TINY, manifest.identity.seed, elsewhere) == (manifest, True)
    for name in ("top.bit", "top.il", "top.lpf", "manifest.json", "report.txt"):
        assert (elsewhere / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_second_build_does_nothing(built):
    board, folder, manifest, _ = built
    before = (folder / "top.bit").stat().st_mtime_ns
    stages = []
    assert plan.build(board, TINY, manifest.identity.seed, folder, stages.append) == (manifest, False)
    assert stages == []
    assert (folder / "top.bit").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", [{"seed": 2}, {"source_digest": "0" * 64}, {"variant": "gbe"}, {"tools": {}},
                                    {"board": "other"}, {"device": "other"}])
def test_anything_else_is_another_build(built, change):
    _, folder, manifest, _ = built
    assert plan.built(folder, manifest.identity) == manifest
    assert plan.built(folder, replace(manifest.identity, **change)) is None


@pytest.mark.parametrize("name", ["top.bit", "manifest.json", "report.txt"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_build_that_is_not_whole_is_no_build(built, copy, name, damage):
    identity, path = built[2].identity, copy / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[:len(content) // 2] if damage == "cut" else b"")
    if name == "report.txt" and damage != "missing":
        assert plan.built(copy, identity) is not None       # text for people: its content decides nothing
    else:
        assert plan.built(copy, identity) is None


def test_a_missed_clock_is_an_error_and_leaves_nothing_to_load(built, copy):
    manifest = built[2]
    board = blinker(ABSURD_MHZ)
    (copy / "manifest.json").unlink()       # otherwise the earlier result of the same identity counts
    (copy / "top.netlist.json").unlink()
    with pytest.raises(TimingError) as caught:
        plan.build(board, TINY, manifest.identity.seed, copy)
    missed = caught.value.manifest
    assert "core_clk" in missed.missed
    assert missed.bitstream_sha256 is None
    for said in ("core_clk", f"{missed.clocks['core_clk']['fmax_mhz']:.2f} MHz", "5000", "count", "report.txt"):
        assert said in str(caught.value)
    assert not list(copy.glob("*.bit"))
    assert Manifest.load(copy / "manifest.json") == missed
    assert json.loads((copy / "manifest.json").read_text())["timing_met"] is False
    assert "MISSED" in (copy / "report.txt").read_text()

    stages = []
    with pytest.raises(TimingError) as again:       # the same inputs miss again: nothing is run to find out
        plan.build(board, TINY, manifest.identity.seed, copy, stages.append)
    assert (stages, str(again.value)) == ([], str(caught.value))


def test_a_failed_build_leaves_no_earlier_result(built, copy, monkeypatch):
    board = built[0]
    monkeypatch.setattr(plan.tools, "place_and_route", lambda *arguments, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plan.build(board, TINY, 7, copy)
    assert not any((copy / name).exists() for name in ("top.bit", "manifest.json", "report.txt"))


def test_a_clock_that_the_board_does_not_know_is_an_error(built, copy):
    board = built[0]
    names = {"clock.clk": "core_clk", "core_clk": "core_clk"}
    other = replace(board, clocks={"core_clk": 100.0})
    with pytest.raises(BitstreamError, match=r"constrained to .*125"):
        plan.route(other, copy, built[2].identity, names, copy, stage=lambda name: None)


def test_one_build_at_a_time(built):
    board, folder, manifest, _ = built
    with plan.locked(folder), pytest.raises(BitstreamError, match="another build"):
        plan.build(board, TINY, manifest.identity.seed, folder)


def test_variants_and_folders():
    board = blinker()
    assert plan.variant(board, None) == TINY
    assert plan.variant(board, "gbe") == GBE
    assert plan.folder_of(board, TINY).name == "blinker"
    assert plan.folder_of(board, GBE).name == "blinker-gbe"
    with pytest.raises(BitstreamError, match="moon: no such variant"):
        plan.variant(board, "moon")

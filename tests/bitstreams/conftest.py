"""One real build of the small design, for all tests."""

import shutil
import tempfile
from pathlib import Path

import pytest

from bitstreams import plan
from hdl.config import TINY
from tests.bitstreams.small import blinker


@pytest.fixture(scope="session", autouse=True)
def still_sources():
    """Nobody's edits change the digest of the sources while the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "source_digest", lambda: "5" * 64)
        yield


@pytest.fixture(scope="session")
def new_folder():
    """Makes empty folders that the tools can see (they have a /tmp of their own), and removes them."""
    parent = plan.BUILD.parent / "tests"
    parent.mkdir(parents=True, exist_ok=True)
    made = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="bitstream_", dir=parent)))
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def built(new_folder):
    """A finished build: its board, folder, manifest, and the stages it went through."""
    board, folder, stages = blinker(), new_folder(), []
    manifest, made = plan.build(board, TINY, seed=1, folder=folder, stage=stages.append)
    assert made
    return board, folder, manifest, stages

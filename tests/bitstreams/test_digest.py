"""The source digest: every source counts, nothing else does."""

import shutil

import pytest

from bitstreams.digest import ROOT, SOURCES, file_digest, source_digest


@pytest.fixture
def tree(tmp_path):
    for folder in SOURCES:
        (tmp_path / folder / "part").mkdir(parents=True)
        (tmp_path / folder / "part" / "one.py").write_text("x = 1\n")
    return tmp_path


def test_it_is_of_the_text_and_the_path_alone(tree, tmp_path_factory):
    before = source_digest(tree)
    copy = tmp_path_factory.mktemp("copy") / "elsewhere"
    shutil.copytree(tree, copy)
    assert source_digest(copy) == before
    (tree / "hdl" / "__pycache__").mkdir()
    (tree / "hdl" / "__pycache__" / "one.cpython-311.pyc").write_bytes(b"compiled")
    (tree / "host").mkdir()
    (tree / "host" / "one.py").write_text("y = 1\n")
    assert source_digest(tree) == before


@pytest.mark.parametrize("folder", SOURCES)
def test_every_source_counts(tree, folder):
    before = source_digest(tree)
    path = tree / folder / "part" / "one.py"
    path.write_text("x = 2\n")
    changed = source_digest(tree)
    path.write_text("x = 1\n")
    assert source_digest(tree) == before
    path.rename(path.with_name("two.py"))
    renamed = source_digest(tree)
    (tree / folder / "part" / "more.py").write_text("")
    assert len({before, changed, renamed, source_digest(tree)}) == 4


def test_the_real_sources_are_found():
    assert all(any((ROOT / folder).rglob("*.py")) for folder in SOURCES)
    assert len(source_digest()) == 64
    assert file_digest(ROOT / "hdl" / "nic.py") != file_digest(ROOT / "hdl" / "config.py")

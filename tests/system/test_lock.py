"""What `make setup` installs, installs on every Python that the project says it takes."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from sim.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
#: The oldest that is in use: Debian 12 has it.
OLDEST = "3.11.2"


def test_every_package_takes_the_oldest_python():
    assert SpecifierSet(PROJECT["requires-python"]).contains(OLDEST)
    refused = {}
    for name in PINNED:
        try:
            wanted = distribution(name).metadata.get("Requires-Python")     # absent: any
        except PackageNotFoundError:
            continue  # for another system
        if wanted and not SpecifierSet(wanted).contains(OLDEST):
            refused[name] = wanted
    assert refused == {}
    assert len(PINNED) > 60


@pytest.mark.parametrize("line", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_every_dependency_is_pinned_as_it_is_wanted(line):
    wanted = Requirement(line)
    pinned = {name.lower().replace("_", "-"): version for name, version in PINNED.items()}
    assert wanted.specifier.contains(pinned[wanted.name.lower().replace("_", "-")])

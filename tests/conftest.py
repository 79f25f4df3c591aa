"""What every test may ask for: the real data (or a skip that says so), and a seed that is printed; and their order."""

import os
import random

import pytest

from sim.paths import DATA

#: The longest file: it compiles the NIC and runs whole sessions. Others that need the NIC come late, when it is there.
FIRST = "test_run.py"


def pytest_collection_modifyitems(items):
    """Longest first, so that the workers of `make test` end together."""
    items.sort(key=lambda item: (item.path.name != FIRST, item.get_closest_marker("cosim") is None,
                                 item.get_closest_marker("slow") is None))


@pytest.fixture(scope="session")
def data_dir():
    """Real market data and FIX logs; skips where they are absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}; set TICKGATE_DATA to its folder")
    return DATA


@pytest.fixture
def rng(request):
    """A random source. Its seed is printed when a test fails; TICKGATE_SEED repeats it."""
    seed = int(os.environ.get("TICKGATE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"TICKGATE_SEED={seed} repeats {request.node.name}")
    return random.Random(seed)

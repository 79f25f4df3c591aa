"""A made-up day through the NIC: all types, more stocks than are followed, rows equal to the model's."""

import pytest

from host.cli import main
from sim.twin.day import day, name

pytestmark = pytest.mark.slow
STOCKS, FOLLOWED, MESSAGES = 12, 8, 900


def test_the_nic_s_rows_are_the_model_s(tmp_path, rng):
    path = tmp_path / "day.itch50"
    path.write_bytes(day(MESSAGES, STOCKS, seed=rng.randrange(1 << 30), live=25).tobytes())
    texts = []
    for engine in ("nic", "model"):
        out = tmp_path / engine
        assert main.call(["replay", str(path), "--symbols", ",".join(map(name, range(FOLLOWED))), "--depth", "10",
                          "--books", str(out), "--engine", engine]) == 0
        texts.append(out.read_text().splitlines())
    nic, model = texts
    assert len(model) > MESSAGES // 2
    assert nic == model

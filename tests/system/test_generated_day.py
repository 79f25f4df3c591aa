"""A made-up day through the NIC: all types, more stocks than are followed; rows are the model's, or flagged."""

import pytest

from host.cli import main
from sim.twin.day import day, name

pytestmark = pytest.mark.slow
STOCKS, FOLLOWED, MESSAGES = 12, 8, 900


def test_the_nic_s_rows_are_the_model_s_or_flagged(tmp_path, rng):
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
    exact = nic[0].split(",").index("exact")
    differ = [row for row, true in zip(nic, model, strict=True) if row != true]
    assert all(row.split(",")[exact] == "0" for row in differ)
    assert len(differ) < len(model) // 4    # lists being refilled, where the day leaves too little time

"""`--variant`: which NIC is compiled."""

import pytest

from host.cli import main


@pytest.mark.parametrize("command", [["replay", "nowhere.itch50", "--symbols", "A", "--books", "nowhere.csv"], ["run"]],
                         ids=["replay", "run"])
def test_a_variant_that_is_not_there(capsys, command):
    assert main.call([*command, "--variant", "tenfold"]) == main.BAD_INPUT
    assert "--variant tenfold: there is gbe" in capsys.readouterr().err

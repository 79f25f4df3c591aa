"""The file of listed options: what it says, and every error of it with its place."""

import pytest

from host.contracts import Contract, ContractsError, check, load

GOOD = """
[AAPLC185]
underlying = "AAPL"
strike_usd = 185.5
expiry_days = 73
vol_percent = 28
call = true
"""


def test_a_contract_is_what_the_file_says(tmp_path):
    file = tmp_path / "contracts.toml"
    file.write_text(GOOD)
    assert load(file) == (Contract("AAPLC185", "AAPL", 1_855_000, 0.2, 0.28, True, 0.0, 100),)


@pytest.mark.parametrize(("change", "said"), [
    (("185.5", "-1"), "AAPLC185.strike_usd"), (("185.5", "0.00001"), "AAPLC185.strike_usd"),
    (("call = true", "call = 1"), "AAPLC185.call"), (("vol_percent = 28", ""), "AAPLC185.vol_percent"),
    (("73", "nan"), "AAPLC185.expiry_days"), (("call = true", "call = true\nput = false"), "AAPLC185.put"),
    (("[AAPLC185]", "[aapl]"), "aapl"), (("[AAPLC185]", "[AAPLC185"), "contracts.toml"),
    (('"AAPL"', '"AAPLC185"'), "is an option itself")])
def test_what_is_wrong_is_said_with_its_place(tmp_path, change, said):
    file = tmp_path / "contracts.toml"
    file.write_text(GOOD.replace(*change))
    with pytest.raises(ContractsError, match=said):
        load(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ContractsError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml")


def test_no_contracts_are_none():
    assert check({}, "empty") == ()

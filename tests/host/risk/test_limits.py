"""The limits model: exact amounts, every error at once with its path, and the registers that follow."""

import copy
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.registers import GATE, LIMITS, STRATEGY, is_staged
from host.risk import registers
from host.risk.fields import FIELDS
from host.risk.limits import DEFAULT_FILE, LimitsError, check, load, read, settable, units
from host.risk.tree import assign, dump, edit, edits, flatten, leaves
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))


@pytest.fixture
def tree():
    return read(DEFAULT_FILE)


@pytest.mark.parametrize(("written", "value"), [(1, 10_000), (Decimal("0.01"), 100), ("0.0001", 1),
                                                (Decimal("1E+2"), 1_000_000), (Decimal("-3"), -30_000)])
def test_amounts_are_exact(written, value):
    assert units(written) == value


@pytest.mark.parametrize("written", [0.01, True, Decimal("0.00005"), "abc", Decimal("NaN"), Decimal("Infinity"), None])
def test_what_is_no_amount_is_refused(written):
    with pytest.raises(ValueError, match="USD"):
        units(written)


def test_the_default_file_is_valid_and_trades_two_stocks():
    limits = load()
    assert set(limits.symbols) == {"AAPL", "MSFT"}
    assert limits.symbols["AAPL"].tick_usd == 100
    assert limits.strategy_names == {0: "maker", 1: "taker"}


def test_every_error_comes_at_once_with_its_path(tree):
    tree["symbols"]["AAPL"]["collar_usd"] = 0.1
    tree["symbols"]["AAPL"]["lot"] = 0
    tree["symbols"]["MSFT"]["long"] = -1
    del tree["firm"]["loss_usd"]
    tree["strategies"]["maker"]["colour"] = "red"
    with pytest.raises(LimitsError) as caught:
        check(tree, "mine.toml")
    paths = {line.split(":")[0] for line in caught.value.problems}
    assert paths == {"symbols.AAPL.collar_usd", "symbols.AAPL.lot", "symbols.MSFT.long", "firm.loss_usd",
                     "strategies.maker.colour"}
    assert str(caught.value).startswith("mine.toml: 5 problems")


@pytest.mark.parametrize(("change", "said"), [
    ({"min_qty": 5_000}, "above max_qty"), ({"lot": 7}, "multiple of lot")])
def test_fields_that_contradict_each_other(tree, change, said):
    tree["symbols"]["AAPL"].update(change)
    with pytest.raises(LimitsError, match=said):
        check(tree, "x")


def test_two_strategies_with_one_index_are_refused(tree):
    tree["strategies"]["taker"]["index"] = 0
    with pytest.raises(LimitsError, match="same index"):
        check(tree, "x")


@pytest.mark.parametrize("text", ["= 1", "[firm", 'a = "'])
def test_a_file_that_is_not_toml_says_where(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(LimitsError, match=r"x\.toml(.|\n)*\(at (line 1|end of document)"):
        load(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LimitsError, match="No such file"):
        load(tmp_path / "none.toml")


def test_dump_gives_the_same_tree_back(tree, tmp_path):
    path = tmp_path / "x.toml"
    tree["note"] = 'a "quoted" \\ text'
    path.write_text(dump(tree))
    assert read(path) == tree


NAMES = st.text("ABCxyz_-.019", min_size=1, max_size=8)
TREES = st.recursive(st.dictionaries(NAMES, st.one_of(st.integers(), st.booleans(), st.text("ab\"\\ ", max_size=5),
                                                      st.decimals(allow_nan=False, allow_infinity=False, places=4)),
                                     max_size=4),
                     lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)


@settings(deadline=None)
@given(TREES)
def test_dump_and_read_agree_on_any_tree(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "x.toml"
    path.write_text(dump(tree))
    assert read(path) == tree


def test_assign_changes_what_exists_and_nothing_else(tree):
    before = copy.deepcopy(tree)
    assign(tree, ["symbols.AAPL.long=500", "firm.rate.burst = 8", "symbols.MSFT.tick_usd=0.05"])
    assert edits(before, tree) == [
        (("firm", "rate", "burst"), "64", "8"), (("symbols", "AAPL", "long"), "2000", "500"),
        (("symbols", "MSFT", "tick_usd"), "0.01", "0.05")]


def test_what_may_be_given_can_be_set_though_the_file_does_not_have_it(tree):
    assign(tree, ["firm.symbols.max_qty=300", "symbols.AAPL.enabled=false"], settable(tree))
    limits = check(tree, "x")
    assert limits.symbols["MSFT"].max_qty == 300
    assert limits.symbols["MSFT"].sources["max_qty"] == "firm"
    assert not limits.symbols["AAPL"].enabled
    with pytest.raises(LimitsError, match="no such limit"):
        assign(tree, ["serial=9"], settable(tree))


@settings(deadline=None)
@given(st.data())
def test_edits_make_one_tree_of_another_and_back(data):
    old, new = data.draw(TREES), data.draw(TREES)
    old.pop("serial", None)
    new.pop("serial", None)
    forth, back = edits(old, new), edits(new, old)
    there = copy.deepcopy(old)
    edit(there, forth, "x")
    assert leaves(there) == leaves(new) or not edits(there, new)
    edit(there, back, "x")
    assert not edits(there, old)


def test_an_edit_of_something_else_by_now_is_refused(tree):
    before = dump(tree)
    with pytest.raises(LimitsError, match="2000 by now"):
        edit(tree, [(("symbols", "AAPL", "long"), "1000", "5")], "proposal")
    assert dump(tree) == before


def test_all_bad_assignments_are_named_and_nothing_changes(tree):
    before = dump(tree)
    with pytest.raises(LimitsError) as caught:
        assign(tree, ["symbols.AAPL.long=500", "symbols.APPL.long=500", "symbols.AAPL=1", "nonsense", "firm.rate=3"])
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "symbols.APPL.long", "symbols.AAPL", "nonsense", "firm.rate"]
    assert dump(tree) == before


def test_registers_hold_the_limits(tree):
    writes = registers.writes(check(tree, "x"), UNIVERSE)
    last = {(write.block.name, write.register, write.index): write.value for write in writes}
    for index in range(4):
        assert LIMITS["position"].unpack(last["limits", "position", index]) == {"long": 2_000, "short": 2_000}
        assert LIMITS["control"].unpack(last["limits", "control", index]) == {"enable": 1, "lot": 1, "tick": 100}
        assert last["limits", "notional", index] == 250_000 * 10_000
    assert last[STRATEGY.name, "rate_interval", 1] == 600_000


def test_one_write_puts_the_whole_set_in_force_and_says_how_much_it_is(tree):
    limits = check(tree, "x")
    writes = registers.writes(limits, UNIVERSE)
    staged = [is_staged(write.block, write.register) for write in writes]
    at = next(n for n, write in enumerate(writes) if write.register == registers.SWITCH)
    assert GATE[registers.SWITCH].unpack(writes[at].value) == {"serial": limits.serial, "words": at}
    assert all(staged[:at])
    assert not any(staged[at:])


def test_a_stock_without_limits_stays_restricted(tree):
    del tree["symbols"]["MSFT"]
    writes = registers.writes(check(tree, "x"), UNIVERSE)
    assert [write.value for write in writes if write.block is LIMITS and write.index == 3] == [0]


def test_a_strategy_that_is_closed_or_gone_gets_no_tokens(tree):
    before = check(copy.deepcopy(tree), "x")
    tree["strategies"]["maker"]["enabled"] = False
    del tree["strategies"]["taker"]
    last = {(write.block.name, write.register, write.index): write.value
            for write in registers.writes(check(tree, "x"), UNIVERSE, before)}
    assert [last[STRATEGY.name, name, index] for name in ("rate_interval", "rate_burst") for index in (0, 1)] == [0] * 4


class Registers:
    """A NIC's registers as a dictionary."""

    def __init__(self, writes):
        self.held = {(write.block.name, write.register, write.index): write.value for write in writes}
        serial = GATE[registers.SWITCH].unpack(self.held["gate", registers.SWITCH, 0])["serial"]
        self.held["gate", "limits_serial", 0] = GATE["limits_serial"].pack(serial=serial)

    def read_many(self, places):
        return [self.held.get((block.name, register, index), 0) for block, register, index in places]


def test_what_is_in_force_reads_as_the_file_does(tree):
    limits = check(tree, "x")
    shown = registers.in_force(Registers(registers.writes(limits, UNIVERSE)), limits, UNIVERSE)
    written = {name: str(value) for name, value in flatten(tree)}
    held = {f"{path}.{one.name}" for level, path, _ in limits.tables() for one in FIELDS[level].values() if one.reg}
    assert set(shown) == held | {"serial"}
    defaults = {f"{path}.{one.name}": ("false", "true")[one.limit.default] if one.is_switch else str(one.limit.default)
                for level, path, _ in limits.tables() for one in FIELDS[level].values()
                if one.limit.default is not None}
    assert shown == {name: written.get(name, defaults.get(name)) for name in shown}


def test_venues_that_differ_are_both_shown(tree):
    limits = check(tree, "x")
    nic = Registers(registers.writes(limits, UNIVERSE))
    nic.held["limits", "collar", 1] = 50
    assert registers.in_force(nic, limits, UNIVERSE)["symbols.AAPL.collar_usd"] == "0.05 / 0.005"

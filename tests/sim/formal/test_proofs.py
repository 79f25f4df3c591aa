"""The short proofs pass and their mutants fail; every proof has something to prove, and every mutant still applies."""

from dataclasses import replace

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Elaboratable, Module, Signal

from sim.formal import FormalError, Proof, prove, prove_all
from sim.formal.proofs import PROOFS
from sim.formal.surgery import Alone, Altered, Fault

SHORT = [proof for proof in PROOFS if proof.short]


@pytest.mark.slow
@pytest.mark.parametrize("proof", SHORT, ids=lambda proof: proof.name)
def test_proof_and_mutants(proof):
    """With one mutant here; `make formal` has them all."""
    result = prove(replace(proof, mutants=dict([*proof.mutants.items()][:1])))
    assert result["status"] == "pass", result
    assert result["properties"] > 0
    assert result["mutants_caught"] == result["mutants_tried"] > 0


@pytest.mark.parametrize("proof", [proof for proof in PROOFS if not proof.short], ids=lambda proof: proof.name)
def test_other_proofs_claim_something(proof):
    text = rtlil.convert(Altered(proof.design, proof.parts), name="top", ports=[], emit_src=False)
    assert "cell $check" in text


@pytest.mark.parametrize(("proof", "name"), [(proof, name) for proof in PROOFS for name in proof.mutants],
                         ids=lambda value: getattr(value, "name", value))
def test_mutants_apply_to_the_gateware_as_it_is(proof, name):
    with proof.mutants[name].applied():
        pass


class Counter(Elaboratable):
    """Counts to 5 and starts anew; says that it never reaches `limit`, or nothing where there is none."""

    def __init__(self, limit: int | None):
        self.limit = limit

    def elaborate(self, platform):
        m = Module()
        count = Signal(4)
        m.d.sync += count.eq(count + 1)
        with m.If(count == 5):
            m.d.sync += count.eq(0)
        if self.limit is not None:
            m.d.comb += Assert(count < self.limit)
        return m


NO_FAULT = {"none": Fault("sim.formal.surgery", "class Alone(Elaboratable)", "class Alone(Elaboratable)")}


def proof(limit: int | None, depth: int = 2) -> Proof:
    return Proof("counter", "", lambda: Counter(limit), NO_FAULT, depth=depth, search=depth)


def test_a_proof_of_nothing_is_an_error():
    with pytest.raises(FormalError, match="checks nothing"):
        prove(proof(None))


def test_what_does_not_hold_by_induction_is_an_error_that_says_so():
    with pytest.raises(FormalError, match="do not suffice for an induction"):
        prove(proof(9))


def test_a_mutant_that_survives_fails_the_proof():
    result = prove(proof(6))
    assert (result["status"], result["mutants_tried"], result["mutants_caught"]) == ("fail", 1, 0)


def test_a_mutant_that_no_longer_applies_is_an_error():
    with pytest.raises(FormalError, match="no longer applies"), Fault("hdl.risk.gate", "no such text", "").applied():
        pass


def test_a_fault_is_taken_back():
    fault = Fault("hdl.risk.checks.kill", "self.reject.eq(self.killed)", "self.reject.eq(0)")
    from hdl.risk import checks
    from hdl.risk.checks import kill
    before = kill.Kill
    with fault.applied():
        assert kill.Kill is not before
        assert checks.Kill is kill.Kill
    assert kill.Kill is before
    assert checks.Kill is before


def test_an_unknown_name_is_an_error():
    with pytest.raises(FormalError, match="there is no proof 'nothing'"):
        prove_all(names=("nothing",))


def test_alone_leaves_no_input_undriven():
    from hdl.config import TINY
    from hdl.risk.checks.kill import Kill
    text = rtlil.convert(Alone(lambda: Kill(TINY)), name="top", ports=[], emit_src=False)
    assert "cell $anyseq" in text

"""The proofs pass, their mutants fail, and a proof of nothing is an error."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from sim.formal import FormalError, Proof, prove
from sim.formal.proofs import PROOFS


@pytest.mark.slow
@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_proof_and_mutants(proof):
    result = prove(proof)
    assert result["status"] == "pass", result
    assert result["properties"] > 0
    assert result["mutants_caught"] == result["mutants_tried"] > 0


class Nothing(wiring.Component):
    def __init__(self):
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        count = Signal(4)
        m.d.sync += count.eq(count + 1)
        return m


def test_a_proof_of_nothing_is_an_error():
    with pytest.raises(FormalError, match="checks nothing"):
        prove(Proof("nothing", "", Nothing, {"same": Nothing}, depth=2, search=2))

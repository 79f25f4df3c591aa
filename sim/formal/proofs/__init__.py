"""One file a proof, each with its mutants."""

from sim.formal.proofs.one_way_out import PROOF as ONE_WAY_OUT

PROOFS = (ONE_WAY_OUT,)

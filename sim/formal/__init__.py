"""Formal proofs of the gateware."""

from sim.formal.flow import FormalError, Proof, prove, prove_all

__all__ = ["FormalError", "Proof", "prove", "prove_all"]

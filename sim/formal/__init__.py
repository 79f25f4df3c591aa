"""Formal proofs of the gateware."""

from sim.formal.flow import Proof, prove, prove_all
from sim.formal.surgery import FormalError

__all__ = ["FormalError", "Proof", "prove", "prove_all"]

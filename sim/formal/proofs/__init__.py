"""One file a proof, each with its mutants."""

from sim.formal.proofs.audit import PROOF as AUDIT
from sim.formal.proofs.kill_bound import PROOF as KILL_BOUND
from sim.formal.proofs.limit_sets import PROOF as LIMIT_SETS
from sim.formal.proofs.one_way_out import PROOF as ONE_WAY_OUT
from sim.formal.proofs.receive_path import PROOF as RECEIVE_PATH
from sim.formal.proofs.reservation import PROOF as RESERVATION
from sim.formal.proofs.token_buckets import PROOF as TOKEN_BUCKETS

PROOFS = (ONE_WAY_OUT, KILL_BOUND, RESERVATION, TOKEN_BUCKETS, LIMIT_SETS, AUDIT, RECEIVE_PATH)

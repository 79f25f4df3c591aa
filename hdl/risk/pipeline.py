"""The three stages between an intent and its verdict."""

from amaranth.hdl import unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from hdl.messages import Intent


class Stage(data.Struct):
    """An order on its way through the gate."""
    valid: unsigned(1)
    intent: Intent


class PipelineSignature(wiring.Signature):
    """What the gate shows to the parts that follow orders through it.

    Members
    -------
    at : the order at each stage: 0 is the one being accepted, 3 the one at its verdict.
    reserve : the order at its verdict is new and passes; what it takes is gone in the next cycle.
    """

    def __init__(self):
        super().__init__({"at": Out(Stage).array(4), "reserve": Out(1)})

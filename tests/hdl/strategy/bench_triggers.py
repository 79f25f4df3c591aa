"""cocotb testbench of the triggers: random traffic, held to the golden model in every cycle."""

import os
import random

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hdl.config import VARIANTS
from hdl.layouts import ARM, Origin
from hdl.messages import BookMessage, Intent, TopOfBook
from sim.bus import pack, reset, share, unpack
from sim.models.triggers import TriggersModel
from sim.triggerbench import OFFERED, arm_fields, top_fields, trade_fields, traffic

CONFIG = VARIANTS[os.environ["TICKGATE_VARIANT"]]
CYCLES = 20_000
PORTS = {"top": (TopOfBook, top_fields), "trade": (BookMessage, trade_fields), "arm": (ARM.layout, arm_fields)}


def drive(dut, name: str, item):
    """What `item` is to the port; its payload stays as it was where there is none."""
    shape, fields = PORTS[name]
    getattr(dut, f"{name}__valid").value = item is not None
    if item is not None:
        getattr(dut, f"{name}__payload").value = pack(shape, fields(item))


def offered(dut) -> dict | None:
    """The intent on `o` in this cycle, as the model says it."""
    if dut.o__valid.value == 0:
        return None
    intent = unpack(Intent, dut.o__payload.value.to_unsigned())
    assert intent["origin"] == Origin.TRIGGER
    assert intent["needed"] == intent["rx_time"]
    return {name: intent[name] for name in OFFERED}


@cocotb.test()
async def equals_the_model_in_every_cycle(dut):
    rng, model, taken = random.Random(cocotb.RANDOM_SEED), TriggersModel(CONFIG), 0
    dut.o__ready.value, arm = 0, None
    for name in PORTS:
        drive(dut, name, None)
        getattr(dut, f"{name}__payload").value = 0
    await reset(dut)
    for n, cycle in enumerate(traffic(rng, CONFIG, share(CYCLES))):
        arm = arm or cycle.arm
        dut.o__ready.value = cycle.ready
        for name, item in (("top", cycle.top), ("trade", cycle.trade), ("arm", arm)):
            drive(dut, name, item)
        if not cycle.top:
            dut.top__payload.value = pack(TopOfBook, {"symbol": cycle.shown})
        await ReadOnly()
        intent = model.offered()
        assert offered(dut) == intent, f"cycle {n}"
        assert (dut.arm__ready.value == 1) == model.arm_ready, f"cycle {n}"
        armed = model.arm_ready
        model.step(cycle.ready, cycle.top, cycle.trade, arm, cycle.shown)
        arm = None if armed else arm
        taken += cycle.ready and intent is not None
        await RisingEdge(dut.clk)
    assert taken > share(CYCLES) // 100

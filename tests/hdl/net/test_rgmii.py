"""`Rgmii` against the wire as RGMII 2.0 has it, nibble by nibble."""

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib import io
from amaranth.sim import Simulator

from hdl.net.rgmii import NIBBLE, Rgmii, RgmiiPins

PERIOD = 8e-9


def pins() -> RgmiiPins:
    return RgmiiPins(rx_ctl=io.SimulationPort("i", 1), rx_data=io.SimulationPort("i", NIBBLE),
                     tx_clk=io.SimulationPort("o", 1), tx_ctl=io.SimulationPort("o", 1),
                     tx_data=io.SimulationPort("o", NIBBLE))


def simulate(rgmii, *testbenches):
    """Both domains on one clock."""
    m = Module()
    m.domains.rx = ClockDomain(reset_less=True)
    m.d.comb += ClockSignal("rx").eq(ClockSignal("sync"))
    m.submodules.rgmii = rgmii
    simulator = Simulator(m)
    simulator.add_clock(PERIOD)
    for n, testbench in enumerate(testbenches):
        simulator.add_testbench(testbench, background=n > 0)
    simulator.run()


def slots(rng, count: int) -> list[tuple[int, int, int]]:
    """(byte, valid, error) of random byte times; an error without valid is carrier extension and the like."""
    return [(rng.randrange(256), rng.randrange(2), rng.randrange(2)) for _ in range(count)]


def test_what_is_sent(rng):
    wires, sent, seen = pins(), slots(rng, 50), []
    rgmii = Rgmii(wires, "rx")

    async def play(ctx):
        for byte, valid, error in [*sent, (0, 0, 0)]:
            ctx.set(rgmii.tx, {"data": byte, "valid": valid, "error": error})
            await ctx.tick()
            halves = []
            for clock in (1, 0):        # the quarter and three quarters of a cycle: the middle of each half
                await ctx.delay(PERIOD / 4 if clock else PERIOD / 2)
                assert ctx.get(wires.tx_clk.o) == clock
                halves.append((ctx.get(wires.tx_data.o), ctx.get(wires.tx_ctl.o)))
            (low, rise), (high, fall) = halves
            seen.append((low | high << NIBBLE, rise, rise ^ fall))

    simulate(rgmii, play)
    assert seen[:len(sent)] == sent, "one cycle later, low nibble first, TX_EN then TX_EN xor TX_ER"


def test_what_is_received(rng):
    wires, sent, seen = pins(), slots(rng, 50), []
    rgmii = Rgmii(wires, "rx")

    async def wire(ctx):
        for byte, valid, error in [*sent, (0, 0, 0), (0, 0, 0)]:
            for nibble, control in ((byte & 0xF, valid), (byte >> NIBBLE, valid ^ error)):
                ctx.set(wires.rx_data.i, nibble)    # changes between the clock's edges, as behind a delaying PHY
                ctx.set(wires.rx_ctl.i, control)
                await ctx.delay(PERIOD / 2)

    async def watch(ctx):
        while True:
            await ctx.tick("rx")
            await ctx.delay(PERIOD / 8)
            rx = ctx.get(rgmii.rx)
            seen.append((rx.data, rx.valid, rx.error))

    simulate(rgmii, wire, watch)
    start = next(n for n in range(4) if seen[n:n + len(sent)] == sent)
    assert start <= 2


def test_link_status_between_frames():
    """RGMII 2.0, 3.4: link on bit 0, speed on bits 2:1, duplex on bit 3; in a frame the wires mean something else."""
    wires = pins()
    rgmii = Rgmii(wires, "rx")

    async def play(ctx):
        async def show(nibble, control, cycles=6):
            ctx.set(wires.rx_data.i, nibble)
            ctx.set(wires.rx_ctl.i, control)
            await ctx.tick("rx").repeat(cycles)
            status = ctx.get(rgmii.status)
            return status.up, status.speed, status.full_duplex

        assert await show(0b1101, 0) == (1, 2, 1)
        assert await show(0b0000, 1) == (1, 2, 1), "data"
        assert await show(0b0011, 0) == (1, 1, 0)
        assert await show(0b0000, 0) == (0, 0, 0)

    simulate(rgmii, play)

"""cocotb testbench of the whole feed (`sim.feedbench.FeedChain`): datagrams in, held to the model cycle by cycle."""

import os
import random
from collections import Counter
from dataclasses import asdict, replace

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hdl.config import VARIANTS
from hdl.csr import READ_LATENCY
from hdl.feed import path, sequencer, subscription
from hdl.feed.spec import MESSAGES
from hdl.layouts import FEED_EVENT
from hdl.messages import BookMessage, FeedFault, payload
from hdl.registers import FEED, SYMBOL, RegisterMap
from sim import capture, itch
from sim.bus import pack, reset, share, unpack
from sim.feedbench import PERIOD, START, Datagram, cycles_of, path_outputs, turns
from sim.models.feed import FeedModel
from sim.paths import DATA

CONFIG = VARIANTS[os.environ.get("TICKGATE_VARIANT", "gbe")]
REGISTERS = RegisterMap(CONFIG)
BEAT = payload(CONFIG.data_width).members["payload"].shape
EVENT_FIELDS = ("feed", "cause", "port", "time", "expected", "received")
FANOUT = 2  # what `BusFanout` adds to a read
SESSIONS = ("TGXTGA0001", "TGXTGB0002")
FILES = ("nasdaq_20191230_open_all_symbols", "bx_20190730_aapl_msft", "nasdaq_start_of_day_directory")


async def write(dut, block, name, index, value):
    dut.bus__addr.value = REGISTERS.address(block, name, index)
    dut.bus__wdata.value = value
    dut.bus__write.value = 1
    await RisingEdge(dut.clk)
    dut.bus__write.value = 0
    await RisingEdge(dut.clk)       # address and data hold, and the value is there after it


async def read(dut, block, name, index):
    dut.bus__addr.value = REGISTERS.address(block, name, index)
    dut.bus__read.value = 1
    await RisingEdge(dut.clk)
    dut.bus__read.value = 0
    for _ in range(READ_LATENCY + FANOUT - 1):
        await RisingEdge(dut.clk)
    await ReadOnly()
    value = dut.bus__rdata.value.to_unsigned()
    await RisingEdge(dut.clk)
    return value


async def start(dut):
    """Reset; every input 0 and every register as after reset."""
    for name in ("now", "bus__addr", "bus__wdata", "bus__write", "bus__read", "inexact", "crossed"):
        getattr(dut, name).value = 0
    for port in range(CONFIG.ports):
        getattr(dut, f"i__{port}__valid").value = 0
        getattr(dut, f"i__{port}__payload").value = 0
    await reset(dut)


async def subscribe(dut, model, stocks):
    """`stocks`: (name, feed, locate) by symbol index."""
    for index, (name, feed, locate) in enumerate(stocks):
        await write(dut, SYMBOL, "name", index, int.from_bytes(name.encode().ljust(8), "little"))
        await write(dut, SYMBOL, "route", index, SYMBOL["route"].pack(locate=locate, feed=feed, enable=1))
        model.subscription.subscribe(index, name, feed, locate)
    for _ in range(4):
        await RisingEdge(dut.clk)


def bits_of(cycles):
    """Each beat as the bits of the port; the meta part is packed once a datagram."""
    known = {}
    for beat in cycles:
        if beat is None:
            yield None
            continue
        meta = tuple(beat["meta"].items())
        if meta not in known:
            known[meta] = pack(BEAT, {"meta": beat["meta"]})
        yield known[meta] | pack(BEAT, beat | {"meta": {}})


async def run(dut, ports):
    """Plays the cycles of each port; returns what came out, by port name, with cycles."""
    out = {"o": [], "fault": [], "event": [], "bad": []}
    shapes = {"o": BookMessage, "fault": FeedFault, "event": FEED_EVENT.layout, "bad": 64}
    valid = {name: getattr(dut, f"{name}__valid") for name in out}
    data = {name: getattr(dut, f"{name}__payload") for name in out}
    i_valid = [getattr(dut, f"i__{port}__valid") for port in range(CONFIG.ports)]
    i_payload = [getattr(dut, f"i__{port}__payload") for port in range(CONFIG.ports)]
    streams = [list(bits_of(cycles)) for cycles in ports]
    strobes = {(port, name): getattr(dut, f"count__{port}__{name}")
               for port in range(CONFIG.ports) for name in path.COUNTERS}
    count = Counter()
    idle = 2 * path.NOTE_LATENCY
    for n in range(max(map(len, streams)) + idle):
        dut.now.value = START + PERIOD * n
        for port, stream in enumerate(streams):
            beat = stream[n] if n < len(stream) else None
            i_valid[port].value = beat is not None
            if beat is not None:
                i_payload[port].value = beat
        await ReadOnly()
        for name, signal in valid.items():
            if signal.value == 1:
                out[name].append((n, unpack(shapes[name], data[name].value.to_unsigned())))
        for key, signal in strobes.items():
            if signal.value == 1:
                count[key] += 1
        await RisingEdge(dut.clk)
    return out, count


def expect(model, ports):
    """(cycle, symbol, message) of each BookMessage, from (datagrams, cycle of each of their bytes) of each port."""
    outputs = [path_outputs(model.ports[n], datagrams, where) for n, (datagrams, where) in enumerate(ports)]
    expected = []
    for cycle, message in turns(outputs):
        passed = model.sequencer.message(message)
        if passed is None:
            continue
        before = [symbol.locate for symbol in model.subscription.symbols]
        symbol = model.subscription.message(passed)
        if symbol is not None:
            known = passed.locate == before[symbol]
            latency = subscription.LATENCY if known else subscription.DIRECTORY_LATENCY
            expected.append((cycle + sequencer.LATENCY + latency, symbol, asdict(passed)))
    return expected


async def compare(dut, model, traffic, offsets):
    """`traffic`: datagrams of each port, the first after so many idle cycles; everything is compared."""
    ports, streams = [], []
    for datagrams, offset in zip(traffic, offsets, strict=True):
        cycles, where = cycles_of(datagrams)
        streams.append([None] * offset + cycles)
        ports.append((datagrams, [{byte: cycle + offset for byte, cycle in bytes_.items()} for bytes_ in where]))
    out, count = await run(dut, streams)
    expected = expect(model, ports)
    assert [(cycle, item["symbol"], item["message"]) for cycle, item in out["o"]] == expected
    assert [(item["feed"], item["cause"]) for _, item in out["fault"]] == model.sequencer.faults
    assert [{name: item[name] for name in EVENT_FIELDS} for _, item in out["event"]] == model.sequencer.events
    assert [item for _, item in out["bad"]] == model.sequencer.bad
    assert count == +Counter({(n, name): port.count[name] for n, port in enumerate(model.ports) for name in port.count})
    for n, feed in enumerate(model.sequencer.feeds):
        for name in ("delivered", "duplicate", "gaps", "missed", "heartbeats", "other_session"):
            assert await read(dut, FEED, name, n) == feed.count[name], name
        assert await read(dut, FEED, "expected", n) == feed.expected
    return expected


def datagrams_of(rng, messages, session, feed, first=1, largest=12):
    """The messages packed into datagrams of random sizes, a heartbeat among them now and then."""
    datagrams, at = [], 0
    while at < len(messages):
        size = rng.choice([0, 1, 1, 1, 2, 3, largest])
        datagrams.append(Datagram(itch.datagram(session, first + at, messages[at:at + size]), feed=feed,
                                  rx_time=rng.getrandbits(64), tail=rng.random() < .3))
        at += size
    return datagrams


def file_messages(name, limit):
    return [item.data for _, item in zip(range(limit), capture.messages(DATA / "itch" / f"{name}.itch50"),
                                         strict=False)]


def busiest(messages, feed, count):
    """(no name, feed, locate) of the stocks with most messages; the first is known by its R message alone."""
    names = {itch.locate(raw): itch.decode(raw).stock for raw in messages if raw[:1] == b"R"}
    locates = Counter(itch.locate(raw) for raw in messages if itch.locate(raw))
    return [(names.get(locate, ""), feed, 0 if locate in names else locate) for locate, _ in locates.most_common(count)]


@cocotb.test()
@cocotb.parametrize(file=FILES)
async def exchange_files(dut, file):
    """Real messages on both ports, port 1 late and on another feed too; each port's losses are the other's gains."""
    if not DATA.is_dir():
        dut._log.warning(f"no real data at {DATA}: skipped")
        return
    rng = random.Random(cocotb.RANDOM_SEED)
    messages = file_messages(file, share(400))
    model = FeedModel(CONFIG)
    await start(dut)
    await subscribe(dut, model, busiest(messages, 0, CONFIG.symbols - 1) + busiest(messages, 1, 1))
    first = datagrams_of(rng, messages, SESSIONS[0], 0)
    second = [datagram for datagram in first if rng.random() < .8]
    second += datagrams_of(rng, messages[:100], SESSIONS[1], 1)
    first = [datagram for datagram in first if rng.random() < .9]
    expected = await compare(dut, model, [first, second], [rng.randrange(40), rng.randrange(600)])
    assert expected


@cocotb.test()
async def damage(dut):
    """Datagrams cut, stretched, flipped and torn at random, on both ports; then whole ones, which must be right."""
    rng = random.Random(cocotb.RANDOM_SEED)
    model = FeedModel(CONFIG)
    await start(dut)
    await subscribe(dut, model, [("", n % CONFIG.feeds, n + 1) for n in range(CONFIG.symbols)])
    traffic = []
    for _port in range(CONFIG.ports):
        datagrams = []
        for seq in range(1, 2 * share(60), 2):
            feed = rng.randrange(CONFIG.feeds)
            messages = [random_message(rng) for _ in range(rng.choice([1, 2, 2, 4]))]
            datagram = Datagram(itch.datagram(SESSIONS[feed], seq, messages), feed=feed, rx_time=rng.getrandbits(64))
            datagrams.append(damaged(rng, datagram) if rng.random() < .6 else datagram)
        traffic.append(datagrams)
    assert await compare(dut, model, traffic, [rng.randrange(200) for _ in traffic])


def random_message(rng):
    type_ = rng.choice("AAAFECXDUPHSYQ")
    raw = bytearray(type_.encode() + rng.randbytes(MESSAGES[type_].length - 1))
    raw[1:3] = rng.randrange(CONFIG.symbols + 2).to_bytes(2, "big")
    return bytes(raw)


def damaged(rng, datagram):
    raw = bytearray(datagram.payload)
    match rng.randrange(5):
        case 0:
            return replace(datagram, payload=bytes(raw[:rng.randrange(len(raw))]))
        case 1:
            cut = rng.randrange(1, len(raw) + 1)
            return replace(datagram, payload=bytes(raw[:cut]), length=len(raw), error=True)
        case 2:
            return replace(datagram, payload=bytes(raw) + rng.randbytes(rng.randrange(1, 60)))
        case 3:
            for _ in range(rng.randrange(1, 4)):
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            return replace(datagram, payload=bytes(raw), error=rng.random() < .5, tail=rng.random() < .5)
        case _:
            stalls = frozenset(rng.sample(range(1, len(raw)), len(raw) // 4))
            return replace(datagram, stalls=stalls, error=rng.random() < .2)


@cocotb.test()
async def four_cycles_after_the_port(dut):
    """From the MAC-facing port to the BookMessage: one cycle for the receiver, and `FeedChain.LATENCY`."""
    model = FeedModel(CONFIG)
    await start(dut)
    await subscribe(dut, model, [("", 0, 13)])
    raw = itch.encode("A", locate=13, ref=5, side="S", shares=100, stock="AAPL", price=3_000_000)
    datagram = Datagram(itch.datagram(SESSIONS[0], 1, [raw]))
    cycles, where = cycles_of([datagram])
    out, _ = await run(dut, [cycles] + [[]] * (CONFIG.ports - 1))
    (cycle, item), = out["o"]
    last_byte = where[0][len(datagram.payload) - 1]
    assert cycle - (last_byte - path.RECEIVER_LATENCY) == 4
    assert item["message"]["needed"] == (START + PERIOD * (last_byte - path.RECEIVER_LATENCY)) % (1 << 32)
    assert (item["message"]["price"], item["message"]["sell"], item["symbol"]) == (3_000_000, 1, 0)

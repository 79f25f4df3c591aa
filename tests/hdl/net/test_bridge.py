"""`Bridge` against what a host would send and expect."""

import pytest
from amaranth.sim import Simulator

from hdl.layouts import RECORD_BYTES
from hdl.net.bridge import BUFFER_RECORDS, FRAME_RECORDS, Bridge
from hdl.net.headers import ETHERNET
from hdl.venue import HOST_ETHERTYPE
from sim.frames import ethernet_frame, host_frame, udp_frame

MAC, HOST, OTHER = 0x02_54_47_00_00_01, 0x02_00_00_00_00_AA, 0x02_00_00_00_00_BB


class Bench:
    """Plays frames and records into a bridge; collects records and frames, with the cycles they came in."""

    def __init__(self, frames=(), up=(), taking=lambda: True, sending=lambda: True, up_from=0):
        self.bridge = Bridge(MAC)
        self.frames, self.up, self.taking, self.sending, self.up_from = list(frames), list(up), taking, sending, up_from
        self.down, self.sent, self.ends, self.taken = [], [], [], []
        self.cycle, self.quiet = 0, 0
        simulator = Simulator(self.bridge)
        simulator.add_clock(8e-9)
        simulator.add_testbench(self._wire)
        simulator.add_testbench(self._host)
        simulator.add_testbench(self._watch, background=True)
        simulator.run()

    async def _wire(self, ctx):
        i = self.bridge.i
        for data, error in self.frames:
            for n, byte in enumerate(data):
                last = n == len(data) - 1
                ctx.set(i.payload, {"data": byte, "keep": 1, "last": last, "error": error and last})
                ctx.set(i.valid, 1)
                await ctx.tick()
            self.ends.append(self.cycle)     # not yet counted by `_watch`, which runs later
            ctx.set(i.valid, 0)
            await ctx.tick().repeat(24)
        self.quiet = 0
        while self.quiet < 300:
            await ctx.tick()

    async def _host(self, ctx):
        i = self.bridge.host_o
        while len(self.ends) < self.up_from:    # frames that come first
            await ctx.tick()
        for record in self.up:
            ctx.set(i.payload, int.from_bytes(record, "little"))
            ctx.set(i.valid, 1)
            await ctx.tick().until(i.ready)
            self.taken.append(self.cycle)
            ctx.set(i.valid, 0)

    async def _watch(self, ctx):
        o, host_i, frame = self.bridge.o, self.bridge.host_i, b""
        while True:
            ctx.set(o.ready, self.sending())
            ctx.set(host_i.ready, self.taking())
            _, _, valid, beat, ready, record_valid, record, record_ready = await ctx.tick().sample(
                o.valid, o.payload, o.ready, host_i.valid, host_i.payload, host_i.ready)
            self.cycle += 1
            self.quiet = 0 if valid or record_valid else self.quiet + 1
            assert valid or not frame, "a frame has no gap"
            if valid and ready:
                frame += bytes([beat.data])
                assert beat.keep == 1
                if beat.last:
                    assert not beat.error
                    self.sent.append((self.cycle - 1, frame))
                    frame = b""
            if record_valid and record_ready:
                self.down.append((self.cycle - 1, record.to_bytes(RECORD_BYTES, "little")))

    @property
    def records(self) -> list[bytes]:
        return [record for _, record in self.down]


def some(rng, count) -> list[bytes]:
    return [rng.randbytes(RECORD_BYTES) for _ in range(count)]


def good(*records, source=HOST) -> tuple[bytes, bool]:
    return host_frame(b"".join(records), source=source, destination=MAC), False


def test_records_come_out_of_frames_in_order_and_in_time(rng):
    records = some(rng, 6)
    bench = Bench([good(*records[:1]), good(*records[1:4]), good(*records[4:])])
    assert bench.records == records
    assert bench.down[0][0] - bench.ends[0] == 66
    assert bench.down[2][0] - bench.down[1][0] == 66


def test_what_is_not_ours_or_not_good_gives_nothing(rng):
    record, = some(rng, 1)
    bad = host_frame(record), True
    others = [(ethernet_frame(record, type=0x0800), False), (ethernet_frame(record, type=HOST_ETHERTYPE ^ 1), False),
              (udp_frame(record * 2, source_ip=1, destination_ip=2, source=3, destination=4), False),
              (host_frame(record)[:ETHERNET.bytes], False), (host_frame(record)[:5], False)]
    assert Bench([bad, *others]).records == []
    assert Bench([bad, *others, good(record)]).records == [record]


@pytest.mark.parametrize("cut", [1, 17, RECORD_BYTES - 1])
def test_a_part_of_a_record_is_ignored(rng, cut):
    first, second, third = some(rng, 3)
    frame = host_frame(first + second[:cut])
    bench = Bench([(frame, False), good(third)])
    assert bench.records == [first, third]


def test_a_frame_without_room_is_dropped_whole(rng):
    """The wire goes on; what was there before and what comes when there is room again is right."""
    records = some(rng, BUFFER_RECORDS + FRAME_RECORDS)
    taking = [False] * 6000
    frames = [good(*records[n:n + 8]) for n in range(0, BUFFER_RECORDS - 4, 8)]
    room = BUFFER_RECORDS - 8 * len(frames)
    frames.append(good(*records[BUFFER_RECORDS:BUFFER_RECORDS + room + 1]))    # one more than there is room for
    bench = Bench(frames, taking=lambda: not taking or taking.pop())
    assert bench.records == records[:8 * (len(frames) - 1)]
    assert len(taking) == 0


def test_the_buffer_can_be_filled_to_the_last_record(rng):
    records = some(rng, BUFFER_RECORDS + 4)
    taking = [False] * 4000
    frames = [good(*records[n:n + 16]) for n in range(0, BUFFER_RECORDS, 16)]
    frames += [good(*records[BUFFER_RECORDS:])]
    bench = Bench(frames, taking=lambda: not taking or taking.pop())
    assert bench.records == records[:BUFFER_RECORDS]


def test_random_frames_with_a_slow_nic(rng):
    frames, expected = [], []
    for _ in range(25):
        records = some(rng, rng.randrange(4))
        error = rng.random() < 0.3
        frames.append((host_frame(b"".join(records)), error))
        if not error:
            expected += records
    assert Bench(frames, taking=lambda: rng.random() < 0.1).records == expected


def header(destination: int) -> bytes:
    return ETHERNET.pack(destination=destination, source=MAC, type=HOST_ETHERTYPE)


def test_nothing_leaves_until_a_host_has_spoken(rng):
    records = some(rng, 2)
    assert Bench(up=records).sent == []
    bad = host_frame(b"", source=HOST), True
    assert Bench([bad], up=records).sent == []


def test_records_leave_to_the_last_host(rng):
    records = some(rng, 2)
    bench = Bench([good(source=OTHER), good(source=HOST)], up=records, up_from=2)
    assert [frame for _, frame in bench.sent] == [header(HOST) + record for record in records]


def test_a_lone_record_leaves_in_constant_time(rng):
    record, = some(rng, 1)
    bench = Bench([good()], up=[record])
    (end, frame), = bench.sent
    assert frame == header(HOST) + record
    assert end - len(frame) + 1 - bench.taken[0] == 2


def test_waiting_records_share_frames(rng):
    records = some(rng, 2 * BUFFER_RECORDS)
    held = [False] * 64 * BUFFER_RECORDS
    bench = Bench([good()], up=records, sending=lambda: (not held or held.pop()) and rng.random() < 0.9)
    got, sizes = b"", []
    for _, frame in bench.sent:
        assert frame[:ETHERNET.bytes] == header(HOST)
        assert (len(frame) - ETHERNET.bytes) % RECORD_BYTES == 0
        sizes.append((len(frame) - ETHERNET.bytes) // RECORD_BYTES)
        got += frame[ETHERNET.bytes:]
    assert got == b"".join(records)
    assert max(sizes) == FRAME_RECORDS

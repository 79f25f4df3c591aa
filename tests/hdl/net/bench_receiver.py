"""cocotb tests of `Receiver`: every kind of frame, every truncation, mutations, back to back."""

import os
import random

import cocotb

from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_TCP, TYPES_TAG
from hdl.registers import PORT as PORT_BLOCK
from sim import frames
from sim.bus import share
from sim.models.receiver import Feed, To
from tests.hdl.net.receiver_harness import (
    FEEDS,
    GROUP,
    PORT,
    VENUES,
    bench_of,
    datagram,
    ip,
    segment,
    tcp,
    udp,
)

SEED = int(os.environ.get("TICKGATE_SEED") or random.SystemRandom().randrange(2**32))
INNER, OUTER = TYPES_TAG
ICMP = 1

#: Frames that are taken, with where they go on a port that is first and last at once is not: see `expect`.
GOOD = {
    "udp": udp(),
    "udp, padded": udp(b"short"),
    "udp, no byte": udp(b""),
    "udp, no byte and no padding": udp(b"", pad=False),
    "udp, not padded": udp(b"short", pad=False),
    "udp, long": udp(bytes(range(256)) * 5),
    "udp, jumbo": udp(bytes(8000)),
    "one tag": udp(tags=[5]),
    "service tag": udp(tags=[(OUTER, 5)]),
    "two tags": udp(tags=[(OUTER, 5), (INNER, 4095)]),
    "options": ip(datagram(), options=bytes(range(4))),
    "most options": ip(datagram(), options=bytes(range(40))),
    "second feed": frames.udp_frame(b"B", source_ip=1, destination_ip=GROUP + 1, source=1, destination=PORT + 1),
}
SESSION = {
    "tcp": tcp(),
    "tcp, second venue": tcp(venue=VENUES[1]),
    "tcp, bare ack": tcp(b"", flags=0x10),
    "tcp, bare ack, no padding": tcp(b"", flags=0x10, pad=False),
    "tcp options": ip(segment(options=b"\1\1\10\12" + bytes(8)), PROTOCOL_TCP),
    "tcp, most options": ip(segment(options=bytes(40)), PROTOCOL_TCP, pad=False),
    "tcp after ip options": ip(segment(), PROTOCOL_TCP, options=bytes(8)),
}
HOST = {
    "host": frames.host_frame(bytes(range(64))),
    "host, no byte": frames.host_frame(b"")[:ETHERNET.bytes],
}
BAD = {
    "not_ipv4": {
        "arp": frames.ethernet_frame(bytes(28), type=0x0806),
        "ipv6": frames.ethernet_frame(b"\x60" + bytes(60), type=0x86DD),
        "802.3 length": frames.ethernet_frame(bytes(46), type=46),
        "three tags": udp(tags=[1, 2, 3]),
    },
    "bad_header": {
        "version": ip(datagram(), version=6),
        "ihl 4": ip(datagram(), ihl=4),
        "ihl 0": ip(datagram(), ihl=0),
        "ihl past the end": ip(datagram(b""), ihl=15, pad=False),
        "checksum": ip(datagram(), checksum=0x1234),
        "checksum 0": ip(datagram(), checksum=0),
        "total length below the header": ip(datagram(), total_length=19),
        "total length below the options": ip(datagram(), options=bytes(8), total_length=27),
    },
    "fragment": {
        "first": ip(datagram(), more_fragments=1),
        "last": ip(datagram(), fragment_offset=1),
        "far": ip(datagram(), fragment_offset=0x1000),
    },
    "not_udp": {
        "icmp": ip(bytes(30), protocol=ICMP),
        "tcp of others": frames.tcp_frame(b"x" * 20, source_ip=1, destination_ip=2, source=3, destination=4, seq=5),
    },
    "bad_length": {
        "longer than the packet": ip(datagram(length=39)),
        "shorter than the packet": ip(datagram(length=37)),
        "below its own header": ip(datagram(b"", length=7), total_length=IPV4.bytes + 7),
        "no room for UDP": ip(b""),
        "longer than the frame": udp(b"x" * 40, pad=False)[:-1],
        "all of it missing": udp(b"x" * 40, pad=False)[:-40],
    },
    "no_group": {
        "other group": frames.udp_frame(b"x" * 20, source_ip=1, destination_ip=GROUP + 2, source=1, destination=PORT),
        "other port": frames.udp_frame(b"x" * 20, source_ip=1, destination_ip=GROUP, source=1, destination=PORT + 1),
    },
}


def everything() -> list[bytes]:
    return [*GOOD.values(), *SESSION.values(), *HOST.values(), *(f for group in BAD.values() for f in group.values())]


@cocotb.test()
async def good_frames_leave(dut):
    bench = await bench_of(dut)
    for name, frame in GOOD.items():
        payload, cause = await bench.check(frame)
        assert (payload.to, cause) == (To.FEED, None), name
    for name, frame in SESSION.items():
        payload, cause = await bench.check(frame)
        assert cause == (None if bench.model.sessions else "not_udp"), name
        assert not bench.model.sessions or (payload.to, payload.error) == (To.SESSION, False), name
    for name, frame in HOST.items():
        payload, cause = await bench.check(frame)
        assert cause == (None if bench.model.bridge else "not_ipv4"), name
        assert not bench.model.bridge or payload.to == To.HOST, name


@cocotb.test()
async def bad_frames_are_counted_by_cause(dut):
    bench = await bench_of(dut)
    for expected, group in BAD.items():
        assert PORT_BLOCK[expected]
        for name, frame in group.items():
            _, cause = await bench.check(frame)
            assert cause == expected, name


@cocotb.test()
async def tcp_structure_is_checked(dut):
    """Bad offsets, right after good segments with other header lengths."""
    bench = await bench_of(dut)
    for offset in range(16):
        for frame in (ip(segment(data_offset=offset), PROTOCOL_TCP),
                      ip(segment(options=bytes(offset % 11 * 4)), PROTOCOL_TCP),
                      ip(segment(b"", data_offset=offset), PROTOCOL_TCP, pad=False)):
            await bench.check(frame)


@cocotb.test()
async def an_error_hides_other_causes_and_ends_the_payload(dut):
    bench = await bench_of(dut)
    for frame in everything():
        payload, cause = await bench.check(frame, error=True)
        assert cause == "bad_fcs"
        assert payload is None or payload.error


@cocotb.test()
async def every_truncation(dut):
    bench = await bench_of(dut)
    for frame in (udp(b"0123456789", tags=[(OUTER, 1), 2]), tcp(b"0123456789"),
                  ip(segment(b"01234", options=bytes(4)), PROTOCOL_TCP, options=bytes(4)),
                  frames.host_frame(bytes(20)), udp(b"1", pad=True)):
        for length in range(1, len(frame)):
            await bench.check(frame[:length])


@cocotb.test()
async def filters_enable_and_priority(dut):
    disabled = Feed(GROUP, PORT, enable=0)
    bench = await bench_of(dut, feeds=(disabled, FEEDS[1]))
    assert (await bench.check(GOOD["udp"]))[1] == "no_group"
    bench = await bench_of(dut, feeds=(Feed(enable=0, promiscuous=1), Feed(promiscuous=1)))
    assert (await bench.check(BAD["no_group"]["other group"]))[0].index == 1
    bench = await bench_of(dut, feeds=(Feed(promiscuous=1), FEEDS[1]))
    assert (await bench.check(GOOD["second feed"]))[0].index == 0


@cocotb.test()
async def mutations_with_gaps(dut):
    rng = random.Random(SEED)
    dut._log.info("TICKGATE_SEED=%d repeats this", SEED)
    bench = await bench_of(dut)
    pool = [frame for frame in everything() if len(frame) < 200]
    for _ in range(share(400)):
        frame = bytearray(rng.choice(pool))
        for _ in range(rng.randrange(3)):
            frame[rng.randrange(min(len(frame), 54))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.5:  # reach what lies behind the checksum
            frame[24:26] = b"\0\0"
            frame[24:26] = frames.checksum(bytes(frame[14:14 + 4 * (frame[14] & 15)])).to_bytes(2, "big")
        await bench.check(bytes(frame), error=rng.random() < 0.1, gaps=rng)


@cocotb.test()
async def back_to_back(dut):
    """Without a single cycle between them, frames give what they give alone."""
    rng = random.Random(SEED)
    dut._log.info("TICKGATE_SEED=%d repeats this", SEED)
    bench = await bench_of(dut)
    pool = [frame for frame in everything() if len(frame) < 200]
    sent = [rng.choice(pool) for _ in range(share(150))]
    payloads, counted = await bench.play_together(sent)
    expected = [bench.model.receive(frame) for frame in sent]
    assert payloads == [payload for payload, _ in expected if payload]
    for name, count in counted.items():
        assert count == (len(sent) if name == "frames" else sum(cause == name for _, cause in expected)), name

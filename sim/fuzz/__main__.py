"""`python -m sim.fuzz`: batches of mutated frames, what became of them, and an error where NIC and models disagree."""

import argparse
import sys
import time
from itertools import takewhile

from sim.fuzz.campaign import FRAMES, Campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.fuzz", description=__doc__)
    parser.add_argument("--batches", type=int, default=200, help=f"how many; {FRAMES} frames on each port in each")
    parser.add_argument("--first", type=int, default=0, help="seed of the first one")
    parser.add_argument("--seconds", type=int, default=10**9, help="begin no more after so long")
    options = parser.parse_args()
    start = time.monotonic()
    with Campaign() as campaign:
        report = campaign.run(takewhile(lambda _: time.monotonic() - start < options.seconds,
                                        range(options.first, options.first + options.batches)))
        cycles = campaign.nic.cycle
    took = time.monotonic() - start
    print(*report.lines(), f"{cycles:,} cycles, {took:.0f} s, {report.frames / took:,.0f} frames a second", sep="\n")
    return 1 if report.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())

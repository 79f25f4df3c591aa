"""`python -m sim.faults`: a campaign of seeds, its figures, and an error where a book was silently wrong."""

import argparse
import sys
import time
from itertools import takewhile

from sim.faults.campaign import Campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--seconds", type=int, default=10**9, help="begin no more after so long")
    parser.add_argument("--wait", type=int, help="ns that feeds wait for the second copy (another with every seed)")
    options = parser.parse_args()
    start = time.monotonic()
    with Campaign(wait_ns=options.wait) as campaign:
        report = campaign.run(takewhile(lambda _: time.monotonic() - start < options.seconds,
                                        range(options.first, options.first + options.seeds)))
        cycles = campaign.rig.nic.cycle
    print(*report.lines(), f"{cycles:,} cycles of the compiled NIC, {time.monotonic() - start:.0f} s", sep="\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

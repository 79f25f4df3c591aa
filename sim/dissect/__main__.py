"""`python -m sim.dissect FILE`: write the Wireshark dissector. `wireshark -X lua_script:FILE` loads it."""

import argparse
import sys
from pathlib import Path

from sim.dissect.lua import script


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.dissect", description="Write the Wireshark dissector.")
    parser.add_argument("file", type=Path, help="where to, for example build/tickgate.lua")
    path = parser.parse_args().file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script(), encoding="ascii")
    except OSError as error:
        print(f"{path}: cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    print(f"wireshark -X lua_script:{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

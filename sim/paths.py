"""Where things are: the real data, and the build folder."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
DATA = Path(os.environ.get("TICKGATE_DATA", ROOT.parent / "shared" / "data"))

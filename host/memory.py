"""The garbage collector of a process that makes many small objects, and keeps most of them.

CPython looks for garbage whenever 700 objects more were made than freed, and ever so often through all that there are:
a book of record of a day is looked through again and again, and has no garbage. Services have next to no reference
cycles, so it may look much less often. Measured: the OMS needs 12 % less time an event.
"""

import gc

#: New objects before the youngest are looked through, and how many such looks before the next older ones.
THRESHOLDS = (50_000, 20, 100)


def calm() -> None:
    """Look for garbage less often in this process, from now on."""
    gc.set_threshold(*THRESHOLDS)

"""The software twin: decoder and book compiled with numba, for files of a whole day.

It gives the rows of the golden models (`sim.models`), which stay the oracle, some hundred times as fast. What is
unusual in a file it does not judge: it refuses (`Unusual`), and the golden models read the file instead.
"""


class Unusual(Exception):
    """Something that the twin leaves to the golden models; says what, and where in the file."""

"""Choice by number, as a tree: one level of two-way choices for each bit of it."""

from amaranth.hdl import Mux, Value


def pick(options, index) -> Value:
    """The option of this index; any option where there is none. Half the logic of a priority chain or an `Array`."""
    options, index = [Value.cast(option) for option in options], Value.cast(index)
    for bit in index:
        pairs = [options[n:n + 2] for n in range(0, len(options), 2)]
        options = [Mux(bit, pair[-1], pair[0]) for pair in pairs]
    return options[0]

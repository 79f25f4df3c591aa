"""Choice: by number, by mark, and of the first that is set. Each is a tree, no deeper than it must be."""

from amaranth.hdl import Cat, Mux, Value


def pick(options, index) -> Value:
    """The option of this index; any option where there is none. Half the logic of a priority chain or an `Array`."""
    options, index = [Value.cast(option) for option in options], Value.cast(index)
    for bit in index:
        pairs = [options[n:n + 2] for n in range(0, len(options), 2)]
        options = [Mux(bit, pair[-1], pair[0]) for pair in pairs]
    return options[0]


def select(marks, values) -> Value:
    """The value whose mark is set, 0 if none is: marks must be one-hot."""
    chosen = Value.cast(0)
    for mark, value in zip(marks, values, strict=True):
        value = Value.cast(value)
        chosen = chosen | value & mark.replicate(len(value))
    return chosen


def first_of(bits) -> Value:
    """The lowest bit that is set, alone."""
    bits = Value.cast(bits)
    return bits & ~(bits - 1)[:len(bits)]


def index_of(one_hot) -> Value:
    """Number of the bit that is set."""
    bits = max(1, (len(one_hot) - 1).bit_length())
    return Cat(Cat(one_hot[n] for n in range(len(one_hot)) if n >> bit & 1).any() for bit in range(bits))


def lowest(bits) -> tuple[Value, Value]:
    """(whether any bit is set, index of the lowest): for many bits, where `first_of` would carry too far."""
    nodes = [(bit, 0) for bit in bits]
    weight = 1
    while len(nodes) > 1:
        pairs = [nodes[n:n + 2] for n in range(0, len(nodes), 2)]
        nodes = [pair[0] if len(pair) == 1 else
                 (pair[0][0] | pair[1][0], Mux(pair[0][0], pair[0][1], pair[1][1] | weight)) for pair in pairs]
        weight *= 2
    return nodes[0]


__all__ = ["first_of", "index_of", "lowest", "pick", "select"]

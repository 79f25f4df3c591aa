"""The book, under both simulators, held to its golden model report by report."""

import pytest

from hdl.book.book import Book
from sim.bookbench import SMALL
from sim.cosim import SIMULATORS, cosim


@pytest.mark.cosim
@pytest.mark.parametrize("sim", SIMULATORS)
def test_book(sim):
    """Refills, collisions, clears, faults and nonsense on a configuration where they happen all the time."""
    cosim(Book(SMALL), "tests.hdl.book.bench_book", sim=sim, name="book",
          env={"BOOK_MESSAGES": "400" if sim == "verilator" else "100"})

"""`kill -9` at random points: nothing acknowledged is lost, nothing is applied twice.

    python -m host.oms.trials --count 1000 [--seed N] [--folder build/trials]

A child process takes events into a durable book and acknowledges each group after its commit. It is killed
while it works: by the parent at a random moment, by itself in the middle of a transaction (inside SQLite), or
between a commit and its acknowledgement. Then the file is opened again: it must hold exactly the first events
of the script, in order, each once, at least those that were acknowledged; and the book made from it must be
the one that a plain sum over those events gives. The next child goes on with the same file, and is sent again
all that was not acknowledged, as a venue does. SIGKILL shows what a lost process leaves; for a loss of power
the journal relies on what SQLite promises of `synchronous = FULL`.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hdl.layouts import Side
from host.messages import NEW, TRADE, TRADE_CANCEL, CancelOrder, NewOrder, Report
from host.oms.journal import Event, JournalError
from host.oms.oms import Oms
from host.oms.sqlite import SqliteJournal, remove
from sim.paths import BUILD

#: Events of one file; then a new one is begun.
SCRIPT = 2_000
#: Events of one group commit, at most.
LARGEST_GROUP = 40
#: Pages of log before a checkpoint: small ones so that kills meet checkpoints too.
CHECKPOINTS = (3, 30, 4_000)
#: The parent kills at most so long (s) after the child began to work.
LONGEST_S = 0.06
#: A child kills itself after at most so many steps of SQLite's machine.
MOST_STEPS = 40_000
#: How a child ends.
TIMER, INSIDE, UNTOLD, UNHARMED = "by timer", "inside SQLite", "before the acknowledgement", "not at all"


class Failed(Exception):
    """The book broke its promise."""


class Fragile(SqliteJournal):
    """A journal whose process dies in the midst of it."""

    def kill_after(self, steps: int) -> None:
        """Kill this process after so many steps of SQLite's machine."""
        self._db.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), steps)


def script(count: int) -> list[Event]:
    """`count` events, each of which the journal keeps: orders, acknowledgements, fills, cancels and busts."""
    events: list[Event] = []
    for n in range(1, count):
        order, stock = n << 8, ("AAPL", "MSFT")[n % 2]
        events += [NewOrder(order, stock, Side.BUY, 300, 1_000_000, 0, venue=0),
                   Report(order, f"N{n}", NEW, "0", stock, Side.BUY, 0),
                   Report(order, f"F{n}", TRADE, "1", stock, Side.BUY, 0, 100, 1_000_000 + n),
                   CancelOrder(order + 1, order, stock, Side.BUY, 300, 0),
                   Report(order, f"G{n}", TRADE, "2", stock, Side.BUY, 0, 200, 999_000),
                   Report(order, f"X{n}", TRADE, "2", stock, Side.BUY, 1, 50, 999_000)]  # not its venue: refused, kept
        if n % 3 == 0:
            events.append(Report(order, f"B{n}", TRADE_CANCEL, "1", stock, Side.BUY, 0, ref_id=f"F{n}"))
        if len(events) >= count:
            break
    return events[:count]


def filled(events: list[Event]) -> Counter[int]:
    """Quantity filled by order, counted without the book: what is refused or taken back left out."""
    trades = {one.exec_id: one for one in events if isinstance(one, Report) and one.exec_type == TRADE
              and not one.exec_id.startswith("X")}
    for one in events:
        if isinstance(one, Report) and one.exec_type == TRADE_CANCEL:
            del trades[one.ref_id]
    total: Counter[int] = Counter()
    for one in trades.values():
        total[one.order_id] += one.last_qty
    return total


def tell(oms: Oms, event: Event) -> None:
    """Hand an event to the book, as it comes after a restart: requests on record were sent, and are not sent again."""
    match event:
        case Report():
            oms.on_report(event)
        case NewOrder() if oms.find(event.order_id) is None:
            oms.on_new(event)
        case CancelOrder() if oms.find(event.order_id) is None:
            oms.on_cancel(event)


def child(path: Path, events: list[Event], told: int, acknowledge: int, end: str, seed: int) -> None:
    """Work from event `told` on until killed; write the number of each acknowledged event to `acknowledge`."""
    rng = random.Random(seed)
    journal = Fragile(path, rng.choice(CHECKPOINTS))
    oms = Oms(journal)
    os.write(acknowledge, b"%d\n" % told)  # at work
    last_group = rng.randrange(30)
    if end == INSIDE:
        journal.kill_after(rng.randrange(1, MOST_STEPS))
    group = 0
    while told < len(events):
        size = rng.randrange(1, LARGEST_GROUP)
        for event in events[told:told + size]:
            tell(oms, event)
        oms.commit()
        if end == UNTOLD and group == last_group:
            os.kill(os.getpid(), signal.SIGKILL)
        told, group = min(told + size, len(events)), group + 1
        os.write(acknowledge, b"%d\n" % told)
    time.sleep(LONGEST_S)


def run_child(path: Path, events: list[Event], told: int, rng: random.Random, end: str) -> tuple[int, str]:
    """Start a child, have it killed; returns how many events it had acknowledged, and how it ended."""
    read, write = os.pipe()
    seed = rng.randrange(1 << 32)
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            child(path, events, told, write, end, seed)
        except BaseException as error:
            os.write(2, f"trials: the child failed: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        lines = [pipe.readline()]
        if end == TIMER:
            time.sleep(rng.random() * LONGEST_S)
            os.kill(pid, signal.SIGKILL)
        lines += pipe.readlines()
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise Failed("the child could not go on with the file that the killed one left")
    whole = [int(line) for line in lines if line.endswith(b"\n")]
    return whole[-1] if whole else told, end if os.WIFSIGNALED(status) else UNHARMED


def check(path: Path, events: list[Event], told: int) -> int:
    """Open the file that was left; returns how many events it holds. Raises `Failed`."""
    journal = None
    try:
        journal = SqliteJournal(path)
        kept = [entry.event for entry in journal.entries()]
        if len(kept) < told:
            raise Failed(f"{told} events were acknowledged, {len(kept)} are left")
        if kept != events[:len(kept)]:
            at = next(n for n, (one, other) in enumerate(zip(kept, events, strict=False)) if one != other)
            raise Failed(f"event {at + 1} is {kept[at]}, where {events[at]} was told")
        oms = Oms(journal)
        sums = filled(kept)
        for order_id, order in oms.orders.items():
            if order.filled != sums[order_id]:
                raise Failed(f"order {order_id:016X} has {order.filled} filled, its executions make {sums[order_id]}")
    except JournalError as error:
        raise Failed(str(error)) from None
    finally:
        if journal:
            journal.close()
    return len(kept)


@dataclass
class Outcome:
    """What the trials showed: kills by kind, events acknowledged, and events that survived without it."""
    ends: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unacknowledged: int = 0
    files: int = 0


def trials(count: int, seed: int, folder: Path) -> Outcome:
    """Run until `count` children were killed. Raises `Failed`, and leaves the file as it was found."""
    rng, outcome, events = random.Random(seed), Outcome(), script(SCRIPT)
    path, told, killed = folder / "trial.sqlite", 0, 0
    while killed < count:
        if not outcome.files or told == len(events):
            remove(path)
            told, outcome.files = 0, outcome.files + 1
        end = rng.choice((TIMER, TIMER, INSIDE, UNTOLD))
        try:
            reached, end = run_child(path, events, told, rng, end)
            left = check(path, events, reached)
        except Failed as error:
            raise Failed(f"kill {killed + 1} of seed {seed}, killed {end}: {error}; the file is {path}") from None
        outcome.ends[end] += 1
        killed += end != UNHARMED
        outcome.acknowledged += reached - told
        outcome.unacknowledged += left - reached
        told = reached
    remove(path)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m host.oms.trials", description="kill -9 trials of the OMS")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--folder", type=Path, default=BUILD / "trials")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        outcome = trials(options.count, seed, options.folder)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    ends = ", ".join(f"{number} {end}" for end, number in sorted(outcome.ends.items()))
    print(f"children ended {ends}; seed {seed}, {outcome.files} files; {outcome.acknowledged} events "
          f"acknowledged, none lost, none twice; {outcome.unacknowledged} survived that were not acknowledged")
    return 0


if __name__ == "__main__":
    sys.exit(main())

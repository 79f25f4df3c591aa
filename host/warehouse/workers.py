"""Threads that encode while the writer goes on splitting. They are daemons: a disk that hangs does not hang an exit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

Job = Callable[[], None]


class Workers:
    """`submit` gives a future of a job; `close` ends the threads once the jobs before it are done."""

    def __init__(self, count: int):
        self._jobs: SimpleQueue[tuple[Future[None], Job] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=f"warehouse-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> "Future[None]":
        future: Future[None] = Future()
        self._jobs.put((future, job))
        return future

    def close(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)

    def _run(self) -> None:
        while (one := self._jobs.get()) is not None:
            future, job = one
            try:
                job()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)

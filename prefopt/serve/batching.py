"""Requests meet in batches: one thread owns the model, and everything that touches the model runs on it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


class QueueFullError(Exception):
    """As many items wait as may wait."""


@dataclass
class _Request(Generic[A, B]):
    """The items of one request, and their results so far."""

    items: Sequence[A]
    future: Future[list[B]] = field(default_factory=Future)
    found: list[B] = field(default_factory=list)
    taken: int = 0

    def take(self, most: int) -> Sequence[A]:
        """The next items, for a batch."""
        items = self.items[self.taken : self.taken + most]
        self.taken += len(items)
        return items

    @property
    def waiting(self) -> int:
        """Items that no batch has taken; none of a request that has failed."""
        return 0 if self.future.done() else len(self.items) - self.taken


_Part = tuple[_Request[A, B], Sequence[A]]
"""A request, and those of its items that are in a batch."""
_Task = tuple[Callable[[], Any], "Future[Any]"]


class Batcher(Generic[A, B]):
    """Turns items into results in batches, on a thread of its own.

    A batch is as many items as are there, at most `most`, once `wait` seconds have passed since the thread was free or `enough` are there.
    A request of more items than a batch takes turns with the others. Where a batch fails, each of its requests is tried alone, so that one
    that cannot be computed does not take the others with it.

    Args:
        work: results of a batch, in order.
        refuse: raises where some items cannot be computed; asked of each request where a batch failed.
        commit: called, on a thread of its own, with all results of the requests that a batch has finished, before anybody gets them. If it
            raises, they get that.
        wait: seconds.
        enough: items for which nobody waits.
        most: items in a batch.
        queue: items that may wait.
    """

    def __init__(
        self,
        work: Callable[[Sequence[A]], list[B]],
        refuse: Callable[[Sequence[A]], None],
        commit: Callable[[Sequence[B]], None],
        *,
        wait: float,
        enough: int,
        most: int,
        queue: int,
    ) -> None:
        self._work, self._refuse, self._commit = work, refuse, commit
        self._wait, self._enough, self._most, self._queue = wait, enough, most, queue
        self._requests: deque[_Request[A, B]] = deque()
        self._tasks: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._committer = ThreadPoolExecutor(1, "committing")
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, items: Sequence[A]) -> Future[list[B]]:
        """The results of some items, when they are committed. Raises QueueFullError; an empty queue takes a request of any size."""
        request: _Request[A, B] = _Request(items)
        request.future.set_running_or_notify_cancel()  # a client that hangs up cancels nothing
        with self._changed:
            if self._closing or ((waiting := self.waiting) and waiting + len(items) > self._queue):
                raise QueueFullError
            self._requests.append(request)
            self._changed.notify()
        return request.future

    def between(self, task: Callable[[], T]) -> Future[T]:
        """Run something on the model's thread, between two batches."""
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                future.cancel()
            else:
                self._tasks.append((task, future))
            self._changed.notify()
        return future

    @property
    def waiting(self) -> int:
        """Items that no batch has taken yet."""
        return sum(request.waiting for request in list(self._requests))

    def close(self) -> None:
        """Compute what waits, take nothing more, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._committer.shutdown()

    def _run(self) -> None:
        while True:
            task, batch = self._next()
            if task is not None:
                _settle(*task)
            elif batch:
                self._compute(batch)
            else:
                return

    def _next(self) -> tuple[_Task | None, list[_Part[A, B]]]:
        with self._changed:
            while not (self._tasks or self.waiting or self._closing):
                self._changed.wait()
            if self._tasks:
                return self._tasks.popleft(), []
            until = time.monotonic() + self._wait
            while not self._closing and self.waiting < self._enough and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            batch, longer, space = [], [], self._most
            while self._requests and space:
                request = self._requests.popleft()
                if request.waiting:
                    items = request.take(space)
                    space -= len(items)
                    batch.append((request, items))
                longer += [request] if request.waiting else []
            self._requests.extend(longer)
            return None, batch

    def _compute(self, batch: list[_Part[A, B]]) -> None:
        try:
            found = iter(self._work([item for _, items in batch for item in items]))
        except BaseException as error:
            if len(batch) == 1:
                batch[0][0].future.set_exception(error)
            elif len(fit := self._fit(batch)) < len(batch):
                self._compute(fit) if fit else None
            else:
                for part in batch:
                    self._compute([part])
            return
        for request, items in batch:
            request.found += [next(found) for _ in items]
        done = [request for request, _ in batch if len(request.found) == len(request.items)]
        if done:
            self._committer.submit(self._finish, done)

    def _finish(self, done: list[_Request[A, B]]) -> None:
        """Give requests their results once they are committed, while the model's thread computes the next batch."""
        try:
            self._commit([row for request in done for row in request.found])
        except BaseException as error:
            for request in done:
                request.future.set_exception(error)
        else:
            for request in done:
                request.future.set_result(request.found)

    def _fit(self, batch: list[_Part[A, B]]) -> list[_Part[A, B]]:
        """The requests that are not refused; the others get why."""
        fit = []
        for request, items in batch:
            try:
                self._refuse(items)
            except BaseException as error:
                request.future.set_exception(error)
            else:
                fit.append((request, items))
        return fit


def _settle(task: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(task())
    except BaseException as error:
        future.set_exception(error)

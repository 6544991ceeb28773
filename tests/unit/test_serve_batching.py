"""Requests that meet in batches: who gets what, what waits, and what a failure takes with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait

import pytest

from prefopt.serve.batching import Batcher, QueueFullError


class Desk:
    """A batcher whose work stands still until it is let go."""

    def __init__(self, **options: float) -> None:
        self.batches: list[list[int]] = []
        self.committed: list[list[int]] = []
        self.go = threading.Event()
        self.busy = threading.Event()
        self.full = False
        values = {"wait": 0.0, "enough": 2, "most": 4, "queue": 8, **options}
        self.batcher: Batcher[int, int] = Batcher(self.work, self.refuse, self.commit, **values)  # type: ignore[arg-type]  # numbers all

    def work(self, items: Sequence[int]) -> list[int]:
        self.busy.set()
        self.go.wait(20)
        self.batches.append(list(items))
        if -1 in items or (0 in items and len(items) > 1) or items == [0]:
            raise ValueError(f"bad item in {list(items)}")
        return [item * 10 for item in items]

    def refuse(self, items: Sequence[int]) -> None:
        if -1 in items:
            raise KeyError("refused")

    def commit(self, rows: Sequence[int]) -> None:
        if self.full:
            raise OSError("full")
        self.committed.append(list(rows))

    def held(self, *requests: list[int]) -> list[Future[list[int]]]:
        """Submit requests while a first one is being computed, then let go."""
        first = self.batcher.submit([99])
        assert self.busy.wait(20)
        futures = [self.batcher.submit(items) for items in requests]
        self.go.set()
        wait([first, *futures], 20)
        return futures


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.go.set()
    found.batcher.close()


def test_what_waits_is_one_batch_and_everybody_gets_their_own(desk):
    one, other, third = desk.held([1], [2, 3], [4])
    assert (one.result(), other.result(), third.result()) == ([10], [20, 30], [40])
    assert desk.batches == [[99], [1, 2, 3, 4]]
    assert desk.committed == [[990], [10, 20, 30, 40]]


def test_a_long_request_takes_turns_with_the_others(desk):
    long, short = desk.held([1, 2, 3, 4, 5, 6], [7])
    assert long.result() == [10, 20, 30, 40, 50, 60]
    assert short.result() == [70]
    assert desk.batches == [[99], [1, 2, 3, 4], [7, 5, 6]]
    assert desk.committed == [[990], [70, 10, 20, 30, 40, 50, 60]]  # records of a request in one piece


def test_requests_come_in_while_it_waits_for_more():
    found = Desk(wait=5.0, enough=2)
    found.go.set()
    first, second = found.batcher.submit([1]), found.batcher.submit([2])  # two are enough, so nobody waits five seconds
    assert wait([first, second], 4).not_done == set()
    assert found.batches == [[1, 2]]
    found.batcher.close()


def test_a_full_queue_refuses_and_an_empty_one_takes_any_size(desk):
    large = desk.batcher.submit(list(range(1, 21)))
    assert desk.busy.wait(20)
    assert desk.batcher.waiting == 16  # the rest of it, while its first four are being computed
    with pytest.raises(QueueFullError):
        desk.batcher.submit([50])
    desk.go.set()
    assert large.result(20) == [item * 10 for item in range(1, 21)]
    assert desk.batcher.submit([50]).result(20) == [500]


def test_a_long_request_that_fails_is_not_computed_to_its_end(desk):
    (long,) = desk.held([1, 2, 3, -1, 5, 6, 7, 8, 9])
    with pytest.raises(ValueError, match="bad item"):
        long.result()
    assert desk.batcher.submit([7]).result(20) == [70]
    assert desk.batches == [[99], [1, 2, 3, -1], [7]]


def test_what_cannot_be_computed_takes_nobody_with_it(desk):
    good, refused, failing, last = desk.held([1], [-1], [0], [2])
    with pytest.raises(KeyError, match="refused"):
        refused.result()
    with pytest.raises(ValueError, match=r"\[0\]"):
        failing.result()
    assert (good.result(), last.result()) == ([10], [20])


def test_without_a_record_there_is_no_answer(desk):
    desk.full = True
    (one,) = desk.held([1])
    with pytest.raises(OSError, match="full"):
        one.result()


def test_a_task_runs_on_the_same_thread_between_batches(desk):
    names = []
    real = desk.work
    desk.batcher._work = lambda items: (names.append(threading.current_thread().name), real(items))[1]
    desk.go.set()
    assert desk.batcher.submit([1]).result(20) == [10]
    assert desk.batcher.between(lambda: threading.current_thread().name).result(20) == names[0]
    with pytest.raises(ZeroDivisionError):
        desk.batcher.between(lambda: 1 / 0).result(20)
    assert desk.batcher.submit([2]).result(20) == [20]


def test_at_its_end_it_computes_what_waits_and_takes_no_more(desk):
    first = desk.batcher.submit([99])
    assert desk.busy.wait(20)
    second = desk.batcher.submit([1])
    closing = threading.Thread(target=desk.batcher.close)
    closing.start()
    desk.go.set()
    closing.join(20)
    assert (first.result(0), second.result(0)) == ([990], [10])
    with pytest.raises(QueueFullError):
        desk.batcher.submit([2])

"""Follows promotions: the adapter that a decision puts in use is loaded beside the one that answers, compared, and takes over.

Also watches that what the running adapter was judged with is still on the disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from prefopt.deploy.predictor import Predictor
from prefopt.faults import as_prefopt_error
from prefopt.project.project import open_project
from prefopt.rounds.promotion import FILE, promoted_round
from prefopt.serve.loaded import Loaded, can_share, key_of, load, load_beside, self_check
from prefopt.serve.service import Service

EVERY = 1.0
"""Seconds between two looks at the files."""
KEPT = 60.0
"""Seconds for which the adapter that answered before stays in memory, so that a rollback needs no loading."""


class Follower(threading.Thread):
    """Looks at the project's files once a second until it is stopped.

    Args:
        service: loaded already.
        say: called with what happens, in words.
    """

    def __init__(self, service: Service, say: Callable[[str], None]) -> None:
        super().__init__(name="promotions", daemon=True)
        self._service, self._say = service, say
        self._stopped = threading.Event()
        self._seen: tuple[object, ...] = ()
        self._before: Loaded | None = None
        self._leaves = 0.0

    def run(self) -> None:
        """Look, and look again."""
        self._seen = self._state()
        while not self._stopped.wait(EVERY):
            state = self._state()
            if state != self._seen:
                self._seen = state
                self.look()
            if self._before is not None and time.monotonic() > self._leaves:
                self._forget(self._before)
            self._service.refresh()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()

    def look(self) -> None:
        """Compare the project with what answers, and follow it."""
        service, start = self._service, time.monotonic()
        try:
            if service.watch is not None:
                service.watch.reread()
            predictor = Predictor.of(promoted_round(open_project(service.project.root)))
        except Exception as error:
            self._tell(_in_words(error))
            return
        if key_of(predictor) == service.loaded.key:
            self._tell("")
            self._swapped("")
            return
        try:
            difference = self._swap(predictor, service.loaded)
        except Exception as error:
            self._swapped(_in_words(error))
            self._say(f"round {predictor.round.name} does not take over: {service.swap_fault}")
            return
        seconds = time.monotonic() - start
        self._tell("")
        self._swapped("")
        service.metrics.swaps.inc()
        service.metrics.swap_seconds.set(seconds)
        service.metrics.self_check.set(difference)
        self._say(f"round {predictor.round.name} answers from now on; taken over in {seconds:.1f} s")

    def _swap(self, predictor: Predictor, current: Loaded) -> float:
        """Let the adapter of a predictor take over; returns how far it is from what was judged. Raises PrefoptError, OSError."""
        service, check = self._service, self_check(predictor)
        watch = service.watch_of(predictor)
        kept = self._before if self._before is not None and self._before.key == key_of(predictor) else None
        if self._before is not None and kept is None:
            self._forget(self._before)
        if kept is not None:
            fresh = kept
        elif can_share(current, predictor):
            fresh = service.batcher.between(lambda: load_beside(current, predictor)).result()
        else:
            fresh = load(predictor)

        def take_over() -> float:
            try:
                difference = check.refuse_other(fresh)
            except BaseException:
                current.use()
                if fresh is not kept:
                    fresh.close(shared=_same_base(fresh, current))
                raise
            service.take_over(fresh, watch)
            return difference

        difference = service.batcher.between(take_over).result()
        self._before, self._leaves = current, time.monotonic() + KEPT
        return difference

    def _forget(self, before: Loaded) -> None:
        current = self._service.loaded
        self._before = None
        self._service.batcher.between(lambda: before.close(shared=_same_base(before, current))).result()

    def _tell(self, fault: str) -> None:
        """What is the matter with the files of the adapter that answers; empty where nothing is."""
        if fault and fault != self._service.fault:
            self._say(fault)
        self._service.fault = fault

    def _swapped(self, fault: str) -> None:
        self._service.swap_fault = fault
        self._service.metrics.swap_failed.set(bool(fault))

    def _state(self) -> tuple[object, ...]:
        """Times and sizes of the files that decide who may answer."""
        current = self._service.loaded
        rnd, root = current.predictor.round, self._service.project.root
        files = [
            root / "rounds" / FILE,
            root / "prefopt.toml",
            rnd.data_file("taxonomy"),
            rnd.folder / "round.toml",
            *sorted(current.predictor.adapter.glob("*")),
            *sorted(rnd.stage("calibrate").glob("*")),
            self._service.journal.folder / "lifted.jsonl",
        ]
        return (current.predictor.adapter, *map(_stat, files))


def _same_base(one: Loaded, other: Loaded) -> bool:
    return one.policy.base is not None and one.policy.base is other.policy.base


def _in_words(error: Exception) -> str:
    found = as_prefopt_error(error)
    return f"{found.message} ({found.hint})" if found.hint else found.message


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size

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
from prefopt.inuse.assignment import Arm
from prefopt.inuse.records import FILE as COMPARISONS
from prefopt.inuse.records import Started, running
from prefopt.project.project import Project, open_project
from prefopt.rounds.promotion import FILE, promoted_round
from prefopt.serve.arms import Arms
from prefopt.serve.loaded import Loaded, can_share, key_of, load, load_beside, self_check
from prefopt.serve.service import Service

EVERY = 1.0
"""Seconds between two looks at the files."""
AGAIN = 30.0
"""Seconds after which an engine is asked again for an adapter that it did not have, or computed otherwise."""
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
        self._leaves = self._tries = 0.0
        self._alarmed: set[str] = set()
        """Adapters whose alarm was said."""

    def run(self) -> None:
        """Look, and look again."""
        service = self._service
        self._seen = self._state()
        self.look()  # at what has changed while it loaded, and at a comparison that runs
        while not self._stopped.wait(EVERY):
            state = self._state()
            if state != self._seen:
                self._seen = state
                self.look()
            if service.engine.fault:
                self._ask_engine()
            elif service.swap_fault and service.loaded.predictor.server and time.monotonic() > self._tries:
                self._tries = time.monotonic() + AGAIN
                self.look()  # the engine may have been started with the adapter
            if self._before is not None and time.monotonic() > self._leaves:
                self._forget(self._before)
            service.refresh()
            self._tell_alarm()

    def _ask_engine(self) -> None:
        """See whether the servers that score are back, as they were."""
        service, before = self._service, self._service.engine.fault
        try:
            service.batcher.between(lambda: service.engine.try_again(service.active)).result()
        except Exception as error:
            if service.engine.fault != before:
                self._say(_in_words(error))
            return
        self._say("the engine scores again")
        self.look()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()

    def look(self) -> None:
        """Compare the project with what answers, and follow it."""
        service = self._service
        try:
            for loaded in service.active:
                if loaded.watch is not None:
                    loaded.watch.reread()
            project = open_project(service.project.root)
            predictor = service.predictor_of(promoted_round(project))
        except Exception as error:
            self._tell(_in_words(error))
            return
        self._tell("")
        started = self._comparison()
        is_other = key_of(predictor) != service.loaded.key
        if service.arms is not None and (is_other or started is None or started.id != service.arms.started.id):
            self._end_comparison(service.arms)
        if not is_other:
            self._swapped("")
        elif not self._swap(predictor):
            return
        if started is not None and service.arms is None:
            self._begin_comparison(project, started)

    def _swap(self, predictor: Predictor) -> bool:
        """Let the adapter of a predictor take over; whether it did."""
        service, before, start = self._service, self._service.loaded, time.monotonic()
        try:
            self._bring_in(predictor, service.take_over)
        except Exception as error:
            self._swapped(_in_words(error))
            self._say(f"round {predictor.round.name} does not take over: {service.swap_fault}")
            return False
        self._keep(before)
        seconds = time.monotonic() - start
        self._swapped("")
        service.metrics.swaps.inc()
        service.metrics.swap_seconds.set(seconds)
        self._say(f"round {predictor.round.name} answers from now on; taken over in {seconds:.1f} s")
        return True

    def _bring_in(self, predictor: Predictor, enter: Callable[[Loaded], None]) -> None:
        """Load an adapter, compare it, and call `enter` with it between two batches.

        Raises:
            PrefoptError: it cannot be loaded, or answers otherwise than it was judged; nothing has changed then.
        """
        service, current, check = self._service, self._service.loaded, self_check(predictor)
        kept = self._before if self._before is not None and self._before.key == key_of(predictor) else None
        watch = service.watch_of(predictor) if kept is None else kept.watch  # nothing was answered with it meanwhile
        if kept is not None:
            fresh = kept
        elif can_share(current, predictor):
            fresh = service.batcher.between(lambda: load_beside(current, predictor)).result()
        else:
            fresh = load(predictor)
        fresh.watch, fresh.check = watch, check

        def compare_and_enter() -> None:
            try:
                service.compared(fresh, check.refuse_other(fresh))
            except BaseException:
                current.use()
                if fresh is not kept:
                    fresh.close(shared=_same_base(fresh, current))
                raise
            enter(fresh)

        service.batcher.between(compare_and_enter).result()
        self._before = None if fresh is self._before else self._before

    def _comparison(self) -> Started | None:
        """The comparison that runs; none where its file is damaged, which answers do not need."""
        try:
            return running(self._service.journal.folder)
        except Exception as error:
            self._say(_in_words(error))
            return None

    def _begin_comparison(self, project: Project, started: Started) -> None:
        """Let the other adapter of a comparison answer too."""
        service, current = self._service, self._service.loaded
        in_use: Arm | None = {started.a.adapter: "a", started.b.adapter: "b"}.get(current.policy.adapter_id)  # type: ignore[assignment]  # arms both
        if in_use is None:
            self._say(
                f"the comparison of rounds {started.a.round:03d} and {started.b.round:03d} waits: round {current.round:03d} is in use"
            )
            return
        other: Arm = "b" if in_use == "a" else "a"
        number = started.b.round if other == "b" else started.a.round

        def enter(fresh: Loaded) -> None:
            service.arms = Arms(started, {in_use: current, other: fresh}, in_use)

        try:
            self._bring_in(service.predictor_of(project.round(number)), enter)
        except Exception as error:
            self._say(f"the comparison of rounds {started.a.round:03d} and {started.b.round:03d} does not begin: {_in_words(error)}")
            return
        self._say(f"rounds {started.a.round:03d} and {started.b.round:03d} are compared, {started.mode}")

    def _end_comparison(self, arms: Arms) -> None:
        def leave() -> None:
            self._service.arms = None

        self._service.batcher.between(leave).result()
        self._keep(arms.loaded[arms.other])
        self._say(f"rounds {arms.started.a.round:03d} and {arms.started.b.round:03d} are no longer compared")

    def _keep(self, loaded: Loaded) -> None:
        """Keep an adapter that answers no longer for a while, in place of the one kept so far."""
        if self._before is not None:
            self._forget(self._before)
        self._before, self._leaves = loaded, time.monotonic() + KEPT

    def _forget(self, before: Loaded) -> None:
        current = self._service.loaded
        self._before = None
        self._service.batcher.between(lambda: before.close(shared=_same_base(before, current))).result()

    def _tell(self, fault: str) -> None:
        """What is the matter with the files of the adapter that answers; empty where nothing is."""
        if fault and fault != self._service.fault:
            self._say(fault)
        self._service.fault = fault

    def _tell_alarm(self) -> None:
        """Say once that an adapter has an alarm, and once that it has none any more."""
        for loaded in self._service.active:
            is_on, key = loaded.watch is not None and not loaded.watch.accepting, loaded.policy.adapter_id
            if is_on and key not in self._alarmed:
                self._say(
                    f"round {loaded.round:03d}: more of its accepted answers are wrong than was agreed; all go to review until somebody "
                    'types prefopt serve accept --because "…"'
                )
            elif not is_on and key in self._alarmed:
                self._say(f"round {loaded.round:03d}: confident answers are accepted again")
            (self._alarmed.add if is_on else self._alarmed.discard)(key)

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
            self._service.journal.folder / COMPARISONS,
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

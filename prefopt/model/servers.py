"""Several inference servers as one: work is spread over them, and goes to another one where one dies. All that is sent passes here."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TypeVar

from prefopt.io.leaving import refuse_personal
from prefopt.io.openai_server import Hints, NoAnswerError, OpenAiServer, RefusedError
from prefopt.model.engines import Engine
from prefopt.model.harmony import Renderer
from prefopt.model.server_check import check, engine_at, provide
from prefopt.protocols import OnStep

R = TypeVar("R")
_HINTS = Hints(unreachable='start the server and type the command again, or set model.server = "" to compute in this process')


class _Machine:
    """One server: opened when it is first used, and again after it did not answer."""

    def __init__(self, url: str) -> None:
        self.server = OpenAiServer(url, _HINTS, tries=3)
        self.engine: Engine | None = None
        self.loaded = False
        self.slots, self.opening = BoundedSemaphore(1), Lock()


class Servers:
    """The servers of model.server, all with one adapter.

    Args:
        urls: separated by commas, each with or without /v1.
        adapter: id of the adapter, or "base".
        folder: of the adapter, to load it where a server does not have it; None for the base alone.
        renderer: of the prompts.

    Attributes:
        done: how many prompts each server has worked on.
    """

    def __init__(self, urls: str, adapter: str, folder: Path | None, renderer: Renderer) -> None:
        self.urls = urls
        self._machines = [_Machine(url.strip()) for url in urls.split(",") if url.strip()]
        self._adapter, self._folder, self._renderer = adapter, folder, renderer
        self.done = [0] * len(self._machines)
        self._unload = weakref.finalize(self, _unload, self._machines, adapter)

    def close(self) -> None:
        """Unload the adapter from the servers that were asked to load it."""
        self._unload()

    def each(
        self, prompts: Sequence[Sequence[int]], work: Callable[[Engine, int], R], *, at_once: int, on_step: OnStep, note: str
    ) -> list[R]:
        """work(server, number of the prompt) for each prompt, in their order.

        A prompt goes to the server of its number, which then has its tokens in its cache; to another one where that does not answer.

        Args:
            prompts: token ids of all that is sent, to be searched for personal data.
            work: sends requests about one prompt.
            at_once: prompts in work at each server.
            on_step: progress.
            note: shown with the progress.

        Raises:
            DataError: a prompt has personal data; nothing was sent.
            ModelError: no server answers, one refuses, or one cannot be right.
        """
        if prompts:
            refuse_personal(((f"prompt {i}", self._renderer.decode(ids)) for i, ids in enumerate(prompts, 1)), self.urls)
        for machine in self._machines:
            machine.slots = BoundedSemaphore(at_once)
        dead: dict[int, NoAnswerError] = {}  # a server gets another chance with the next call
        results: list[R] = []
        with ThreadPoolExecutor(max_workers=at_once * len(self._machines)) as pool:
            futures = [pool.submit(self._somewhere, i, work, dead) for i in range(len(prompts))]
            try:
                for future in futures:
                    results.append(future.result())
                    on_step(len(results), len(futures), note)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return results

    def _somewhere(self, number: int, work: Callable[[Engine, int], R], dead: dict[int, NoAnswerError]) -> R:
        count = len(self._machines)
        for place in [(number + i) % count for i in range(count)]:
            machine = self._machines[place]
            with machine.slots:
                if place in dead:  # perhaps while this prompt waited for it
                    continue
                try:
                    result = self._at(machine, number, work)
                except NoAnswerError as error:
                    dead[place], machine.engine = error, None
                else:
                    self.done[place] += 1
                    return result
        raise next(iter(dead.values()))

    def _at(self, machine: _Machine, number: int, work: Callable[[Engine, int], R]) -> R:
        engine = self._opened(machine)
        try:
            return work(engine, number)
        except RefusedError:
            if self._adapter in engine.served():
                raise
            machine.engine = None  # another process has unloaded the adapter
            return work(self._opened(machine), number)

    def _opened(self, machine: _Machine) -> Engine:
        with machine.opening:
            if machine.engine is None:
                engine = engine_at(machine.server, self._adapter)
                machine.loaded |= provide(engine, self._adapter, self._folder)
                check(engine, self._renderer)
                machine.engine = engine
            return machine.engine


def _unload(machines: Sequence[_Machine], adapter: str) -> None:
    for machine in machines:
        if machine.loaded and machine.engine is not None:
            try:
                machine.engine.unload(adapter)
            except (NoAnswerError, RefusedError):
                continue  # the server is gone, or unloaded it itself
            machine.loaded = False

"""Several inference servers as one: work is spread over them, and goes to another one where one dies. All that is sent passes here."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import Generic, TypeVar

from prefopt.io.addresses import server_addresses
from prefopt.io.leaving import refuse_personal
from prefopt.io.openai_server import Hints, NoAnswerError, OpenAiServer, RefusedError
from prefopt.model.engine_answers import OWN
from prefopt.model.engines import Engine
from prefopt.model.harmony import Renderer
from prefopt.model.server_check import check, engine_at, provide
from prefopt.protocols import OnStep

R = TypeVar("R")
KEY_VARIABLE = "PREFOPT_SERVER_KEY"
"""Environment variable with the key that all servers of model.server expect."""
MOST_AT_ONCE = 256
"""Prompts in work at one server; more wait in its queue as well as here."""
SERVER_HINTS = Hints(
    setting="model.server",
    unreachable=f"start the server and type the command again, or {OWN}",
    refused=f"see what it says; a longer context is --max-model-len (vLLM), --context-length (SGLang) or --ctx-size (llama.cpp), or {OWN}",
    key=f"export {KEY_VARIABLE}=<the server's key>",
)


class _Machine:
    """One server: opened when it is first used, and again after it did not answer."""

    def __init__(self, url: str) -> None:
        self.server = OpenAiServer(url, SERVER_HINTS, tries=3, key=os.environ.get(KEY_VARIABLE, ""))
        self.engine: Engine | None = None
        self.loaded: Engine | None = None  # with which the adapter was loaded from here
        self.opening = Lock()


@dataclass(frozen=True)
class _Found(Generic[R]):
    """The result of one prompt, and the server that it is from."""

    place: int
    number: int
    result: R


class _Todo:
    """Numbers of the prompts of one call that are not done. A server takes its own first, and then those of others."""

    def __init__(self, prompts: int, servers: int) -> None:
        self._waiting = [deque(range(place, prompts, servers)) for place in range(servers)]
        self._left, self._changed = prompts, Condition()
        self.lost: dict[int, NoAnswerError] = {}  # servers that did not answer; they get another chance with the next call
        self.stopped = False

    def take(self, place: int) -> int | None:
        """The next prompt for a server; waits for those that other servers may give back. None if the server gets no more."""
        with self._changed:
            while self._left and not self.stopped and place not in self.lost:
                if self._waiting[place]:
                    return self._waiting[place].popleft()
                fullest = max(self._waiting, key=len)
                if fullest:
                    return fullest.pop()
                self._changed.wait()
            return None

    def done(self) -> None:
        """One prompt less."""
        with self._changed:
            self._left -= 1
            self._changed.notify_all()

    def give_back(self, number: int, place: int, error: NoAnswerError) -> None:
        """A server did not answer about a prompt."""
        with self._changed:
            self.lost.setdefault(place, error)
            self._waiting[place].appendleft(number)
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing is taken any more."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()


class Servers:
    """The servers of model.server, all with one adapter.

    Args:
        urls: separated by commas, each with or without /v1.
        adapter: id of the adapter, or "base".
        folder: of the adapter, to load it where a server does not have it; None for the base alone.
        renderer: of the prompts.

    Attributes:
        renderer: as given.
        done: how many prompts each server has worked on.

    Raises:
        ConfigError: an address or the key cannot be used.
    """

    def __init__(self, urls: str, adapter: str, folder: Path | None, renderer: Renderer) -> None:
        self.urls = urls
        self._machines = [_Machine(url) for url in server_addresses(urls, SERVER_HINTS.setting)]
        self._adapter, self._folder, self.renderer = adapter, folder, renderer
        self.done = [0] * len(self._machines)
        self._unload = weakref.finalize(self, _unload, self._machines, adapter)

    def close(self) -> None:
        """Unload the adapter from the servers that were asked to load it."""
        self._unload()

    def each(
        self, prompts: Sequence[Sequence[int]], work: Callable[[Engine, int], R], *, at_once: int, on_step: OnStep, note: str
    ) -> list[R]:
        """work(server, number of the prompt) for each prompt, in their order.

        A prompt goes to the server of its number, which then has its tokens in its cache; to another one where that does not answer, or
        is slower. After an error or Ctrl-C nothing is begun, and nothing that was begun is waited for.

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
        if not prompts:
            return []
        refuse_personal(((f"prompt {i}", self.renderer.decode(ids)) for i, ids in enumerate(prompts, 1)), self.urls)
        todo = _Todo(len(prompts), len(self._machines))
        found: SimpleQueue[_Found[R] | BaseException] = SimpleQueue()
        threads = min(at_once, MOST_AT_ONCE, len(prompts))
        try:
            for place in [*range(len(self._machines))] * threads:
                Thread(target=self._work_off, args=(place, todo, work, found), daemon=True).start()
            results: dict[int, R] = {}
            while len(results) < len(prompts):
                answer = found.get()
                if isinstance(answer, _Found):
                    results[answer.number] = answer.result
                    self.done[answer.place] += 1
                    on_step(len(results), len(prompts), note)
                elif not isinstance(answer, NoAnswerError) or len(todo.lost) == len(self._machines):
                    raise answer
        finally:
            todo.stop()
        return [results[i] for i in range(len(prompts))]

    def _work_off(self, place: int, todo: _Todo, work: Callable[[Engine, int], R], found: SimpleQueue[_Found[R] | BaseException]) -> None:
        """What one thread does: one prompt after the other, at one server, until there are no more or the server does not answer."""
        machine = self._machines[place]
        while (number := todo.take(place)) is not None:
            try:
                result = self._at(place, number, todo, work)
            except NoAnswerError as error:
                machine.engine = None
                todo.give_back(number, place, error)
                found.put(error)
            except BaseException as error:  # raised again in the thread that waits
                found.put(error)
                return
            else:
                todo.done()
                found.put(_Found(place, number, result))

    def _at(self, place: int, number: int, todo: _Todo, work: Callable[[Engine, int], R]) -> R:
        machine = self._machines[place]
        engine = self._opened(place, todo)
        try:
            return work(engine, number)
        except RefusedError:
            # asked first: another thread may have the adapter loaded again while the server answers, and then has another engine
            if todo.stopped or (self._adapter in engine.served() and machine.engine is engine):
                raise
        with machine.opening:  # another process has unloaded the adapter; perhaps another thread has it back
            if machine.engine is engine:
                machine.engine = None
        return work(self._opened(place, todo), number)

    def _opened(self, place: int, todo: _Todo) -> Engine:
        machine = self._machines[place]
        with machine.opening:
            if place in todo.lost:  # while this thread waited for another one that opens it
                raise todo.lost[place]
            if machine.engine is None:
                engine = engine_at(machine.server, self._adapter)
                if provide(engine, self._adapter, self._folder):
                    machine.loaded = engine
                check(engine, self.renderer)
                machine.engine = engine
            return machine.engine


def _unload(machines: Sequence[_Machine], adapter: str) -> None:
    for machine in machines:
        if machine.loaded is not None:
            try:
                machine.loaded.unload(adapter)
            except (NoAnswerError, RefusedError):
                continue  # the server is gone, or unloaded it itself
            machine.loaded = None

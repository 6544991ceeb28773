"""What a stage is: a typed function from the artifacts it declares to the artifacts it writes.

    @stage(outcome=PairOutcome, reads={"slates": SLATES, "rankings": RANKINGS}, writes=(PREFERENCES, DROPPED), settings=("pair",))
    def pair(slates: list[Slate], rankings: list[Ranking], settings: ProjectConfig) -> Produced[PairOutcome]: ...

The machine (rounds/machine.py) reads and verifies what is declared, calls the function with these values, writes what it returns, and
prints the line of its outcome. A stage gets no path of a round, and while it runs, opening a file of a round that it did not declare
raises UndeclaredReadError.

A parameter is the name of a read, or one of: settings (the round's frozen ProjectConfig), this (a RoundKey), work (a Workspace).
Reading a setting that a stage did not declare raises UndeclaredReadError too: what no finished stage has read may still change
(rounds/frozen.py).
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from prefopt.config import ProjectConfig
from prefopt.errors import UndeclaredReadError
from prefopt.frozen import Frozen
from prefopt.project.project import Round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.artifacts import Artifact
from prefopt.rounds.reading import Reader

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
O = TypeVar("O", bound="Outcome")  # noqa: E741 - the letter of Outcome

PROJECT = "project"
"""Section that every stage reads: its seed and its name are in each RoundKey."""

CONTEXT = ("settings", "this", "work")
"""Parameters of a stage that are not reads."""


class Outcome(Frozen):
    """What a finished stage reports: a few numbers for status lines, the report and --json. Each stage has a type of its own."""

    def line(self) -> str:
        """The outcome in one line of English."""
        raise NotImplementedError


@dataclass(frozen=True)
class Workspace:
    """Where a stage works and how it reports progress."""

    project: Path
    """The project's folder."""
    folder: Path
    """The unfinished stage folder. Artifacts of the kind `Written` go here; everything else here is removed when the stage is done."""
    cache: Path
    """For what can be computed again and may be used by later runs."""
    on_step: OnStep = field(default=ignore_steps, compare=False)
    collect_now: bool = False
    """Collect the rankings received so far, even if slates are incomplete."""
    from_answers: bool = False
    """Collect what was last read of the feedback source, without asking it."""


class Produced(Generic[O]):
    """What a stage returns: its outcome, and the value of each artifact that it writes."""

    def __init__(self, outcome: O) -> None:
        self.outcome = outcome
        self.values: dict[Artifact[Any], Any] = {}

    def put(self, artifact: Artifact[T], value: T) -> Produced[O]:
        """Add the value of one artifact."""
        self.values[artifact] = value
        return self


class Read(Protocol[T_co]):
    """One declared input: how its value is read (kinds: rounds/reads.py). An Artifact alone means that of the same round."""

    def load(self, reader: Reader) -> T_co: ...

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class _Own(Generic[T]):
    artifact: Artifact[T]

    def load(self, reader: Reader) -> T:
        return reader.artifact(reader.round, self.artifact)

    def __str__(self) -> str:
        return str(self.artifact)


@dataclass(frozen=True)
class Stage(Generic[O]):
    """A stage as the machine sees it."""

    name: str
    reads: Mapping[str, Read[Any]]
    writes: tuple[Artifact[Any], ...]
    settings: tuple[str, ...]
    """Sections of the settings that the stage reads, e.g. "model", or single settings, e.g. "feedback.overlap"; PROJECT always. "recipes"
    stands for the options of the round's recipe."""
    function: Callable[..., Produced[O]]
    outcome: type[O]
    verifies: tuple[Read[Any], ...] = ()
    """Read before the stage runs although the function does not need the value: what a decision is about must still be there."""
    keeps: tuple[str, ...] = ()
    """Names in the unfinished folder that a resumed run takes up."""
    keeps_always: tuple[str, ...] = ()
    """The same, also where the inputs or settings have changed since: what was paid for."""
    by_content: bool = False
    """Inputs are hashed by content whatever the file system reports."""
    exclusive: bool = False
    """Only one round of the project runs this stage at a time."""
    waits: Callable[..., str | None] | None = None
    """Says why people are needed before the stage can run, or None; takes reads and context as the function does."""

    def call(self, function: Callable[..., T], values: Mapping[str, Any], context: Mapping[str, Any]) -> T:
        """Call the stage's function (or `waits`) with the reads and the context that its parameters name."""
        known = {**values, **context}
        return function(**{name: known[name] for name in inspect.signature(function).parameters})


def stage(
    *,
    outcome: type[O],
    reads: Mapping[str, Artifact[Any] | Read[Any]],
    writes: Sequence[Artifact[Any]],
    settings: Sequence[str] = (),
    verifies: Sequence[Artifact[Any] | Read[Any]] = (),
    keeps: Sequence[str] = (),
    keeps_always: Sequence[str] = (),
    by_content: bool = False,
    exclusive: bool = False,
    waits: Callable[..., str | None] | None = None,
) -> Callable[[Callable[..., Produced[O]]], Stage[O]]:
    """Declare a function as a stage; its name is the function's.

    Args:
        outcome: type of the stage's outcome.
        reads: parameter name -> what it is read from.
        writes: the artifacts that the function returns; all belong to this stage.
        settings: sections and single settings that function and reads use; see Stage.
        verifies, keeps, keeps_always, by_content, exclusive, waits: see Stage.

    Raises:
        TypeError: at import, where parameters and declaration differ.
    """

    def declare(function: Callable[..., Produced[O]]) -> Stage[O]:
        for part in (function, *((waits,) if waits else ())):
            undeclared = [name for name in inspect.signature(part).parameters if name not in (*reads, *CONTEXT)]
            if undeclared:
                raise TypeError(f"stage {function.__name__} has parameters that it does not declare: {', '.join(undeclared)}")
        unused = set(reads) - set(inspect.signature(function).parameters)
        if unused:
            raise TypeError(f"stage {function.__name__} declares what it does not take: {', '.join(sorted(unused))}")
        foreign = [str(artifact) for artifact in writes if artifact.stage != function.__name__]
        if foreign:
            raise TypeError(f"stage {function.__name__} declares artifacts of other stages as its own: {', '.join(foreign)}")
        unknown = [key for key in settings if not _is_setting(key)]
        if unknown:
            raise TypeError(f"stage {function.__name__} declares settings that do not exist: {', '.join(unknown)}")
        return Stage(
            name=function.__name__,
            reads={name: _as_read(read) for name, read in reads.items()},
            writes=tuple(writes),
            settings=(PROJECT, *settings),
            function=function,
            outcome=outcome,
            verifies=tuple(_as_read(read) for read in verifies),
            keeps=tuple(keeps),
            keeps_always=tuple(keeps_always),
            by_content=by_content,
            exclusive=exclusive,
            waits=waits,
        )

    return declare


def _is_setting(key: str) -> bool:
    section, _, name = key.partition(".")
    field = ProjectConfig.model_fields.get(section)
    return field is not None and (not name or name in getattr(field.annotation, "model_fields", {}))


def _as_read(read: Artifact[Any] | Read[Any]) -> Read[Any]:
    return _Own(read) if isinstance(read, Artifact) else read


class DeclaredSettings:
    """The settings of a round as a stage sees them: what it did not declare raises UndeclaredReadError.

    Args:
        settings: of the round, or one section of them.
        declared: sections and single settings.
        stage: name of the stage.
        section: name of the section, with a dot; empty for all settings.
    """

    def __init__(self, settings: Any, declared: Sequence[str], stage: str, section: str = "") -> None:
        self._settings, self._declared, self._stage, self._section = settings, declared, stage, section

    def __getattr__(self, name: str) -> Any:
        key = f"{self._section}{name}"
        if key in self._declared:
            return getattr(self._settings, name)
        if any(known.startswith(f"{key}.") for known in self._declared):
            return DeclaredSettings(getattr(self._settings, name), self._declared, self._stage, f"{key}.")
        raise UndeclaredReadError(
            f"stage {self._stage} reads the setting {key}, which it does not declare",
            hint=f"add it to `settings` of the stage in prefopt/rounds/stages/{self._stage}.py",
        )


@dataclass(frozen=True)
class StageRound(Round):
    """A round as one of its stages reads it."""

    stage_name: str
    declared: tuple[str, ...]

    @cached_property
    def config(self) -> ProjectConfig:
        return cast(ProjectConfig, DeclaredSettings(super().config, self.declared, self.stage_name))


def as_read_by(rnd: Round, stage: Stage[Any]) -> Round:
    """The round with only those settings that the stage declares."""
    found = StageRound(rnd.project, rnd.number, stage.name, stage.settings)
    _ = found.config  # read now: while the stage runs, round.toml cannot be opened
    return found


_guarded: tuple[str, tuple[str, ...]] | None = None
"""While a stage runs: the folder of the rounds, and the paths in it that may be opened."""

_hook_is_there = False


@contextmanager
def only(rounds_folder: Path, allowed: Sequence[Path]) -> Iterator[None]:
    """While the body runs, opening a file under `rounds_folder` outside `allowed` raises UndeclaredReadError.

    Python's own opens are seen (open, os.open, pathlib, what is built on them); files that a C++ library opens by itself are not.
    """
    global _guarded, _hook_is_there
    if not _hook_is_there:  # an audit hook cannot be removed, so it is added once
        sys.addaudithook(_on_open)
        _hook_is_there = True
    _guarded = (os.path.realpath(rounds_folder) + os.sep, tuple(os.path.realpath(path) for path in allowed))
    try:
        yield
    finally:
        _guarded = None


def _on_open(event: str, arguments: tuple[Any, ...]) -> None:
    if _guarded is None or event != "open" or not isinstance(arguments[0], (str, bytes, os.PathLike)):
        return
    folder, allowed = _guarded
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if path.startswith(folder) and not any(path == known or path.startswith(known + os.sep) for known in allowed):
        raise UndeclaredReadError(
            f"a stage opened {path}, which it does not declare", hint="add it to `reads` of the stage in prefopt/rounds/stages"
        )

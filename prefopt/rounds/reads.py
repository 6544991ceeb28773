"""Kinds of declared inputs besides an artifact of the same round: those of other rounds, the project's own files, and services.

Each verifies and records what it reads through the Reader it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from prefopt import plugins
from prefopt.errors import TrainingError
from prefopt.io.stage_folders import Manifest
from prefopt.project.holdout import keep_placement
from prefopt.project.loading import read_questions
from prefopt.project.project import ProjectData, Round
from prefopt.protocols import ExtraInput, Recipe
from prefopt.records import Judged, Pair, Problem, SlateVotes
from prefopt.rounds.artifacts import Artifact
from prefopt.rounds.reading import Reader, has, is_done
from prefopt.rounds.stage import Read
from prefopt.training import importing
from prefopt.training.launch import config_file

T = TypeVar("T")
Preference = Pair | Judged | SlateVotes


@dataclass(frozen=True)
class Parent(Generic[T]):
    """An artifact of the parent round; None for the base SFT stage, and where the parent lacks an optional one."""

    artifact: Artifact[T]

    def load(self, reader: Reader) -> T | None:
        parent = reader.round.parent
        if parent is None or (self.artifact.optional and not has(parent, self.artifact)):
            return None
        return reader.artifact(parent, self.artifact)

    def __str__(self) -> str:
        return f"parent's {self.artifact}"


@dataclass(frozen=True)
class Base(Generic[T]):
    """An artifact of the base SFT stage that the round descends from; None for the base SFT stage itself."""

    artifact: Artifact[T]

    def load(self, reader: Reader) -> T | None:
        base = reader.round
        while (parent := base.parent) is not None:
            base = parent
        return None if base.number == reader.round.number else reader.artifact(base, self.artifact)

    def __str__(self) -> str:
        return f"base's {self.artifact}"


class OfRound(NamedTuple, Generic[T]):
    """An artifact's value with the round it belongs to."""

    number: int
    recipe: str
    parent: int | None
    value: T


@dataclass(frozen=True)
class Earlier(Generic[T]):
    """The artifact of all earlier rounds that have it, oldest first; a linked one once.

    The round's own is not among them, also where an earlier round links it (a branch shares it).
    """

    artifact: Artifact[T]

    def load(self, reader: Reader) -> tuple[OfRound[T], ...]:
        own = (reader.round.stage(self.artifact.stage) / self.artifact.file).resolve()
        rounds = [r for r in reader.round.project.rounds() if r.number < reader.round.number and has(r, self.artifact)]
        first = {(r.stage(self.artifact.stage) / self.artifact.file).resolve(): r for r in reversed(rounds)}
        return tuple(_of_round(reader, r, self.artifact) for path, r in sorted(first.items(), key=lambda p: p[1].number) if path != own)

    def __str__(self) -> str:
        return f"earlier rounds' {self.artifact}"


def rows_of_earlier(recipe: Recipe, earlier: Iterable[OfRound[list[Preference]]], own: Iterable[Preference] = ()) -> list[Preference]:
    """The preferences of earlier rounds in one list, oldest first.

    A branch pairs the slates of another round once more. Each slate counts once: as the round itself has it, or else the newest of the
    earlier rounds.

    Args:
        recipe: that of the round.
        earlier: preferences of the earlier rounds, oldest first.
        own: the round's preferences.

    Raises:
        TrainingError: the recipe needs slates, and a round has none.
    """
    rounds = list(earlier)
    without = [found.number for found in rounds if found.value and not any(isinstance(row, SlateVotes) for row in found.value)]
    if recipe.needs == "slates" and without:
        raise TrainingError(
            f"recipe {recipe.name!r} needs the votes of slates, and round {', '.join(f'{number:03d}' for number in without)} has none: an "
            "earlier version of prefopt paired it, or no vote there puts an answer first",
            hint="use a recipe that learns from pairs: prefopt round --recipe orpo",
        )
    counted, kept = {row.slate_id for row in own}, list[list[Preference]]()
    for found in reversed(rounds):
        kept.insert(0, [row for row in found.value if row.slate_id not in counted])
        counted |= {row.slate_id for row in found.value}
    return [row for rows in kept for row in rows]


@dataclass(frozen=True)
class History(Generic[T]):
    """The artifact of every round up to and including this one that came to a decision, oldest first."""

    artifact: Artifact[T]

    def load(self, reader: Reader) -> tuple[OfRound[T], ...]:
        rounds = (r for r in reader.round.project.rounds() if r.number <= reader.round.number and is_done(r, "decide"))
        return tuple(_of_round(reader, r, self.artifact) for r in rounds)

    def __str__(self) -> str:
        return f"all rounds' {self.artifact}"


def _of_round(reader: Reader, rnd: Round, artifact: Artifact[T]) -> OfRound[T]:
    parent = rnd.parent
    return OfRound(rnd.number, rnd.recipe, None if parent is None else parent.number, reader.artifact(rnd, artifact))


@dataclass(frozen=True)
class Later(Generic[T]):
    """An artifact that round 000 does not have: of the same round, or None for round 000."""

    artifact: Artifact[T]

    def load(self, reader: Reader) -> T | None:
        return None if reader.round.parent is None else reader.artifact(reader.round, self.artifact)

    def __str__(self) -> str:
        return f"{self.artifact} (not in round 000)"


@dataclass(frozen=True)
class IfDone(Generic[T]):
    """An artifact of the same round where its stage is done already and is only done once more; None otherwise."""

    artifact: Artifact[T]

    def load(self, reader: Reader) -> T | None:
        return reader.artifact(reader.round, self.artifact) if is_done(reader.round, self.artifact.stage) else None

    def __str__(self) -> str:
        return f"{self.artifact}, if it is rewritten"


PROBLEMS = ("data.taxonomy", "data.gold", "data.holdout_file", "data.holdout_share", "data.audit", "read")
"""Settings that Data reads; with the pool also data.pool."""


@dataclass(frozen=True)
class Data:
    """Taxonomy, gold problems and hold-out, checked; with the pool where asked. Who is held out is recorded first (project.holdout)."""

    with_pool: bool = False

    def load(self, reader: Reader) -> ProjectData:
        rnd = reader.round
        for name, path in rnd.data_files.items():
            reader.project_file(name, path)
        if self.with_pool:
            reader.project_file("pool", rnd.data_file("pool"))
        data = rnd.load(with_pool=self.with_pool)
        if data.placed is not None:
            reader.project_file("held out", keep_placement(rnd.project.rounds_folder, data.placed))
        return data

    def __str__(self) -> str:
        return "taxonomy, gold, hold-out and pool" if self.with_pool else "taxonomy, gold and hold-out"


@dataclass(frozen=True)
class GoldQuestions:
    """Problems with a known label that teachers may be asked about, none of them held out; () where the round asks none.

    Raises:
        DataError: the file has a fault, a problem of one group with a held-out or sealed one, or a problem of the pool.
    """

    def load(self, reader: Reader) -> tuple[Problem, ...]:
        rnd, settings = reader.round, reader.round.config.feedback
        if not settings.gold_share:
            return ()
        reader.project_file("gold questions", rnd.gold_questions_file)
        data = rnd.load()
        return read_questions(rnd.project.root, rnd.config, data) if settings.gold_file else data.train

    def __str__(self) -> str:
        return "gold questions"


class Texts(NamedTuple):
    """A file of general texts."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class GeneralTexts:
    """The texts of data.general_texts; None where there are none."""

    def load(self, reader: Reader) -> Texts | None:
        rnd = reader.round
        if not rnd.config.data.general_texts:
            return None
        path = reader.project_file("general", rnd.data_file("general_texts"))
        return Texts(path, reader.inputs["general"].sha256)

    def __str__(self) -> str:
        return "general texts"


@dataclass(frozen=True)
class RecipeInUse:
    """The round's recipe with its options; the file of a recipe of one's own, and accelerate's, are recorded."""

    def load(self, reader: Reader) -> tuple[Recipe, Any]:
        rnd = reader.round
        if rnd.recipe == importing.NAME:
            reader.project_file("imported adapter", Path(str(rnd.start["folder"])))
        if rnd.recipe.endswith(".py"):
            reader.project_file("recipe", rnd.project.root / rnd.recipe)
        if rnd.config.train.launcher == "accelerate" and (path := config_file(rnd.project.root, rnd.config.train)) is not None:
            reader.project_file("accelerate", path)
        return reader.recipe or recipe_with_options(rnd)

    def __str__(self) -> str:
        return "recipe"


def recipe_with_options(rnd: Round) -> tuple[Recipe, Any]:
    """The round's recipe and its options, checked. Raises PluginError, ConfigError."""
    if rnd.recipe == importing.NAME:
        recipe: Any = importing.recipe
        return recipe, importing.ImportOptions(folder=rnd.start["folder"], verify=rnd.start["verify"])
    recipe = plugins.find_recipe(rnd.recipe, rnd.project.root)
    where = f"{rnd.folder / 'round.toml'} [recipes.{recipe.name}]"
    return recipe, plugins.options(recipe.Config, rnd.config.recipes.get(recipe.name, {}), where)


@dataclass(frozen=True)
class IfAsked(Generic[T]):
    """An input that only some recipes ask for (Recipe.extra_inputs); None where the round's does not."""

    extra: ExtraInput
    read: Read[T]

    def load(self, reader: Reader) -> T | None:
        recipe, options = reader.recipe or recipe_with_options(reader.round)
        return self.read.load(reader) if self.extra in recipe.extra_inputs(options) else None

    def __str__(self) -> str:
        return f"{self.read}, if the recipe asks for it"


@dataclass(frozen=True)
class Timings:
    """stage.json of the round's own stages before the report; those linked from another round are left out, as it paid for them."""

    stages: tuple[str, ...]

    def load(self, reader: Reader) -> tuple[Manifest, ...]:
        rnd = reader.round
        own = tuple(name for name in self.stages if rnd.stage(name).exists() and not rnd.stage(name).is_symlink())
        return tuple(reader.stage_files(rnd, own))

    def __str__(self) -> str:
        return "stage.json of each stage"


@dataclass(frozen=True)
class StageRecord:
    """stage.json of one stage of the round; None where the round does not have that stage."""

    stage: str

    def load(self, reader: Reader) -> Manifest | None:
        if not is_done(reader.round, self.stage):
            return None
        (found,) = reader.stage_files(reader.round, (self.stage,))
        return found

    def __str__(self) -> str:
        return f"{self.stage}/stage.json"

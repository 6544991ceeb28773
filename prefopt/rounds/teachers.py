"""A round in front of its teachers: the feedback source, what was published, and the answers so far.

Every reading of the source is kept in the round's answers.jsonl.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefopt import plugins
from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.project.project import Project, Round
from prefopt.project.words import guide_file
from prefopt.protocols import FeedbackContext, FeedbackSource, OnStep, PublishedSlates, ignore_steps
from prefopt.rankings.answers import Changes
from prefopt.rankings.feedback_table import CollectedRound
from prefopt.rankings.overlap import Overlap
from prefopt.records import Ranking, Receipt, Slate, Uncounted
from prefopt.rounds.artifacts import RANKINGS, RECEIPTS, SLATES, UNCOUNTED
from prefopt.rounds.published import Published as Published
from prefopt.rounds.published import Reading as Reading
from prefopt.rounds.published import files_of
from prefopt.rounds.reading import Reader, has, read, redo
from prefopt.taxonomy import Taxonomy, read_taxonomy

OVERLAP = ("feedback.overlap", "feedback.double_share")
"""Settings that say how many teachers a slate wants."""


def open_source(rnd: Round, on_step: OnStep = ignore_steps, collection: str = "") -> FeedbackSource:
    """The round's feedback source, ready to publish and collect.

    Args:
        rnd: its settings name the source.
        on_step: progress.
        collection: name of the collection of slates; empty for the round's own.

    Raises:
        PluginError, ConfigError, FeedbackError: the source is unknown, or it cannot be used as set.
    """
    settings = rnd.config.feedback
    source = plugins.find_source(settings.source, rnd.project.root)
    config = plugins.options(source.Config, settings.options, f"{rnd.folder / 'round.toml'} [feedback.options]")
    taxonomy = read_taxonomy(rnd.data_file("taxonomy"), rnd.config.read.options())
    name = collection or f"{rnd.config.project.name}-{rnd.name}"
    return source(config, context_of(rnd.project.root, rnd.config, taxonomy, name, on_step))


def context_of(root: Path, settings: ProjectConfig, taxonomy: Taxonomy, name: str, on_step: OnStep = ignore_steps) -> FeedbackContext:
    """What the feedback source of a project learns of it, for the collection of that name."""
    feedback = settings.feedback
    return FeedbackContext(
        project=root,
        name=name,
        taxonomy=taxonomy,
        overlap=1 if feedback.overlap == "adaptive" else feedback.overlap,
        asks_more=feedback.overlap == "adaptive",
        question=feedback.question,
        on_step=on_step,
        domain=settings.domain,
        card_fields=feedback.card_fields,
    )


def published(rnd: Round, reader: Reader | None = None) -> Published:
    """What a round published. Raises ProjectError where it is not published, or a file is not the one that was published."""
    reader = reader or Reader(rnd)
    slates, receipts = _shown(rnd, reader)
    publish = rnd.stage(RECEIPTS.stage)
    origin = publish.resolve().parent if publish.is_symlink() else None  # a branch goes on with the answers that were read there
    reader.allowed += [path for folder in (rnd.folder, origin) if folder for path in files_of(folder)]
    source, overlap = open_source(rnd, reader.on_step), overlap_of(rnd, slates)
    return Published(rnd.name, source, slates, receipts, overlap, rnd.folder, origin, is_collected=has(rnd, RANKINGS))


def published_slates(rnd: Round) -> PublishedSlates:
    """What a round published, for a program that answers as teachers do. A branch answers in the collection that it shares.

    Raises:
        ProjectError: the round is not published, or a file is not the one that was published.
    """
    slates, receipts = _shown(rnd, Reader(rnd))
    overlap = overlap_of(rnd, slates)
    return PublishedSlates(
        round=rnd.number,
        slates=slates,
        receipts=receipts,
        source=open_source(rnd, collection=receipts[0].dataset),
        taxonomy=read_taxonomy(rnd.data_file("taxonomy"), rnd.config.read.options()),
        overlap=overlap.most,
        wanted=overlap.wanted,
        question=rnd.config.feedback.question,
    )


def overlap_of(rnd: Round, slates: Sequence[Slate]) -> Overlap:
    """How many teachers the slates of a round want."""
    return overlap_by(rnd.config, slates)


def overlap_by(settings: ProjectConfig, slates: Sequence[Slate]) -> Overlap:
    """As overlap_of, by the settings of the round that a stage reads."""
    return Overlap.of(slates, settings.feedback.overlap, settings.feedback.double_share)


def _shown(rnd: Round, reader: Reader) -> tuple[list[Slate], list[Receipt]]:
    """Slates and receipts. Raises ProjectError where there is not one receipt a slate."""
    slates, receipts = reader.artifact(rnd, SLATES), reader.artifact(rnd, RECEIPTS)
    if [slate.id for slate in slates] != [receipt.slate_id for receipt in receipts]:
        raise ProjectError(
            f"{rnd.stage(RECEIPTS.stage) / RECEIPTS.file}: {len(receipts)} receipts, and not one for each of {len(slates)} slates in order",
            hint=f"restore it from a copy; or {redo(rnd, RECEIPTS.stage)}",
        )
    return slates, receipts


def last_published(project: Project, number: int | None) -> Round:
    """The round of that number, or the last one that was published. Raises ProjectError where it is not published."""
    rounds = [project.round(number)] if number is not None else project.rounds()
    found = [rnd for rnd in rounds if has(rnd, RECEIPTS)]
    if not found:
        message = "no round is published yet" if number is None else f"round {number} is not published yet"
        raise ProjectError(message, hint="prefopt round")
    return found[-1]


def collected_rounds(project: Project, numbers: Sequence[int] | None = None) -> list[CollectedRound]:
    """What the rounds collected, oldest first; without those that link another round's answers.

    Args:
        project: the project.
        numbers: of the rounds; None for all.

    Raises:
        ProjectError: no such round, no answer was collected in them, or a file is not the one that was collected.
    """
    rounds = project.rounds() if numbers is None else [project.round(number) for number in numbers]
    own = [rnd for rnd in rounds if has(rnd, RANKINGS) and not rnd.stage(RANKINGS.stage).is_symlink()]
    if not own:
        what = "any round" if numbers is None else ", ".join(f"round {rnd.name}" for rnd in rounds)
        raise ProjectError(f"no answer of a teacher has been collected in {what}", hint="prefopt round")
    return [_collected(rnd) for rnd in own]


def _collected(rnd: Round) -> CollectedRound:
    slates, rankings = read(rnd, SLATES), read(rnd, RANKINGS)
    return CollectedRound(rnd.number, slates, rankings, read_taxonomy(rnd.data_file("taxonomy"), rnd.config.read.options()))


def collected_uncounted(rnd: Round) -> list[Uncounted]:
    """What did not count when the round collected its answers; [] before, and where there was nothing."""
    return read(rnd, UNCOUNTED) if has(rnd, UNCOUNTED) else []


def found_uncounted(rnd: Round, from_answers: bool = False) -> list[Uncounted]:
    """What does not count of the answers to a round: when it collected them, otherwise now; [] where nothing is published.

    Args:
        rnd: the round.
        from_answers: as it was when the source was last read.

    Raises:
        FeedbackError, DataError: see FeedbackSource.collect.
    """
    if has(rnd, RANKINGS):
        return collected_uncounted(rnd)
    _, reading = published(rnd).progress(from_answers) if has(rnd, RECEIPTS) else (None, None)
    return reading.uncounted if reading else []


def changes_since_collected(rnd: Round) -> Changes:
    """What teachers changed after the round collected their answers; see read_since_collected."""
    return read_since_collected(rnd)[0]


def read_since_collected(rnd: Round) -> tuple[Changes, Reading]:
    """What teachers changed after the round collected their answers, and the reading of the source now that shows it. The round itself
    stays as it is.

    Raises:
        FeedbackError, DataError: see FeedbackSource.collect.
    """
    collected = Reader(rnd).artifact(rnd, RANKINGS)
    reading = published(rnd).read()
    return reading.since(collected), reading


@dataclass(frozen=True)
class Source:
    """Read: the round's feedback source before anything is published."""

    def load(self, reader: Reader) -> FeedbackSource:
        reader.project_file("taxonomy", reader.round.data_file("taxonomy"))
        if (guide := guide_file(reader.round.project.root, reader.round.config)) is not None:
            reader.project_file("guide", guide)
        return open_source(reader.round, reader.on_step)

    def __str__(self) -> str:
        return "feedback source"


@dataclass(frozen=True)
class Teachers:
    """Read: the published round, with its slates and receipts."""

    def load(self, reader: Reader) -> Published:
        return published(reader.round, reader)

    def __str__(self) -> str:
        return f"{SLATES}, {RECEIPTS}, feedback source"


@dataclass(frozen=True)
class Collected:
    """An earlier round that has collected its answers."""

    published: Published
    rankings: list[Ranking]


@dataclass(frozen=True)
class PreviousTeachers:
    """Read: the round before, where it collected answers of its own; None otherwise."""

    def load(self, reader: Reader) -> Collected | None:
        earlier = [r for r in reader.round.project.rounds() if r.number < reader.round.number and has(r, RANKINGS)]
        if not earlier or earlier[-1].stage(RANKINGS.stage).is_symlink():
            return None
        return Collected(published(earlier[-1], reader), reader.artifact(earlier[-1], RANKINGS))

    def __str__(self) -> str:
        return f"the round before: {RANKINGS}, feedback source"

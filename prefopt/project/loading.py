"""Read and check the problems of a project: who is trained on, who is held out, and that no group is on both sides of the hold-out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prefopt.config import ProjectConfig
from prefopt.errors import DataError
from prefopt.project.families import Row, components, likeness_of, refuse_kin
from prefopt.project.holdout import Placement, placement, trained_with
from prefopt.project.problems import ProblemFile, read_problems, refuse_overlap, refuse_same_ids, refuse_written_by_model
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy, read_taxonomy

if TYPE_CHECKING:
    from prefopt.project.near_duplicates import Likeness

SIDES = ("train", "holdout", "neither")
HINTS = {
    "gold": "remove it here or there: `prefopt data split FILE --out FOLDER` keeps groups together; augment the training part only",
    "pool": "remove it from the pool: what is judged on must not be asked; `prefopt data check` lists every such problem",
    "gold questions": "remove it here: a held-out problem and its kin are never shown to teachers; `prefopt data check` lists every one",
    "audit": "remove it here or there: an audit has no problem in common with the rest; `prefopt data check` lists every such problem",
}


@dataclass(frozen=True)
class ProjectData:
    """The checked problems of a project."""

    taxonomy: Taxonomy
    train: tuple[Problem, ...]
    holdout: tuple[Problem, ...]
    pool: tuple[Problem, ...]
    audit: tuple[Problem, ...] = ()
    """The sealed problems of data.audit: nobody scores them but `prefopt audit --open`."""
    left_out: tuple[Problem, ...] = ()
    """Gold problems that are neither trained on nor held out: their group is on both sides, or is held out and they are variants."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Problem id -> key of its group (project.families), for all problems as loaded."""
    places: Mapping[str, tuple[Path, int]] = field(default_factory=dict)
    """Problem id -> file and line, for all problems as loaded."""
    placed: Placement | None = None
    """How the hold-out was drawn; None where it is a file of its own."""

    @property
    def guarded(self) -> tuple[Row, ...]:
        """The problems of hold-out and audit: nothing of their groups may be trained on or shown to teachers."""
        return (*self.rows(self.holdout, "hold-out"), *self.rows(self.audit, "audit"))

    def rows(self, problems: Sequence[Problem], role: str) -> list[Row]:
        """Problems of this data with their places."""
        unknown: tuple[Path | None, int | None] = (None, None)
        placed = ((p, self.places.get(p.id, unknown)) for p in problems)
        return [Row(problem, path, line, role) for problem, (path, line) in placed]

    @property
    def holdout_groups(self) -> list[str]:
        """The group of each held-out problem, in order: the clusters of statistics over the hold-out."""
        return [self.groups[p.id] for p in self.holdout]


def load_data(root: Path, config: ProjectConfig, *, with_pool: bool) -> ProjectData:
    """Read and check the problems of a project.

    Raises:
        DataError: with file and line: a faulty row, or a problem of one group with a held-out or sealed one.
        ProjectError: the record of the hold-out was changed by hand.
    """
    settings, options, cache = config.data, config.read.options(), root / ".cache" / "likeness"
    taxonomy = read_taxonomy(root / settings.taxonomy, options)
    gold = read_problems(root / settings.gold, taxonomy, labeled=True, options=options)
    held = read_problems(root / settings.holdout_file, taxonomy, labeled=True, options=options) if settings.holdout_file else None
    pool = read_problems(root / settings.pool, taxonomy, labeled=False, options=options) if with_pool else None
    audit = read_problems(root / settings.audit, taxonomy, labeled=True, options=options) if settings.audit else None
    files = [file for file in (gold, held, audit, pool) if file is not None]
    for file, role in ((held, "hold-out"), (audit, "audit")):
        if file is not None:
            refuse_written_by_model(file, role)
    _between(files, refuse_same_ids)

    everyone = [problem for file in files for problem in file.problems]
    alike = likeness_of(everyone, cache)
    placed, sides = None, ("train",) * len(gold)
    if held is None:
        alone = alike if len(files) == 1 else likeness_of(gold.problems, cache)
        placed = placement(root / "rounds", gold.problems, alone, settings.holdout_share)
        sides = placed.sides
    train, drawn, left = (tuple(p for p, of in zip(gold.problems, sides, strict=True) if of == side) for side in SIDES)
    counted = [side != "neither" for side in sides] + [True] * (len(everyone) - len(gold))
    groups = components(everyone, alike, counted)
    data = ProjectData(
        taxonomy=taxonomy,
        train=train,
        holdout=drawn if held is None else held.problems,
        pool=pool.problems if pool else (),
        audit=audit.problems if audit else (),
        left_out=left,
        groups={problem.id: group for problem, group in zip(everyone, groups, strict=True)},
        places={i: (file.path, line) for file in files for i, line in file.lines.items()},
        placed=placed,
    )
    _refuse_leaks(data, everyone, alike, held is not None)
    _between(files, refuse_overlap)
    _refuse_used(root, data)
    return data


def read_questions(root: Path, config: ProjectConfig, data: ProjectData) -> tuple[Problem, ...]:
    """The problems with a known label of feedback.gold_file, none of one group with a held-out or sealed one, none of the pool.

    Raises:
        DataError: with file and line.
    """
    path, options = root / config.feedback.gold_file, config.read.options()
    found = read_problems(path, data.taxonomy, labeled=True, options=options)
    refuse_kin(data.guarded, [Row(p, path, found.lines[p.id], "gold questions") for p in found.problems], HINTS["gold questions"])
    refuse_overlap(read_problems(root / config.data.pool, data.taxonomy, labeled=False, options=options), found)
    return found.problems


def _between(files: Sequence[ProblemFile], refuse: Callable[[ProblemFile, ProblemFile], None]) -> None:
    """Compare every two files; the later one of a pair is the one to blame."""
    for i, second in enumerate(files):
        for first in files[:i]:
            refuse(first, second)


def _refuse_leaks(data: ProjectData, everyone: Sequence[Problem], alike: Likeness, has_file: bool) -> None:
    """Raise DataError where a group has members on both sides of a door. `alike` compares the texts of `everyone`, whose ids differ."""
    position = {problem.id: i for i, problem in enumerate(everyone)}
    gold = data.rows((*data.train, *data.left_out), "gold file")
    holdout, audit, pool = data.rows(data.holdout, "hold-out"), data.rows(data.audit, "audit"), data.rows(data.pool, "pool")
    doors = [([*holdout, *audit], pool, HINTS["pool"]), (audit, [*gold, *holdout], HINTS["audit"])]
    for guarded, used, hint in [*doors, (holdout, gold, HINTS["gold"])] if has_file else doors:
        if guarded and used:
            refuse_kin(guarded, used, hint, alike.among([position[row.problem.id] for row in (*guarded, *used)]))


def _refuse_used(root: Path, data: ProjectData) -> None:
    """Raise DataError where a sealed problem was in the gold file at an earlier time."""
    before = trained_with(root / "rounds")
    for row in data.rows(data.audit, "audit"):
        if before.has(row.problem):
            raise DataError(
                f"problem {row.problem.id!r} of the audit, or one of its family, was in the gold file before",
                path=row.path,
                line=row.line,
                hint="remove it here: an audit has problems that nothing was trained on or chosen by",
            )

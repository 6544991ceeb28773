"""Read the problem files of a project, check them against the taxonomy and each other, and split off the hold-out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.jsonl import read_rows
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy


@dataclass(frozen=True)
class ProblemFile:
    """The problems of one file; `lines` maps ids to lines, for errors that are found later."""

    path: Path
    problems: tuple[Problem, ...]
    lines: dict[str, int]

    def __len__(self) -> int:
        return len(self.problems)


def read_problems(path: Path, taxonomy: Taxonomy, *, labeled: bool) -> ProblemFile:
    """Read a problem file. Labels are converted to the taxonomy's spelling.

    Args:
        path: JSONL, one Problem a line.
        taxonomy: every label must be in it.
        labeled: every problem must have a label (gold); otherwise none may have one (pool).

    Raises:
        DataError: with file and line: a row that is not a problem, a duplicate id, a missing, unknown or unexpected label.
    """
    lines: dict[str, int] = {}

    def check(problem: Problem, line: int) -> None:
        if problem.id in lines:
            raise DataError(
                f"problem id {problem.id!r} again; first on line {lines[problem.id]}", path=path, line=line, hint="give it another id"
            )
        lines[problem.id] = line
        _check_label(problem, line, path, taxonomy, labeled)

    rows = read_rows(path, Problem, check)
    return ProblemFile(path, tuple(_with_known_label(row, taxonomy) for row in rows), lines)


def _check_label(problem: Problem, line: int, path: Path, taxonomy: Taxonomy, labeled: bool) -> None:
    if problem.label is None:
        if labeled:
            raise DataError(f"problem {problem.id!r} has no label", path=path, line=line, hint='add "label": "…", or move it to the pool')
        return
    if not labeled:
        raise DataError(
            f"problem {problem.id!r} of the pool has a label",
            path=path,
            line=line,
            hint="remove the label, or move the problem to the gold file",
        )
    label = taxonomy.find(problem.label)
    if label is None:
        near = taxonomy.nearest(problem.label)
        hint = f"did you mean {', '.join(near)}?" if near else f"labels are in {taxonomy.source}"
        raise DataError(f"label {problem.label!r} of problem {problem.id!r} is not in the taxonomy", path=path, line=line, hint=hint)
    if problem.level is not None and label.levels and problem.level not in label.levels:
        raise DataError(f"level {problem.level!r} of problem {problem.id!r}: {label.id} has {'|'.join(label.levels)}", path=path, line=line)


def _with_known_label(problem: Problem, taxonomy: Taxonomy) -> Problem:
    label = taxonomy.find(problem.label) if problem.label is not None else None
    return problem if label is None or label.id == problem.label else problem.model_copy(update={"label": label.id})


def refuse_overlap(first: ProblemFile, second: ProblemFile) -> None:
    """Raise DataError if an id or text is in both files: problems for training or ranking must not be used for evaluation."""
    texts = {" ".join(p.text.split()): p.id for p in first.problems}
    for problem in second.problems:
        other = problem.id if problem.id in first.lines else texts.get(" ".join(problem.text.split()))
        if other is not None:
            what = "id" if problem.id in first.lines else "text"
            raise DataError(
                f"problem {problem.id!r}: the same {what} is in {first.path}:{first.lines[other]}",
                path=second.path,
                line=second.lines[problem.id],
                hint="keep it in one of the two files",
            )


def refuse_variants(held: ProblemFile, trained: ProblemFile) -> None:
    """Raise DataError if a hold-out contains texts written by a model, or if variants of its problems are in the training part."""
    groups = {p.group: p.id for p in held.problems}
    hint = "augment the training part only: `prefopt data split`, then `prefopt data augment`"
    for problem in held.problems:
        if problem.is_augmented:
            raise DataError(f"problem {problem.id!r} was written by a model", path=held.path, line=held.lines[problem.id], hint=hint)
    for problem in trained.problems:
        if problem.is_augmented and problem.group in groups:
            raise DataError(
                f"problem {problem.id!r} is a model's variant of the held-out problem {groups[problem.group]!r}",
                path=trained.path,
                line=trained.lines[problem.id],
                hint=hint,
            )


def is_held_out(problem: Problem, share: float) -> bool:
    """Whether a gold problem belongs to the hold-out, by hash of its family or id: adding problems moves none of the others."""
    fraction = int.from_bytes(hashlib.sha256(f"holdout\0{problem.group}".encode()).digest()[:8], "big") / 2**64
    return fraction < share


def split_holdout(problems: Iterable[Problem], share: float) -> tuple[list[Problem], list[Problem]]:
    """Split into (training part, hold-out) by family. Variants of held-out problems that a model wrote are in neither."""
    train: list[Problem] = []
    held: list[Problem] = []
    for problem in problems:
        if not is_held_out(problem, share):
            train.append(problem)
        elif not problem.is_augmented:
            held.append(problem)
    return train, held


def refuse_leak(used: Iterable[Problem], held_out: Sequence[Problem], where: str) -> None:
    """Raise DataError if the id or text of a hold-out problem is among problems for training or ranking."""
    ids = {p.id for p in held_out}
    texts = {" ".join(p.text.split()): p.id for p in held_out}
    leaked: set[str] = set()
    for problem in used:
        other = texts.get(" ".join(problem.text.split()))
        if problem.id in ids:
            leaked.add(problem.id)
        elif other is not None:
            leaked.add(f"{problem.id} (the text of {other})")
    if leaked:
        raise DataError(
            f"{len(leaked)} hold-out problems in {where}: {', '.join(sorted(leaked)[:5])}{' …' if len(leaked) > 5 else ''}",
            hint="remove them: the hold-out is for evaluation only; `prefopt data check` finds repeats",
        )

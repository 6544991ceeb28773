"""Read the problem files of a project, and check them against the taxonomy and each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefopt.errors import DataError
from prefopt.project.unknown_labels import why_unknown
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problem_rows
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy
from prefopt.texts.same_text import key, name_key


@dataclass(frozen=True)
class ProblemFile:
    """The problems of one file; `lines` maps ids to lines, for errors that are found later."""

    path: Path
    problems: tuple[Problem, ...]
    lines: dict[str, int]

    def __len__(self) -> int:
        return len(self.problems)


def read_problems(path: Path, taxonomy: Taxonomy, *, labeled: bool, options: ReadOptions = AS_IT_IS) -> ProblemFile:
    """Read a problem file. Labels are converted to the taxonomy's spelling.

    Args:
        path: a file of any kind of prefopt.readers.row_reader.
        taxonomy: every label must be in it.
        labeled: every problem must have a label (gold); otherwise none may have one (pool).
        options: which column is what.

    Raises:
        DataError: with file and line: a row that is not a problem, a duplicate id, a missing, unknown or unexpected label.
    """
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for row, problem in read_problem_rows(path, options):
        if problem.id in lines:
            raise DataError(
                f"problem id {problem.id!r} again; first on line {lines[problem.id]}", path=path, line=row.line, hint="give it another id"
            )
        lines[problem.id] = row.line
        _check_label(problem, row.line, path, taxonomy, labeled)
        problems.append(_with_known_label(problem, taxonomy))
    return ProblemFile(path, tuple(problems), lines)


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
        hint = why_unknown(problem.label, taxonomy).hint
        raise DataError(f"label {problem.label!r} of problem {problem.id!r} is not in the taxonomy", path=path, line=line, hint=hint)
    if problem.level is not None and label.levels and problem.level not in label.levels:
        raise DataError(f"level {problem.level!r} of problem {problem.id!r}: {label.id} has {'|'.join(label.levels)}", path=path, line=line)


def _with_known_label(problem: Problem, taxonomy: Taxonomy) -> Problem:
    label = taxonomy.find(problem.label) if problem.label is not None else None
    return problem if label is None or label.id == problem.label else problem.model_copy(update={"label": label.id})


def refuse_same_ids(first: ProblemFile, second: ProblemFile) -> None:
    """Raise DataError if an id is in both files, in any spelling."""
    ids = {name_key(p.id): p.id for p in first.problems}
    for problem in second.problems:
        other = ids.get(name_key(problem.id))
        if other is not None:
            raise _overlap(problem, "id", "" if other == problem.id else f", spelled {other!r}", first, other, second)


def refuse_overlap(first: ProblemFile, second: ProblemFile) -> None:
    """Raise DataError if an id or text, in any spelling, is in both files: what is trained on or ranked must not judge."""
    refuse_same_ids(first, second)
    texts = {key(p.text): p for p in first.problems}
    for problem in second.problems:
        other = texts.get(key(problem.text))
        if other is not None and key(problem.text):
            raise _overlap(problem, "text", "" if other.text == problem.text else ", in another spelling", first, other.id, second)


def _overlap(problem: Problem, what: str, spelled: str, first: ProblemFile, other: str, second: ProblemFile) -> DataError:
    return DataError(
        f"problem {problem.id!r}: the same {what} is in {first.path}:{first.lines[other]}{spelled}",
        path=second.path,
        line=second.lines[problem.id],
        hint="give it another id" if what == "id" and spelled else "keep it in one of the two files",
    )


def refuse_written_by_model(held: ProblemFile, role: str) -> None:
    """Raise DataError if a file for evaluation contains a text that a model wrote, or a label given after its answer; `role` names it."""
    for problem in held.problems:
        if problem.served == "seen":
            raise DataError(
                f"the label of problem {problem.id!r} of the {role} was given by teachers who had seen the model's answer",
                path=held.path,
                line=held.lines[problem.id],
                hint="move it to the training file: it trains, and judges nothing",
            )
        if problem.is_augmented:
            raise DataError(
                f"problem {problem.id!r} of the {role} was written by a model",
                path=held.path,
                line=held.lines[problem.id],
                hint="augment the training part only: `prefopt data split FILE --out FOLDER`, then "
                "`prefopt data augment FOLDER/train.jsonl NEW.jsonl --url URL --model NAME`",
            )

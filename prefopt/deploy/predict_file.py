"""A file of problems to a file of predictions: in chunks, so that an interrupted run resumes, with no row lost or repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.deploy.engine_check import check_engine
from prefopt.deploy.predictor import Prediction, Predictor, judged_by
from prefopt.errors import ConfigError, DataError, ProjectError
from prefopt.io.chunks import are_from, chunks_in, cut
from prefopt.io.files import replacing
from prefopt.io.hashing import hash_path
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.io.spreadsheet import write_csv
from prefopt.io.stage_folders import config_hash
from prefopt.protocols import OnStep, ignore_steps
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problem_rows
from prefopt.records import Problem
from prefopt.rounds.artifacts import ADAPTER, TFIDF
from prefopt.rounds.reading import hash_of

FORMATS = (".jsonl", ".csv", ".xlsx")


@dataclass(frozen=True)
class PredictionFile:
    """A finished file of predictions."""

    path: Path
    problems: int
    accepted: int
    resumed: int
    """Problems that an earlier, interrupted run had already classified."""


def read_to_classify(path: Path, options: ReadOptions = AS_IT_IS) -> list[Problem]:
    """Problems to classify, with or without labels, from a file of any kind of prefopt.readers.row_reader.

    Raises:
        DataError: with file and line: a row that is no problem, or a repeated id.
    """
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for row, problem in read_problem_rows(path, options):
        if problem.id in lines:
            first = lines[problem.id]
            raise DataError(f"problem id {problem.id!r} again; first on line {first}", path=path, line=row.line, hint="give it another id")
        lines[problem.id] = row.line
        problems.append(problem)
    if not problems:
        raise DataError("contains no problem", path=path, hint='add one per line: {"id": "1", "text": "…"}')
    return problems


def predict_file(
    predictor: Predictor, source: Path, target: Path, on_step: OnStep = ignore_steps, options: ReadOptions = AS_IT_IS
) -> PredictionFile:
    """Classify the problems of a file.

    Args:
        predictor: the adapter.
        source: a file of any kind of prefopt.readers.row_reader.
        target: .jsonl (one Prediction a line, in the order of the problems) or .csv. It appears when all problems are classified.
        on_step: progress in problems.
        options: which column of the source is what.

    Raises:
        ConfigError: target does not end in .jsonl, .csv or .xlsx, or exists.
        DataError, ModelError, CalibrationError: a problem cannot be read, or does not fit, or a server computes other posteriors than
            those of the calibration (check_engine); nothing is classified then.
    """
    folder = target.with_name(f".{target.name}.partial")
    _refuse_target(source, target)
    problems = read_to_classify(source, options)
    made_from = {
        "problems": hash_path(source),
        "read": repr(options),
        "adapter": hash_of(predictor.round, ADAPTER),
        "calibration": hash_of(predictor.round, judged_by(predictor.round)),
        "baseline": "" if predictor.mixer is None else hash_of(predictor.round, TFIDF),
        "settings": config_hash(predictor.round.settings),
    }
    if target.exists() and not are_from(folder, made_from):  # if they are, a run was killed between writing it and removing them
        raise ConfigError(f"{target} exists", hint="remove it, or give another path: --out")
    parts = cut(problems)
    with chunks_in(folder, made_from, ".jsonl") as chunks:
        missing = [number for number in range(len(parts)) if number not in chunks]
        if missing:
            predictor.policy.refuse_long(problems)
            if predictor.server:
                check_engine(predictor)
        done = resumed = len(problems) - sum(len(parts[number]) for number in missing)
        on_step(done, len(problems), "")
        for number in missing:
            found = predictor.predict(parts[number], _moved(on_step, done, len(problems)))
            write_rows(chunks.unfinished(number), found)
            chunks.keep(number)
            done += len(found)
        rows = [row for number in range(len(parts)) for row in read_rows(chunks.path(number), Prediction)]
        if [row.id for row in rows] != [problem.id for problem in problems]:
            raise ProjectError(f"the chunks in {folder} do not hold the problems of {source}", hint=f"remove {folder} and start again")
        _write(target, problems, rows, predictor)
        chunks.remove()
    return PredictionFile(target, len(rows), Counter(row.decision for row in rows)["accept"], resumed)


def _refuse_target(source: Path, target: Path) -> None:
    if target.suffix not in FORMATS:
        raise ConfigError(f"{target} ends in {target.suffix or 'nothing'}", hint="end it in .jsonl, .csv or .xlsx")
    if target.resolve() == source.resolve():
        raise ConfigError(f"{target} is the file of the problems", hint="give another path: --out")
    if not target.parent.is_dir():
        raise ConfigError(f"{target.parent} does not exist", hint=f"mkdir -p {target.parent}")


def _moved(on_step: OnStep, before: int, total: int) -> Callable[[int, int, str], None]:
    """Progress of a chunk as progress of the whole; with several passes over a chunk it shows the current one."""
    return lambda done, _, note: on_step(min(before + done, total), total, note)


def _write(target: Path, problems: Sequence[Problem], rows: Sequence[Prediction], predictor: Predictor) -> None:
    if target.suffix == ".jsonl":
        with replacing(target) as temporary:
            write_rows(temporary, rows)
        return
    taxonomy = predictor.taxonomy
    columns = ("id", "problem", "label", "name", *taxonomy.group_names, "probability", "confidence", "decision", "set", "classifier")
    cells = (
        (
            r.id,
            p.text,
            r.label,
            r.name,
            *taxonomy[r.label].groups,
            f"{r.probability:.4f}",
            f"{r.confidence:.4f}",
            r.decision,
            " ".join(r.set),
            r.classifier,
        )
        for p, r in zip(problems, rows, strict=True)
    )
    if target.suffix == ".csv":
        write_csv(target, columns, cells)
    else:
        write_rows_to(target, (dict(zip(columns, row, strict=True)) for row in cells))

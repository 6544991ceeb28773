"""Split a file into parts, stratified by label, and keep the split stable when data is added (prefopt.project.splitting)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import ConfigError, DataError
from prefopt.io.figure_files import with_moved_figure
from prefopt.io.targets import refuse_taken
from prefopt.project.splitting import split
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.records import Problem
from prefopt.texts.same_text import key

NAMES = {2: ("train", "test"), 3: ("train", "validation", "test")}


def parse_shares(text: str) -> tuple[float, ...]:
    """ "70/15/15" -> (0.7, 0.15, 0.15). Raises ConfigError unless these are two or three shares of 100."""
    try:
        shares = [float(part) for part in text.split("/")]
    except ValueError:
        shares = []
    if len(shares) not in NAMES or any(not 0 < s < 100 for s in shares) or abs(sum(shares) - 100) > 1e-6:
        raise ConfigError(f"--shares {text!r}: not two or three shares that add up to 100", hint="--shares 70/15/15")
    return tuple(s / 100 for s in shares)


def split_file(
    source: Path, folder: Path, shares: Sequence[float], seed: int, reading: ReadOptions = AS_IT_IS, *, force: bool = False
) -> dict[str, object]:
    """Split a file into folder/train.jsonl and so on. An earlier split in the folder is kept, and only new problems are placed.

    Args:
        source: problems with distinct ids.
        folder: of the parts.
        shares: of two or three parts; their sum is 1.
        seed: see `split`.
        reading: which column of the source is what.
        force: rows of the earlier split that the file has changed since are replaced.

    Returns:
        Problems per part, number of groups, problems kept from the earlier split, ids of problems left out.

    Raises:
        DataError: a row that is not a problem, a repeated id, a problem of the earlier split that is gone or has another text, or, without
            `force`, differs in another value.
        ConfigError: the file is one of the parts.
    """
    problems = list(read_problems_of(source, reading))
    if not problems:
        raise DataError("the file contains no problem", path=source, hint="give a file with problems")
    if twice := [i for i, n in Counter(p.id for p in problems).items() if n > 1]:
        raise DataError(f"{len(twice)} ids occur twice: {', '.join(twice[:5])}", path=source, hint="`prefopt data check` shows their lines")
    names = NAMES[len(shares)]
    refuse_taken([folder / f"{name}.jsonl" for name in names], sources=[source], force=True)
    moved = {p.id: p.model_copy(update=with_moved_figure({"figure": p.figure}, source.parent, folder)) for p in problems}
    earlier = _earlier(folder, names, moved, force)
    made = split(problems, shares, seed, earlier)
    for number, name in enumerate(names):
        write_rows_to(folder / f"{name}.jsonl", (row_of(p) for p, part in zip(problems, made.parts, strict=True) if part == number), source)
    counts: dict[str, object] = {name: sum(part == i for part in made.parts) for i, name in enumerate(names)}
    return counts | {"groups": made.groups, "kept": len(earlier), "left out": [problems[i].id for i in made.left_out]}


def _earlier(folder: Path, names: Sequence[str], problems: Mapping[str, Problem], force: bool) -> dict[str, int]:
    earlier: dict[str, int] = {}
    for number, name in enumerate(names):
        path = folder / f"{name}.jsonl"
        if not path.exists():
            continue
        for problem in read_problems_of(path):
            now = problems.get(problem.id)
            if now is None or key(now.text) != key(problem.text):
                what = "is gone" if now is None else "has another text"
                raise DataError(
                    f"problem {problem.id!r} of the earlier split {what} in the file", path=path, hint="split into another folder"
                )
            if now != problem and not force:
                raise DataError(
                    f"problem {problem.id!r} differs in the file: the part would lose what it says now",
                    path=path,
                    hint="split into another folder, or add --force to replace it",
                )
            earlier[problem.id] = number
    return earlier

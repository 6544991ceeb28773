"""Split a file into parts, stratified by label, and keep the split stable when data is added.

Problems that belong together form a group: the members of a declared family, or texts that repeat each other
(prefopt.project.near_duplicates). Groups are placed whole, largest first, ties in the order of a hash of the seed and the group's
ids; each goes to the part that is furthest below its share of the group's labels. Problems of an earlier split keep their part, and only
new ones are placed.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefopt.data.formats.problem_rows import read_problems_of, row_of
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import ConfigError, DataError
from prefopt.project.near_duplicates import THRESHOLD, groups, links
from prefopt.records import Problem

NAMES = {2: ("train", "test"), 3: ("train", "validation", "test")}


@dataclass(frozen=True)
class Split:
    """The part of every problem, as a position in `names`; None for the problems of `left_out`."""

    names: tuple[str, ...]
    parts: tuple[int | None, ...]
    groups: int
    left_out: tuple[int, ...]
    """New problems that repeat problems of two parts of the earlier split: in either part they would be a leak."""


def parse_shares(text: str) -> tuple[float, ...]:
    """ "70/15/15" -> (0.7, 0.15, 0.15). Raises ConfigError unless these are two or three shares of 100."""
    try:
        shares = [float(part) for part in text.split("/")]
    except ValueError:
        shares = []
    if len(shares) not in NAMES or any(not 0 < s < 100 for s in shares) or abs(sum(shares) - 100) > 1e-6:
        raise ConfigError(f"--shares {text!r}: not two or three shares that add up to 100", hint="--shares 70/15/15")
    return tuple(s / 100 for s in shares)


def split(
    problems: Sequence[Problem], shares: Sequence[float], seed: int, earlier: Mapping[str, int] | None = None, near: float = THRESHOLD
) -> Split:
    """Place every problem in a part.

    Args:
        problems: with distinct ids.
        shares: of the parts; their sum is 1.
        seed: decides the order of groups of the same size.
        earlier: problem id -> part, of an earlier split.
        near: Jaccard similarity from which texts are near-duplicates.
    """
    pairs = [(link.earlier, link.later) for link in links([p.text for p in problems], near)]
    first: dict[str, int] = {}
    pairs += [(first.setdefault(p.group, i), i) for i, p in enumerate(problems)]
    members: dict[int, list[int]] = defaultdict(list)
    for i, group in enumerate(groups(len(problems), pairs)):
        members[group].append(i)
    known, labels = earlier or {}, [p.label for p in problems]
    placed: list[int | None] = [known.get(p.id) for p in problems]
    missing = [{label: share * n for label, n in Counter(labels).items()} for share in shares]  # problems that each part still lacks
    space = [share * len(problems) for share in shares]

    def put(i: int, part: int) -> None:
        placed[i] = part
        missing[part][labels[i]] -= 1
        space[part] -= 1

    def lack(part: int, group: list[int]) -> tuple[float, float]:
        """How many problems with the labels of a group a part still lacks; ties by the problems that it lacks in all."""
        return sum(missing[part][labels[i]] for i in group) / len(group), space[part]

    for i, part in enumerate(placed):
        if part is not None:
            put(i, part)
    left_out: list[int] = []
    for together in sorted(members.values(), key=lambda m: (-len(m), _hash(seed, [problems[i].id for i in m]))):
        new = [i for i in together if placed[i] is None]
        taken = {part for i in together if (part := placed[i]) is not None}
        if len(taken) > 1:
            left_out += new
            continue
        part = taken.pop() if taken else max(range(len(shares)), key=lambda p: lack(p, new))
        for i in new:
            put(i, part)
    return Split(NAMES[len(shares)], tuple(placed), len(members), tuple(sorted(left_out)))


def _hash(seed: int, ids: Sequence[str]) -> bytes:
    return hashlib.sha256(f"split\0{seed}\0{min(ids)}".encode()).digest()


def split_file(
    source: Path, folder: Path, shares: Sequence[float], seed: int, columns: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Split a file into folder/train.jsonl and so on. An earlier split in the folder is kept, and only new problems are placed.

    Args:
        source: problems with distinct ids.
        folder: of the parts.
        shares: of two or three parts; their sum is 1.
        seed: see `split`.
        columns: column of the file -> key of a Problem.

    Returns:
        Problems per part, number of groups, problems kept from the earlier split, ids of problems left out.

    Raises:
        DataError: a row that is not a problem, a repeated id, a problem of the earlier split that is gone or changed.
    """
    problems = list(read_problems_of(source, columns))
    if not problems:
        raise DataError("the file contains no problem", path=source, hint="give a file with problems")
    if twice := [i for i, n in Counter(p.id for p in problems).items() if n > 1]:
        raise DataError(f"{len(twice)} ids occur twice: {', '.join(twice[:5])}", path=source, hint="`prefopt data check` shows their lines")
    names = NAMES[len(shares)]
    earlier = _earlier(folder, names, {p.id: p for p in problems})
    made = split(problems, shares, seed, earlier)
    for number, name in enumerate(names):
        write_rows_to(folder / f"{name}.jsonl", (row_of(p) for p, part in zip(problems, made.parts, strict=True) if part == number))
    counts: dict[str, object] = {name: sum(part == i for part in made.parts) for i, name in enumerate(names)}
    return counts | {"groups": made.groups, "kept": len(earlier), "left out": [problems[i].id for i in made.left_out]}


def _earlier(folder: Path, names: Sequence[str], problems: Mapping[str, Problem]) -> dict[str, int]:
    earlier: dict[str, int] = {}
    for number, name in enumerate(names):
        path = folder / f"{name}.jsonl"
        if not path.exists():
            continue
        for problem in read_problems_of(path):
            now = problems.get(problem.id)
            if now is None or now.text != problem.text:
                what = "is gone" if now is None else "has another text"
                raise DataError(
                    f"problem {problem.id!r} of the earlier split {what} in the file", path=path, hint="split into another folder"
                )
            earlier[problem.id] = number
    return earlier

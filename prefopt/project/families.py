"""Which problems are of one group, and the one door that keeps the groups of the hold-out out of training and away from teachers.

A group is a connected component over two kinds of link: a declared family (Problem.group: the family, or the id, which is the family of the
problem's variants) and a near-duplicate (prefopt.project.near_duplicates). What one member teaches helps to answer the others, so nothing
of a held-out problem's group may be shown to a teacher or trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefopt.errors import DataError
from prefopt.io.files import write_text
from prefopt.records import Problem
from prefopt.texts.same_text import name_key

if TYPE_CHECKING:
    from prefopt.project.near_duplicates import Likeness

CACHED_FROM = 2000
"""Texts from which comparing them takes long enough to keep the result."""
_KEPT = 6  # results in the cache: training part and all files, of a few states of the project
_VERSION = 2  # of what `likeness` finds; raise it with the rules of near_duplicates and same_text


def likeness_of(problems: Sequence[Problem], cache: Path | None = None) -> Likeness:
    """The texts of some problems compared with each other; kept in the folder `cache` by their content where there are many."""
    from prefopt.project.near_duplicates import Likeness, likeness  # numpy: not for commands that load no problems

    texts = [p.text for p in problems]
    if cache is None or len(texts) < CACHED_FROM:
        return likeness(texts)
    digest = hashlib.sha256(f"{_VERSION}\0{json.dumps(texts)}".encode()).hexdigest()
    path = cache / f"{digest[:32]}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Likeness(tuple(stored["same"]), tuple((a, b, s) for a, b, s in stored["near"]))
    except (FileNotFoundError, ValueError):  # never computed, or cut off by a crash of the machine
        pass
    found = likeness(texts)
    cache.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({"same": found.same, "near": found.near}))
    for old in sorted(cache.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return found


def components(problems: Sequence[Problem], alike: Likeness | None = None, among: Sequence[bool] | None = None) -> list[str]:
    """The group of each problem: the smallest family or id in it, whatever the order of the problems.

    Args:
        problems: of any files.
        alike: their texts compared; None: they are compared here.
        among: whether each problem counts. One that does not joins no others, and its key is its own family or id.
    """
    from prefopt.project.near_duplicates import groups

    alike = alike or likeness_of(problems)
    counts = [True] * len(problems) if among is None else among
    pairs: list[tuple[int, int]] = []
    declared: dict[str, int] = {}
    text: dict[int, int] = {}  # position of the first text of a class -> a problem of that class that counts
    for i, problem in enumerate(problems):
        if counts[i]:
            pairs += [(declared.setdefault(name_key(problem.group), i), i), (text.setdefault(alike.same[i], i), i)]
    pairs += [(text[a], text[b]) for a, b, _ in alike.near if a in text and b in text]
    roots = groups(len(problems), pairs)
    smallest: dict[int, str] = {}
    for root, problem in zip(roots, problems, strict=True):
        smallest[root] = min(smallest.get(root, problem.group), problem.group)
    return [smallest[root] for root in roots]


@dataclass(frozen=True)
class Row:
    """A problem with its place, for errors."""

    problem: Problem
    path: Path | str | None
    line: int | None
    role: str
    """What it is there: "hold-out", "audit", "pool", "gold" …"""

    @property
    def place(self) -> str:
        """File and line, as errors show them."""
        return f"{self.path or self.role}" if self.line is None else f"{self.path or self.role}:{self.line}"


SHOWN = "what was ranked or trained on can judge nothing: remove the other problem from its file, then prefopt round branch N --at sample"


def rows_of(problems: Iterable[Problem], path: Path | str, role: str) -> list[Row]:
    """Problems that are the lines of a file, from the first on."""
    return [Row(problem, path, line, role) for line, problem in enumerate(problems, 1)]


Why = Literal["id", "family", "variant", "text", "near"]


@dataclass(frozen=True)
class Kin:
    """Two problems of one group: `used` may be trained on or shown, `guarded` must stay unseen."""

    guarded: int
    used: int
    why: Why
    similarity: float = 1.0

    def words(self, guarded: Problem, used: Problem) -> str:
        """Why the two are of one group."""
        return {
            "id": "the same id" if guarded.id == used.id else "the same id in another spelling",
            "family": f"the same declared family {used.group!r}",
            "variant": f"a variant of the same problem {used.group!r}, written by a model",
            "text": "the same text in another spelling or layout" if guarded.text != used.text else "the same text",
            "near": f"texts that are {self.similarity:.0%} similar",
        }[self.why]


def kin(guarded: Sequence[Problem], used: Sequence[Problem], alike: Likeness | None = None) -> Iterator[Kin]:
    """Every link between a guarded problem and one that is used, in the order of `used`; one link of each kind for a used problem.

    A path of links from a guarded problem to a used one crosses from the one side to the other somewhere, so this finds a link wherever a
    group has members on both sides.

    Args:
        guarded: problems that must stay unseen.
        used: problems for training or ranking.
        alike: the texts of both, guarded ones first, compared; None: they are compared here.
    """
    if not guarded or not used:
        return
    alike = alike or likeness_of([*guarded, *used])
    ids = {name_key(p.id): i for i, p in reversed(list(enumerate(guarded)))}
    declared = {name_key(p.group): i for i, p in reversed(list(enumerate(guarded)))}
    texts = {alike.same[i]: i for i in reversed(range(len(guarded)))}
    near: dict[int, tuple[float, int]] = {}
    for a, b, similarity in alike.near:
        for one, other in ((a, b), (b, a)):
            if one in texts:
                near[other] = max(near.get(other, (0.0, 0)), (similarity, texts[one]))
    for j, problem in enumerate(used):
        text = alike.same[len(guarded) + j]
        if (name := name_key(problem.id)) in ids:
            yield Kin(ids[name], j, "id")
        elif (group := name_key(problem.group)) in declared:
            yield Kin(declared[group], j, "variant" if problem.is_augmented else "family")
        if text in texts:
            yield Kin(texts[text], j, "text")
        elif text in near:
            yield Kin(near[text][1], j, "near", near[text][0])


def refuse_kin(guarded: Sequence[Row], used: Sequence[Row], hint: str, alike: Likeness | None = None) -> None:
    """Raise DataError at the first used problem that is of one group with a guarded one: the door of hold-out and audit.

    Args:
        guarded: problems that must stay unseen.
        used: problems for training or ranking.
        hint: what to type or edit.
        alike: as in `kin`.
    """
    found = list(kin([r.problem for r in guarded], [r.problem for r in used], alike))
    if not found:
        return
    first, count = found[0], len({link.used for link in found})
    ours, theirs = used[first.used], guarded[first.guarded]
    others = f"; {count - 1} more of this {ours.role} as well" if count > 1 else ""
    raise DataError(
        f"problem {ours.problem.id!r} of the {ours.role} is of one group with {theirs.problem.id!r} of the {theirs.role} "
        f"({theirs.place}): {first.words(theirs.problem, ours.problem)}{others}",
        path=ours.path,
        line=ours.line,
        hint=hint,
    )

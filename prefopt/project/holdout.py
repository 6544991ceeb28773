"""The default hold-out: which gold problems are held out where the project names no file of its own for them.

The split is by group, stratified by label, and recorded in rounds/holdout.json. From the first training on the record binds: what was
trained on can judge nothing, and what has judged must not be trained on, so problems that are added, removed or reordered move no other
one, and a changed data.holdout_share applies to what is added later.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from prefopt.errors import ProjectError
from prefopt.io.jsonl import first_fault
from prefopt.io.locks import locked
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.strict import StrictError, checked_json
from prefopt.records import Problem, Record
from prefopt.texts.same_text import name_key

if TYPE_CHECKING:
    from prefopt.project.near_duplicates import Likeness

FILE = "holdout.json"
_SEED = 7  # of the order of groups of one size; not the project's, so that another seed judges on the same problems
_SIDES = ("train", "holdout")
_ROUNDS = ("[0-9][0-9][0-9]", ".replaced/*")

Side = Literal["train", "holdout", "neither"]
"""neither: its group is on both sides, or a model wrote it from a held-out problem."""


class HoldoutRecord(Record):
    """Who is held out; problems that have left the gold file are kept, so that they return to their side."""

    format: Literal[1] = 1
    share: float
    """data.holdout_share when training began."""
    problems: dict[str, Side] = Field(default_factory=dict)
    families: dict[str, Side] = Field(default_factory=dict)
    """Declared families, so that a new member joins the others even where they have left the gold file."""

    def has(self, problem: Problem) -> bool:
        """Whether the problem, or one of its family, was in the gold file."""
        return self.side(problem.id) is not None or (problem.family or "") in self.families

    def side(self, name: str) -> Side | None:
        """The recorded side of an id, in whatever spelling it was recorded."""
        return self.problems.get(name) or self._by_name.get(name_key(name))

    @cached_property
    def _by_name(self) -> dict[str, Side]:
        return {name_key(name): side for name, side in self.problems.items()}


@dataclass(frozen=True)
class Placement:
    """The side of each gold problem, in the order of the file, and the record that says so."""

    sides: tuple[Side, ...]
    record: HoldoutRecord
    binds: bool
    """Whether training has begun: the record can no longer be made again."""
    known: HoldoutRecord | None
    """What the file held where it binds."""


def is_bound(rounds: Path) -> bool:
    """Whether a training of any round has begun, finished or not."""
    return any(next(rounds.glob(f"{folder}/{name}"), None) for folder in _ROUNDS for name in ("train", ".train.partial"))


def read_record(rounds: Path) -> HoldoutRecord | None:
    """The record of a project; None where there is none. Raises ProjectError where it was changed by hand."""
    path = rounds / FILE
    try:
        return HoldoutRecord.model_validate_json(checked_json(read_sealed(path)))
    except FileNotFoundError:
        return None
    except (ValidationError, StrictError) as error:
        raise ProjectError(f"{path}: {first_fault(error)}", hint="restore the file from a copy") from None


def trained_with(rounds: Path | None) -> HoldoutRecord:
    """The gold problems of all times since the first training, as recorded; none before it. Raises as read_record()."""
    known = read_record(rounds) if rounds is not None and is_bound(rounds) else None
    return known or HoldoutRecord(share=0)


def placement(rounds: Path | None, gold: Sequence[Problem], alike: Likeness, share: float) -> Placement:
    """Who is held out, by the record where it binds; nothing is written.

    Args:
        rounds: the folder of the rounds; None where there is no project.
        gold: all problems of the gold file, with distinct ids.
        alike: their texts, compared.
        share: of the gold problems that is to be held out.

    Raises:
        ProjectError: the record was changed by hand.
    """
    bound = rounds is not None and is_bound(rounds)
    known = read_record(rounds) if rounds is not None and bound else None
    earlier = known or HoldoutRecord(share=share)
    if bound and known is None:  # trained by a version that drew the hold-out by hash
        earlier = HoldoutRecord(share=share, problems={p.id: _hash_side(p, share) for p in gold})
    sides = _sides(gold, alike, share, earlier)
    problems = dict(earlier.problems) | {p.id: side for p, side in zip(gold, sides, strict=True)}
    record = HoldoutRecord(share=earlier.share, problems=problems, families=_families(gold, sides, earlier))
    return Placement(sides, record, bound, known)


def default_split(gold: Sequence[Problem], share: float) -> tuple[list[Problem], list[Problem]]:
    """(training part, hold-out) of gold problems before any training. Variants of held-out problems that a model wrote are in neither."""
    from prefopt.project.families import likeness_of

    sides = placement(None, gold, likeness_of(gold), share).sides
    train, held = ([p for p, of in zip(gold, sides, strict=True) if of == side] for side in _SIDES)
    return train, held


def keep_placement(rounds: Path, found: Placement) -> Path:
    """Write the record where it differs from the file. Returns its path.

    Raises:
        ProjectError: another process recorded something else since `placement` read it.
    """
    path = rounds / FILE
    rounds.mkdir(parents=True, exist_ok=True)
    with locked(rounds / ".holdout.lock"):
        now = read_record(rounds)
        if now == found.record:
            return path
        if found.binds and now != found.known:
            raise ProjectError(f"{path} was written by another process meanwhile", hint="type the command again")
        write_sealed(path, found.record, indent=1)
    return path


def is_held_out_by_hash(problem: Problem, share: float) -> bool:
    """Whether versions before the record held a problem out: by hash of its family or id."""
    fraction = int.from_bytes(hashlib.sha256(f"holdout\0{problem.group}".encode()).digest()[:8], "big") / 2**64
    return fraction < share


def _hash_side(problem: Problem, share: float) -> Side:
    if not is_held_out_by_hash(problem, share):
        return "train"
    return "neither" if problem.never_judges else "holdout"


def _sides(gold: Sequence[Problem], alike: Likeness, share: float, earlier: HoldoutRecord) -> tuple[Side, ...]:
    from prefopt.project.families import components
    from prefopt.project.splitting import place_groups

    sides: list[Side | None] = [earlier.side(p.id) for p in gold]
    keys = components(gold, alike, [side in _SIDES for side in sides])
    trained = {key for key, side in zip(keys, sides, strict=True) if side == "train"}
    sides = ["neither" if side == "holdout" and key in trained else side for key, side in zip(keys, sides, strict=True)]

    keys = components(gold, alike, [side != "neither" for side in sides])
    before = _families_of_groups(gold, keys, sides, earlier)
    people = [i for i, p in enumerate(gold) if sides[i] != "neither" and not p.never_judges]
    parts = place_groups(
        [gold[i] for i in people],
        [keys[i] for i in people],
        (1 - share, share),
        _SEED,
        [None if (side := sides[i]) is None else _SIDES.index(side) for i in people],
        {key: [_SIDES.index(s) for s in found] for key, found in before.items()},
    )
    for i, part in zip(people, parts, strict=True):
        sides[i] = "neither" if part is None else _side(part)
    if None in sides:  # of problems that never judge: with their group, and only for training
        keys = components(gold, alike, [side != "neither" for side in sides])
        now = _families_of_groups(gold, keys, sides, earlier)
        sides = [side or ("neither" if "holdout" in now.get(key, ()) else "train") for key, side in zip(keys, sides, strict=True)]
    return tuple(side for side in sides if side is not None)


def _side(part: int) -> Side:
    return "holdout" if part else "train"


def _families_of_groups(
    gold: Sequence[Problem], keys: Sequence[str], sides: Sequence[Side | None], earlier: HoldoutRecord
) -> Mapping[str, set[Side]]:
    """Group -> the sides on which members of it are or were: of problems that a model wrote, and of families by the record."""
    before: dict[str, set[Side]] = defaultdict(set)
    for problem, key, side in zip(gold, keys, sides, strict=True):
        if side in _SIDES:
            before[key].add(side)
        elif side is None and problem.family:
            recorded = earlier.families.get(problem.family) or (earlier.problems.get(problem.family) if problem.is_augmented else None)
            before[key] |= {"train", "holdout"} if recorded == "neither" else {recorded} if recorded else set()
    return {key: found for key, found in before.items() if found}


def _families(gold: Sequence[Problem], sides: Sequence[Side], earlier: HoldoutRecord) -> dict[str, Side]:
    found: dict[str, set[Side]] = defaultdict(set)
    for problem, side in zip(gold, sides, strict=True):
        if problem.family and not problem.never_judges:
            found[problem.family].add(side)
    families = dict(earlier.families)
    for family, on in found.items():
        real: list[Side] = [side for side in on if side != "neither"]
        families[family] = real[0] if len(real) == 1 else "neither"
    return families

"""answers.jsonl: every answer of a round, as it was first seen, changed or went missing. Lines are only ever added.

The file stands beside the round's stages and is written whenever the feedback source is read. It keeps what teachers said though a
record, a user or the whole server is deleted, and it is how a later change is noticed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from prefopt.io.locks import locked
from prefopt.io.stage_folders import now, read_rows
from prefopt.records import Ranking, Record

FILE = "answers.jsonl"


class Seen(Record):
    """One line: what was seen when."""

    at: datetime
    what: Literal["new", "changed", "gone"]
    answer: Ranking
    """For "gone": the last one known."""


@dataclass(frozen=True)
class Changes:
    """What differs from what was known. Each is (slate id, teacher), sorted."""

    new: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    """Gone, though the teacher has other answers: taken back by the teacher, or cleared."""
    removed: tuple[tuple[str, str], ...] = ()
    """Gone with every other answer of that teacher: the account was deleted. What they said stays valid."""

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def count(self) -> int:
        return len(self.new) + len(self.changed) + len(self.withdrawn) + len(self.removed)

    @property
    def removed_teachers(self) -> tuple[str, ...]:
        return tuple(sorted({teacher for _, teacher in self.removed}))


def compare(known: Iterable[Ranking], seen: Iterable[Ranking]) -> Changes:
    """What is new, changed or gone in `seen` against `known`. The time that an answer took is not part of the answer."""
    before = {(r.slate_id, r.teacher): r for r in known}
    after = {(r.slate_id, r.teacher): r for r in seen}
    present = {teacher for _, teacher in after}
    gone = sorted(before.keys() - after.keys())
    return Changes(
        new=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(key for key in before.keys() & after.keys() if _said(before[key]) != _said(after[key]))),
        withdrawn=tuple(key for key in gone if key[1] in present),
        removed=tuple(key for key in gone if key[1] not in present),
    )


def keep(folder: Path, seen: Sequence[Ranking]) -> tuple[list[Ranking], Changes]:
    """Add to a round's file what is new, changed or gone; at most one writer at a time.

    Returns:
        The answers that hold now, sorted by slate then teacher: what was seen, and the last answers of teachers whose accounts were
        deleted; and the changes.

    Raises:
        DataError: the file was changed by hand.
    """
    path = folder / FILE
    with _locked(path) as file:
        _mend(file)
        before = latest(path)
        removed_before = {r.teacher for r in before} - {r.teacher for r in seen}
        changes = compare(before, seen)
        after = {(r.slate_id, r.teacher): r for r in seen}
        lines = [Seen(at=now(), what="new", answer=after[key]) for key in changes.new]
        lines += [Seen(at=now(), what="changed", answer=after[key]) for key in changes.changed]
        last = {(r.slate_id, r.teacher): r for r in before}
        lines += [Seen(at=now(), what="gone", answer=last[key]) for key in changes.withdrawn]
        for line in lines:
            file.write(line.model_dump_json(exclude_none=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    held = [*seen, *(r for r in before if r.teacher in removed_before)]
    return sorted(held, key=lambda r: (r.slate_id, r.teacher)), changes


def latest(path: Path) -> list[Ranking]:
    """The last answer of every teacher to every slate; those taken back are left out. [] where there is no file."""
    if not path.exists():
        return []
    held: dict[tuple[str, str], Ranking] = {}
    for row in read_rows(path, Seen):
        key = (row.answer.slate_id, row.answer.teacher)
        if row.what == "gone":
            held.pop(key, None)
        else:
            held[key] = row.answer
    return list(held.values())


def _said(ranking: Ranking) -> str:
    return json.dumps(ranking.model_dump(mode="json", exclude={"seconds"}), sort_keys=True)


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    with locked(path.with_name(f".{path.name}.lock")), path.open("a+", encoding="utf-8", newline="\n") as file:
        yield file


def _mend(file: IO[str]) -> None:
    """Cut off a last line that a crash left unfinished: it is read again from the source."""
    file.seek(0)
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.truncate(len(whole.encode()))
    file.seek(0, os.SEEK_END)

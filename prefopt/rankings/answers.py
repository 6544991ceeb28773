"""answers.jsonl: a log of every answer of a round, one line for each time it was new, changed or gone. Lines are only added.

The file is next to the round's stages and is written whenever the feedback source is read. It keeps the answers when a record, a user
or the whole server is deleted, and shows later changes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from prefopt.io.jsonl import read_rows
from prefopt.io.locks import locked
from prefopt.io.stage_folders import now
from prefopt.records import Ranking, Record, Uncounted

FILE = "answers.jsonl"


class AnswerEvent(Record):
    """One line of the log."""

    at: datetime
    what: Literal["new", "changed", "gone"]
    answer: Ranking
    """For "gone": the last one known."""


@dataclass(frozen=True)
class Changes:
    """Differences between two readings. Each entry is (slate id, teacher), sorted."""

    new: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    """Gone, and the teacher has other answers: withdrawn by the teacher, or cleared."""
    removed: tuple[tuple[str, str], ...] = ()
    """Gone with every other answer of that teacher: the account was deleted. The answers stay valid."""

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def count(self) -> int:
        """Of all changes."""
        return len(self.new) + len(self.changed) + len(self.withdrawn) + len(self.removed)

    @property
    def removed_teachers(self) -> tuple[str, ...]:
        """Teachers whose accounts were deleted, sorted."""
        return tuple(sorted({teacher for _, teacher in self.removed}))


def compare(known: Iterable[Ranking], current: Iterable[Ranking]) -> Changes:
    """What is new, changed or gone in `current` against `known`. The time that an answer took is not part of the answer."""
    before = {(r.slate_id, r.teacher): r for r in known}
    after = {(r.slate_id, r.teacher): r for r in current}
    present = {teacher for _, teacher in after}
    gone = sorted(before.keys() - after.keys())
    return Changes(
        new=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(key for key in before.keys() & after.keys() if _content(before[key]) != _content(after[key]))),
        withdrawn=tuple(key for key in gone if key[1] in present),
        removed=tuple(key for key in gone if key[1] not in present),
    )


def keep(folder: Path, current: Sequence[Ranking], uncounted: Iterable[Uncounted] = ()) -> tuple[list[Ranking], Changes]:
    """Add what is new, changed or gone to a round's log; one writer at a time.

    Args:
        folder: of the round.
        current: the answers that the source gives now.
        uncounted: what the source does not count. An earlier answer in its place stays in the log, is not "gone", and does not count.

    Returns:
        The valid answers, sorted by slate then teacher: the current ones, and the last ones of teachers whose accounts were deleted;
        and the changes.

    Raises:
        DataError: the file was changed by hand.
    """
    path = folder / FILE
    with _locked(path) as file:
        _cut_unfinished_line(file)
        before = undoubted(latest(path), uncounted, current)
        removed_before = {r.teacher for r in before} - {r.teacher for r in current}
        changes = compare(before, current)
        after = {(r.slate_id, r.teacher): r for r in current}
        lines = [AnswerEvent(at=now(), what="new", answer=after[key]) for key in changes.new]
        lines += [AnswerEvent(at=now(), what="changed", answer=after[key]) for key in changes.changed]
        last = {(r.slate_id, r.teacher): r for r in before}
        lines += [AnswerEvent(at=now(), what="gone", answer=last[key]) for key in changes.withdrawn]
        for line in lines:
            file.write(line.model_dump_json(exclude_none=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    valid = [*current, *(r for r in before if r.teacher in removed_before)]
    return sorted(valid, key=lambda r: (r.slate_id, r.teacher)), changes


def undoubted(before: Iterable[Ranking], uncounted: Iterable[Uncounted], current: Iterable[Ranking]) -> list[Ranking]:
    """The earlier answers that are not in doubt: given again now, or of a teacher and slate of which nothing is uncounted."""
    doubted = {(found.teacher, found.slate_id) for found in uncounted if found.teacher}
    given = {(r.teacher, r.slate_id) for r in current}
    return [r for r in before if (r.teacher, r.slate_id) in given or not doubted & {(r.teacher, r.slate_id), (r.teacher, "")}]


def latest(path: Path) -> list[Ranking]:
    """The last answer of every teacher to every slate, without those that are gone; [] before the first answer."""
    if not path.exists():
        return []
    last: dict[tuple[str, str], Ranking] = {}
    for row in read_rows(path, AnswerEvent):
        key = (row.answer.slate_id, row.answer.teacher)
        if row.what == "gone":
            last.pop(key, None)
        else:
            last[key] = row.answer
    return list(last.values())


def _content(ranking: Ranking) -> str:
    return json.dumps(ranking.model_dump(mode="json", exclude={"seconds"}), sort_keys=True)


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    with locked(path.with_name(f".{path.name}.lock")):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a+", encoding="utf-8", newline="\n") as file:
            with suppress(PermissionError):  # another user's file in a shared project
                os.fchmod(handle, 0o600)  # also a file of an earlier version: it names teachers and quotes them
            yield file


def _cut_unfinished_line(file: IO[str]) -> None:
    """Remove a last line that a crash left unfinished: its answer is read again from the source."""
    file.seek(0)
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.truncate(len(whole.encode()))
    file.seek(0, os.SEEK_END)

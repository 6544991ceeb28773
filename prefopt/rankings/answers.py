"""answers.jsonl: a log of every answer of a round, one line for each time it was new, changed or gone. Lines are only added.

The file is next to the round's stages and is written whenever the feedback source is read. It keeps the answers when a record, a user
or the whole server is deleted or put back to an earlier state, and shows later changes. An answer that is not in the source any more is
"gone" only if it was taken back; otherwise it stays as it was read (prefopt.protocols.Why).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from prefopt.io.jsonl import validated
from prefopt.io.locks import locked
from prefopt.io.sealed import read_sealed_lines, sealed_line
from prefopt.io.stage_folders import now
from prefopt.protocols import Absence, AnswerKey
from prefopt.rankings.limits import bounded
from prefopt.records import Ranking, Record, Uncounted

FILE = "answers.jsonl"
NO_LONGER = ("taken_back", "renamed")
"""Of prefopt.protocols.Why: the answer is gone."""


class AnswerEvent(Record):
    """One line of the log."""

    at: datetime
    what: Literal["new", "changed", "gone"]
    answer: Ranking
    """For "gone": the last one known."""
    why: Literal["taken_back", "renamed"] | None = None
    """For "gone", where the source says why."""
    by: str = ""
    """Who took it back, where it was not its teacher; the new name of a renamed account."""
    gone_at: datetime | None = None
    """When it was taken back, where that is known."""
    certain: bool = False
    """Whether the source proves why it is gone."""


@dataclass(frozen=True)
class Changes:
    """Differences between two readings. Each entry is (slate id, teacher), sorted."""

    new: tuple[AnswerKey, ...] = ()
    changed: tuple[AnswerKey, ...] = ()
    withdrawn: tuple[AnswerKey, ...] = ()
    """Gone: taken back, or cleared. They no longer count."""
    removed: tuple[AnswerKey, ...] = ()
    """Gone with the account. The answers stay valid."""
    missing: tuple[AnswerKey, ...] = ()
    """Not there although nobody is known to have taken them back: the slate was deleted, or the server is older than what was read. The
    answers stay valid."""

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def count(self) -> int:
        """Of all changes."""
        return len(self.new) + len(self.changed) + len(self.withdrawn) + len(self.removed) + len(self.missing)

    @property
    def removed_teachers(self) -> tuple[str, ...]:
        """Teachers whose accounts were deleted, sorted."""
        return tuple(sorted({teacher for _, teacher in self.removed}))


@dataclass(frozen=True)
class Log:
    """What answers.jsonl says now."""

    answers: dict[AnswerKey, Ranking] = field(default_factory=dict)
    """The last answer of every teacher to every slate, without those that are gone."""
    gone: dict[AnswerKey, AnswerEvent] = field(default_factory=dict)
    """The last line of those that are gone."""
    last: datetime | None = None
    """Time of the last line."""


def compare(known: Iterable[Ranking], current: Iterable[Ranking], absent: Mapping[AnswerKey, Absence] | None = None) -> Changes:
    """What is new, changed or gone in `current` against `known`. The time that an answer took is not part of the answer.

    Args:
        known: the earlier answers.
        current: the later ones.
        absent: why answers are gone. None where nothing says: then a teacher who has other answers took one back, and one who has none
            has no account.
    """
    before = {(r.slate_id, r.teacher): r for r in known}
    after = {(r.slate_id, r.teacher): r for r in current}
    present = {teacher for _, teacher in after}
    whys: dict[AnswerKey, str] = {}
    for key in sorted(before.keys() - after.keys()):
        if absent is None:
            whys[key] = "taken_back" if key[1] in present else "account_deleted"
        else:
            whys[key] = absent[key].why if key in absent else "unknown"  # read by another command in the meantime
    return Changes(
        new=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(key for key in before.keys() & after.keys() if _content(before[key]) != _content(after[key]))),
        withdrawn=tuple(key for key, why in whys.items() if why in NO_LONGER),
        removed=tuple(key for key, why in whys.items() if why == "account_deleted"),
        missing=tuple(key for key, why in whys.items() if why not in (*NO_LONGER, "account_deleted")),
    )


def keep(
    folder: Path,
    current: Sequence[Ranking],
    uncounted: Iterable[Uncounted] = (),
    absent: Mapping[AnswerKey, Absence] | None = None,
) -> tuple[list[Ranking], Changes]:
    """Add what is new, changed or gone to a round's log; one writer at a time. Texts that are too long are cut (rankings/limits.py).

    Args:
        folder: of the round.
        current: the answers that the source gives now.
        uncounted: what the source does not count. An earlier answer in its place stays in the log, is not "gone", and does not count.
        absent: why answers are gone; see compare.

    Returns:
        The valid answers, sorted by slate then teacher: the current ones, and the last ones of those that are missing although nobody
        took them back; and the changes.

    Raises:
        DataError: the file was changed by hand.
    """
    path = folder / FILE
    current = [bounded(ranking) for ranking in current]
    with _locked(path) as file:
        _cut_unfinished_line(file)
        before = {(r.slate_id, r.teacher): r for r in undoubted(read_log(path).answers.values(), uncounted, current)}
        changes = compare(before.values(), current, absent)
        after = {(r.slate_id, r.teacher): r for r in current}
        lines = [AnswerEvent(at=now(), what="new", answer=after[key]) for key in changes.new]
        lines += [AnswerEvent(at=now(), what="changed", answer=after[key]) for key in changes.changed]
        lines += [_gone(before[key], (absent or {}).get(key)) for key in changes.withdrawn]
        for line in lines:
            file.write(sealed_line(line, path))
        file.flush()
        os.fsync(file.fileno())
    valid = [*current, *(before[key] for key in (*changes.removed, *changes.missing))]
    return sorted(valid, key=lambda r: (r.slate_id, r.teacher)), changes


def _gone(answer: Ranking, absence: Absence | None) -> AnswerEvent:
    if absence is None or absence.why not in NO_LONGER:
        return AnswerEvent(at=now(), what="gone", answer=answer)
    why: Literal["taken_back", "renamed"] = "renamed" if absence.why == "renamed" else "taken_back"
    return AnswerEvent(at=now(), what="gone", answer=answer, why=why, by=absence.by, gone_at=absence.at, certain=absence.certain)


def undoubted(before: Iterable[Ranking], uncounted: Iterable[Uncounted], current: Iterable[Ranking]) -> list[Ranking]:
    """The earlier answers that are not in doubt: given again now, or of a teacher and slate of which nothing is uncounted."""
    doubted = {(found.teacher, found.slate_id) for found in uncounted if found.teacher}
    given = {(r.teacher, r.slate_id) for r in current}
    return [r for r in before if (r.teacher, r.slate_id) in given or not doubted & {(r.teacher, r.slate_id), (r.teacher, "")}]


def read_log(path: Path) -> Log:
    """What the log says now; nothing before the first answer. Raises DataError where the file was changed by hand."""
    if not path.exists():
        return Log()
    answers: dict[AnswerKey, Ranking] = {}
    gone: dict[AnswerKey, AnswerEvent] = {}
    last: datetime | None = None
    for line in read_sealed_lines(path):
        row = validated(line, AnswerEvent, path)
        answer, last = bounded(row.answer), row.at
        key = (answer.slate_id, answer.teacher)
        if row.what == "gone":
            answers.pop(key, None)
            gone[key] = row
        else:
            answers[key] = answer
            gone.pop(key, None)
    return Log(answers, gone, last)


def latest(path: Path) -> list[Ranking]:
    """The last answer of every teacher to every slate, without those that are gone; [] before the first answer."""
    return list(read_log(path).answers.values())


def take_over(folder: Path, origin: Path) -> None:
    """Begin the log of a branch with that of the round which asked the teachers: what was read there is known here too."""
    target, source = folder / FILE, origin / FILE
    if target.exists() or not source.exists():
        return
    with _locked(source), _locked(target) as file:
        if not file.tell():
            file.write(source.read_text(encoding="utf-8"))
            file.flush()
            os.fsync(file.fileno())


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


def cut_unfinished(path: Path) -> None:
    """Remove a last line of the log that a crash left unfinished."""
    if path.exists():
        with _locked(path) as file:
            _cut_unfinished_line(file)


def _cut_unfinished_line(file: IO[str]) -> None:
    """Remove a last line that a crash left unfinished: its answer is read again from the source."""
    file.seek(0)
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.truncate(len(whole.encode()))
    file.seek(0, os.SEEK_END)

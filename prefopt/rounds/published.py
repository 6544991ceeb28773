"""The answers of a published round: read from its feedback source, or as they were last read.

Every reading is kept in the round's answers.jsonl, with what it found besides in .reading/last_reading.json. Answers that were read stay,
whatever becomes of the source, until it is known that they were taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from prefopt.errors import DataError, FeedbackError
from prefopt.io.stage_folders import now
from prefopt.protocols import (
    Absence,
    AnswerKey,
    AsksMore,
    ClosesRounds,
    ExplainsAbsences,
    FeedbackSource,
    Held,
    KnowsTeachers,
    NamesGone,
    NamesUncounted,
    SourceReading,
)
from prefopt.rankings.absences import Absences
from prefopt.rankings.answers import FILE, NO_LONGER, Changes, compare, cut_unfinished, keep, read_log, take_over, undoubted
from prefopt.rankings.last_reading import AbsentAnswer, LastReading, held, read_last, write_last
from prefopt.rankings.limits import bounded, bounded_finding, cut_comments
from prefopt.rankings.overlap import Overlap, of_slates
from prefopt.rankings.pace import Pace, pace
from prefopt.rankings.same_answers import without_copies
from prefopt.records import Progress, Ranking, Receipt, Slate, Uncounted

FOLDER = ".reading"


def files_of(folder: Path) -> list[Path]:
    """What a round keeps of its answers: the log, its lock, and the folder of the last reading."""
    return [folder / FILE, folder / f".{FILE}.lock", folder / FOLDER]


@dataclass(frozen=True)
class Reading:
    """The answers of a round at one moment."""

    answers: list[Ranking]
    """Those that count, sorted by slate then teacher."""
    changes: Changes
    """Since the reading before."""
    uncounted: list[Uncounted]
    """What was found and does not count, or is to be checked."""
    absences: Absences = field(default_factory=Absences)
    """What became of answers that were read before."""
    as_of: datetime | None = None
    """When the source was read, where it was not read now."""

    def since(self, collected: Sequence[Ranking]) -> Changes:
        """What changed against earlier answers. What cannot be read for the moment has not changed."""
        known = [bounded(ranking) for ranking in undoubted(collected, self.uncounted, self.answers)]
        changes = compare(known, self.answers, {})
        return replace(changes, withdrawn=changes.missing, missing=())  # what is missing and not taken back is among the answers

    def left(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """The slates that can be complete, with the answers that they want: all but those that were deleted before they were."""
        answered = Counter(ranking.slate_id for ranking in self.answers)
        deleted = set(self.absences.deleted)
        return {name: count for name, count in wanted.items() if name not in deleted or answered[name] >= count}


@dataclass(frozen=True)
class Published:
    """A published round and its feedback source."""

    name: str
    """Of the round."""
    source: FeedbackSource
    slates: list[Slate]
    receipts: list[Receipt]
    overlap: Overlap
    """Teachers wanted per slate."""
    log: Path
    """Folder of answers.jsonl."""
    origin: Path | None = None
    """Folder of the round that published the slates, where this one is a branch of it."""
    is_collected: bool = False
    """Whether the round has collected its answers."""

    def let_answer(self, allowed: bool) -> None:
        """Let teachers answer, or not, where the source can tell them. Raises FeedbackError as `read`."""
        if isinstance(self.source, ClosesRounds):
            self.source.let_answer(self.receipts, allowed)

    def read(self, from_answers: bool = False) -> Reading:
        """What teachers have answered by now. Answers that were read earlier count as they were until they are taken back, except from a
        source whose answers count only while they are there (NamesGone).

        Args:
            from_answers: do not ask the source: give what was last read of it.

        Raises:
            FeedbackError, DataError: see FeedbackSource.collect; nothing was read yet.
        """
        if self.origin is not None:
            take_over(self.log, self.origin)
        cut_unfinished(self.log / FILE)
        return self._as_last_read() if from_answers else self._read_now()

    def _read_now(self) -> Reading:
        started, last, log = now(), self._last(), read_log(self.log / FILE)
        try:
            found = self._ask(held(log, last))
        except FeedbackError as error:
            if log.answers and not self.is_collected:
                read_at = f" on {last.at.astimezone():%Y-%m-%d %H:%M}" if last else ""
                kept = f"collect the {len(log.answers)} answers that were read{read_at}: prefopt round --from-answers"
                error.hint = f"{error.hint}; or {kept}" if error.hint else kept
            raise
        explains = isinstance(self.source, ExplainsAbsences)
        kept_absent = {key: absence for key, absence in found.absent.items() if absence.why not in NO_LONGER}
        if kept_absent.keys() - (last.absences.keys() if last else set()):  # first: no later reading judges them by what is new now
            write_last(self.log / FOLDER, (last or LastReading(at=started)).model_copy(update={"absent": _rows(kept_absent)}))
        uncounted = [bounded_finding(row) for row in found.uncounted]
        answers, changes = keep(self.log, found.rankings, uncounted, found.absent if explains else None)
        if changes.removed and isinstance(self.source, NamesGone):
            gone = Counter(teacher for _, teacher in changes.removed)
            uncounted = [*uncounted, *(self.source.gone(teacher, count) for teacher, count in sorted(gone.items()))]
            answers = [ranking for ranking in answers if ranking.teacher not in gone]
            changes = replace(changes, removed=())
        absent = {key: kept_absent.get(key, Absence("unknown")) for key in changes.missing}
        absent |= {key: kept_absent.get(key, Absence("account_deleted")) for key in changes.removed}
        after = read_log(self.log / FILE)
        counting = {(ranking.slate_id, ranking.teacher) for ranking in answers}
        reading = LastReading(
            at=started,
            seen=dict(found.seen),
            absent=_rows(absent),
            doubted=tuple(sorted(after.answers.keys() - counting)),
            uncounted=tuple(uncounted),
            deleted=found.deleted,
            older=found.older,
            restored_at=found.restored_at,
        )
        write_last(self.log / FOLDER, reading)
        return self._reading(answers, changes, uncounted, Absences(after.gone, absent, found.deleted, found.older, found.restored_at))

    def _last(self) -> LastReading | None:
        """The last reading, of the round that published the slates where there is none of this one."""
        own = read_last(self.log / FOLDER)
        return read_last(self.origin / FOLDER) if own is None and self.origin is not None else own

    def _ask(self, known: Held) -> SourceReading:
        if isinstance(self.source, ExplainsAbsences):
            return self.source.read_after(self.slates, self.receipts, known)
        if isinstance(self.source, NamesUncounted):
            rankings, uncounted = self.source.read(self.slates, self.receipts)
            return SourceReading(rankings, uncounted, {})
        return SourceReading(self.source.collect(self.slates, self.receipts), [], {})

    def _as_last_read(self) -> Reading:
        last, log = self._last(), read_log(self.log / FILE)
        if not log.answers or log.last is None:
            raise FeedbackError(f"no answer of round {self.name} was read before: {self.log / FILE} has none", hint="prefopt round")
        doubted = set(last.doubted) if last else set()
        answers = sorted((r for key, r in log.answers.items() if key not in doubted), key=lambda r: (r.slate_id, r.teacher))
        absences = Absences(log.gone, last.absences, last.deleted, last.older, last.restored_at) if last else Absences(log.gone)
        reading = self._reading(answers, Changes(), list(last.uncounted) if last else [], absences)
        return replace(reading, as_of=last.at if last else log.last)

    def _reading(self, answers: list[Ranking], changes: Changes, uncounted: list[Uncounted], absences: Absences) -> Reading:
        counted, copies = without_copies(self.slates, answers)
        return Reading(counted, changes, [*uncounted, *copies, *absences.findings(), *cut_comments(counted)], absences)

    def progress(self, from_answers: bool = False) -> tuple[Progress, Reading | None]:
        """How far the teachers are, and what was read; None in its place where the source cannot read an answer that is half written."""
        try:
            reading = self.read(from_answers)
        except DataError:
            if from_answers:
                raise
            return self.source.progress(self.receipts), None
        answered = ((ranking.slate_id, ranking.teacher) for ranking in reading.answers)
        wanted = reading.left(self._wanted(reading))
        if not from_answers and not self.is_collected:
            self._ask_more(reading, wanted)
        return Progress.of(wanted, answered, wanted), reading

    def pace(self, reading: Reading) -> Pace:
        """How fast the teachers are. Those without an answer are included, where the source knows them."""
        wanted = reading.left(self._wanted(reading))
        least = self._wanted(replace(reading, answers=[]))
        return pace(wanted, reading.answers, {name: min(least[name], count) for name, count in wanted.items()}, self._names())

    def asked_again(self, reading: Reading | None) -> int:
        """Slates that have an answer and want another teacher because of it, or were drawn for two; 0 where a set number is wanted."""
        if reading is None or not self.overlap.is_adaptive:
            return 0
        answered = Counter(ranking.slate_id for ranking in reading.answers)
        return sum(0 < answered[name] < count for name, count in reading.left(self._wanted(reading)).items())

    def _wanted(self, reading: Reading) -> dict[str, int]:
        """Slate id -> answers that it wants. Where more are asked of single slates, no more than there are teachers to give them."""
        by_slate = of_slates(reading.answers)
        wanted = {slate.id: self.overlap.wanted(slate, by_slate[slate.id]) for slate in self.slates}
        if not self.overlap.is_adaptive or reading.as_of is not None or not isinstance(self.source, KnowsTeachers):
            return wanted
        able = set(self._names()) or {answer.teacher for answer in reading.answers}
        most = {name: len(able | {answer.teacher for answer in by_slate[name]}) for name in wanted}
        return {name: min(count, max(1, most[name])) for name, count in wanted.items()}

    def _ask_more(self, reading: Reading, wanted: Mapping[str, int]) -> None:
        """Let the source show the slates whose answers leave doubt to further teachers."""
        if not self.overlap.is_adaptive or not isinstance(self.source, AsksMore):
            return
        answered = Counter(ranking.slate_id for ranking in reading.answers)
        missing = {name: count - answered[name] for name, count in wanted.items() if count > answered[name]}
        self.source.ask_more(self.slates, self.receipts, reading.answers, missing)

    def _names(self) -> list[str]:
        return self.source.teachers() if isinstance(self.source, KnowsTeachers) else []


def _rows(absences: Mapping[AnswerKey, Absence]) -> tuple[AbsentAnswer, ...]:
    """Absences in the order of slates and teachers."""
    found = ((key, absences[key]) for key in sorted(absences))
    rows = ({"slate_id": key[0], "teacher": key[1], "why": a.why, "at": a.at, "by": a.by, "certain": a.certain} for key, a in found)
    return tuple(AbsentAnswer.model_validate(row) for row in rows)

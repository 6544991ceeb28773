"""What to say of answers that were read and are not in the feedback source any more, in Korean and English."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prefopt.protocols import Absence, AnswerKey
from prefopt.rankings.answers import AnswerEvent
from prefopt.records import Uncounted

SHOWN = 5
"""Slates that are named."""


@dataclass(frozen=True)
class Absences:
    """What became of answers that were read."""

    taken_back: Mapping[AnswerKey, AnswerEvent] = field(default_factory=dict)
    """They do not count any more."""
    kept: Mapping[AnswerKey, Absence] = field(default_factory=dict)
    """Not in the source, but nobody is known to have taken them back: they count as they were read."""
    deleted: tuple[str, ...] = ()
    """Ids of published slates that are no longer in the source."""
    older: bool = False
    """As prefopt.protocols.SourceReading.older."""
    restored_at: datetime | None = None
    """As prefopt.protocols.SourceReading.restored_at."""

    @property
    def lost(self) -> int:
        """Answers that an older state of the source lacks or has in an older version."""
        return sum(absence.why == "lost" for absence in self.kept.values())

    @property
    def withdrawn(self) -> int:
        """Answers that were taken back; not those that count under another name."""
        return sum(event.why != "renamed" for event in self.taken_back.values())

    @property
    def deleted_teachers(self) -> tuple[str, ...]:
        """Teachers whose accounts were deleted and whose answers count, sorted."""
        return tuple(sorted({teacher for (_, teacher), absence in self.kept.items() if absence.why == "account_deleted"}))

    @property
    def of_deleted_accounts(self) -> int:
        """Answers of these teachers that count."""
        return sum(absence.why == "account_deleted" for absence in self.kept.values())

    def plain(self) -> dict[str, object]:
        """As plain JSON types."""
        whys = Counter(absence.why for absence in self.kept.values())
        return {
            "taken_back": self.withdrawn,
            "kept": dict(sorted(whys.items())),
            "deleted_slates": list(self.deleted),
            "older_source": self.older,
            "restored_at": self.restored_at.isoformat() if self.restored_at else None,
        }

    def findings(self) -> list[Uncounted]:
        """Everything in sentences."""
        found = [*_older(self), *_deleted(self), *_taken_back(self.taken_back.values())]
        unknown: dict[str, list[str]] = defaultdict(list)
        for (slate_id, teacher), absence in sorted(self.kept.items()):
            if absence.why == "unknown":
                unknown[teacher].append(slate_id)
        return found + [_vanished(teacher, slates) for teacher, slates in unknown.items()]


def _older(found: Absences) -> list[Uncounted]:
    if not found.older and not found.lost:
        return []
    at = f"{found.restored_at.astimezone():%Y-%m-%d %H:%M}" if found.restored_at else ""
    ko, en = "읽었던 답은 모두 있습니다.", "it has every answer that was read"
    if n := found.lost:
        ko = f"읽었던 답 {n}개가 없거나 예전 것으로 돌아갔습니다. 읽었던 그대로 셉니다."
        en = f"it lacks {n} answers that were read, or has older versions of them: they count as they were read"
    ko = f"답을 모으는 서버가 전에 읽었을 때보다 예전 상태입니다{f'({at} 복원)' if at else ''}. {ko}"
    en = f"the feedback server is in an older state than what was read before{f' (restored {at})' if at else ''}; {en}"
    return [Uncounted(kind="older-source", ko=ko, en=en)]


def _deleted(found: Absences) -> list[Uncounted]:
    kept = Counter(slate_id for (slate_id, _), absence in found.kept.items() if absence.why == "slate_deleted")
    again = sorted(kept.keys() - set(found.deleted))
    return [*_slates(sorted(found.deleted), kept, False), *_slates(again, kept, True)]


def _slates(slates: list[str], kept: Mapping[str, int], again: bool) -> list[Uncounted]:
    """What to say of deleted slates, or of those that were deleted and published again."""
    if not slates:
        return []
    n, answers, names = len(slates), sum(kept.get(slate_id, 0) for slate_id in slates), _some(slates)
    ko = "지워졌다가 다시 올라왔습니다. 전에 읽은 답" if again else "지워져서 더 기다리지 않습니다. 전에 읽은 답"
    en = "and published again: the" if again else "and no more answers to them are awaited: the"
    return [
        Uncounted(
            kind="slate-deleted",
            ko=f"문제 {n}개({names})가 서버에서 {ko} {answers}개는 그대로 셉니다.",
            en=f"{n} slates ({names}) were deleted on the feedback server, {en} {answers} answers that were read count",
            slate_id=slates[0] if n == 1 else "",
        )
    ]


def _taken_back(events: Iterable[AnswerEvent]) -> list[Uncounted]:
    of: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for event in events:
        of[event.answer.teacher, event.why or "", event.by].append(event.answer.slate_id)
    return [_said(*key, sorted(slates)) for key, slates in sorted(of.items())]


def _said(teacher: str, why: str, by: str, slates: list[str]) -> Uncounted:
    n, names = len(slates), _some(slates)
    if why == "renamed":
        ko, en = f"{teacher}: 이름이 {by}(으)로 바뀌어", f"{teacher} is now called {by}: {n} answers count under that name ({names})"
        return Uncounted(kind="renamed", ko=f"{ko} 답 {n}개를 그 이름으로 셉니다({names}).", en=en)
    who = f"were taken away by {by}" if by else "were taken back"
    ko = f"{by} 계정이 지운 답" if by else "거두어들인 답"
    return Uncounted(
        kind="taken-back",
        ko=f"{teacher}: {ko} {n}개는 세지 않습니다({names}).",
        en=f"{n} answers of {teacher} {who} and do not count ({names})",
    )


def _vanished(teacher: str, slates: list[str]) -> Uncounted:
    n, names = len(slates), _some(sorted(slates))
    return Uncounted(
        kind="vanished",
        ko=f"{teacher}: 읽었던 답 {n}개가 서버에 없는데 거두어들였는지 알 수 없어 그대로 셉니다({names}). "
        "세지 말아야 하면 그 문제를 건너뛰어 달라고 해 주세요.",
        en=f"{n} answers of {teacher} are no longer on the feedback server, and nothing shows that they were taken back: they count "
        f"({names}); if they should not, ask the teacher to discard these slates",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" … {len(names) - SHOWN}" if len(names) > SHOWN else "")

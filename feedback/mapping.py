"""Slate -> what a teacher sees, and a teacher's answers -> Ranking: pure functions.

Cards are named by position: a, b, c, d show slate.shown[0], [1], [2], [3].
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from feedback.mathematics import escaped, to_markup
from prefopt.errors import FeedbackError
from prefopt.records import Candidate, Ranking, Slate
from prefopt.taxonomy import Label, Taxonomy

POSITIONS = "abcd"
NO_RANKING = "[순위 없이 제출됨]"
"""Begins the comment of a submission that says neither an order nor that none is right; it counts as a discard."""
AT_ONCE = 1.0
"""Seconds; nobody judges faster, and one save may write both times a moment apart."""
PAUSE = 600.0
"""Seconds; after a longer silence the teacher was elsewhere."""


def record_fields(slate: Slate, taxonomy: Taxonomy) -> dict[str, Any]:
    """Fields of the record that shows a slate: the problem, and a card for each candidate. Nothing tells which one the model prefers.

    Raises:
        FeedbackError: a candidate's label is not in the taxonomy.
    """
    cards = [{"key": key.upper(), **_card(slate, candidate, taxonomy)} for key, candidate in zip(POSITIONS, slate.shown, strict=False)]
    return {"problem": to_markup(slate.problem.text), "candidates": {"cards": cards}}


def record_metadata(slate: Slate) -> dict[str, str]:
    """Metadata that annotators do not see."""
    return {"slate": page_text(slate.id), "order": "".join(str(i) for i in slate.order)}


def record_id(slate_id: str) -> str:
    """The record's id given by us. The page writes it into a script, so characters that could end one are spelled %XX."""
    return re.sub(r"[<>&$'\"`%\\]", lambda found: f"%{ord(found[0]):02X}", slate_id)


def page_text(text: str) -> str:
    """Text as the page must get it.

    Argilla 2.8 sets a text field as innerHTML and writes all fields of a record into a <script>, by String.replace, where "$&" has a
    meaning. So markup is escaped, and so is "$"; line breaks and runs of spaces are kept.
    """
    return escaped(text.replace("\r\n", "\n"))


def label_of(slate: Slate, candidate: Candidate, taxonomy: Taxonomy) -> Label:
    """The label of a candidate. Raises FeedbackError where the taxonomy lacks it."""
    label_id = candidate.answer.label
    if label_id not in taxonomy:
        where = taxonomy.source or "the taxonomy"
        raise FeedbackError(f"slate {slate.id}: label {label_id!r} of candidate {candidate.id} is not in {where}")
    return taxonomy[label_id]


def _card(slate: Slate, candidate: Candidate, taxonomy: Taxonomy) -> dict[str, str]:
    answer, label = candidate.answer, label_of(slate, candidate, taxonomy)
    details = [
        f"수준 {answer.level}" if answer.level else "",
        f"난이도 {answer.difficulty}" if answer.difficulty is not None else "",
        f"개념 {', '.join(answer.concepts)}" if answer.concepts else "",
    ]
    return {
        "code": page_text(label.code),
        "name": page_text(label.name),
        "groups": page_text(" › ".join(label.groups)),
        "details": page_text(" · ".join(part for part in details if part)),
        "reason": to_markup((answer.reason or "").strip()),
    }


def ranking_of(slate: Slate, teacher: str, response: Mapping[str, Any], taxonomy: Taxonomy) -> Ranking | None:
    """The Ranking that an Argilla response stands for; None for a draft.

    Nothing submitted is lost and no row stops the others: a submission without an order becomes a discard whose comment says so, and a
    label that is no longer in the taxonomy is told in the comment.
    """
    if response["status"] == "draft":
        return None
    values = {name: value.get("value") for name, value in (response.get("values") or {}).items() if value}
    told: dict[str, Any] = {
        "slate_id": slate.id,
        "teacher": teacher,
        "comment": str(values.get("comment") or "").strip(),
        "submitted_at": aware(response.get("updated_at") or response.get("inserted_at")),
    }
    if response["status"] == "discarded":
        return Ranking(kind="discarded", **told)  # its values are what the page had filled in, no judgment
    if values.get("verdict") == "none":
        return _none_right(values.get("right_label"), told, taxonomy)
    ranks = _ranks(slate, values)
    if not ranks:
        return Ranking(kind="discarded", **{**told, "comment": f"{NO_RANKING} {told['comment']}".strip()})
    return Ranking(kind="ranked", ranks=ranks, **told)


def seconds_of(responses: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Response id -> seconds that one teacher took, for the responses of which it can be told.

    Argilla keeps when a response was first saved and when it was last, not when the slate was opened. What is left is the time since the
    teacher did anything else: told where the response was saved once, at most PAUSE after the last other thing. The first of a sitting,
    one that was edited or lay as a draft, and those that a program sent at once tell nothing.
    """
    moments = {str(r["id"]): (aware(r["inserted_at"]), aware(r["updated_at"])) for r in responses}
    told = {name: (first, last) for name, (first, last) in moments.items() if first is not None and last is not None}
    events = sorted(moment for pair in told.values() for moment in set(pair))
    found = {}
    for name, (first, last) in told.items():
        before = events[bisect_left(events, first) - 1] if bisect_left(events, first) else None
        seconds = (first - before).total_seconds() if before is not None else 0.0
        if (last - first).total_seconds() < AT_ONCE <= seconds <= PAUSE:
            found[name] = round(seconds, 1)
    return found


def _none_right(right: str | None, told: dict[str, Any], taxonomy: Taxonomy) -> Ranking:
    if right is not None and right not in taxonomy:
        told = {**told, "comment": f"[분류 체계에 없는 분류: {right}] {told['comment']}".strip()}
        right = None
    return Ranking(kind="none_right", right_label=right or None, **told)


def _ranks(slate: Slate, values: Mapping[str, Any]) -> dict[str, int]:
    shown = {key: candidate.id for key, candidate in zip(POSITIONS, slate.shown, strict=False)}
    two = {"a": (1, 2), "b": (2, 1), "equal": (1, 1)}.get(str(values.get("verdict")))
    if len(shown) == 2:
        return dict(zip(shown.values(), two, strict=True)) if two else {}
    given = {item["value"]: item.get("rank") for item in values.get("ranking") or []}
    if set(given) != set(shown) or not all(given.values()):
        return {}
    return {shown[key]: int(rank) for key, rank in given.items()}


def response_values(slate: Slate, ranking: Ranking) -> dict[str, Any]:
    """The answers that a teacher gives in the form to say a Ranking; the reverse of ranking_of. Discards need none."""
    values: dict[str, Any] = {}
    if ranking.comment:
        values["comment"] = {"value": ranking.comment}
    if ranking.kind == "none_right":
        values["verdict"] = {"value": "none"}
        if ranking.right_label is not None:
            values["right_label"] = {"value": ranking.right_label}
    elif ranking.kind == "ranked":
        ranks = [ranking.ranks[candidate.id] for candidate in slate.shown]
        if len(ranks) == 2:
            values["verdict"] = {"value": "equal" if ranks[0] == ranks[1] else "a" if ranks[0] < ranks[1] else "b"}
        else:
            values["verdict"] = {"value": "some"}
            values["ranking"] = {"value": [{"value": key, "rank": rank} for key, rank in zip(POSITIONS, ranks, strict=False)]}
    return values


def aware(moment: str | None) -> datetime | None:
    """Argilla's times are UTC without saying so."""
    if not moment:
        return None
    parsed = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def same_count(slates: Sequence[Slate]) -> int:
    """Number of candidates of every slate. Raises FeedbackError where they differ: one form asks for one number of ranks."""
    counts = {len(slate.candidates): slate.id for slate in slates}
    if len(counts) != 1:
        examples = ", ".join(f"{count} in {slate}" for count, slate in sorted(counts.items()))
        raise FeedbackError(f"slates of one round must show the same number of candidates; found {examples or 'no slates'}")
    return next(iter(counts))

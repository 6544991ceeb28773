"""Conversion between prefopt and Argilla: a Slate to a record, and a response to a Ranking. Pure functions.

Cards are named by position: a, b, c, d show slate.shown[0], [1], [2], [3].
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from feedback.mathematics import escaped, to_markup
from feedback.words import details_of, name_of
from prefopt.domain import DomainSettings
from prefopt.errors import FeedbackError
from prefopt.project.conclusions import shown_reason
from prefopt.protocols import Question
from prefopt.records import Candidate, Ranking, Slate, Uncounted
from prefopt.taxonomy import Label, Taxonomy
from prefopt.texts.kept_text import without_halves

POSITIONS = "abcd"
GROUPS = " › "
"""Stands between the groups of a label."""
NO_ONE_LABEL = {"__unknown__": "unknown", "__outside__": "outside", "__several__": "several"}
"""Options of the question for the right label that name none -> key of their text in words.TEXTS."""
REMARKS = {"__outside__": "[분류 체계에 없음]", "__several__": "[둘 이상이 옳음]"}
"""Prefix of the comment of a submission with such an option, where it says more than that the label is not known."""
NO_LABEL = "[분류 체계에 없는 분류: "
"""Prefix of the comment of a submission that names a label outside the taxonomy."""
USUAL = DomainSettings()
MIN_SECONDS = 1.0
"""Nobody judges faster, and one save can write its two times a moment apart."""
MAX_SECONDS = 600.0
"""After a longer pause the teacher was doing something else."""


def record_fields(slate: Slate, taxonomy: Taxonomy, domain: DomainSettings = USUAL, card_fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """Fields of the record that shows a slate: the problem, and a card for each candidate. Nothing shows which one the model prefers.

    Args:
        slate: what is shown.
        taxonomy: its labels.
        domain: language of names and details.
        card_fields: what cards show besides label and reason.

    Raises:
        FeedbackError: a candidate's label is not in the taxonomy.
    """
    cards: list[dict[str, str]] = []
    texts: list[dict[str, str]] = []
    for key, candidate in zip(POSITIONS, slate.shown, strict=False):
        label = label_of(slate, candidate, taxonomy)
        card = {
            "code": label.code,
            "name": name_of(label, domain),
            "groups": GROUPS.join(label.groups),
            "details": details_of(candidate.answer, domain, card_fields),
            "reason": shown_reason(candidate.answer, taxonomy, domain),
        }
        marked = {name: to_markup(text) if name == "reason" else page_text(text) for name, text in card.items()}
        cards.append({"key": key.upper(), **marked})
        texts.append({"key": key.upper(), **{name: coded(text) for name, text in card.items()}})
    source: dict[str, Any] = {
        "problem": coded(slate.problem.text),
        "cards": texts,
    }  # as written, for the page for teachers, which draws formulas itself
    candidates: dict[str, Any] = {"cards": cards, "source": source}
    if slate.figure is not None:  # in the frame of the cards: a field for images would not show SVG
        source["figure"] = coded(slate.figure.alt)
        candidates["figure"] = {"image": slate.figure.address, "alt": page_text(" ".join(slate.figure.alt.split()))}
    return {"problem": to_markup(slate.problem.text), "candidates": candidates}


def coded(text: str) -> str:
    """Text with %XX for the characters that are special where Argilla's page writes a record into a script; see page_text."""
    return re.sub(r"[\x00-\x1f<>&$'\"`%\\]", lambda match: f"%{ord(match[0]):02X}", text.replace("\r\n", "\n"))


def sent_texts(slates: Sequence[Slate], taxonomy: Taxonomy) -> Iterator[tuple[str, str]]:
    """What a dataset shows, before it is escaped, its form included: what each text is, and the text."""
    yield from ((f"label {label.id}", " ".join((label.name, *label.groups))) for label in taxonomy)
    for slate in slates:
        yield f"problem {slate.problem.id!r}", slate.problem.text
        if slate.figure is not None:
            yield f"the figure of problem {slate.problem.id!r}", slate.figure.alt
        for candidate in slate.candidates:
            answer, card = candidate.answer, f"a card of problem {slate.problem.id!r}"
            yield from ((card, text) for text in (answer.reason or "", ", ".join(answer.concepts), answer.level or "") if text)


def record_metadata(slate: Slate) -> dict[str, str]:
    """Metadata of a record. Nothing in it, as in all that is sent, depends on which candidate the model prefers."""
    return {"slate": page_text(slate.id)}


def record_id(slate_id: str) -> str:
    """The external id of a slate's record. The page writes it into a script, so characters that could end the script become %XX."""
    return re.sub(r"[<>&$'\"`%\\]", lambda match: f"%{ord(match[0]):02X}", slate_id)


def page_text(text: str) -> str:
    """Text in the form that Argilla's page needs.

    Argilla 2.8 sets a text field as innerHTML and writes all fields of a record into a <script> with String.replace, where "$&" is
    special. So markup and "$" are escaped; line breaks and runs of spaces are kept.
    """
    return escaped(text.replace("\r\n", "\n"))


def label_of(slate: Slate, candidate: Candidate, taxonomy: Taxonomy) -> Label:
    """The label of a candidate. Raises FeedbackError if it is not in the taxonomy."""
    label_id = candidate.answer.label
    if label_id not in taxonomy:
        where = taxonomy.source or "the taxonomy"
        raise FeedbackError(f"slate {slate.id}: label {label_id!r} of candidate {candidate.id} is not in {where}")
    return taxonomy[label_id]


def ranking_of(slate: Slate, teacher: str, response: Mapping[str, Any], taxonomy: Taxonomy) -> Ranking | None:
    """The Ranking of an Argilla response; None for one that is not an answer. A right label that is not in the taxonomy is moved to the
    comment.
    """
    if not is_answer(response) or asked_again(slate, teacher, response) is not None:
        return None
    values = values_of(response)
    common: dict[str, Any] = {
        "slate_id": slate.id,
        "teacher": teacher,
        "comment": without_halves(str(values.get("comment") or "")).strip(),
        "submitted_at": aware(response.get("updated_at") or response.get("inserted_at")),
    }
    if response["status"] == "discarded":
        return Ranking(kind="discarded", **common)  # its values are the page's initial ones, not a judgment
    if values.get("verdict") == "none":
        return _none_right(values.get("right_label"), common, taxonomy)
    if ranks := _ranks(slate, values):
        return Ranking(kind="ranked", ranks=ranks, **common)
    return Ranking(kind="ranked", ranks=_best(slate, values), best_only=True, **common)


def values_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """Name of each question that a response answers -> the value."""
    return {name: value.get("value") for name, value in (response.get("values") or {}).items() if value}


def is_answer(response: Mapping[str, Any]) -> bool:
    """Whether a response is one that its teacher has finished: no draft, and no "yes, one is right" that does not say which one."""
    if response["status"] != "submitted":
        return str(response["status"]) != "draft"
    values = values_of(response)
    given = values.get("ranking") or []
    return values.get("verdict") in ("none", "equal", *POSITIONS) or bool(given and all(item.get("rank") for item in given))


def asked_again(slate: Slate, teacher: str, response: Mapping[str, Any]) -> Uncounted | None:
    """What to say of a submission with neither a whole order nor "none is right": it is no answer. None for any other response."""
    values = values_of(response)
    if response["status"] != "submitted" or values.get("verdict") == "none" or _ranks(slate, values) or _best(slate, values):
        return None
    comment = without_halves(str(values.get("comment") or "")).strip()
    return Uncounted(
        kind="no-ranking",
        ko=f"{teacher}: ‘있다’고만 하고 순위를 매기지 않은 답이어서 아직 세지 않습니다. "
        "순위를 매겨 다시 제출해 주세요. 판단하기 어려우면 건너뛰어 주세요.",
        en=f"{teacher} submitted {slate.id} without ranks: it does not count until it is submitted with ranks, or discarded",
        teacher=teacher,
        slate_id=slate.id,
        found=comment,
    )


def incomplete(ranking: Ranking, response: Mapping[str, Any]) -> list[Uncounted]:
    """What to say of a submission that counts for less than its teacher may have meant; [] for a complete one."""
    right = values_of(response).get("right_label")
    if ranking.kind == "ranked" and right and right not in NO_ONE_LABEL:
        return [
            Uncounted(
                kind="label-beside",
                ko=f"{ranking.teacher}: 카드를 고르면서 옳은 것도 따로 골랐습니다({right}). 카드에 대한 답만 셉니다. "
                "맞는 카드가 없다는 뜻이었다면 ‘없다’로 바꾸어 다시 제출해 주세요.",
                en=f"{ranking.teacher} ranked the cards of {ranking.slate_id} and named {right} beside them: only the ranks count",
                slate_id=ranking.slate_id,
                found=str(right),
            )
        ]
    if ranking.kind == "none_right" and not right:
        return [
            Uncounted(
                kind="no-label",
                ko=f"{ranking.teacher}: 맞는 것이 없다고만 하고 옳은 것을 고르지 않았습니다. "
                "찾는 칸에 적기만 하고 고르지 않았을 수 있습니다. 알면 골라서 다시 제출해 주세요.",
                en=f"{ranking.teacher} found none right on {ranking.slate_id} and chose no label; it may have been typed and not chosen",
                slate_id=ranking.slate_id,
            )
        ]
    if ranking.kind == "none_right" and ranking.comment.startswith(NO_LABEL):
        return [
            Uncounted(
                kind="label",
                ko=f"{ranking.teacher}: 적은 분류가 분류 체계에 없습니다. 옳은 분류 없이 ‘맞는 것이 없음’으로 셉니다.",
                en=f"{ranking.teacher} named a label of {ranking.slate_id} outside the taxonomy: it counts as none right, without a label",
                slate_id=ranking.slate_id,
                found=ranking.comment,
            )
        ]
    return []


def deleted(slate_id: str) -> Uncounted:
    """What to say of a published slate that is no longer on the server."""
    return Uncounted(
        kind="slate-deleted",
        ko=f"{slate_id}: 서버에서 지워진 문제입니다. 새 답을 받지 못합니다.",
        en=f"{slate_id} was deleted on the server: it can get no more answers",
        slate_id=slate_id,
    )


def seconds_of(responses: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Response id -> seconds that one teacher took, for the responses whose time is known.

    Argilla stores when a response was first and last saved, not when the slate was opened. So the time of a response is the time since
    the teacher's previous save. It is known only if the response was saved once, between MIN_SECONDS and MAX_SECONDS after that save: not
    for the first response of a sitting, an edited one, one that was a draft before, or one that a program sent.
    """
    moments = {str(r["id"]): (aware(r["inserted_at"]), aware(r["updated_at"])) for r in responses}
    saved = {name: (first, last) for name, (first, last) in moments.items() if first is not None and last is not None}
    events = sorted(moment for pair in saved.values() for moment in set(pair))
    seconds_by_response = {}
    for name, (first, last) in saved.items():
        previous = events[bisect_left(events, first) - 1] if bisect_left(events, first) else None
        seconds = (first - previous).total_seconds() if previous is not None else 0.0
        if (last - first).total_seconds() < MIN_SECONDS <= seconds <= MAX_SECONDS:
            seconds_by_response[name] = round(seconds, 1)
    return seconds_by_response


def _none_right(right: str | None, common: dict[str, Any], taxonomy: Taxonomy) -> Ranking:
    if right in NO_ONE_LABEL and right not in taxonomy:
        common, right = {**common, "comment": f"{REMARKS.get(right, '')} {common['comment']}".strip()}, None
    if right is not None and right not in taxonomy:
        common = {**common, "comment": f"{NO_LABEL}{right}] {common['comment']}".strip()}
        right = None
    return Ranking(kind="none_right", right_label=right or None, **common)


def _ranks(slate: Slate, values: Mapping[str, Any]) -> dict[str, int]:
    shown = {key: candidate.id for key, candidate in zip(POSITIONS, slate.shown, strict=False)}
    two = {"a": (1, 2), "b": (2, 1), "equal": (1, 1)}.get(str(values.get("verdict")))
    if len(shown) == 2:
        return dict(zip(shown.values(), two, strict=True)) if two else {}
    given = {item["value"]: item.get("rank") for item in values.get("ranking") or []}
    if set(given) != set(shown) or not all(given.values()):
        return {}
    best = given.get(values.get("verdict"))
    if best is not None and best > min(given.values()):  # the best card was chosen; an order that contradicts it does not count
        return {}
    return {shown[key]: int(rank) for key, rank in given.items()}


def _best(slate: Slate, values: Mapping[str, Any]) -> dict[str, int]:
    """Ranks of an answer that names the best card alone; {} where it names none."""
    shown = {key: candidate.id for key, candidate in zip(POSITIONS, slate.shown, strict=False)}
    if len(shown) == 2 or values.get("verdict") not in shown:
        return {}
    return {card: 1 if key == values["verdict"] else 2 for key, card in shown.items()}


def response_values(slate: Slate, ranking: Ranking, question: Question = "ranking", *, says_unknown: bool = True) -> dict[str, Any]:
    """The form values that stand for a Ranking; the inverse of ranking_of. A discard has none.

    Args:
        slate: the slate.
        ranking: the answer; with `best_only` only where the form asks for the best card.
        question: what the form asks.
        says_unknown: where none is right and no label is named, say that it is not known; forms of earlier versions cannot.
    """
    values: dict[str, Any] = {}
    if ranking.comment:
        values["comment"] = {"value": ranking.comment}
    if ranking.kind == "none_right":
        values["verdict"] = {"value": "none"}
        if ranking.right_label is not None or says_unknown:
            values["right_label"] = {"value": ranking.right_label or "__unknown__"}
    elif ranking.kind == "ranked":
        ranks = [ranking.ranks[candidate.id] for candidate in slate.shown]
        if len(ranks) == 2:
            values["verdict"] = {"value": "equal" if ranks[0] == ranks[1] else "a" if ranks[0] < ranks[1] else "b"}
        elif ranking.best_only:
            values["verdict"] = {"value": POSITIONS[ranks.index(min(ranks))]}
        else:
            values["verdict"] = {"value": "some" if question == "ranking" else POSITIONS[ranks.index(min(ranks))]}
            values["ranking"] = {"value": [{"value": key, "rank": rank} for key, rank in zip(POSITIONS, ranks, strict=False)]}
    return values


def aware(moment: str | None) -> datetime | None:
    """Parse a time of Argilla, which is UTC without a time zone."""
    if not moment:
        return None
    parsed = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def same_count(slates: Sequence[Slate]) -> int:
    """Number of candidates of every slate. Raises FeedbackError if they differ: a form has one number of ranks."""
    counts = {len(slate.candidates): slate.id for slate in slates}
    if len(counts) != 1:
        examples = ", ".join(f"{count} in {slate}" for count, slate in sorted(counts.items()))
        raise FeedbackError(f"slates of a round must all show the same number of candidates; found {examples or 'no slates'}")
    return next(iter(counts))

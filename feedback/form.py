"""The form that teachers see in Argilla: fields, questions, cards and the guide, all in Korean.

No suggestions, probabilities or model names: the page pre-selects suggestions, and a teacher could submit one without judging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedback.mapping import POSITIONS
from prefopt.errors import FeedbackError
from prefopt.protocols import Question
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    import argilla as rg

MAX_LABELS = 500
"""Options of a question; the server's limit."""
SHOWN_LABELS = 3
"""Labels shown before the search box is used; the smallest number that Argilla allows."""

CARDS = Path(__file__).with_name("cards.html")
GUIDE = Path(__file__).with_name("guide.md")
GUIDE_BEST = Path(__file__).with_name("guide_best.md")
GUIDE_TWO = Path(__file__).with_name("guide_two.md")


def build_settings(rg: Any, taxonomy: Taxonomy, count: int, overlap: int, question: Question = "ranking") -> rg.Settings:
    """Settings of a round's dataset.

    Args:
        rg: the argilla module, imported by the caller.
        taxonomy: its labels become the options of the question for the right label.
        count: candidates per slate.
        overlap: teachers wanted per slate.
        question: what teachers are asked of a slate.
    """
    return rg.Settings(
        guidelines=(GUIDE_TWO if count == 2 else GUIDE_BEST if question == "best" else GUIDE).read_text(encoding="utf-8"),
        fields=[
            rg.TextField(name="problem", title="문제", use_markdown=False),
            rg.CustomField(name="candidates", title="분류 후보", template=CARDS.read_text(encoding="utf-8"), advanced_mode=False),
        ],
        questions=[
            *_judgment(rg, count, question),
            _right_label(rg, taxonomy, count),
            rg.TextQuestion(name="comment", title="의견", required=False),
        ],
        metadata=[rg.TermsMetadataProperty(name="slate", title="slate", visible_for_annotators=False)],
        distribution=rg.TaskDistribution(min_submitted=overlap),
    )


def _judgment(rg: Any, count: int, question: Question) -> list[Any]:
    """The ranking questions. One is always required, so that every submission states whether any candidate is right."""
    order = {key: key.upper() for key in POSITIONS[:count]}
    if count == 2:
        labels = {"a": "A", "b": "B", "equal": "비슷하다", "none": "둘 다 아니다"}
        return [rg.LabelQuestion(name="verdict", title="어느 분류가 더 옳습니까?", labels=labels, required=True)]
    if question == "best":
        return [
            rg.LabelQuestion(name="verdict", title="가장 옳은 분류는 무엇입니까?", labels={**order, "none": "없다"}, required=True),
            rg.RankingQuestion(name="ranking", title="원하면, 좋은 순서대로 (동점 가능)", values=order, required=False),
        ]
    labels = {"some": "있다", "none": "없다"}
    return [
        rg.LabelQuestion(name="verdict", title="옳은 분류가 있습니까?", labels=labels, required=True),
        rg.RankingQuestion(
            name="ranking",
            title="있으면, 좋은 순서대로 (동점 가능)",
            values=order,
            required=False,
        ),
    ]


def _right_label(rg: Any, taxonomy: Taxonomy, count: int) -> Any:
    if len(taxonomy) > MAX_LABELS:
        raise FeedbackError(
            f"the taxonomy has {len(taxonomy)} labels; a question in Argilla offers at most {MAX_LABELS}",
            hint='split the taxonomy, or set source = "file" in [feedback]',
        )
    labels = {label.id: f"{label.id} {label.name}" for label in taxonomy}
    when = "둘 다 아니면" if count == 2 else "없으면"
    return rg.LabelQuestion(
        name="right_label",
        title=f"{when}, 옳은 분류 (알면)",
        labels=labels,
        required=False,
        visible_labels=min(SHOWN_LABELS, len(taxonomy)),
    )


def asked(questions: Sequence[Mapping[str, Any]]) -> Question:
    """What the form of a dataset asks, given its questions on the server."""
    verdict = next((question for question in questions if question["name"] == "verdict"), None)
    options = {str(option["value"]) for option in (verdict or {"settings": {}})["settings"].get("options") or []}
    return "ranking" if "some" in options else "best"


def differences(wanted: rg.Settings, fields: list[dict[str, Any]], questions: list[dict[str, Any]], dataset: dict[str, Any]) -> list[str]:
    """Differences between a dataset on the server and the wanted form that change what an answer means; wording is not compared."""
    different = []
    names = [field.name for field in wanted.fields]
    if [field["name"] for field in fields] != names:
        different.append(f"fields {[field['name'] for field in fields]} instead of {names}")
    existing = {question["name"]: _meaning(question["settings"]) for question in questions}
    expected = {question["name"]: _meaning(question["settings"]) for question in wanted.serialize()["questions"]}
    different += [f"question {name!r} is missing" for name in expected if name not in existing]
    different += [f"question {name!r} has other options" for name in expected if name in existing and expected[name] != existing[name]]
    different += [f"unexpected question {name!r}" for name in existing if name not in expected]
    min_submitted = (dataset.get("distribution") or {}).get("min_submitted")
    if min_submitted != wanted.distribution.min_submitted:
        different.append(f"asks {min_submitted} teachers per slate instead of {wanted.distribution.min_submitted}")
    return different


def _meaning(settings: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """A question's type and the values of its options: what an answer to it can mean."""
    return str(settings["type"]), frozenset(str(option["value"]) for option in settings.get("options") or [])

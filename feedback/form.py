"""The form that teachers see in Argilla: fields, questions, cards and the guide, in the words of the project.

No suggestions, probabilities or model names: the page pre-selects suggestions, and a teacher could submit one without judging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedback.guide import guide_of, kind_of
from feedback.mapping import NO_ONE_LABEL, POSITIONS
from feedback.record_overlap import TEACHERS
from feedback.words import name_of, said
from prefopt.errors import FeedbackError
from prefopt.protocols import FeedbackContext, Question

if TYPE_CHECKING:
    import argilla as rg

MAX_LABELS = 500
"""Options of a question; the server's limit."""
SHOWN_LABELS = 3
"""Options shown before the search box is used; the smallest number that Argilla allows."""
CARDS = Path(__file__).with_name("cards.html")


def build_settings(rg: Any, context: FeedbackContext, count: int, question: Question | None = None) -> rg.Settings:
    """Settings of a round's dataset.

    Args:
        rg: the argilla module, imported by the caller.
        context: the labels of its taxonomy become the options of the question for the right label.
        count: candidates per slate.
        question: what teachers are asked of a slate; None for the context's.

    Raises:
        FeedbackError: more labels than a question can offer.
        ConfigError: the guide of the project cannot be read.
    """
    question = question or context.question
    domain, template = context.domain, CARDS.read_text(encoding="utf-8")
    more = [rg.IntegerMetadataProperty(name=TEACHERS, title=TEACHERS, visible_for_annotators=False)] if context.asks_more else []
    return rg.Settings(
        guidelines=guide_of(domain, context.taxonomy, kind_of(count, question), context.project),
        fields=[
            rg.CustomField(name="candidates", title=said("candidates", domain), template=template, advanced_mode=False),
            rg.TextField(name="problem", title=said("problem", domain), use_markdown=False),
        ],
        questions=[
            *_questions(rg, context, count, question),
            rg.TextQuestion(name="comment", title=said("comment", domain), required=False),
        ],
        metadata=[rg.TermsMetadataProperty(name="slate", title="slate", visible_for_annotators=False), *more],
        distribution=rg.TaskDistribution(min_submitted=context.overlap),
    )


def _questions(rg: Any, context: FeedbackContext, count: int, question: Question) -> list[Any]:
    """What is asked, in this order. One question is always required, so that every submission states whether any candidate is right.

    Once it is answered, the page's keyboard is at the next one: where the best card alone is asked for, that is the label where none is.
    """
    domain, order = context.domain, {key: key.upper() for key in POSITIONS[:count]}
    right = _right_label(rg, context, count)
    if count == 2:
        labels = {"a": "A", "b": "B", "equal": said("equal", domain), "none": said("none_two", domain)}
        return [rg.LabelQuestion(name="verdict", title=said("verdict_two", domain), labels=labels, required=True), right]
    if question == "best":
        labels = {**order, "none": said("none_best", domain)}
        verdict = rg.LabelQuestion(name="verdict", title=said("verdict_best", domain), labels=labels, required=True)
        return [verdict, right, rg.RankingQuestion(name="ranking", title=said("ranking_best", domain), values=order, required=False)]
    labels = {key: said(key, domain) for key in ("some", "none")}
    verdict = rg.LabelQuestion(name="verdict", title=said("verdict", domain), labels=labels, required=True)
    return [verdict, rg.RankingQuestion(name="ranking", title=said("ranking", domain), values=order, required=False), right]


def _right_label(rg: Any, context: FeedbackContext, count: int) -> Any:
    """The question for the right label: what to say where there is none comes first, because the first options are always in sight."""
    domain, taxonomy = context.domain, context.taxonomy
    if len(taxonomy) > MAX_LABELS:
        raise FeedbackError(
            f"the taxonomy has {len(taxonomy)} labels; a question in Argilla offers at most {MAX_LABELS}",
            hint='split the taxonomy, or set source = "file" in [feedback]',
        )
    has_room = len(taxonomy) + len(NO_ONE_LABEL) <= MAX_LABELS
    labels = {value: said(key, domain) for value, key in NO_ONE_LABEL.items()} if has_room else {}
    labels |= {label.id: f"{label.id} {name_of(label, domain)}" for label in taxonomy}
    return rg.LabelQuestion(
        name="right_label",
        title=said("right_label_two" if count == 2 else "right_label", domain),
        labels=labels,
        required=False,
        visible_labels=SHOWN_LABELS,
    )


def asked(questions: Sequence[Mapping[str, Any]]) -> Question:
    """What the form of a dataset asks, given its questions on the server."""
    verdict = next((question for question in questions if question["name"] == "verdict"), None)
    options = {str(option["value"]) for option in (verdict or {"settings": {}})["settings"].get("options") or []}
    return "ranking" if "some" in options else "best"


def says_unknown(questions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the form of a dataset has an option to say that the right label is not known; those of earlier versions have not."""
    right = next((question for question in questions if question["name"] == "right_label"), None)
    return any(option["value"] in NO_ONE_LABEL for option in (right or {"settings": {}})["settings"].get("options") or [])


def differences(wanted: rg.Settings, fields: list[dict[str, Any]], questions: list[dict[str, Any]], dataset: dict[str, Any]) -> list[str]:
    """Differences between a dataset on the server and the wanted form that change what an answer means; wording is not compared."""
    different = []
    names = [field.name for field in wanted.fields]
    if {field["name"] for field in fields} != set(names):
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

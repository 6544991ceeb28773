"""What teachers read on forms and cards, in the language and the words of the project."""

from __future__ import annotations

from collections.abc import Mapping

from prefopt.domain import DomainSettings
from prefopt.records import Answer
from prefopt.taxonomy import Label

TEXTS: Mapping[str, Mapping[str, str]] = {
    "ko": {
        "problem": "{item} 한 번 더",
        "candidates": "{item}[과/와] {label} 후보",
        "verdict": "옳은 {label}[이/가] 있습니까?",
        "some": "있다",
        "none": "없다",
        "ranking": "있으면, 좋은 순서대로 (동점 가능)",
        "right_label": "없으면, 옳은 {label}",
        "none_best": "없다",
        "verdict_best": "가장 옳은 {label}[은/는] 무엇입니까?",
        "ranking_best": "원하면, 좋은 순서대로 (동점 가능)",
        "verdict_two": "어느 {label}[이/가] 더 옳습니까?",
        "a": "A",
        "b": "B",
        "equal": "비슷하다",
        "none_two": "둘 다 아니다",
        "right_label_two": "둘 다 아니면, 옳은 {label}",
        "unknown": "모르겠다",
        "outside": "여기에 없다",
        "several": "둘 이상이다",
        "comment": "의견",
        "level": "수준 {value}",
        "difficulty": "난이도 {value}",
        "concepts": "개념 {value}",
    },
    "en": {
        "problem": "{item} once more",
        "candidates": "{item} and candidates",
        "verdict": "Is any candidate right?",
        "some": "Yes",
        "none": "No",
        "ranking": "If so, best first (ties allowed)",
        "right_label": "If not, the right {label}",
        "none_best": "None is right",
        "verdict_best": "Which candidate is best?",
        "ranking_best": "If you like, all in order (ties allowed)",
        "verdict_two": "Which candidate is better?",
        "a": "A",
        "b": "B",
        "equal": "Neither is better",
        "none_two": "Both are wrong",
        "right_label_two": "If both are wrong, the right {label}",
        "unknown": "I do not know",
        "outside": "It is not listed",
        "several": "More than one",
        "comment": "Comment",
        "level": "level {value}",
        "difficulty": "difficulty {value}",
        "concepts": "concepts {value}",
    },
}


def said(key: str, domain: DomainSettings) -> str:
    """A text of TEXTS in the project's words; in English with a capital letter at its beginning."""
    text = domain.fill(TEXTS[domain.language][key])
    return text[:1].upper() + text[1:] if domain.language == "en" else text


def name_of(label: Label, domain: DomainSettings) -> str:
    """A label's name in the language of the project, where the taxonomy has it."""
    return label.name_en if domain.language == "en" and label.name_en else label.name


def details_of(answer: Answer, domain: DomainSettings, fields: tuple[str, ...]) -> str:
    """What a card shows of an answer besides label and reason; empty where nothing is asked for or said."""
    values = {"level": answer.level, "difficulty": answer.difficulty, "concepts": ", ".join(answer.concepts)}
    return " · ".join(TEXTS[domain.language][key].format(value=values[key]) for key in fields if values[key])

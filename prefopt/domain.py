"""The words of a project's subject: what is classified, and what its labels are called, in the project's language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from prefopt.frozen import Frozen
from prefopt.texts.josa import attach, resolve

Language = Literal["ko", "en"]

_MATHEMATICS: Mapping[Language, Mapping[str, str]] = {
    "ko": {"subject": "수학", "item": "문제", "label": "성취기준", "framework": "2022 개정 교육과정"},
    "en": {"subject": "mathematics", "item": "problem", "label": "standard", "framework": "Korean curriculum of 2022"},
}
_NEUTRAL: Mapping[Language, Mapping[str, str]] = {
    "ko": {"subject": "", "item": "문제", "label": "분류", "framework": ""},
    "en": {"subject": "", "item": "problem", "label": "category", "framework": ""},
}
_SUBJECTS: tuple[tuple[str, ...], ...] = (
    ("수학", "mathematics", "math", "maths"),
    ("역사", "한국사", "세계사", "history"),
    ("사회", "social studies"),
    ("지리", "geography"),
    ("도덕", "윤리", "ethics"),
    ("과학", "science"),
    ("물리", "physics"),
    ("화학", "chemistry"),
    ("생물", "생명과학", "biology"),
    ("음악", "music"),
    ("미술",),
    ("체육", "physical education"),
)
"""School subjects by their names; without those that are names of languages too."""


def _one_line(text: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if any(character in text for character in "<>{}[]*_`|\\") or not text.isprintable():
        raise ValueError("write words alone: no markup, brackets or braces")
    return text


Word = Annotated[str, Field(max_length=60), AfterValidator(_one_line)]


class DomainSettings(Frozen):
    language: Language = "ko"
    """Language of the model's instructions and of all that teachers read: questions, cards, guide. ko, en."""
    subject: Word = _MATHEMATICS["ko"]["subject"]
    """The school subject or field, e.g. 역사; empty: not said. Where [domain] names one, keys that it lacks are neutral words."""
    item: Annotated[Word, Field(min_length=1)] = _MATHEMATICS["ko"]["item"]
    """What is classified, e.g. 문제, 사료, text."""
    label: Annotated[Word, Field(min_length=1)] = _MATHEMATICS["ko"]["label"]
    """What a label is called, e.g. 성취기준, 단원, topic."""
    framework: Word = _MATHEMATICS["ko"]["framework"]
    """What the labels belong to, e.g. a curriculum; empty: not said."""
    guide: str = ""
    """A Markdown file that teachers read in place of the guide made of these words."""
    example: str = ""
    """Markdown at the end of that guide: a problem, cards, and how to answer. Empty: an example made of the first labels."""

    @model_validator(mode="after")
    def _one_guide(self) -> DomainSettings:
        if self.guide and self.example:
            raise ValueError(
                "domain.example belongs to the guide that prefopt writes, and domain.guide names another one: delete one of them"
            )
        return self

    @property
    def is_default(self) -> bool:
        """Whether the words are those of a project without [domain], of mathematics in Korean."""
        return self.language == "ko" and all(getattr(self, key) == word for key, word in _MATHEMATICS["ko"].items())

    @property
    def thing(self) -> str:
        """Subject and item, e.g. 수학 문제."""
        return f"{self.subject} {self.item}".strip()

    def fill(self, text: str) -> str:
        """A text with {thing}, {item} and {label} filled in, and each [은/는] behind them in the form that agrees with what it follows."""
        for key in ("thing", "item", "label"):
            text = text.replace("{" + key + "}", str(getattr(self, key)))
        return resolve(text)


def whole_words(given: Mapping[str, Any]) -> dict[str, str]:
    """The words that a table [domain] lacks: of mathematics where it names no word, or only words of mathematics; else neutral ones."""
    language: Language = "en" if given.get("language") == "en" else "ko"
    usual = _MATHEMATICS[language]
    is_usual = all(given.get(key, word) == word for key, word in usual.items())
    return {key: word for key, word in (usual if is_usual else _NEUTRAL[language]).items() if key not in given}


def instructions_of(domain: DomainSettings) -> str:
    """The developer message of a project with these words."""
    if domain.language == "en":
        of = f" of the {domain.framework}" if domain.framework else ""
        return f"Read the {domain.thing} and choose one {domain.label}{of}. Answer with JSON only."
    of = f"{domain.framework}의 " if domain.framework else ""
    return f"{attach(domain.thing, '을/를')} 읽고 {of}{domain.label} 하나를 고른다. 답은 JSON으로만 쓴다."


def question_of(domain: DomainSettings) -> str:
    """The question why an item has a label, with {id} and {name} of the label."""
    if domain.language == "en":
        return f"Explain in two or three sentences why this {domain.item} is classified as {{id}} {{name}}."
    return f"이 {attach(domain.item, '이/가')} {{id}} {{name}}에 속하는 까닭을 두세 문장으로 설명하라."


def foreign_words(text: str, domain: DomainSettings) -> tuple[str, ...]:
    """Words of a text that contradict the domain: another subject where its own is not named, and the word for a label of mathematics
    where a label is called otherwise.
    """
    said, own = text.casefold(), domain.subject.casefold()
    others = [name for names in _SUBJECTS if own not in names for name in names] if own else _SUBJECTS[0]
    words = [] if own and own in said else [name for name in others if name not in own]
    usual = [words_of["label"] for words_of in _MATHEMATICS.values()]
    words += usual if not any(word in f"{domain.label} {domain.framework}".casefold() for word in usual) else []
    return tuple(word for word in words if _has(said, word))


def speaks_of_mathematics(text: str, domain: DomainSettings) -> bool:
    """Whether a text that a model wrote names mathematics or its standards in a project that is of another subject."""
    own = f"{domain.subject} {domain.label} {domain.framework}".casefold()
    if any(word in own for words in _MATHEMATICS.values() for word in (words["subject"], words["label"])) or "math" in own:
        return False
    return re.search(r"수학|성취\s*기준|\bmath", text, re.IGNORECASE) is not None


def _has(text: str, word: str) -> bool:
    """Whether a text has a word that is not behind another letter; a Latin one not before another letter either, but for a plural."""
    end = r"s?(?![a-z])" if word.isascii() else ""
    return re.search(rf"(?<![0-9a-z가-힣]){re.escape(word)}{end}", text) is not None

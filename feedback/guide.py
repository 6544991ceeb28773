"""The guide that teachers read beside the questions, in the words of the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from feedback.words import name_of
from prefopt.domain import DomainSettings
from prefopt.project.words import read_guide
from prefopt.protocols import Question
from prefopt.taxonomy import Taxonomy
from prefopt.texts.josa import attach

Kind = Literal["best", "ranking", "two"]
"""What a form asks: the best card, a rank for every card, or the better one of two."""
HERE = Path(__file__).parent

_OF_EXAMPLE = {"직사각형과 정사각형의 넓이", "평면도형의 둘레", "여러 가지 사각형의 성질"}
"""Labels of the examples of mathematics, example_ko_*.md."""

_WORKED: Mapping[str, Mapping[Kind, str]] = {
    "ko": {
        "ranking": "{right} 맞으면 **B가 1위**입니다. 나머지가 모두 틀리고 우열을 가리기 어려우면 **모두 2위**로 둡니다. "
        "카드가 셋이면 키로는 `1`, `2`, `1`, `2`, `Enter`입니다. "
        "맞는 카드가 없으면 `2`(없다)를 누르고, 찾는 칸을 눌러 옳은 {label}[을/를] 고릅니다.",
        "best": "{right} 맞으면 **B**를 고릅니다. 맞는 카드가 없으면 **없다**를 고르고, 찾는 칸을 눌러 옳은 {label}[을/를] 고릅니다.",
        "two": "{right} 맞으면 `2`(B)를 누르고 `Enter`를 누릅니다. 둘 다 맞지 않으면 `4`(둘 다 아니다)를 누르고, "
        "찾는 칸을 눌러 옳은 {label}[을/를] 고릅니다.",
    },
    "en": {
        "ranking": "If {right} fits, **B has rank 1**. If the others are all wrong and none is better, give them **rank 2**. With three "
        "cards the keys are `1`, `2`, `1`, `2`, `Enter`. If no card is right, press `2` (No), click the search box and choose the right "
        "{label}.",
        "best": "If {right} fits, choose **B**. If no card is right, choose **None is right**, click the search box and choose "
        "the right {label}.",
        "two": "If {right} fits, press `2` (B) and `Enter`. If neither does, press `4` (Both are wrong), click the search box and choose "
        "the right {label}.",
    },
}


def kind_of(count: int, question: Question) -> Kind:
    """Which form slates of so many candidates have."""
    return "two" if count == 2 else question


def guide_of(domain: DomainSettings, taxonomy: Taxonomy, kind: Kind, project: Path) -> str:
    """Markdown of the guide.

    Args:
        domain: its words, guide and example.
        taxonomy: its first labels are the cards of an example that is not given.
        kind: of the form.
        project: folder that domain.guide is relative to.

    Raises:
        ConfigError: the file of domain.guide cannot be read.
    """
    if domain.guide:
        return read_guide(project / domain.guide)
    return domain.fill(_text("guide", domain, kind)) + "\n\n" + (domain.example.strip() or _example(domain, taxonomy, kind)) + "\n"


def _text(name: str, domain: DomainSettings, kind: Kind) -> str:
    return (HERE / f"{name}_{domain.language}_{kind}.md").read_text(encoding="utf-8").strip()


def _example(domain: DomainSettings, taxonomy: Taxonomy, kind: Kind) -> str:
    if domain.is_default and {label.name for label in taxonomy} >= _OF_EXAMPLE:
        return _text("example", domain, kind)
    names = [_plain(name_of(label, domain)) for label in taxonomy.labels[: 2 if kind == "two" else 3]]
    cards = "> " + " · ".join(f"{letter} {name}" for letter, name in zip("ABC", names, strict=False))
    right = f"“{names[1]}”" if domain.language == "en" else attach(f"‘{names[1]}’", "이/가")
    return f"{cards}\n\n{right.join(domain.fill(_WORKED[domain.language][kind]).split('{right}'))}"


def _plain(name: str) -> str:
    """A name that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", name.replace("{", "(").replace("}", ")"))

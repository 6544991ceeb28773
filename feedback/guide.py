"""The guide that teachers read beside the questions, in the words of the project."""

from __future__ import annotations

import re
from pathlib import Path

from feedback.words import name_of
from prefopt.domain import DomainSettings
from prefopt.project.words import read_guide
from prefopt.taxonomy import Taxonomy
from prefopt.texts.josa import attach

HERE = Path(__file__).parent

_OF_EXAMPLE = {"직사각형과 정사각형의 넓이", "평면도형의 둘레", "여러 가지 사각형의 성질"}
"""Labels of the examples of mathematics, example_ko.md and example_ko_two.md."""


def guide_of(domain: DomainSettings, taxonomy: Taxonomy, count: int, project: Path) -> str:
    """Markdown of the guide.

    Args:
        domain: its words, guide and example.
        taxonomy: its first labels are the cards of an example that is not given.
        count: candidates per slate.
        project: folder that domain.guide is relative to.

    Raises:
        ConfigError: the file of domain.guide cannot be read.
    """
    if domain.guide:
        return read_guide(project / domain.guide)
    two = count == 2
    return domain.fill(_text("guide", domain, two)) + "\n\n" + (domain.example.strip() or _example(domain, taxonomy, two)) + "\n"


def _text(name: str, domain: DomainSettings, two: bool) -> str:
    return (HERE / f"{name}_{domain.language}{'_two' if two else ''}.md").read_text(encoding="utf-8").strip()


def _example(domain: DomainSettings, taxonomy: Taxonomy, two: bool) -> str:
    if domain.is_default and {label.name for label in taxonomy} >= _OF_EXAMPLE:
        return _text("example", domain, two)
    names = [_plain(name_of(label, domain)) for label in taxonomy.labels[: 2 if two else 3]]
    cards = "> " + " · ".join(f"{letter} {name}" for letter, name in zip("ABC", names, strict=False))
    return f"{cards}\n\n{domain.fill(_english(names, two) if domain.language == 'en' else _korean(names, two))}"


def _korean(names: list[str], two: bool) -> str:
    right = attach(f"‘{names[1]}’", "이/가")
    if two:
        return (
            f"{right} 맞으면 `2`(B)를 누르고 `Enter`를 누릅니다. 둘 다 맞지 않으면 `4`(둘 다 아니다)를 누르고, "
            "찾는 칸을 눌러 옳은 {label}[을/를] 고릅니다."
        )
    return (
        f"{right} 맞으면 **B가 1위**입니다. 나머지가 모두 틀리고 우열을 가리기 어려우면 **모두 2위**로 둡니다. "
        "카드가 셋이면 키로는 `1`, `2`, `1`, `2`, `Enter`입니다. "
        "맞는 카드가 없으면 `2`(없다)를 누르고, 찾는 칸을 눌러 옳은 {label}[을/를] 고릅니다."
    )


def _english(names: list[str], two: bool) -> str:
    if two:
        return (
            f"If “{names[1]}” fits, press `2` (B) and `Enter`. If neither does, press `4` (Neither), click the search box and choose the "
            "right {label}."
        )
    return (
        f"If “{names[1]}” fits, **B has rank 1**. If the others are all wrong and none is better, give them **rank 2**. With three cards "
        "the keys are `1`, `2`, `1`, `2`, `Enter`. If no card is right, press `2` (No), click the search box and choose the right {label}."
    )


def _plain(name: str) -> str:
    """A name that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", name.replace("{", "(").replace("}", ")"))

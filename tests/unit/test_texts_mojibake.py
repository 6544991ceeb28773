"""Characters read in a wrong encoding are found, with the two encodings and the text that was meant."""

from __future__ import annotations

import pytest

from prefopt.curricula.generator.problem_generator import generate
from prefopt.texts.mojibake import mojibake

TEXTS = (
    "연필 9자루를 사고",
    "문제를 읽고 답하시오.",
    "정규분포를 따르는 확률변수 X",
    "삼각형의 넓이",
    "좋아하는 과일을 표로 나타내었습니다.",
)
GARBLING = {
    "CP949 read as Latin-1": lambda t: t.encode("cp949").decode("latin-1"),
    "UTF-8 read as Latin-1": lambda t: t.encode().decode("latin-1"),
    "UTF-8 read as CP949": lambda t: t.encode().decode("cp949", "replace"),
    "UTF-8 encoded twice": lambda t: t.encode().decode("latin-1").encode().decode("latin-1"),
    "characters replaced": lambda t: "".join(c if c.isascii() else "\ufffd\ufffd" for c in t),
}
READ = ("CP949 read as Latin-1", "UTF-8 read as Latin-1", "UTF-8 encoded twice")
OTHERS = {
    "¿¬ÇÊ 9ÀÚ·ç": ("CP949 read as Latin-1", "연필"),
    "?곗뾽 9개": ("UTF-8 read as CP949", "\ufffd업"),
    "臾몄젣": ("UTF-8 read as CP949", "문제"),
    "30Â°": ("UTF-8 read as Latin-1", "°"),
    "3 Ã— 4": ("UTF-8 read as Latin-1", "×"),
    "占쏙옙": ("characters replaced", ""),
    "??????? 3?": ("characters replaced", ""),
    "???? ?? ????": ("characters replaced", ""),
}
CLEAN = (
    "a ± b, 30°·2²³ × ÷",
    "Poincaré와 Möbius, Señor García",
    "三角形의 넓이와 大小 관계",
    "삼각형(三角形)의 넓이",
    "얼마입니까?답을 쓰세요",
    "정말??? 그래??",
    "뷁과 쌰쀄 뷁?",
    "쓸까? 씨쓰쓸? 쑥쓰쓱?",
    "3 + ?? = 5",
    "甲과 乙이 있다.",
    "りんごが 3こ あります。",
    "Ω와 Å, ℃, π, √2",
)


@pytest.mark.parametrize("how", GARBLING)
@pytest.mark.parametrize("text", TEXTS)
def test_each_way_of_garbling_is_named(text: str, how: str) -> None:
    found = mojibake(GARBLING[how](text))
    assert found is not None
    assert found.how == how
    if how in READ:
        assert found.meant.split()[0].rstrip(".") in text


@pytest.mark.parametrize("text", TEXTS)
def test_characters_of_windows_are_read_back_too(text: str) -> None:
    found = mojibake(text.encode("cp949").decode("cp1252", "replace"))
    assert found is not None
    assert found.how == "CP949 read as Latin-1"


@pytest.mark.parametrize("text", OTHERS)
def test_a_garbled_text_is_read_back(text: str) -> None:
    found = mojibake(text)
    assert found is not None
    assert (found.how, found.meant) == OTHERS[text]


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_not_garbled_is_left_alone(text: str) -> None:
    assert mojibake(text) is None


def test_no_generated_problem_is_garbled_and_every_one_is_found_when_it_is() -> None:
    texts = [problem.text for problem in generate(3, 7)]
    assert [t for t in texts if mojibake(t)] == []
    for how, garbled in GARBLING.items():
        missed = [t for t in texts if mojibake(garbled(t)) is None]
        assert len(missed) <= 0.01 * len(texts), (how, missed[:3])

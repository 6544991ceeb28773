"""Particles by final sound; the expectations are read aloud, not computed."""

from __future__ import annotations

import pytest

from prefopt.texts.josa import attach, final_sound, resolve


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("사과", "을/를", "사과를"),
        ("연필", "을/를", "연필을"),
        ("민준이", "은/는", "민준이는"),
        ("공책", "과/와", "공책과"),
        ("0", "은/는", "0은"),  # 영
        ("1", "으로/로", "1로"),  # 일
        ("3", "으로/로", "3으로"),  # 삼
        ("4", "이/가", "4가"),  # 사
        ("6", "을/를", "6을"),  # 육
        ("8", "으로/로", "8로"),  # 팔
        ("10", "과/와", "10과"),  # 십
        ("100", "이/가", "100이"),  # 백
        ("25", "은/는", "25는"),  # 이십오
        ("3/4", "을/를", "3/4을"),  # 사분의 삼
        ("2/9", "은/는", "2/9는"),  # 구분의 이
        ("3.14", "은/는", "3.14는"),  # 삼 점 일사
        ("5 kg", "을/를", "5 kg을"),  # 킬로그램
        ("7 cm", "을/를", "7 cm를"),  # 센티미터
        ("7 m", "과/와", "7 m와"),
        ("250 mL", "은/는", "250 mL는"),  # 밀리리터
        ("2 t", "이/가", "2 t이"),  # 톤
        ("30°", "이/가", "30°가"),  # 도
        ("40%", "을/를", "40%를"),  # 퍼센트
        ("9 cm²", "이/가", "9 cm²가"),  # 제곱센티미터
        ("x^2", "을/를", "x^2을"),  # 제곱
        ("점 ㄷ", "을/를", "점 ㄷ을"),  # 디귿
        ("점 ㄹ", "으로/로", "점 ㄹ로"),  # 리을
        ("변 R", "으로/로", "변 R로"),  # 알
        ("y=3x+1", "을/를", "y=3x+1을"),
        ("(x+2)", "을/를", "(x+2)를"),
        ("'예각'", "이라고/라고", "'예각'이라고"),
    ],
)
def test_the_particle_follows_the_sound(word, pair, expected):
    assert attach(word, pair) == expected


def test_every_marker_of_a_template_is_resolved_by_the_sound_before_it():
    text = resolve("서아[이/가] 사과 3개[과/와] 귤 5[을/를] 샀다. 3[은/는] 5[으로/로] 바뀌었다.")
    assert text == "서아가 사과 3개와 귤 5를 샀다. 3은 5로 바뀌었다."


def test_sounds_of_hangul():
    assert [final_sound(w) for w in ("소", "말", "곰")] == ["", "l", "c"]

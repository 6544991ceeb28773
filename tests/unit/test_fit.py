"""Which problems a round can put to teachers, and what stops it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from prefopt.config import SampleSettings
from prefopt.errors import DataError, ProjectError
from prefopt.project.families import Row
from prefopt.project.project import ProjectData
from prefopt.records import LeftOut, Problem
from prefopt.rounds.fit import counted, faults_of, in_words, refuse_unfit, refuse_unfit_gold, refuse_unfit_slates, sift, to_ask
from prefopt.rounds.slates import choose, inclusion_probabilities
from prefopt.taxonomy import builtin_taxonomy
from tests.unit.planted import KINDS, bare, spellings
from tests.unit.rankings_cases import slate

ROOT = Path("/project")
FIT = [f"사과 {i}개와 배 {i + 40}개가 있습니다. 과일은 모두 몇 개입니까?" for i in range(1, 8)]
UNFIT = {
    "다음  의 값은? ① ② ③ ④ ⑤": "formula-lost",
    "#REF!": "error-cell",
    "상자 #N/A개에 든 사과는 몇 개입니까?": "error-cell",
    "3 + 4<|end|>는 얼마입니까?": "control-token",
    "3 + 4\x07는 얼마입니까?": "control-character",
    "사과占쏙옙 3개와 4개는 모두 몇 개입니까?": "mojibake",
    "출제자: 김민수. 3 + 4는 얼마입니까?": "person-name",
    "3 + 4는 얼마입니까? 문의 ０１０－１２３４－５６７８": "phone",
}


def rows(texts: list[str], start: int = 0) -> list[Row]:
    return [Row(Problem(id=f"q{i}", text=text), ROOT / "data/pool.jsonl", i + 1, "pool") for i, text in enumerate(texts, start)]


def test_unfit_problems_are_left_out_with_place_and_kind():
    texts = [FIT[0], *UNFIT, *FIT[1:]]
    fit, left = sift(rows(texts), (), ROOT)
    assert [p.text for p in fit] == FIT
    assert [(row.id, row.line, row.kind) for row in left] == [(f"q{i}", i + 1, kind) for i, kind in enumerate(UNFIT.values(), 1)]
    assert {row.file for row in left} == {"data/pool.jsonl"}
    assert in_words(counted(left)).startswith("2 error-cell, 1 formula-lost")


def test_nothing_personal_is_written_down():
    for planted in KINDS:
        for _, text, value in spellings(planted):
            fit, left = sift(rows([text]), (), ROOT)
            assert not fit
            assert bare(value) not in bare(left[0].model_dump_json().replace(left[0].id, ""))
            assert all(planted.value not in detail for _, detail in faults_of(text))


def test_a_problem_is_asked_once_in_all_its_spellings():
    other = [unicodedata.normalize("NFD", FIT[0]), f"{FIT[0]} [3점]", f"12. {FIT[0]}", FIT[0].replace(" ", "\u00a0"), FIT[0].rstrip("?")]
    fit, left = sift(rows([FIT[0], *other, FIT[1]]), (), ROOT)
    assert [p.text for p in fit] == FIT[:2]
    assert {(row.kind, row.detail) for row in left} == {("duplicate", "of problem 'q0'")}
    asked = Problem(id="old", text=FIT[1])
    fit, left = sift(rows([FIT[0], *(text.replace(FIT[0], FIT[1]) for text in [FIT[1], f"12. {FIT[1]}"])]), [asked], ROOT)
    assert [p.text for p in fit] == FIT[:1]
    assert {(row.kind, row.detail) for row in left} == {("asked-before", "as problem 'old'")}


def test_an_unfit_problem_takes_no_fit_one_with_it():
    fit, left = sift(rows(["출제자: 김민수. " + FIT[0], FIT[0]]), (), ROOT)
    assert [p.id for p in fit] == ["q1"]
    assert [row.id for row in left] == ["q0"]


def test_the_rule_stops_or_leaves_out():
    left = [LeftOut(id="q3", file="data/pool.jsonl", line=4, kind="error-cell", detail="text contains '#REF!'")]
    refuse_unfit([], 0, 5, "stop")
    refuse_unfit(left, 5, 5, "leave out")
    refuse_unfit(left, 2, 5, "leave out")  # 3 problems were too few for 5 slates before: the round asks those that are there
    with pytest.raises(DataError, match="1 problems cannot be asked: 1 error-cell; the first is 'q3'") as stopped:
        refuse_unfit(left, 5, 5, "stop")
    assert (stopped.value.path, stopped.value.line) == (Path("data/pool.jsonl"), 4)
    for fit in (4, 0):
        with pytest.raises(
            ProjectError, match=f"{fit} problems of the pool can be asked, and sample.slates is 5; 1 are left out: 1 error-cell"
        ):
            refuse_unfit(left, fit, 5, "leave out")


def test_what_is_left_out_is_no_part_of_the_draw():
    """The probabilities of the fit problems add up to the number asked, and each is asked as often as its probability says."""
    texts = [text for pair in zip(FIT, list(UNFIT)[:7], strict=True) for text in pair]
    fit, left = sift(rows(texts), (), ROOT)
    gaps = np.linspace(0.1, 0.7, len(fit))
    inclusion = inclusion_probabilities(gaps, 4, 0.5)
    assert len(inclusion) + len(left) == len(texts)
    assert inclusion.sum() == pytest.approx(4)
    draws = 4000
    times = np.zeros(len(fit))
    for seed in range(draws):
        times[[i for i, _ in choose(gaps, 4, 0.5, np.random.default_rng(seed))]] += 1
    assert np.abs(times / draws - inclusion).max() < 0.04


def test_a_slate_that_no_teacher_should_see_is_not_published():
    good = slate("s1")
    refuse_unfit_slates([good])
    first, *others = good.candidates
    cards = {
        key: good.model_copy(
            update={"candidates": (first.model_copy(update={"answer": first.answer.model_copy(update={key: text})}), *others)}
        )
        for key, text in (("reason", "담임: 김민수에게 물어본다."), ("concepts", ("010-1234-5678",)))
    }
    for bad in cards.values():
        with pytest.raises(DataError, match="was not published, and no other one: a card has"):
            refuse_unfit_slates([good, bad])
    for text, kind in UNFIT.items():
        bad = good.model_copy(update={"problem": good.problem.model_copy(update={"text": text})})
        with pytest.raises(DataError, match=f"its text has {kind}"):
            refuse_unfit_slates([good, bad])


@pytest.mark.parametrize("part", ["train", "holdout", "audit", "left_out"])
def test_a_labeled_problem_that_cannot_be_read_stops_the_round(part):
    fine = tuple(Problem(id=f"g{i}", text=text, label="[2수01-06]") for i, text in enumerate(FIT))
    bad = Problem(id="bad", text="#REF!", label="[2수01-06]")
    parts = {name: fine[i : i + 1] for i, name in enumerate(("train", "holdout", "audit", "left_out"))}
    places = {"bad": (Path("data/gold.jsonl"), 7)}
    refuse_unfit_gold(ProjectData(builtin_taxonomy(), pool=(bad,), **parts), "stop")
    data = ProjectData(builtin_taxonomy(), pool=(), places=places, **{**parts, part: (*parts[part], bad)})
    refuse_unfit_gold(data, "keep")
    with pytest.raises(DataError, match=r"problem 'bad' of the .* cannot be read as it was written: error-cell") as stopped:
        refuse_unfit_gold(data, "stop")
    assert (stopped.value.path, stopped.value.line) == places["bad"]


def test_gold_questions_that_cannot_be_asked_make_no_pool_too_small(tmp_path):
    pool = [Row(Problem(id=f"p{i}", text=f"{i} + 4는 얼마입니까?"), "pool.jsonl", i, "pool") for i in range(1, 4)]
    questions = [Row(Problem(id=f"g{i}", text="다음  의 값은?"), "gold.jsonl", i, "gold questions") for i in range(1, 4)]
    (fit, left), (asked, others) = to_ask(pool, questions, (), tmp_path, SampleSettings(slates=5))
    assert (len(fit), left, asked, len(others)) == (3, [], [], 3)  # 3 problems for 5 slates, as without the questions
    with pytest.raises(DataError, match="3 problems cannot be asked"):
        to_ask(pool, questions, (), tmp_path, SampleSettings(slates=5, unfit="stop"))

"""The page on an adapter in use: what it says first, in both languages, and that nothing in it runs."""

from __future__ import annotations

import pytest

from prefopt.serve.figures import Day, Drifted, InUse, LabelShare, Span
from prefopt.serve.report import render

SPAN = Span(answers=120, review=0.25, confidence=0.9, coverage=0.98, set_size=1.5, confirmed=3, corrected=2, none_right=1)
FOUND = InUse(
    project="mathclass",
    round=3,
    adapter="f49382404713",
    first="20261126",
    last="20261127",
    all=SPAN,
    holdout=SPAN,
    days=(
        Day(day="20261126", span=SPAN),
        Day(day="20261127", span=Span(answers=0, review=None, confidence=None, coverage=None, set_size=None)),
    ),
    agreed_error=0.05,
    alpha=0.05,
    audits=40,
    wrong=6,
    audit_e=31.4,
    accepting=True,
    labels_e=0.5,
    labels_alarm=False,
    drift=(Drifted(of="confidence", e=0.4, alarm=False), Drifted(of="set_size", e=12.3, alarm=False)),
    labels=(LabelShare(label="[2수01-06]", name="<b>덧셈</b>", holdout=0.1, use=0.4),),
)


@pytest.mark.parametrize(
    ("changed", "tone", "ko", "en"),
    [
        ({}, "promoted", "달라졌다는 증거가 없습니다", "No evidence of a change"),
        ({"audits": 0, "all": SPAN.model_copy(update={"answers": 99})}, "held", "아직 판단하기에 이릅니다", "Too early to say"),
        (
            {"audits": 0, "all": SPAN.model_copy(update={"answers": 100})},
            "promoted",
            "달라졌다는 증거가 없습니다",
            "No evidence of a change",
        ),
        ({"labels_alarm": True}, "held", "들어오는 문제가 달라졌습니다", "The problems have changed"),
        (
            {"drift": (Drifted(of="coverage", e=50.0, alarm=True),)},
            "held",
            "답의 확신이나 후보 수가 검증용 문제와 다릅니다",
            "Confidence or label sets differ from the hold-out",
        ),
        ({"accepting": False, "labels_alarm": True}, "rejected", "지금은 모든 답을 사람이 검토합니다", "No answer is accepted unread"),
    ],
)
def test_the_state_comes_first_in_both_languages(changed, tone, ko, en):
    page = render(FOUND.model_copy(update=changed), "ko")
    assert f'class="hero {tone}"' in page
    assert ko in page
    assert en in page


def test_names_are_escaped_nothing_runs_and_days_without_answers_have_no_numbers():
    page = render(FOUND, "en")
    assert "&lt;b&gt;덧셈&lt;/b&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page.count("–</td>") == 4
    assert "40 confident answers were judged blind, 6 were wrong; agreed are 5%. Evidence 31, alarm at 20." in page
    assert "mean confidence 0.4, labels in a set 12; alarm at 20. A text counts once." in page
    assert "the first look is at 100 answers" in render(FOUND.model_copy(update={"labels_e": 0.0}), "en")

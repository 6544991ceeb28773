"""A reason that concludes for another label than its card's is not shown."""

from __future__ import annotations

import pytest

from prefopt.domain import DomainSettings, whole_words
from prefopt.project.conclusions import concludes_otherwise, shown_reason
from prefopt.records import Answer
from prefopt.taxonomy import builtin_taxonomy, parse_taxonomy

PERIMETER, AREA = "[6수03-11]", "[6수03-13]"
HISTORY = parse_taxonomy(
    "code,name,name_en\nH1,삼국의 성립,Three Kingdoms\nH2,전쟁,War\nH3,임진왜란과 병자호란,Wars of 1592 and 1636\n7,세계 대전,World wars\n",
    "history.csv",
)


@pytest.mark.parametrize(
    ("reason", "label", "hidden"),
    [
        ("둘레를 묻는 문제이므로 [6수03-11] 평면도형의 둘레이다.", PERIMETER, False),
        ("둘레를 묻는 문제이므로 [6수03-11] 평면도형의 둘레이다.", AREA, True),
        ("둘레를 묻는다. 평면 도형의둘레에 해당한다.", AREA, True),
        ("평면도형의 둘레가 아니라 직사각형과 정사각형의 넓이이다.", PERIMETER, True),
        ("평면도형의 둘레가 아니라 직사각형과 정사각형의 넓이이다.", AREA, False),
        ("평면도형의 둘레처럼 보인다. 그러나 직사각형과 정사각형의 넓이에 해당한다.", PERIMETER, True),
        ("평면도형의 둘레에 해당한다. 직사각형과 정사각형의 넓이가 아니다.", PERIMETER, False),
        ("6수03-11에 속하지 않는다.", PERIMETER, True),
        ("It is 6수03-13, not 6수03-11.", PERIMETER, True),
        ("It is 6수03-13, not 6수03-11.", AREA, False),
        ("6 cm를 두 번 더해 한 변을 구한다.", PERIMETER, False),
        ("", PERIMETER, False),
    ],
)
def test_what_a_reason_concludes_for(reason, label, hidden):
    assert concludes_otherwise(reason, label, builtin_taxonomy()) is hidden
    answer = Answer(label=label, reason=reason or None)
    assert shown_reason(answer, builtin_taxonomy(), DomainSettings()) == ("" if hidden else reason)


@pytest.mark.parametrize(
    ("given", "reason", "shown"),
    [
        ({}, "수학 성취기준을 묻는다.", True),
        ({"subject": "역사"}, "전투의 성취 기준을 묻는다.", False),
        ({"subject": "역사"}, "수학 문제이다.", False),
        ({"subject": "history", "language": "en"}, "A problem of mathematics.", False),
        ({"subject": "history", "language": "en"}, "The gold standard of that time.", True),
        ({"subject": "역사", "label": "성취기준"}, "이 성취기준은 전투를 다룬다.", True),
    ],
)
def test_a_reason_that_speaks_of_mathematics_is_shown_in_no_other_subject(given, reason, shown):
    domain = DomainSettings.model_validate({**whole_words(given), **given})
    assert shown_reason(Answer(label="H1", reason=reason), HISTORY, domain) == (reason if shown else "")


@pytest.mark.parametrize(
    ("reason", "label", "hidden"),
    [
        ("임진왜란과 병자호란의 전개를 묻는다.", "H3", False),
        ("임진왜란과 병자호란의 전개를 묻는다.", "H2", True),
        ("독립전쟁사를 다룬다.", "H1", False),  # inside a longer word
        ("It asks about the Three Kingdoms.", "H3", True),
        ("Postwar years: 7 questions.", "H1", False),  # a code of digits alone names nothing
    ],
)
def test_names_are_found_as_words(reason, label, hidden):
    assert concludes_otherwise(reason, label, HISTORY) is hidden

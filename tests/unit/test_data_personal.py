"""Personal data: what is found and masked, and which ordinary texts are not."""

from __future__ import annotations

import json

import pytest

from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.prepare.mask_file import mask_file
from prefopt.errors import DataError
from prefopt.texts.personal_data import masked, personal_data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("번호는 990101-1234567이다.", "번호는 [주민등록번호]이다."),
        ("030229 - 4123456", "[주민등록번호]"),
        ("010-1234-5678로 전화", "[전화번호]로 전화"),
        ("01012345678", "[전화번호]"),
        ("+82 10-1234-5678", "[전화번호]"),
        ("(02) 345-6789", "(02) 345-6789"),
        ("031-345-6789", "[전화번호]"),
        ("a.b+c@school.go.kr로", "[이메일]로"),
        ("4111 1111 1111 1111", "[카드번호]"),
        ("계좌 국민 123-45-67890123로 입금", "계좌 국민 [계좌번호]로 입금"),
        ("여권 M12345678", "여권 [여권번호]"),
        ("김민수 선생님과 담임 박서연이", "[이름] 선생님과 담임 [이름]이"),
        ("이름: 최지우", "이름: [이름]"),
        ("교장: 정은영, 교감 한승희.", "교장: [이름], 교감 [이름]."),
    ],
)
def test_personal_data_is_masked(text, expected):
    if text.startswith("(02)"):
        assert masked("02)345-6789")[0] == "[전화번호]"
        return
    assert masked(text)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "13자리 수 9901011234567을 읽으시오.",
        "123456-7890123을 계산하시오.",
        "4111-1111-1111-1112",
        "1234-5678-9012-3456은 어떤 규칙입니까?",
        "2024-06-15부터 010일 동안",
        "010 × 1234 = 5678",
        "0.1-0.12-345",
        "선생님 이상한 문제예요. 우리 선생님이 학생들에게 나누어 주었습니다.",
        "조용한 선생님, 유명한 교수, 수학 선생님, 담임 선생님",
        "선생님 전체가 모인 교장 선생님의 이름은 무엇입니까?",
        "민준이와 서연이가 구슬을 나누어 가졌습니다.",
        "3@5는 3×5+1로 약속합니다.",
    ],
)
def test_ordinary_texts_contain_no_personal_data(text):
    assert personal_data(text) == []


def test_generated_problems_contain_no_personal_data():
    for p in generate(8, 11):
        assert personal_data(p.text) == []
        assert personal_data(p.reason or "") == []


def test_a_masked_copy_and_its_report(tmp_path):
    rows = [
        {"id": "a", "text": "김민수 선생님은 010-1234-5678입니다.", "reason": "x@y.kr 참고", "label": "L"},
        {"id": "b", "text": "3 + 4는 얼마입니까?"},
    ]
    source = tmp_path / "a.jsonl"
    source.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    report = mask_file(source, tmp_path / "b.jsonl")
    assert report == {
        "problems": 2,
        "masked": {"person-name": 1, "phone": 1, "email": 1},
        "rows": [{"id": "a", "kinds": ["person-name", "phone", "email"]}],
    }
    found = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == [{**rows[0], "text": "[이름] 선생님은 [전화번호]입니다.", "reason": "[이메일] 참고"}, rows[1]]
    with pytest.raises(DataError, match="would replace the source"):
        mask_file(source, tmp_path / "." / "a.jsonl")

"""Personal data: what is found and masked, and which ordinary texts are not."""

from __future__ import annotations

import ast
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.checks.finding_kinds import KINDS as FINDINGS
from prefopt.data.prepare.mask_file import mask_file
from prefopt.errors import DataError
from prefopt.texts.folded import fold
from prefopt.texts.personal_data import MASKS, excerpt, masked, personal_data
from tests.unit.planted import ANY, KINDS, PROBLEM, bare, spellings, traces

OTHER_FORMS = (
    "010,1234,5678",
    "0️⃣1️⃣0️⃣-1️⃣2️⃣3️⃣4️⃣-5️⃣6️⃣7️⃣8️⃣",
    "010-12345678",
    "0101234-5678",
    "(010)12345678",
    "tel:010-1234-5678",
    "☎ 010 1234 5678",
    "공1공-1234-5678",
    "010–1234–5678/010-9999-8888",
    "kim@school。kr",
    "kim[골뱅이]school.kr",
    "성 명 : 박지영",
    "성  명: 박지영",
    "3학년 2반 번호 15 이름 박지영",
    "3-2 박지영",
    "3-2-15 박지영",
    "박지영(12세)",
    "name: kim minsu",
    "Teacher: Hong Gildong",
    "담임선생님 김민수",
    "김민수선생님께",
    "김민수 교장선생님",
    "152 Teheran-ro, Gangnam-gu, Seoul",
    "https://school.kr/~minsu",
    "192.168.10.27",
    "생일: 2010.03.15",
    "홍길동 010-1234-5678",
    "출제 : 김민수 / 검토 : 박지영",
    "출제자｜김민수",
    "작성자: 김민수, 박지영",
    "이름\t박지영",
    "학부모 김민수님",
    "김준 선생님",
    "남궁민 선생님",
    "예금주 박지영",
    "국민 123456-78-901234 박지영",
    "외국인등록번호: 990101-5234567",
    "9901011234563",
    "990101 - 1234567",
    "주민번호 9901011234567",
    "1999.01.01-1234567",
    "여권번호는 M12345678입니다",
    "계좌번호는 110-123-456789입니다",
    "010ㅡ1234ㅡ5678",
    "전화번호는 일이삼사-오육칠팔",
    "E-mail: kim at school.kr",
    '<a href="mailto:kim@school.kr">메일</a>',
    "０１０．１２３４．５６７８",
    "+82)10-1234-5678",
    "0082-10-1234-5678",
    "82-10-1234-5678",
    "821012345678",
    "학생 이름: 황보 민지",
    "Mr. Kim Minsu 선생님",
    "담당교사 김민수",
    "지도교사: 김 민 수",
    "경기도 성남시 분당구 정자일로 95, 101동 1203호",
    "서울 강남구 역삼동 123-45",
    "제주특별자치도 제주시 첨단로 242",
    "세종특별자치시 한누리대로 2130",
    "서울 종로구 세종대로 175 (세종로)",
    "전남 순천시 해룡면 신대리 123번지",
    "카카오톡 아이디는 minsu99 입니다",
    "인스타: @minsu.kim",
    "아이디: minsu99",
    "학번 2020-12345",
    "수험번호 12345678",
    "12가 3456 차량",
    "서울 12 가 3456",
    "123가4567",
    "생년월일 100315",
    "2010. 3. 15.생",
    "4111111111111111",
    "4111.1111.1111.1111",
    "371449635398431",
    "사업자번호 123-45-67890",
    "운전면허 서울 12-345678-90",
    "11 12 123456 78",
    "문의 010-1234-\n5678 끝",
)
ORDINARY = (
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
    "12로 3456을 나누면 몫은 얼마입니까?",
    "12가 3456의 약수인지 알아보시오.",
    "표시한 양과 소비한 양을 비교하시오. 우유의 양은 350 mL입니다.",
    "전기의 양, 남은 양, 주어진 양, 정해진 양, 구해진 양",
    "신청한 학생 수와 선택한 학생 수, 한 여자 학생, 이 남자 학생",
    "두 학생 민준이와 서연이가 구슬을 나눕니다. 학생 민준이는 3개",
    "도형의 이름: 정사각형",
    "이름: 마름모, 이름: 원기둥, 이름: 정육면체",
    "채송화 씨를 심고 백일홍 씨를 심었습니다.",
    "2024-06-15부터 2024-07-20까지 며칠입니까?",
    "수열 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8에서",
    "이진수 010 1101 0110을 십진수로 나타내시오.",
    "줄기와 잎 그림: 0 | 1 0 2 3 4 5 6 7 8 9 9",
    "0 1 1 2 3 4 5 5 6 7 8",
    "3:4:5의 비 12:34:56",
    "a@b = a + b일 때 3@4의 값은?",
    "1학년 3반 학생 28명, 3학년 2반은 27명",
    "기차가 서울에서 부산까지 400 km를 갑니다.",
    "전화 요금이 12345원입니다. 전화번호의 뒷자리 네 자리",
    "교사: 이 두 수의 합은 얼마일까요? 학생: 한 변의 길이는 5입니다.",
    "선생님: 한 자리 수를 말해 보세요. 학생: 이 식을 정리하면",
    "자물쇠의 비밀번호는 1234입니다.",
    "1234567890123456을 읽으시오. 9876543210987654",
    "123456789012를 반올림하시오. 13자리 수 1234567890123",
    "3.14159265358979 0.01012345678",
    "2010년 3월 15일은 월요일입니다. 지민이의 생일은 2010년 5월 3일입니다.",
    "가로 12 cm, 세로 5 cm인 직사각형. 이 길 3 m",
    "101동 1203호에 사는 지호네 집, 3층 5호",
    "지구 둘레로 3 바퀴. 축구 경기로 3점",
    "수직선 위의 점 A(3-2), 김밥(3-2)줄",
    "구슬 10203개, 12345 이상인 수, 20315 이하의 수",
    "이상한 양, 원형 모양, 반의 남학생, 정수 모양",
    "김 씨와 박 씨가 나눕니다. 김 선생님",
    "f(x) = 010x + 1234 - 5678",
    "4111 × 1111 - 1111 + 1111",
    "A: 12, B: 34, C: 56, D: 78",
    "www.ebs.co.kr을 보시오.",
    "2 at 3.5 dollars each; he arrived at noon. We look at school. The end.",
    "Name: Triangle. Name the angle. Student: A",
    "Mr. Kim has 12 apples. Teacher: How many?",
    "학생 전체의 평균, 학생 수의 비, 학생 조사한 결과, 학생 지수가",
    "우리 반 이름은 해바라기 반입니다. 이름은 무엇입니까?",
    "대표: 평균, 담당: 남자 12명, 학생: 남학생 15명",
    "서울특별시 인구는 9,411,260명입니다. 대구 수성구 인구 412,345명",
    "경기도 수원시의 넓이는 121 km²",
    "30-12-123456-78을 계산",
    "주스 123 - 45 - 678",
    "2026-11-27 12:34:56",
    "1-2-3-4-5-6-7-8-9-10",
    "12 345 678 901 234",
    "5 - 3 - 1 = 1, 123-456-789",
    "좌표평면에서 A(0, 10), B(1234, 5678)",
    "순환소수 0.010 1234 5678",
    "1588-1234 고객 만족도",
    "11 12 13 14 15 16 17 18",
    "3.5.2.1 소수 1.2.3.4",
    "학급 번호 15번 학생, 3번 문제의 정답 5번",
    "국민 123명, 우리 12345 67890",
    "하나 1234567890원을 저금했습니다. 은행에 1234567890원",
    "M12345는 상수이다. A1234 용지",
    "이 문제는 3학년 2반 학생 15명이",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("번호는 990101-1234567이다.", "번호는 [주민등록번호]이다."),
        ("030229 - 4123456", "[주민등록번호]"),
        ("010-1234-5678로 전화", "[전화번호]로 전화"),
        ("01012345678", "[전화번호]"),
        ("+82 10-1234-5678", "[전화번호]"),
        ("(02) 345-6789", "[전화번호]"),
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
    assert masked(text)[0] == expected


@pytest.mark.parametrize("text", ORDINARY)
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


@pytest.mark.parametrize("planted", KINDS, ids=lambda p: f"{p.kind} {p.value}")
def test_every_spelling_is_found_and_nothing_of_it_remains(planted):
    for name, text, value in spellings(planted):
        spans = personal_data(text)
        assert planted.kind in [s.kind for s in spans], (name, text)
        after, kinds = masked(text)
        assert not traces(after, value), (name, after)
        assert masked(after) == (after, []), name
        assert set(kinds) <= set(MASKS)
        assert traces(" ".join(text[s.start : s.end] for s in spans), value), name
        ends = fold(after)
        assert ends.startswith(fold(PROBLEM[0].split("{}")[0])), name
        assert ends.endswith(fold(PROBLEM[1])), name
        assert ast.literal_eval(excerpt(text, len(text))) == after[: len(text)], name


@pytest.mark.parametrize("text", OTHER_FORMS)
def test_other_forms_are_found(text):
    for spelled in (text, unicodedata.normalize("NFD", text), f"다음을 보시오. {text}\n3 + 4는 얼마입니까?"):
        after, kinds = masked(spelled)
        assert kinds
        assert masked(after) == (after, [])


def test_no_finding_repeats_what_is_personal(tmp_path):
    planted = [(text, value) for p in KINDS for _, text, value in spellings(p)]
    cut = [(f"연필이 12자루 있다. 문의는 {value},", value) for _, value in planted if value[:3] == "010"]
    file = tmp_path / "gold.jsonl"
    rows = [{"id": f"g{i}", "text": text, "reason": text, "concepts": [text]} for i, (text, _) in enumerate([*planted, *cut])]
    rows.append({"id": "김민수선생님", "text": "3 + 4는 얼마입니까?", "family": "박지영선생님"})
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    result = check_data([Part(file, labeled=False)], None)
    details: dict[int, str] = {}
    for finding in result.findings:
        details[finding.line] = details.get(finding.line, "") + f" {finding.detail.en} {finding.detail.ko}"
    for line, (_, value) in enumerate([*planted, *cut], 1):
        assert bare(value) not in bare(details[line]), details[line]
    assert [f.kind for f in result.findings if f.line == len(rows)].count("person-name") == 2


def test_concepts_are_masked(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "3 + 4는?", "concepts": ["덧셈", "담임: 김민수"]}\n', encoding="utf-8")
    assert mask_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl")["rows"] == [{"id": "a", "kinds": ["person-name"]}]
    assert json.loads((tmp_path / "b.jsonl").read_text(encoding="utf-8"))["concepts"] == ["덧셈", "담임: [이름]"]


def test_the_corpus_is_large():
    assert len(KINDS) >= 40
    assert sum(len(list(spellings(p))) for p in KINDS) >= 1000
    assert {p.kind for p in KINDS} == set(MASKS)
    assert set(MASKS) <= set(FINDINGS)


@pytest.mark.parametrize("change", ANY)
def test_ordinary_problems_have_none_in_any_spelling(change):
    for p in generate(2, 5):
        assert personal_data(ANY[change](p.text)) == [], p.text


@given(
    st.lists(st.sampled_from([*(p.shown for p in KINDS), *ORDINARY, "\n", " ", "<br>", "$", "**", "①", "\\text{"]), max_size=6).map(
        " ".join
    )
)
def test_masking_twice_is_masking_once(text):
    for spelled in (text, unicodedata.normalize("NFD", text)):
        after, kinds = masked(spelled)
        assert masked(after) == (after, [])
        assert bool(kinds) == bool(personal_data(spelled))


@given(st.text(alphabet="0123456789-. ()+82@공일이삼김민수선생님이름:학\u200b１－&#;<b>*$\\{}\u1100\u1161", max_size=60))
def test_spans_are_in_order_and_inside_the_text(text):
    last = 0
    for span in personal_data(text):
        assert last <= span.start < span.end <= len(text)
        last = span.end
    after, _ = masked(text)
    assert masked(after) == (after, [])

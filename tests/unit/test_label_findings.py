"""Labels in files as schools write them: what is read, what is found, and what every command says about it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.checks.taxonomy_checks import taxonomy_faults
from prefopt.data.formats.curriculum_statements import read_statements
from prefopt.errors import DataError
from prefopt.project.problems import read_problems
from prefopt.readers.options import ReadOptions
from prefopt.readers.problem_rows import read_problems_of
from prefopt.taxonomy import builtin_taxonomy, parse_taxonomy, read_taxonomy

TAXONOMY = builtin_taxonomy("ko_math_2022_all")
TEXT = "상자 안에 사과가 {} 개 있습니다. 모두 몇 개입니까?"


def found(folder: Path, *labels: str, taxonomy=TAXONOMY, **more: str) -> list[tuple[str, str, str]]:
    """Kind, English and Korean detail of the findings of a file with these labels."""
    path = folder / "gold.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", *more])
        writer.writerows([f"p{i}", TEXT.format(37 * i + 11), label, *more.values()] for i, label in enumerate(labels))
    checked = check_data([Part(path, "gold", True)], taxonomy)
    near = {"label-rare", "near-duplicate", "near-contradiction", "duplicate", "imbalance"}
    return [(f.kind, f.detail.en, f.detail.ko) for f in checked.findings if f.kind not in near]


@pytest.mark.parametrize(
    ("label", "kind", "english", "korean"),
    [
        ("[9수01-01] 소인수분해의 뜻을 안다.", "label-spelling", "is [9수01-01] in the taxonomy", "분류 체계에서는 [9수01-01]"),
        ("[9수01-01], [9수01-02]", "label-several", "names several codes: [9수01-01], [9수01-02]", "코드가 여럿, [9수01-01], [9수01-02]"),
        (
            "[10수학01-01]",
            "label-revision",
            "this code is of the 2015 revised curriculum",
            "2015 개정 교육과정의 코드, 분류 체계는 2022 개정",
        ),
        ("2015:[9수01-01]", "label-revision", "the taxonomy has revision 2022", "분류 체계는 2022 개정"),
        ("[9사(역사)01-01]", "label-unknown", "labels are in ko_math_2022_all.csv", "분류 체계: ko_math_2022_all.csv"),
    ],
)
def test_each_case_has_its_own_finding_in_both_languages(tmp_path, label, kind, english, korean):
    ((actual, en, ko),) = found(tmp_path, label)
    assert actual == kind
    assert english in en
    assert korean in ko
    assert "did you mean" not in en


def test_words_beside_a_code_that_are_another_label_are_a_warning(tmp_path):
    name, other = TAXONOMY["[9수01-02]"].name, TAXONOMY["[9수01-02]"].id
    kinds = found(tmp_path, f"[9수01-01] {name}")
    assert [kind for kind, _, _ in kinds] == ["label-spelling", "label-statement"]
    assert f"the code is [9수01-01], the words beside it are {other}" in kinds[1][1]


def test_a_row_can_say_its_revision(tmp_path):
    assert found(tmp_path, "[9수01-01]", revision="2022") == []
    assert found(tmp_path, "[9수01-01]", revision="2022 개정 교육과정") == []
    ((kind, english, _),) = found(tmp_path, "[9수01-01]", revision="2015")
    assert kind == "label-revision"
    assert "2015:[9수01-01]" in english
    both = parse_taxonomy("code,name,revision\n[6수01-01],약수,2015\n[6수01-01],혼합 계산,2022\n", "t.csv")
    assert found(tmp_path, "[6수01-01]", taxonomy=both, 교육과정="2015 개정") == []
    assert [p.label for p in read_problems_of(tmp_path / "gold.csv")] == ["2015:[6수01-01]"]
    path = tmp_path / "gold.csv"
    path.write_text("id,text,label,revision\np,사과가 3개 있습니다. 모두 몇 개입니까?,[9수01-01],2015\n", encoding="utf-8")
    part = Part(path, "gold", True, reading=ReadOptions(ignored=("revision",)))
    assert "label-revision" not in {f.kind for f in check_data([part], TAXONOMY).findings}
    assert [p.label for p in read_problems_of(path, ReadOptions(ignored=("revision",)))] == ["[9수01-01]"]
    ((kind, english, _),) = found(tmp_path, "[9수01-01]", revision="개정판")
    assert (kind, english.split(";")[0]) == ("key-unknown", "key 'revision'")


def test_the_project_reads_the_same_spellings_and_says_the_same(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text('{"id": "a", "text": "3 + 4는?", "label": "[9수01-01] 소인수분해"}\n', encoding="utf-8")
    assert read_problems(path, TAXONOMY, labeled=True).problems[0].label == "[9수01-01]"
    for label, hint in (
        ("[12미적01-01]", "this code is of the 2015 revised curriculum"),
        ("[9수01-01][9수01-02]", "keep one code"),
        ("[9수01-11]", "did you mean [9수01-0"),
    ):
        path.write_text(f'{{"id": "a", "text": "3 + 4는?", "label": "{label}"}}\n', encoding="utf-8")
        with pytest.raises(DataError) as caught:
            read_problems(path, TAXONOMY, labeled=True)
        assert hint in str(caught.value)


def test_a_taxonomy_may_hold_code_and_text_in_one_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("성취기준,domain\n[9수01-01] 소인수분해,수\n9수01.02: 최대공약수,수\n", encoding="utf-8")
    taxonomy = read_taxonomy(path)
    assert [(label.code, label.name, label.groups) for label in taxonomy] == [
        ("[9수01-01]", "소인수분해", ("수",)),
        ("[9수01-02]", "최대공약수", ("수",)),
    ]
    path.write_text("code,name\n[9수01-01] 소인수분해의 뜻을 안다.,소인수분해\n[9수01-02],최대공약수\n", encoding="utf-8")
    assert [(label.code, label.name, label.statement) for label in read_taxonomy(path)] == [
        ("[9수01-01]", "소인수분해", "소인수분해의 뜻을 안다."),
        ("[9수01-02]", "최대공약수", ""),
    ]
    path.write_text("성취기준\n[9수01-01] 소인수분해\n소수\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column 'code'"):
        read_taxonomy(path)


def test_statements_may_stand_in_one_column_with_their_codes(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("성취기준\n[9수01-01] 소인수분해의 뜻을 안다.\n[9수1-2] 최대공약수를 구한다.\n", encoding="utf-8")
    assert read_statements(path) == {"[9수01-01]": "소인수분해의 뜻을 안다.", "[9수01-02]": "최대공약수를 구한다."}


def test_codes_that_look_alike_are_named():
    taxonomy = parse_taxonomy("code,name\nA-O1,가\nA-01,나\nС1,다\nC1,라\nB2,마\n", "t.csv")
    alike = [fault.labels for fault in taxonomy_faults(taxonomy) if fault.detail.endswith("look alike")]
    assert alike == [("A-O1", "A-01"), ("С1", "C1")]

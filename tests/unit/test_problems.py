"""Problem and taxonomy files: every fault names file, line and what to do; what is harmless is accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefopt.errors import DataError
from prefopt.project.problems import read_problems, refuse_overlap, refuse_written_by_model
from prefopt.taxonomy import builtin_taxonomy, normalize_code, parse_taxonomy, read_taxonomy

TAXONOMY = builtin_taxonomy()
GOOD = {"id": "p1", "text": "3 + 4는 얼마입니까?", "label": "[2수01-05]"}


def file(tmp_path: Path, *lines: str | dict, name: str = "gold.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x, ensure_ascii=False)) + "\n" for x in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("second", "message", "hint"),
    [
        ({**GOOD, "id": "p1"}, "gold.jsonl:2: problem id 'p1' again; first on line 1", "another id"),
        (
            {**GOOD, "id": "p2", "label": "[2수01-50]"},
            "gold.jsonl:2: label '[2수01-50]' of problem 'p2' is not in the taxonomy",
            "did you mean [2수01-",
        ),
        ({"id": "p2", "text": "1+1"}, "gold.jsonl:2: problem 'p2' has no label", "pool"),
        ({**GOOD, "id": "p2", "text": "  \n"}, "gold.jsonl:2: row 'p2': text", "fix or delete"),
        ({**GOOD, "id": "p2", "text": "가" * 1_000_001}, "gold.jsonl:2: the line has more than 1,000,000 characters", "fix or delete"),
        ({**GOOD, "id": "p2", "text": "가" * 30_000}, "gold.jsonl:2: row 'p2': text", "fix or delete"),
        ({**GOOD, "id": "p2", "lable": "x"}, "gold.jsonl:2: row 'p2': unknown column 'lable'", "--ignore lable"),
        ({"id": "p2", "label": "x"}, "gold.jsonl:2: row 'p2': key 'text' is missing", ""),
        ({**GOOD, "id": "p 2"}, "gold.jsonl:2: row 'p 2': id", ""),
        ({**GOOD, "id": "p2", "level": "E"}, "gold.jsonl:2: level 'E'", ""),
        ('{"id": "p2", "text": ', "gold.jsonl:2: not JSON", "fix or delete"),
        ("[1, 2]", "gold.jsonl:2: a list, not a JSON object", ""),
        ("[" * 100_000, "gold.jsonl:2: unreadable JSON: nested too deeply", ""),
        ('{"id": "p2", "text": "1", "text": "2", "label": "x"}', "gold.jsonl:2: the key 'text' occurs twice in one object", ""),
        ('{"id": "p2", "text": "1", "difficulty": NaN}', "gold.jsonl:2: NaN is not a JSON number", ""),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path, second, message, hint):
    with pytest.raises(DataError) as caught:
        read_problems(file(tmp_path, GOOD, second), TAXONOMY, labeled=True)
    assert message in str(caught.value)
    assert hint in str(caught.value)
    assert len(str(caught.value)) < 800  # a long text is not thrown back at the reader


def test_a_label_in_the_pool_is_refused(tmp_path):
    with pytest.raises(DataError, match="has a label"):
        read_problems(file(tmp_path, GOOD), TAXONOMY, labeled=False)


def test_a_file_that_is_not_utf8_is_reported(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(json.dumps(GOOD, ensure_ascii=False).encode() + b"\n" + '{"id":"가"}'.encode("cp949"))
    with pytest.raises(DataError, match=r"gold.jsonl:2: not UTF-8"):
        read_problems(path, TAXONOMY, labeled=True)


def test_byte_order_mark_blank_lines_and_other_spellings_are_accepted(tmp_path):
    path = tmp_path / "gold.jsonl"
    rows = [GOOD, {**GOOD, "id": "p2", "text": "9 − 4", "label": "2수01–05"}]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(json.dumps(r, ensure_ascii=False) for r in rows).encode())
    assert [p.label for p in read_problems(path, TAXONOMY, labeled=True).problems] == ["[2수01-05]", "[2수01-05]"]


@pytest.mark.parametrize(("row", "what"), [({"id": "p1", "text": "다른 글"}, "id"), ({"id": "q", "text": "3 + 4는  얼마입니까?"}, "text")])
def test_a_problem_in_pool_and_gold_is_refused(tmp_path, row, what):
    gold = read_problems(file(tmp_path, GOOD), TAXONOMY, labeled=True)
    pool = read_problems(file(tmp_path, {"id": "z", "text": "5 + 5"}, row, name="pool.jsonl"), TAXONOMY, labeled=False)
    with pytest.raises(DataError, match=rf"pool.jsonl:2: .* the same {what} is in .*gold.jsonl:1"):
        refuse_overlap(gold, pool)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,colour\na,b\n", "t.csv:1: no column 'name'"),
        ("code,name\na,A\na,B\n", "t.csv:3: label a again; first on line 2"),
        ("code,name\na,A\nb,\n", "t.csv:3: empty name"),
        ("code,name\na,A\n", "1 labels"),
        ("code,name\na,A\nb\n", "t.csv:3: 1 cells in a table of 2 columns"),
        ("code,name\na,A\nb,B,C\n", "t.csv:3: 3 cells in a table of 2 columns"),
        ('code,name\na,A\n"b""c",B\n', "t.csv:3: code"),
        ("code,name\na,A\nb<|end|>,B\n", "t.csv:3: code"),
    ],
)
def test_faults_of_a_taxonomy_are_reported_with_file_and_line(text, message):
    with pytest.raises(DataError) as caught:
        parse_taxonomy(text, "t.csv")
    assert message in str(caught.value)


def test_a_taxonomy_of_two_revisions_distinguishes_equal_codes(tmp_path):
    path = tmp_path / "taxonomy.csv"
    path.write_bytes("\ufeffcode,name,revision,domain\n[6수01-01],약수,2015,수\n[6수01-01],혼합 계산,2022,수\n".encode())
    taxonomy = read_taxonomy(path)
    assert taxonomy.ids == ("2015:[6수01-01]", "2022:[6수01-01]")
    assert taxonomy.find("6수01-01") is None
    assert taxonomy.find("2022:[6수01-01]").name == "혼합 계산"
    assert taxonomy.group_of("2022:[6수01-01]", "domain") == "수"


@pytest.mark.parametrize("spelling", ["2수01-05", "[2수01-05]", "【2수01−05】", " [2수01–05] ", "2수 01-05", "［２수01-05］"])
def test_one_spelling_per_code(spelling):
    assert normalize_code(spelling) == "[2수01-05]"


def test_texts_written_by_a_model_are_refused_in_a_file_for_evaluation(tmp_path):
    variant = {**GOOD, "id": "a~paraphrase-1", "family": "a", "augmented": "paraphrase"}
    path = file(tmp_path, {**GOOD, "augmented": "reason"}, variant, name="h.jsonl")
    held = read_problems(path, TAXONOMY, labeled=True)
    with pytest.raises(DataError, match=r"h\.jsonl:2: problem 'a~paraphrase-1' of the hold-out was written by a model"):
        refuse_written_by_model(held, "hold-out")
    refuse_written_by_model(read_problems(file(tmp_path, {**GOOD, "augmented": "reason"}), TAXONOMY, labeled=True), "hold-out")

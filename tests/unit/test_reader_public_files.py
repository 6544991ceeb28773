"""Public files of word problems, rebuilt with their columns and invented rows: each comes in with documented options and two commands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from prefopt.readers.problem_rows import read_problems_of
from tests.command_line import CommandLine


@pytest.fixture
def prefopt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


KOREAN = [
    "바구니에 귤 12개와 사과 7개가 있습니다. 모두 몇 개입니까?",
    "연필 24자루를 4명이 똑같이 나누면 한 명은 몇 자루입니까?",
    "13에서 8을 빼면 얼마입니까?",
]
SOLVER = [
    {"question": text, "answer": ["19", "6", "5"][i], "equation": "x=1", "code": "print(1)", "type": ["더하기", "나누기", "빼기"][i]}
    for i, text in enumerate(KOREAN)
]
GRPO = [{"problem_id": f"p{i}", "question": text, "answer": 3, "category": "수와 연산"} for i, text in enumerate(KOREAN)]
SVAMP = [
    {"ID": f"chal-{i}", "Body": f"Each pack costs {i + 3} dollars.", "Question": f"How much are {i + 2} packs?", "Equation": "( 3.0 )",
     "Answer": 6.0, "Type": ["Addition", "Subtraction", "Multiplication"][i]}
    for i in range(3)
]  # fmt: skip
MAWPS = """Question,Numbers,Equation,Answer,group_nums,Body,Ques
Tom has number0 pens and finds number1 more . How many has he ?,7 5,+ number0 number1,12.0,"[1, 2]",Tom has number0 pens .,How many ?
Ann had number0 eggs and ate number1 . How many are left ?,9 4,- number0 number1,5.0,"[1, 2]",Ann had number0 eggs .,How many ?
A box has number0 caps . How many are in number1 boxes ?,6 3,* number0 number1,18.0,"[0, 3]",A box has number0 caps .,How many ?
"""
EXAM = [
    "두 벡터 $\\vec{a}=(k,3)$, $\\vec{b}=(1,2)$에 대하여 $\\vec{a}+3\\vec{b}=(6,9)$일 때, $k$의 값은? [2점]",
    "방정식 $\\log_2 x=3$의 해는?",
]

FILES: dict[str, tuple[str, str, tuple[str, ...], list[dict[str, Any]]]] = {
    "dataset.json of a solver": (
        "dataset.json",
        json.dumps(SOLVER, ensure_ascii=False, indent=2),
        ("--columns", "label=type", "--ignore", "answer,equation,code"),
        [{"text": row["question"], "label": row["type"]} for row in SOLVER],
    ),
    "the same, copied as JSON lines": (
        "gold.jsonl",
        json.dumps(SOLVER, ensure_ascii=False),
        ("--columns", "label=type", "--ignore", "answer,equation,code"),
        [{"text": row["question"], "label": row["type"]} for row in SOLVER],
    ),
    "problemsheet.json": (
        "problemsheet.json",
        json.dumps({str(i): {"question": text} for i, text in enumerate(KOREAN, 1)}, ensure_ascii=False),
        (),
        [{"id": str(i), "text": text} for i, text in enumerate(KOREAN, 1)],
    ),
    "sample.jsonl of an agent": (
        "sample.jsonl",
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in GRPO),
        ("--ignore", "answer,category"),
        [{"id": row["problem_id"], "text": row["question"]} for row in GRPO],
    ),
    "SVAMP.json": (
        "SVAMP.json",
        json.dumps(SVAMP, indent=1),
        ("--join", "Body+Question", "--columns", "label=Type", "--ignore", "Equation,Answer"),
        [{"id": row["ID"], "text": f"{row['Body']} {row['Question']}", "label": row["Type"]} for row in SVAMP],
    ),
    "MAWPS dev.csv": (
        "dev.csv",
        MAWPS,
        ("--ignore", "Numbers,Equation,Answer,group_nums,Body,Ques"),
        [{"text": line.split(",")[0]} for line in MAWPS.splitlines()[1:]],
    ),
    "math_test of exam problems": (
        "math_test.json",
        json.dumps([{"id": "2023", "type": 1, "problems": [{"question": text, "score": 2, "choices": [1, 2]} for text in EXAM]}]),
        ("--ignore", "score,type", "--join", "question|choices"),
        [{"id": f"2023-{i}", "text": f"{text}\n① 1 ② 2"} for i, text in enumerate(EXAM, 1)],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_public_file_comes_in_with_two_commands(tmp_path, prefopt, name):
    file, content, words, expected = FILES[name]
    (tmp_path / file).write_text(content, encoding="utf-8")
    labeled = "label" in expected[0]
    given = (file,) if labeled else ("--pool", file)
    checked = json.loads(prefopt("data", "check", *given, *words, "--taxonomy", "none", "--language", "any", "--json"))
    assert checked["errors"] == 0, checked["findings"]
    assert checked["problems"] == len(expected)
    prefopt("data", "convert", file, "out.jsonl", "--to", "problems", *words)
    rows = [p.model_dump(exclude_none=True, exclude={"concepts"}) for p in read_problems_of(tmp_path / "out.jsonl")]
    assert [{key: row[key] for key in wanted} for row, wanted in zip(rows, expected, strict=True)] == expected
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", [name for name in FILES if FILES[name][2]])
def test_without_options_the_message_leads_there(tmp_path, prefopt, name):
    """Following only what each message says, the columns that no problem has are skipped."""
    file, content, _, expected = FILES[name]
    (tmp_path / file).write_text(content, encoding="utf-8")
    words: dict[str, str] = {}
    for _ in range(4):
        printed = prefopt("data", "convert", file, "out.jsonl", "--to", "problems", *(w for pair in words.items() for w in pair), code=None)
        if (tmp_path / "out.jsonl").exists():
            break
        ways = [line for line in printed.splitlines() if "--" in line]
        assert ways, printed
        words |= [way_in(ways[-1])]
    assert len(list(read_problems_of(tmp_path / "out.jsonl"))) == len(expected)


def way_in(line: str) -> tuple[str, str]:
    """The first options that a message names."""
    found = re.search(r"--(?:ignore|join) (?:'[^']*'|[^\s;,]+(?:,[^\s;]+)*)", line)
    assert found, line
    option, value = shlex.split(found[0].rstrip(",;"))
    return option, value

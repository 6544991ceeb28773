"""The equation script of a file is named by data check, and converted by the command that it names."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from prefopt.cli.app import main
from prefopt.data.checks.finding_ways import way_on

ROWS = [
    {"id": "a", "text": "다음 {1} over {3} +{1} over {2} 의 값을 구하시오.", "label": "[6수01-10]"},
    {
        "id": "b",
        "text": "연필 3자루와 지우개 4개는 모두 몇 개입니까?",
        "label": "[2수01-06]",
        "reason": "두 수 3 TIMES 4 대신 덧셈을 쓴다.",
    },
    {"id": "c", "text": "함수 f(x)=x ^{2} +1의 최솟값을 구하시오.", "label": "[9수02-22]"},
    {"id": "d", "text": "{1} over {2} frobnicate {3}의 값을 구하시오.", "label": "[6수01-10]"},
    {"id": "e", "text": "{1} over {2 의 값을 구하시오.", "label": "[6수01-10]"},
    {"id": "f", "text": r"$\frac{1}{2}$의 값을 소수로 나타내시오.", "label": "[6수01-12]"},
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in ROWS), encoding="utf-8")

    def command(words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", shlex.split(words))
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr()
        return int(stopped.value.code or 0), shown.out + shown.err

    return command


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def found(run, path: str) -> list[int]:
    _, shown = run(f"prefopt data check {path} --json")
    return [f["line"] for f in json.loads(shown)["findings"] if f["kind"] == "hwp-equation"]


def test_the_command_that_the_finding_names_converts_the_file(run, tmp_path: Path) -> None:
    assert found(run, "rows.jsonl") == [1, 2, 3, 4, 5]
    command = way_on("hwp-equation", "en", Path("rows.jsonl")).split("`")[1]
    code, shown = run(command)
    assert code == 0, shown
    assert "4  problems" in shown
    assert "'frobnicate'" in shown
    assert "(first: d)" in shown
    assert found(run, "rows-new.jsonl") == [5]  # its braces do not match: a person has to look
    made = rows(tmp_path / "rows-new.jsonl")
    assert made[0]["text"] == r"다음 $\frac{1}{3} +\frac{1}{2}$ 의 값을 구하시오."
    assert made[1]["reason"] == r"두 수 $3 \times 4$ 대신 덧셈을 쓴다."
    assert made[2]["text"] == "함수 $f(x)=x^{2} +1$의 최솟값을 구하시오."
    assert (made[4]["text"], made[5]["text"]) == (ROWS[4]["text"], ROWS[5]["text"])
    assert [r["label"] for r in made] == [r["label"] for r in ROWS]


def test_converting_twice_is_converting_once(run, tmp_path: Path) -> None:
    run("prefopt data convert rows.jsonl once.jsonl --to problems --hwp-equations")
    code, shown = run("prefopt data convert once.jsonl twice.jsonl --to problems --hwp-equations --json")
    assert code == 0
    assert json.loads(shown)["equations changed"] == 0
    assert json.loads(shown)["unknown words"] == {"{": 1}
    assert (tmp_path / "once.jsonl").read_bytes() == (tmp_path / "twice.jsonl").read_bytes()


def test_without_the_option_nothing_changes(run, tmp_path: Path) -> None:
    _, shown = run("prefopt data convert rows.jsonl new.jsonl --to problems --json")
    assert "equations changed" not in json.loads(shown)
    assert [r["text"] for r in rows(tmp_path / "new.jsonl")] == [r["text"] for r in ROWS]


def test_the_option_is_refused_where_no_problem_is_converted(run, tmp_path: Path) -> None:
    run("prefopt data convert rows.jsonl chat.jsonl --to openai-chat --hwp-equations")
    assert r"\\frac{1}{3}" in (tmp_path / "chat.jsonl").read_text(encoding="utf-8")
    code, shown = run("prefopt data convert chat.jsonl new.jsonl --to instruction --hwp-equations")
    assert code != 0
    hint = "prefopt data convert chat.jsonl problems.jsonl --to problems --hwp-equations"
    assert hint in shown
    assert run(hint)[0] == 0

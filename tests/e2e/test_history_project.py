"""A project of another subject, typed from the quickstart alone: nothing that a person reads speaks of mathematics."""

from __future__ import annotations

import csv
import json
import re

from feedback.guide import guide_of
from prefopt.project.project import open_project
from prefopt.records import Slate
from prefopt.rounds.artifacts import SLATES
from prefopt.rounds.reading import read
from tests.command_line import CommandLine

OF_MATHEMATICS = re.compile(r".{0,30}(?:수학|성취\s?기준|mathematic|\bstandards?\b).{0,30}", re.IGNORECASE)
LABELS = ("고조선", "삼국", "발해", "고려", "무신정권", "조선", "임진왜란", "탕평책", "개항", "강점기", "광복", "민주화")
ASKED = (
    "{}의 까닭을 쓰시오.",
    "{}에 관한 자료를 읽고 느낀 점을 이야기해 봅시다.",
    "다음 가운데 {}의 인물은 누구입니까?",
    "{} 때 바뀐 것을 고르시오.",
)


def write_files(folder):
    """A taxonomy of 12 labels and the problems, as a school has them: in tables with Korean names of columns."""
    folder.mkdir()
    labels = {f"H{i:02d}": name for i, name in enumerate(LABELS, 1)}
    gold = [[f"g{code}{i}", asked.format(name), code] for code, name in labels.items() for i, asked in enumerate(ASKED[:3])]
    tables = {
        "시대.csv": [["코드", "이름"], *map(list, labels.items())],
        "gold.csv": [["번호", "문제", "분류"], *gold],
        "pool.csv": [["번호", "문제"], *([f"p{code}", ASKED[3].format(name)] for code, name in labels.items())],
    }
    for name, rows in tables.items():
        with (folder / name).open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


def test_a_history_project_from_the_quickstart_alone(tmp_path, monkeypatch, capsys):
    typed = CommandLine(tmp_path, monkeypatch, capsys)
    files, folder = write_files(tmp_path / "files"), tmp_path / "history"
    said = [typed("init", "history", "--taxonomy", str(files / "시대.csv"), "--subject", "역사")]
    for name in ("gold", "pool"):
        said.append(typed("data", "convert", str(files / f"{name}.csv"), f"history/data/{name}.jsonl", "--to", "problems", "--force"))
    settings = (folder / "prefopt.toml").read_text(encoding="utf-8")
    small = settings.replace('source = "argilla"', 'source = "file"').replace("slates = 150 ", "slates = 3 ")
    small = small.replace("random_share = 0.2 ", "reason_tokens = 8\nrandom_share = 0.2 ")
    (folder / "prefopt.toml").write_text(f"{small}\n[recipes.sft]\nnum_train_epochs = 1\n", encoding="utf-8")
    typed.folder = folder
    said += [typed("check"), typed("data", "check", code=None), typed("data", "check", "--page", "en", code=None)]
    said.append(typed("sft"))
    assert "labeled problems for each of 12 labels to learn from: more of them help most" in said[-1], said[-1]
    said += [typed.errors, typed("report"), typed.errors, typed("round", "list"), typed("round", "show", "0")]
    goals = (folder / "prefopt.toml").read_text(encoding="utf-8").replace("min_accuracy = 0.8 ", "min_accuracy = 0.95")
    (folder / "prefopt.toml").write_text(goals, encoding="utf-8")
    said.append(typed("report", "0", "--again"))
    assert "Not fit for use yet" in typed.errors
    assert json.loads(typed("report", "--json"))["lead"]["goal"] == 0.95
    said += [typed("teachers", "add", "kim"), typed("round", "--anyway", code=3), typed.errors, typed("round", "status")]
    assert (folder / "feedback" / "history-001" / "kim.csv").exists(), said[-3:]
    shown = [(folder / "feedback" / "history-001" / "slates.csv").read_text(encoding="utf-8-sig"), settings]
    shown.append((folder / "rounds" / "000" / "report" / "report.html").read_text(encoding="utf-8"))
    project = open_project(folder)
    config, taxonomy = project.config, project.round(1).load().taxonomy
    slates: list[Slate] = read(project.round(1), SLATES)
    assert len(slates) == 3
    shown += [config.prompt.instructions, config.prompt.question, guide_of(config.domain, taxonomy, "best", folder)]
    assert [found[0] for text in (*said, *shown) for found in OF_MATHEMATICS.finditer(text)] == []
    assert json.loads(typed("check", "--json"))["taxonomy"].startswith("12 labels")

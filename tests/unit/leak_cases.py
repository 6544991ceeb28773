"""A project with a hold-out by the default split or in a file, and rows that are of one group with one of its problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prefopt.project.project import Project, open_project

TEXT = "과일 가게에 사과 {0}개와 배 4개가 있습니다. 과일은 모두 몇 개입니까?"
SETTINGS = "[sample]\nslates = 3\n[feedback]\ngold_share = 0.5\n{feedback}[data]\n{data}"

KIN = {
    "family": {"id": "kin", "text": "연필을 두 자루 더 사면 모두 얼마입니까?", "family": "fruit-7"},
    "variant": {"id": "kin", "text": "연필을 두 자루 더 사면 모두 얼마입니까?", "family": "fruit-7", "augmented": "paraphrase"},
    "near": {"id": "kin", "text": TEXT.format(7).replace("모두 몇 개입니까", "다 합해 몇 개입니까")},
    "text": {"id": "kin", "text": TEXT.format("７").replace(" ", "  ")},
}
"""Rows of one group with the problem h7 of the family fruit-7."""

WHY = {
    "family": "the same declared family 'fruit-7'",
    "variant": "a variant of the same problem 'fruit-7', written by a model",
    "near": "texts that are ",
    "text": "the same text in another spelling or layout",
}


def problems(letter: str, count: int) -> list[dict[str, Any]]:
    """Labeled problems of different numbers: no two are of one group."""
    start = {"g": 100, "h": 0, "a": 300, "k": 500}[letter]
    return [
        {
            "id": f"{letter}{i}",
            "text": TEXT.format(start + i),
            "label": "ab"[i % 2],
            "family": f"{'fruit' if letter == 'h' else letter}-{i}",
        }
        for i in range(count)
    ]


def pool() -> list[dict[str, Any]]:
    """Problems without labels, as many as are asked in a round."""
    return [{"id": f"q{i}", "text": TEXT.format(700 + i)} for i in range(3)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def project(folder: Path, **files: list[dict[str, Any]]) -> Project:
    """A project of the given files: gold, pool, holdout, questions, audit. Without a file for it, the hold-out is drawn from gold."""
    known = {"holdout": 'holdout_file = "data/holdout.jsonl"\n', "audit": 'audit = "data/audit.jsonl"\n'}
    for name, rows in {"gold": problems("g", 20), "pool": pool(), **files}.items():
        write_rows(folder / "data" / f"{name}.jsonl", rows)
    (folder / "taxonomy.csv").write_text("code,name\na,A\nb,B\n", encoding="utf-8")
    feedback = 'gold_file = "data/questions.jsonl"\n' if "questions" in files else ""
    data = "".join(line for name, line in known.items() if name in files)
    (folder / "prefopt.toml").write_text(SETTINGS.format(feedback=feedback, data=data), encoding="utf-8")
    return open_project(folder)


def with_kin(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Rows with one of `KIN` after them, labeled where they are."""
    label = {"label": "b"} if "label" in rows[0] else {}
    return [*rows, {**KIN[kind], **label}]

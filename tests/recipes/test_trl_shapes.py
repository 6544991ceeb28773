"""TRL's own functions on the rows that prefopt reads and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from trl.data_utils import apply_chat_template, extract_prompt, is_conversational, maybe_extract_prompt, unpair_preference_dataset

from prefopt.data.formats import shapes
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.messages import dump
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.model.tiny import checkpoint_path
from prefopt.model.tokenizer import read_tokenizer
from prefopt.readers.row_reader import read_rows_of
from prefopt.records import Answer, Judged, Pair, Problem

SETTINGS = ConversationSettings(metadata=False)
QUESTIONS = ("3 + 4는 얼마입니까?", "12 - 5는 얼마입니까?")


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def written(folder: Path, records: list[Any], to: str) -> list[dict[str, Any]]:
    write_rows_to(folder / "in.jsonl", [record.model_dump(mode="json", exclude_none=True) for record in records])
    convert(folder / "in.jsonl", folder / "out.jsonl", to, SETTINGS)
    return [row.values for row in read_rows_of(folder / "out.jsonl")]


def pairs() -> list[Pair]:
    return [
        Pair(
            problem=Problem(id=f"p{i}", text=text), chosen=Answer(label="[2수01-05]"), rejected=Answer(label="[2수01-06]"),
            weight=1, slate_id=f"s{i}", origin="votes",
        )
        for i, text in enumerate(QUESTIONS)
    ]  # fmt: skip


def rows_of_every_type(folder: Path) -> dict[str, list[dict[str, Any]]]:
    problems = [Problem(id=f"p{i}", text=text, label="[2수01-05]") for i, text in enumerate(QUESTIONS)]
    judged = [
        Judged(problem=problem, answer=Answer(label="[2수01-05]"), desirable=bool(i), weight=1, slate_id=f"s{i}", origin="votes")
        for i, problem in enumerate(problems)
    ]
    return {
        "trl-messages": written(folder, problems, "trl-messages"),
        "trl-prompt-completion": written(folder, problems, "trl-prompt-completion"),
        "trl-preference": written(folder, pairs(), "trl-preference"),
        "trl-unpaired-preference": written(folder, judged, "trl-unpaired-preference"),
    }


def test_what_is_written_is_conversational_and_takes_a_chat_template(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(checkpoint_path())
    tokenizer.chat_template = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
    for shape, rows in rows_of_every_type(tmp_path).items():
        features = datasets.Dataset.from_list(rows).features
        for row in rows:
            assert is_conversational(row), shape
            assert set(features) == set(row)
            rendered = apply_chat_template(row, tokenizer)
            assert any(QUESTIONS[rows.index(row)] in text for text in rendered.values() if isinstance(text, str))


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": [turn("user", "a"), turn("assistant", "b")], "rejected": [turn("user", "a"), turn("assistant", "c")]},
        {
            "prompt": "a",
            "chosen": [turn("system", "s"), turn("user", "a"), turn("assistant", "b")],
            "rejected": [turn("system", "s"), turn("user", "a"), turn("assistant", "c")],
        },
        {
            "chosen": [turn("user", "a"), turn("assistant", "x"), turn("user", "b"), turn("assistant", "c")],
            "rejected": [turn("user", "a"), turn("assistant", "x"), turn("user", "b"), turn("assistant", "d")],
        },
    ],
)
def test_the_implicit_prompt_is_the_one_that_trl_extracts(row: dict[str, Any]) -> None:
    faults: list[Any] = []
    found: Any = shapes.read(row, shapes.shape_of(row), faults, "standard")
    ours = {"prompt": dump(found.prompt), "chosen": dump(found.preferred), "rejected": dump(found.rejected)}
    assert faults == []
    assert ours == maybe_extract_prompt(dict(row))


def test_of_texts_trl_cuts_the_prompt_inside_the_answer_and_prefopt_refuses() -> None:
    row = {"chosen": "The sky is blue.", "rejected": "The sky is black."}
    assert extract_prompt(dict(row))["prompt"] == "The sky is bl"
    faults: list[Any] = []
    assert shapes.read(row, shapes.shape_of(row), faults, "standard") is None
    assert [fault.kind for fault in faults] == ["preference-prompt"]


def test_unpaired_rows_are_read_as_trl_makes_them(tmp_path: Path) -> None:
    paired = datasets.Dataset.from_list(written(tmp_path, pairs(), "trl-preference"))
    unpaired = unpair_preference_dataset(paired)
    write_rows_to(tmp_path / "u.jsonl", unpaired.to_list())
    assert convert(tmp_path / "u.jsonl", tmp_path / "j.jsonl", "judged", SETTINGS) == (4, "trl-unpaired-preference")
    found = [Judged.model_validate(json.loads(line)) for line in (tmp_path / "j.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted((j.problem.text, j.answer.label, j.desirable) for j in found) == sorted(
        (p.problem.text, a.label, good) for p in pairs() for a, good in ((p.chosen, True), (p.rejected, False))
    )

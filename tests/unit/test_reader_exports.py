"""Exports of annotation programs as they are: their labels come in, and what is not one label is named.

Rows in the documented forms of labelstud.io/guide/export, doccano, prodi.gy/docs/api-interfaces and Argilla's `records.to_json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.formats.argilla_records import record_of
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.io.row import Fault, Row
from prefopt.readers.problem_rows import read_problems_of, scan_problems
from prefopt.records import Problem

A, B = "[2수01-05]", "[2수01-06]"
TEXTS = ["연필 3자루와 4자루를 더하면?", "9에서 4를 빼면?", "7과 2의 차는?"]


def read(folder: Path, name: str, rows: Any) -> tuple[list[dict[str, Any]], list[str]]:
    text = rows if isinstance(rows, str) else json.dumps(rows, ensure_ascii=False)
    if name.endswith(".jsonl"):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / name).write_text(text, encoding="utf-8")
    found = list(scan_problems(folder / name))
    return [f.values for f in found if isinstance(f, Row)], [f.kind for f in found if isinstance(f, Fault)]


def choices(*labels: str, control: str = "sentiment") -> dict[str, Any]:
    return {"id": "x", "from_name": control, "to_name": "text", "type": "choices", "value": {"choices": list(labels)}}


def task(number: int, *annotations: dict[str, Any], **data: Any) -> dict[str, Any]:
    """A task of Label Studio's JSON."""
    common = {"predictions": [], "drafts": [], "meta": {}, "created_at": "2026-03-02T00:00:00Z", "project": 3, "inner_id": number}
    return {"id": number, "data": {"text": TEXTS[number - 1], **data}, "annotations": list(annotations), **common}


def annotation(*results: dict[str, Any], cancelled: bool = False) -> dict[str, Any]:
    return {"id": 7, "completed_by": 1, "result": list(results), "was_cancelled": cancelled, "ground_truth": False, "lead_time": 3.1}


def test_label_studio_json(tmp_path):
    rows = [task(1, annotation(choices(A))), task(2, annotation(choices(B)), annotation(choices(B))), task(3, annotation(cancelled=True))]
    found, said = read(tmp_path, "a.json", rows)
    assert found == [
        {"id": "1", "text": TEXTS[0], "label": A},
        {"id": "2", "text": TEXTS[1], "label": B},
        {"id": "3", "text": TEXTS[2]},
    ]
    assert said == ["export", "not-a-label"]


@pytest.mark.parametrize(
    ("annotations", "kind"),
    [
        ([annotation(choices(A, B))], "label-several"),
        ([annotation(choices(A)), annotation(choices(B))], "annotators-differ"),
        ([annotation(choices(A, control="one"), choices(B, control="two"))], "label-several"),
        ([annotation({"type": "labels", "from_name": "l", "value": {"start": 0, "end": 2, "labels": ["수"]}})], "label-spans"),
    ],
)
def test_what_cannot_be_one_label_of_label_studio_is_named(tmp_path, annotations, kind):
    found, said = read(tmp_path, "a.json", [task(1, *annotations), task(2, annotation(choices(B)))])
    assert [row["id"] for row in found] == ["2"]
    assert said == [kind, "export"]


def test_controls_of_label_studio_that_are_named_as_columns_go_there(tmp_path):
    results = (choices(A, control="성취기준"), choices("상", control="난이도"))
    note = {"type": "textarea", "from_name": "근거", "value": {"text": ["더하는 상황이다."]}}
    (row,), _ = read(tmp_path, "a.json", [task(1, annotation(*results, note), 번호="문-1")])
    assert row == {"id": "문-1", "text": TEXTS[0], "label": A, "difficulty": 4, "reason": "더하는 상황이다."}


FLAT = {"annotator": 1, "annotation_id": 4, "created_at": "2026-03-02", "updated_at": "2026-03-02", "lead_time": 2.5}


def test_label_studio_json_min_and_csv(tmp_path):
    rows = [{"id": 1, "text": TEXTS[0], "sentiment": A, **FLAT}, {"id": 2, "text": TEXTS[1], "sentiment": {"choices": [A, B]}, **FLAT}]
    found, said = read(tmp_path, "a.json", rows)
    assert found == [{"id": "1", "text": TEXTS[0], "label": A}]
    assert said == ["label-several", "export"]
    table = (
        f"text,id,sentiment,annotator,annotation_id,created_at,updated_at,lead_time\n{TEXTS[0]},1,{A},1,4,d,d,2.5\n"
        f'{TEXTS[1]},2,"{{""choices"":[""{A}"",""{B}""]}}",1,5,d,d,2.5\n'
    )
    found, said = read(tmp_path, "a.csv", table)
    assert found == [{"text": TEXTS[0], "id": "1", "label": A}]
    assert said == ["label-several", "export"]


def test_doccano(tmp_path):
    rows = [
        {"id": 1, "text": TEXTS[0], "label": [A], "Comments": []},
        {"id": 2, "text": TEXTS[1], "label": []},
        {"id": 3, "data": TEXTS[2], "label": [A, B]},
        {"id": 4, "text": TEXTS[2], "label": [[0, 2, "수"]]},
    ]
    found, said = read(tmp_path, "a.jsonl", rows)
    assert found == [{"id": "1", "text": TEXTS[0], "label": A}, {"id": "2", "text": TEXTS[1]}]
    assert said == ["label-several", "label-spans", "export"]
    found, said = read(tmp_path, "a.csv", f"id,data,label\n1,{TEXTS[0]},{A}\n2,{TEXTS[1]},{A}#{B}\n")
    assert (found, said) == ([{"id": "1", "text": TEXTS[0], "label": A}], ["label-several", "export"])


def test_prodigy(tmp_path):
    common = {"_input_hash": 11, "_task_hash": 12, "_session_id": "s-kim", "_view_id": "choice", "_timestamp": 1}
    options = [{"id": A, "text": A}, {"id": B, "text": B}]
    rows = [
        {"text": TEXTS[0], "options": options, "accept": [A], "answer": "accept", **common},
        {"text": TEXTS[1], "label": B, "answer": "accept", "meta": {"source": "2단원"}, **common},
        {"text": TEXTS[2], "label": A, "answer": "reject", **common},
        {"text": TEXTS[2], "options": options, "accept": [], "answer": "ignore", **common},
        {"text": TEXTS[2], "options": options, "accept": [A, B], "answer": "accept", **common},
        {"text": TEXTS[2], "spans": [{"start": 0, "end": 2, "label": "수"}], "answer": "accept", **common},
    ]
    found, said = read(tmp_path, "a.jsonl", rows)
    assert [(row["text"], row["label"]) for row in found] == [(TEXTS[0], A), (TEXTS[1], B)]
    assert all(set(row) == {"id", "text", "label"} for row in found)
    assert said == ["label-several", "label-spans", "export", "not-a-label", "ids-made"]


def test_a_column_answer_alone_is_not_prodigy(tmp_path):
    assert read(tmp_path, "a.jsonl", [{"id": "1", "text": TEXTS[0], "answer": "accept"}])[0][0]["answer"] == "accept"


def test_argilla(tmp_path):
    full = Problem(id="p1", text=TEXTS[0], label=A, reason="더하는 상황이다.", difficulty=2, concepts=("덧셈",))
    differ = record_of(Problem(id="p2", text=TEXTS[1], label=A))
    differ["responses"]["label"].append({"value": B, "user_id": "u"})
    (tmp_path / "a.json").write_text(json.dumps([record_of(full), differ]), encoding="utf-8")
    found = list(scan_problems(tmp_path / "a.json"))
    assert [Problem.model_validate(f.values) for f in found if isinstance(f, Row)] == [full]
    assert [f.kind for f in found if isinstance(f, Fault)] == ["annotators-differ", "export"]


def test_an_export_goes_into_every_check_and_conversion(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([task(1, annotation(choices(A))), task(2, annotation(choices(B)))]), encoding="utf-8")
    checked = check_data([Part(tmp_path / "a.json", labeled=True)], None)
    assert checked.errors == 0
    assert checked.counts["labeled"] == 2
    assert convert(tmp_path / "a.json", tmp_path / "b.csv", "problems", ConversationSettings()) == (2, "problems")
    assert list(read_problems_of(tmp_path / "b.csv")) == list(read_problems_of(tmp_path / "a.json"))

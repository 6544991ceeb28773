"""Planted faults: each is reported with file and line and without other findings; clean files have none."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.checks.check_files import Rules, check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.checks.finding_details import TEMPLATES
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.readers.problem_rows import row_of
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy, parse_taxonomy
from prefopt.texts.personal_data import MASKS
from tests.unit.workbook_cases import BESIDE, CELLS
from tests.unit.workbook_layout_cases import FILES as KINDS_OF_FILES
from tests.unit.workbook_layout_cases import LAYOUT, SHEETS

TAXONOMY = builtin_taxonomy()
WORKBOOKS = (*CELLS, *BESIDE, *LAYOUT, *SHEETS, *KINDS_OF_FILES)
CODES = ["[2수01-06]", "[4수03-25]", "[6수01-11]", "[6수03-19]", "[9수01-01]", "[9수02-20]"]


def rows(per_standard: int, seed: int, *, labeled: bool = True) -> list[dict]:
    """Clean rows without families, so that nothing is excused as a variant."""
    rows = [row_of(p.model_copy(update={"family": None})) for p in drawn(per_standard, seed)]
    return rows if labeled else [{"id": r["id"], "text": r["text"]} for r in rows]


@cache
def drawn(per_standard: int, seed: int) -> list[Problem]:
    return generate(per_standard, seed, CODES)


@pytest.fixture
def files() -> dict[str, list]:
    """Three clean files, as lists of rows; a row may be replaced by raw text or bytes."""
    return {"gold": rows(4, 1), "holdout": rows(2, 2), "pool": rows(2, 3, labeled=False)}


def check(folder: Path, files: dict[str, list], taxonomy=TAXONOMY, rules: Rules | None = None):
    parts = []
    for name, content in files.items():
        path = folder / f"{name}.jsonl"
        lines = [r if isinstance(r, bytes) else (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)).encode() for r in content]
        path.write_bytes(b"\n".join(lines) + b"\n" if lines else b"")
        parts.append(Part(path, name, {"gold": True, "holdout": True, "pool": False}[name]))
    return check_data(parts, taxonomy, rules)


def test_clean_files_give_no_finding(tmp_path, files):
    checked = check(tmp_path, files)
    assert checked.findings == []
    assert checked.counts["problems"] == 48
    assert checked.counts["held out"] == 12


# name of the fault: (kind, file, line, change of that row, other kinds that follow from it)
CHANGES = {
    "cut JSON": ("not-json", lambda r: '{"id": "x", "text": '),
    "a list": ("not-object", lambda r: "[1, 2]"),
    "a bare number": ("not-object", lambda r: "7"),
    "NaN": ("not-finite", lambda r: '{"id": "x", "text": "3 + 4는?", "difficulty": NaN}'),
    "the same key twice": ("key-repeated", lambda r: '{"id": "x", "text": "a", "text": "b"}'),
    "CP949": ("not-utf8", lambda r: '{"id": "x", "text": "더하기"}'.encode("cp949")),
    "cut UTF-8": ("not-utf8", lambda r: '{"id": "x", "text": "더"}'.encode()[:-4] + b'"}'),
    "UTF-16 line": ("not-utf8", lambda r: b"\xff\xfe" + b"{\x00}\x00"),
    "a line of a megabyte": ("line-too-long", lambda r: json.dumps({"id": "x", "text": "a" * 1_000_001})),
    "misspelled key": ("key-unknown", lambda r: {**r, "lable": "x"}),
    "no text": ("key-missing", lambda r: {k: v for k, v in r.items() if k != "text"}),
    "no id": ("key-missing", lambda r: {k: v for k, v in r.items() if k != "id"}),
    "text is a number": ("type-wrong", lambda r: {**r, "text": 7}),
    "two labels": ("label-several", lambda r: {**r, "label": [r["label"], "[2수01-07]"]}),
    "label is an object": ("type-wrong", lambda r: {**r, "label": {"code": r["label"]}}, {"label-missing"}),
    "concepts is a number": ("type-wrong", lambda r: {**r, "concepts": 3}),
    "difficulty in words": ("type-wrong", lambda r: {**r, "difficulty": "어려움"}),
    "difficulty 6": ("difficulty-range", lambda r: {**r, "difficulty": 6}),
    "difficulty 0": ("difficulty-range", lambda r: {**r, "difficulty": 0}),
    "id with a space": ("id-bad", lambda r: {**r, "id": "p 1"}),
    "empty id": ("id-bad", lambda r: {**r, "id": ""}),
    "empty text": ("text-empty", lambda r: {**r, "text": " \n"}),
    "endless text": ("text-too-long", lambda r: {**r, "text": "가" * 20_001}),
    "a concept twice": ("concept-bad", lambda r: {**r, "concepts": ["덧셈", "덧셈"]}),
    "short text": ("text-short", lambda r: {**r, "text": "1+1"}),
    "cut text": ("text-cut", lambda r: {**r, "text": "연필 3자루와 지우개 4개를"}),
    "Harmony token": ("control-token", lambda r: {**r, "text": r["text"] + " <|end|>"}),
    "Llama token": ("control-token", lambda r: {**r, "text": "[INST] " + r["text"]}),
    "token in the reason": ("control-token", lambda r: {**r, "reason": r["reason"] + "</s>"}),
    "NUL": ("control-character", lambda r: {**r, "text": r["text"] + "\x00"}),
    "escape sequence": ("control-character", lambda r: {**r, "reason": "\x1b[31m" + r["reason"]}),
    "zero-width space": ("invisible", lambda r: {**r, "text": "\u200b" + r["text"]}),
    "private-use character": ("formula-lost", lambda r: {**r, "text": r["text"] + " \ue001"}),
    "formula lost": ("formula-lost", lambda r: {**r, "text": "정규분포  을 따르는 모집단이 있습니다. " + r["text"]}),
    "formula of 490 braces": ("formula-nested", lambda r: {**r, "text": r["text"] + " $" + "{" * 490 + "x" + "}" * 490 + "$"}),
    "roots of roots": ("formula-nested", lambda r: {**r, "text": r["text"] + " $" + "\\sqrt " * 390 + "x$"}),
    "error cell": ("error-cell", lambda r: {**r, "text": "#REF! " + r["text"]}),
    "replacement character": ("mojibake", lambda r: {**r, "text": r["text"] + " \ufffd\ufffd"}),
    "UTF-8 read as Latin": ("mojibake", lambda r: {**r, "text": r["text"] + " ì‚¬ê³¼"}),
    "CP949 read as Latin": ("mojibake", lambda r: {**r, "text": r["text"] + " ¿¬ÇÊ 9ÀÚ·ç"}),
    "UTF-8 read as CP949": ("mojibake", lambda r: {**r, "text": r["text"] + " 臾몄젣"}),
    "script of HWP": ("hwp-equation", lambda r: {**r, "text": r["text"] + " {1} over {3}"}),
    "no figure": ("figure-missing", lambda r: {**r, "text": "오른쪽 그림과 같은 도형이 있습니다. " + r["text"]}),
    "figure that is not there": ("figure-bad", lambda r: {**r, "figure": "none.png"}),
    "escape written out": ("escape-literal", lambda r: {**r, "text": r["text"] + "\\n다음을 쓰시오."}),
    "NFD Hangul": ("decomposed", lambda r: {**r, "text": "\u1109\u1161\u1100\u116a 세 개는 모두 몇 개입니까? " + r["text"]}),
    "HTML": ("markup", lambda r: {**r, "text": "<p>" + r["text"] + "</p>"}),
    "HTML entity": ("markup", lambda r: {**r, "text": r["text"] + "&nbsp;"}),
    "josa marker": ("template-mark", lambda r: {**r, "text": "사과[을/를] 셉니다. " + r["text"]}),
    "unfilled brace": ("template-mark", lambda r: {**r, "text": "{name}이 셉니다. " + r["text"]}),
    "picture": ("picture", lambda r: {**r, "text": "![](q1.png) " + r["text"]}),
    "answer in the text": ("answer-given", lambda r: {**r, "text": r["text"] + " 정답: 12"}),
    "code in the text": ("answer-given", lambda r: {**r, "text": r["text"] + " [2수01-06]"}),
    "English text": ("language", lambda r: {**r, "text": "How many apples are there in the box? Show your work."}),
    "Japanese text": ("language", lambda r: {**r, "text": "りんごが 3こ あります。ぜんぶで いくつですか。"}),
    "English reason": ("language", lambda r: {**r, "reason": "This is an addition of two numbers with two digits each."}),
    "resident number": ("resident-number", lambda r: {**r, "text": r["text"] + " 990101-1234567"}),
    "foreigner number": ("resident-number", lambda r: {**r, "text": r["text"] + " (880215 - 5234567)"}),
    "mobile phone": ("phone", lambda r: {**r, "text": r["text"] + " 문의 010-1234-5678"}),
    "telephone": ("phone", lambda r: {**r, "reason": r["reason"] + " 02-345-6789"}),
    "e-mail": ("email", lambda r: {**r, "text": r["text"] + " kim@school.go.kr"}),
    "card": ("card-number", lambda r: {**r, "text": r["text"] + " 4111-1111-1111-1111"}),
    "bank account": ("account-number", lambda r: {**r, "text": r["text"] + " 계좌번호: 110-234-567890"}),
    "passport": ("passport", lambda r: {**r, "text": r["text"] + " 여권번호 M12345678"}),
    "name and title": ("person-name", lambda r: {**r, "text": "김민수 선생님이 물었습니다. " + r["text"]}),
    "title and name": ("person-name", lambda r: {**r, "reason": "담임 박지현이 썼다. " + r["reason"]}),
    "no label": ("label-missing", lambda r: {k: v for k, v in r.items() if k != "label"}),
    "unknown label": ("label-unknown", lambda r: {**r, "label": "[2수01-50]"}, {"label-rare"}),
    "two codes": ("label-several", lambda r: {**r, "label": r["label"] + ", [2수01-01]"}, {"label-rare"}),
    "words of another label": ("label-statement", lambda r: {**r, "label": r["label"] + " " + TAXONOMY.labels[0].name}, {"label-spelling"}),
    "other revision": ("label-revision", lambda r: {**r, "label": "2015:" + r["label"]}, {"label-rare"}),
    "other spelling": ("label-spelling", lambda r: {**r, "label": "2수01–06"}),
    "unknown level": ("level-unknown", lambda r: {**r, "level": "E"}),
    "no reason": ("reason-missing", lambda r: {k: v for k, v in r.items() if k != "reason"}),
    "short reason": ("reason-short", lambda r: {**r, "reason": "덧셈"}),
    "endless reason": ("reason-too-long", lambda r: {**r, "reason": "가" * 8001}),
    "reason names another code": ("reason-contradicts", lambda r: {**r, "reason": "나눗셈을 하므로 [4수01-07]에 해당한다."}),
    "reason names another name": ("reason-contradicts", lambda r: {**r, "reason": f"이 문제는 {TAXONOMY['[6수03-19]'].name}에 해당한다."}),
    "reason copies": ("reason-copies", lambda r: {**r, "reason": r["text"]}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_planted_row_is_found_and_nothing_else(tmp_path, files, name):
    kind, change, *also = CHANGES[name]
    files["gold"][2] = change(files["gold"][2])
    found = check(tmp_path, files).findings
    assert [(f.path.name, f.line) for f in found if f.kind == kind] == [("gold.jsonl", 3)]
    assert {f.kind for f in found} <= {kind} | (also[0] if also else set()), found


def test_a_finding_does_not_print_personal_data(tmp_path, files):
    files["gold"][2]["text"] = f"010-1234-5678 {files['gold'][2]['text']}"
    files["gold"].append({**files["gold"][2], "id": "other", "label": "[9수02-20]", "reason": files["gold"][2]["text"]})
    found = check(tmp_path, files).findings
    assert {"phone", "duplicate", "contradiction", "reason-copies"} <= {f.kind for f in found}
    assert all("1234" not in f.detail.en + f.detail.ko for f in found)


def similar(gold: list[dict]) -> dict:
    row = max(gold, key=lambda r: len(r["text"]))
    return {**row, "id": "other", "text": row["text"].rstrip(".?") + "? 쓰기"}


LAST = {"gold": 25, "holdout": 13, "pool": 13}
ROWS = {
    "id twice": ("id-repeated", "gold", lambda f: {**rows(1, 9)[0], "id": f["gold"][0]["id"]}),
    "id in another case": ("id-lookalike", "gold", lambda f: {**rows(1, 9)[0], "id": f["gold"][0]["id"].upper()}),
    "text twice": ("duplicate", "gold", lambda f: {**f["gold"][0], "id": "other"}),
    "text twice but for spaces": (
        "duplicate",
        "gold",
        lambda f: {**f["gold"][0], "id": "other", "text": " " + f["gold"][0]["text"].replace(" ", "  ")},
    ),
    "full-width digits": (
        "duplicate",
        "gold",
        lambda f: {**f["gold"][0], "id": "other", "text": f["gold"][0]["text"].translate({48 + i: 0xFF10 + i for i in range(10)})},
    ),
    "nearly the same": ("near-duplicate", "gold", lambda f: similar(f["gold"])),
    "same text, other label": (
        "contradiction",
        "gold",
        lambda f: {**rows(1, 9)[3], "id": "other", "text": f["gold"][0]["text"]},
        {"duplicate"},
    ),
    "near text, other label": (
        "near-contradiction",
        "gold",
        lambda f: {**rows(1, 9)[0], "id": "other", "text": similar(f["gold"])["text"]},
        {"near-duplicate"},
    ),
    "one reason, two labels": ("reason-shared", "gold", lambda f: {**rows(1, 9)[3], "reason": "두 수를 차례로 계산하여 답을 구한다."}),
    "gold text in the hold-out": ("leak", "holdout", lambda f: {**f["gold"][0], "id": "other"}),
    "nearly a pool problem": ("leak-near", "pool", lambda f: {k: v for k, v in similar(f["gold"]).items() if k in ("id", "text")}),
    "gold id in the hold-out": ("leak-id", "holdout", lambda f: {**rows(1, 9)[0], "id": f["gold"][0]["id"]}),
    "pool text in gold": ("leak", "pool", lambda f: {"id": "other", "text": f["gold"][5]["text"]}),
    "hold-out text in the pool": ("leak", "pool", lambda f: {"id": "other", "text": f["holdout"][5]["text"]}),
    "pool id in gold": ("leak-id", "pool", lambda f: {"id": f["gold"][5]["id"], "text": rows(1, 9)[0]["text"]}),
    "label in the pool": ("label-not-wanted", "pool", lambda f: rows(1, 9)[0]),
    "label of one problem": ("label-rare", "gold", lambda f: row_of(generate(1, 5, ["[2수03-07]"])[0])),
    "judged, never trained on": ("holdout-unseen", "holdout", lambda f: row_of(generate(1, 5, ["[2수03-07]"])[0]), {"label-rare"}),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_planted_extra_row_is_found_and_nothing_else(tmp_path, files, name):
    kind, part, make, *also = ROWS[name]
    if kind == "reason-shared":
        files["gold"][0]["reason"] = "두 수를 차례로 계산하여 답을 구한다."
    files[part].append(make(files))
    found = check(tmp_path, files).findings
    assert [(f.path.name, f.line) for f in found if f.kind == kind] == [(f"{part}.jsonl", LAST[part])], found
    assert {f.kind for f in found} <= {kind} | (also[0] if also else set()), found
    if kind.startswith(("leak", "dup", "near", "contra", "id-")):
        (finding,) = [f for f in found if f.kind == kind]
        assert finding.other is not None
        assert finding.other[0].exists()


def test_a_family_in_gold_and_hold_out_is_a_leak(tmp_path, files):
    files["gold"][3]["family"] = files["holdout"][4]["family"] = "f1"
    (finding,) = check(tmp_path, files).findings
    assert (finding.kind, finding.line, finding.other[1]) == ("leak-family", 4, 5)


def test_a_text_written_by_a_model_in_the_hold_out_is_found(tmp_path, files):
    files["holdout"][2]["augmented"] = "paraphrase"
    (finding,) = check(tmp_path, files).findings
    assert (finding.kind, finding.path.name, finding.line) == ("holdout-variant", "holdout.jsonl", 3)


def test_near_duplicates_of_one_family_are_not_reported(tmp_path, files):
    for row in files["gold"]:
        row["family"] = row["id"]
    files["gold"].append(similar(files["gold"]))
    assert check(tmp_path, files).findings == []


def test_near_duplicates_are_on_one_side_of_the_default_hold_out(tmp_path, files):
    for i in range(8):
        gold = [*files["gold"], {**similar(files["gold"]), "id": f"other{i}"}]
        assert {f.kind for f in check(tmp_path, {"gold": gold}, rules=Rules(holdout=0.5)).findings} == {"near-duplicate"}


def test_a_small_hold_out_and_an_imbalance_are_found(tmp_path, files):
    (finding,) = check(tmp_path, {**files, "holdout": files["holdout"][:9]}).findings
    assert (finding.kind, finding.path.name) == ("holdout-small", "holdout.jsonl")
    more = [row_of(p) for p in generate(60, 4, ["[2수01-06]"])]
    found = check(tmp_path, {"gold": [*files["gold"], *more]}).findings
    assert {(f.kind, f.line) for f in found if f.kind == "imbalance"} == {("imbalance", 1)}


def test_a_code_of_two_revisions_is_ambiguous(tmp_path, files):
    taxonomy = parse_taxonomy("code,name,revision\n[2수01-06],더하기,2015\n[2수01-06],덧셈과 뺄셈,2022\n", "t.csv")
    found = check(tmp_path, {"gold": files["gold"][:1]}, taxonomy=taxonomy).findings
    assert [f.kind for f in found if f.kind.startswith("label-a")] == ["label-ambiguous"]


FILES = {
    "nothing": ("a.jsonl", b"", "file-empty", 1),
    "cells missing": ("a.csv", "id,text\np1,사과는 몇 개입니까?\np2\n".encode(), "ragged-row", 3),
    "open quote": ("a.csv", 'id,text\np1,"사과는 몇 개입니까?\n'.encode(), "quote-open", 2),
    "one column twice": ("a.csv", b"id,text,text\np1,a,b\n", "column-repeated", 1),
    "a column without name": ("a.csv", "id,,text\np1,,사과는 몇 개입니까?\n".encode(), "column-unnamed", 1),
    "CP949 table": ("a.csv", "id,text\np1,사과는 몇 개입니까?\n".encode("cp949"), "encoding-cp949", 1),
    "UTF-16 table": ("a.csv", "id,text\np1,x\n".encode("utf-16"), "encoding-utf16", 1),
    "no workbook": ("a.xlsx", b"PK\x03\x04 no", "not-excel", 1),
    "no Parquet": ("a.parquet", b"PAR1 no PAR1", "not-parquet", 1),
    "broken document": ("a.json", b'[\n{"id": "p1"},\n{"id": }]', "not-json", 3),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_reported_with_its_line(tmp_path, name):
    file, content, kind, line = FILES[name]
    (tmp_path / file).write_bytes(content)
    found = check_data([Part(tmp_path / file)], None).findings
    assert (file, kind, line) in {(f.path.name, f.kind, f.line) for f in found}


def test_missing_files_and_folders_without_a_dataset_are_findings(tmp_path):
    (tmp_path / "empty").mkdir()
    found = check_data([Part(tmp_path / "no.jsonl"), Part(tmp_path / "empty")], None).findings
    assert [f.kind for f in found] == ["file-missing", "not-dataset"]


@pytest.mark.parametrize("kind", [".csv", ".xlsx", ".parquet"])
def test_the_checks_are_the_same_for_every_kind_of_file(tmp_path, kind):
    content = rows(4, 1)
    content[7]["label"] = "[2수01-50]"
    write_rows_to(tmp_path / f"a{kind}", content)
    found = [f for f in check_data([Part(tmp_path / f"a{kind}", labeled=True)], TAXONOMY).findings if f.kind == "label-unknown"]
    assert [f.line for f in found] == [8 if kind == ".parquet" else 9]  # a table's first row names its columns


def test_every_kind_of_finding_is_planted_by_some_test():
    planted = {c[0] for c in CHANGES.values()} | {r[0] for r in ROWS.values()} | {f[2] for f in FILES.values()}
    elsewhere = {
        "leak-family",
        "leak-near-held",  # tests/unit/test_families.py
        "audit-used",  # tests/unit/test_holdout_record.py, as the next
        "left-out",
        "holdout-variant",
        "holdout-small",
        "imbalance",
        "label-ambiguous",
        "file-missing",
        "not-dataset",
        "file-too-long",
        "too-long-for-context",  # tests/model/test_data_tokens.py
        "figure-unseen",  # tests/unit/test_figures.py, as the next
        "figure-alt",
        *(kind for case in WORKBOOKS for kind, _ in case.found),  # tests/unit/test_workbooks.py
        *MASKS,  # tests/unit/test_data_personal.py
    }
    others = [*Path(__file__).parent.glob("test_reader_*.py"), *Path(__file__).parent.glob("*workbook*.py")]
    of_readers = "".join(path.read_text(encoding="utf-8") for path in others)
    planted |= {kind for kind in KINDS if f'"{kind}"' in of_readers or f'"{kind} ' in of_readers}
    shaped = {kind for kind in KINDS if kind.startswith(("chat-", "preference-", "shape-", "examples-")) or kind == "answer-unread"}
    assert set(KINDS) - shaped == planted | elsewhere  # the rest: tests/unit/test_data_check_shapes.py
    assert len(KINDS) >= 50


@pytest.mark.parametrize("name", [*CHANGES, *ROWS])
def test_details_of_findings_have_a_korean_wording(tmp_path, files, name):
    if name in CHANGES:
        files["gold"][2] = CHANGES[name][1](files["gold"][2])
    else:
        files[ROWS[name][1]].append(ROWS[name][2](files))
    own = {"not-json", "not-finite", "not-object", "not-utf8", "line-too-long", "type-wrong", "difficulty-range", "id-bad", "text-empty"}
    own |= {"text-too-long", "reason-too-long", "concept-bad", "reason-short"}  # what the file or the parser itself says
    for finding in check(tmp_path, files).findings:
        if finding.kind not in own:
            assert finding.detail.ko != finding.detail.en, finding
            wording = re.sub(r"'[^']*'|\"[^\"]*\"|\S*-s\d+\S*", "", finding.detail.ko)
            assert not re.search(r"\b(?:contains|problem|problems|is|has|the|here)\b", wording), wording


def test_every_template_takes_the_same_values_in_both_languages():
    for name, (english, korean) in TEMPLATES.items():
        fields = [{field for _, field, _, _ in Formatter().parse(text) if field} for text in (english, korean)]
        assert fields[1] <= fields[0], name  # the Korean page names the kind above the detail, so it may need fewer
        assert re.search("[가-힣]", korean) or korean.startswith("{"), name

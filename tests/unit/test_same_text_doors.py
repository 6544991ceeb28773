"""Every door and every placement treats all spellings of a problem as one: leaks, duplicates, splits, hold-out, what was asked before."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from prefopt.data.checks.check_files import Rules, check_data
from prefopt.data.checks.check_types import Part
from prefopt.errors import DataError
from prefopt.project.families import Row, components, kin, refuse_kin
from prefopt.project.holdout import FILE, HoldoutRecord, default_split
from prefopt.project.near_duplicates import links
from prefopt.project.problems import ProblemFile, refuse_overlap
from prefopt.project.splitting import split
from prefopt.records import Problem
from prefopt.rounds.fit import sift
from prefopt.rounds.reading import Reader
from prefopt.rounds.reads import Data, GoldQuestions
from tests.unit.leak_cases import problems, project, write_rows
from tests.unit.same_text_cases import CHANGED, FAMILIES, HELD_OUT, PROBLEMS
from tests.unit.test_families import checked, started

PRINTED = [Problem(id=name, text=text, label=f"L{i % 3}") for i, (name, text) in enumerate(PROBLEMS.items())]
SPELLED = [
    Problem(id=f"{name}-{i}", text=text, label=next(p.label for p in PRINTED if p.id == name))
    for name, family in FAMILIES.items()
    for i, (_, text) in enumerate(family)
]


def family_of(problem: Problem) -> str:
    return problem.id.partition("-")[0]


def file_of(name: str, *found: Problem) -> ProblemFile:
    return ProblemFile(Path(name), found, {p.id: line for line, p in enumerate(found, 1)})


def test_every_spelling_of_a_held_out_problem_is_kin_of_it():
    found = {link.used: link for link in kin(PRINTED, SPELLED)}
    assert {link.why for link in found.values()} == {"text"}
    assert [PRINTED[found[i].guarded].id for i in range(len(SPELLED))] == [family_of(p) for p in SPELLED]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_doors_are_closed_to_every_spelling(name):
    printed = next(p for p in PRINTED if p.id == name)
    for rule, text in FAMILIES[name]:
        other = Problem(id="other", text=text)
        with pytest.raises(DataError, match="is of one group with"):
            refuse_kin([Row(printed, None, None, "hold-out")], [Row(other, None, None, "pool")], "")
        with pytest.raises(DataError, match=r"the same text is in gold\.jsonl:1") as error:
            refuse_overlap(file_of("gold.jsonl", printed), file_of("pool.jsonl", other))
        assert ("in another spelling" in str(error.value)) == (text != printed.text), rule


@pytest.mark.parametrize("rule", CHANGED)
def test_a_changed_held_out_problem_never_reaches_the_pool_or_training(tmp_path, rule):
    held = [*problems("h", 12), {"id": "held", "text": HELD_OUT, "label": "a"}]
    again = {"id": "again", "text": CHANGED[rule]}
    for file in ("pool", "gold", "questions"):
        rows = {"gold": problems("g", 20), "pool": problems("k", 3), "questions": problems("a", 6)}
        rows["pool"] = [{"id": row["id"], "text": row["text"]} for row in rows["pool"]]
        rows[file] = [*rows[file], again if file == "pool" else {**again, "label": "b"}]
        found = project(tmp_path / file, holdout=held, **rows)
        reader = Reader(started(found))
        with pytest.raises(DataError, match=rf"{file}\.jsonl:{len(rows[file])}: .*the same text"):  # noqa: PT012  as in a stage
            Data(with_pool=True).load(reader)
            GoldQuestions().load(reader)
        assert "leak" in {f.kind for f in checked(found).findings if f.severity == "error"}


def test_all_spellings_are_duplicates_of_the_first_and_of_no_other_problem(tmp_path):
    write_rows(tmp_path / "all.jsonl", [p.model_dump(exclude_none=True, exclude={"concepts"}) for p in SPELLED])
    found = check_data([Part(tmp_path / "all.jsonl")], None, Rules(language=None)).findings
    line = {family_of(p): number for number, p in reversed(list(enumerate(SPELLED, 1)))}
    wanted = {(number, line[family_of(p)]) for number, p in enumerate(SPELLED, 1)} - {(n, n) for n in line.values()}
    assert {(f.line, f.other[1]) for f in found if f.kind == "duplicate" and f.other} == wanted
    assert not [f for f in found if f.kind in ("near-duplicate", "contradiction")]


def test_a_split_and_the_default_hold_out_keep_all_spellings_together():
    made = split(SPELLED, (0.6, 0.2, 0.2), seed=3)
    assert made.groups == len(PROBLEMS)
    parts = defaultdict(set)
    for problem, part in zip(SPELLED, made.parts, strict=True):
        parts[family_of(problem)].add(part)
    assert {len(found) for found in parts.values()} == {1}
    assert len(set(components(SPELLED))) == len(PROBLEMS)
    train, held = default_split(SPELLED, 0.3)
    assert {family_of(p) for p in train}.isdisjoint(family_of(p) for p in held)
    assert held
    assert len(train) + len(held) == len(SPELLED)


def test_choices_in_another_order_and_exchanged_numbers_are_no_duplicates():
    texts = ["45 - 18의 값을 구하시오.", "18 - 45의 값을 구하시오.", "정답은? ① 2 ② 4 ③ 6", "정답은? ① 4 ② 2 ③ 6"]
    assert all(link.similarity < 1 for link in links(texts))
    assert all(link.why == "near" for link in kin([Problem(id="h", text=texts[0])], [Problem(id="t", text=texts[1])]))


def test_what_was_asked_is_not_asked_again_in_another_spelling_or_under_another_id():
    asked = PRINTED[:5]
    fit, left = sift([Row(p, "pool.jsonl", line, "pool") for line, p in enumerate(SPELLED, 1)], asked, Path("."))
    assert [family_of(p) for p in fit] == [p.id for p in PRINTED[5:]], "of those with one text, the first"
    assert {row.kind for row in left} == {"asked-before", "duplicate"}


def test_ids_that_look_alike_are_one_id_between_files(tmp_path):
    gold, pool = Problem(id="문항1", text="3 + 4"), Problem(id="문항1\u200b", text="5 + 9")
    with pytest.raises(DataError, match=r"pool\.jsonl:1: .*the same id is in gold\.jsonl:1, spelled '문항1'") as error:
        refuse_overlap(file_of("gold.jsonl", gold), file_of("pool.jsonl", pool))
    assert error.value.hint == "give it another id"
    refuse_overlap(file_of("gold.jsonl", gold), file_of("pool.jsonl", pool.model_copy(update={"id": "문항2"})))
    rows = [{"id": "문항1", "text": "3 + 4는?"}, {"id": "문항１", "text": "5 + 9는?"}]
    write_rows(tmp_path / "all.jsonl", rows)
    found = check_data([Part(tmp_path / "all.jsonl")], None, Rules(language=None)).findings
    assert ("id-lookalike", 2) in {(f.kind, f.line) for f in found}


def test_a_recorded_problem_keeps_its_side_when_its_id_is_spelled_otherwise():
    record = HoldoutRecord(share=0.3, problems={"\u1106\u116e\u11ab-1": "holdout", "b": "train"})
    assert (record.side("문-1"), record.side("b"), record.side("B"), record.side("c")) == ("holdout", "train", "train", None)
    assert record.has(Problem(id="문-1", text="3 + 4"))
    assert record == HoldoutRecord(share=0.3, problems=dict(record.problems)), "what was looked up is no part of it"
    assert FILE == "holdout.json"

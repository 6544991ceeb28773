"""The default hold-out: stratified by label, by group, and fixed by the first training."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import DataError, ProjectError
from prefopt.project.families import components, likeness_of
from prefopt.project.holdout import FILE, HoldoutRecord, default_split, is_held_out_by_hash, keep_placement, placement, read_record
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Problem
from prefopt.rounds.checks import check_project
from prefopt.rounds.reading import Reader
from prefopt.rounds.reads import Data
from tests.unit.leak_cases import TEXT, problems, project, write_rows
from tests.unit.test_families import checked


def round_of(folder: Path) -> Round:
    """Round 000 of a project, frozen with the settings of today where it has not been."""
    found = open_project(folder)
    return found.round(0) if found.rounds() else freeze_round(found, 0, {"recipe": "sft"})


def begin_training(folder: Path, stage: str = "train") -> None:
    """As a stage does: read what is held out, then work in a folder."""
    Data().load(Reader(round_of(folder)))
    (folder / "rounds" / "000" / stage).mkdir(parents=True)


def sides(folder: Path) -> dict[str, str]:
    """Side of each gold problem, as the loop sees it and as `prefopt data check` counts it."""
    data = round_of(folder).load()
    found = {p.id: name for name in ("train", "holdout", "left_out") for p in getattr(data, name)}
    counted = checked(open_project(folder))
    assert counted.counts["held out"] == len(data.holdout)
    lines = {data.places[p.id][1] for p in data.left_out}
    assert {f.line for f in counted.findings if f.kind == "left-out"} == lines
    return found


def change_gold(folder: Path, rows: list[dict[str, Any]]) -> None:
    write_rows(folder / "data" / "gold.jsonl", rows)


def test_every_label_with_two_families_is_on_both_sides_and_families_are_whole():
    gold = generate(6, 7)
    train, held = default_split(gold, 0.3)
    assert {p.family for p in train}.isdisjoint({p.family for p in held})
    assert 0.28 < len(held) / len(gold) < 0.36
    groups = dict(zip((p.id for p in gold), components(gold), strict=True))
    assert {groups[p.id] for p in train}.isdisjoint({groups[p.id] for p in held})
    splittable = {label for label in {p.label for p in gold} if len({groups[p.id] for p in gold if p.label == label}) > 1}
    assert len(splittable) > 170
    assert splittable <= {p.label for p in held}
    assert splittable <= {p.label for p in train}


def test_a_changed_share_and_new_problems_count_before_the_first_training(tmp_path):
    project(tmp_path, gold=problems("g", 40))
    Data().load(Reader(round_of(tmp_path)))
    assert Counter(sides(tmp_path).values()) == {"train": 28, "holdout": 12}
    (tmp_path / "rounds" / "000" / "round.toml").unlink()
    with (tmp_path / "prefopt.toml").open("a") as file:
        file.write("holdout_share = 0.5\n")
    assert Counter(sides(tmp_path).values()) == {"train": 20, "holdout": 20}
    Data().load(Reader(round_of(tmp_path)))
    record = read_record(tmp_path / "rounds")
    assert (record.share, Counter(record.problems.values())) == (0.5, {"train": 20, "holdout": 20})


@pytest.mark.parametrize("stage", ["train", ".train.partial"])
def test_from_the_first_training_on_nobody_moves(tmp_path, stage):
    gold = problems("g", 40)
    project(tmp_path, gold=gold)
    begin_training(tmp_path, stage)
    before = sides(tmp_path)
    more = problems("k", 30)
    for rows in (gold[::-1], gold[7:], [*more, *gold], random.Random(3).sample([*gold, *more], 60)):
        change_gold(tmp_path, rows)
        now = sides(tmp_path)
        Data().load(Reader(round_of(tmp_path)))
        assert {i: before[i] for i in now if i in before} == {i: now[i] for i in now if i in before}
        before |= now  # whoever was placed once stays, in the file or not
    change_gold(tmp_path, [*gold, *more])
    assert Counter(sides(tmp_path).values()) == pytest.approx({"train": 49, "holdout": 21}, abs=2)


def test_new_members_join_their_families_even_where_nobody_else_is_left(tmp_path):
    gold = problems("h", 40)
    project(tmp_path, gold=gold)
    begin_training(tmp_path)
    before = sides(tmp_path)
    kin = [{**row, "id": f"new-{row['id']}", "text": f"{i}번째 새 문제: 넓이를 구하시오."} for i, row in enumerate(gold)]
    change_gold(tmp_path, kin)
    assert {i.removeprefix("new-"): side for i, side in sides(tmp_path).items()} == before


def test_a_problem_between_the_sides_and_variants_of_held_out_ones_are_in_neither(tmp_path):
    gold = problems("h", 40)
    project(tmp_path, gold=gold)
    begin_training(tmp_path)
    before = sides(tmp_path)
    held, trained = (next(row for row in gold if before[row["id"]] == side) for side in ("holdout", "train"))
    bridge = {"id": "bridge", "text": trained["text"] + "!", "label": trained["label"], "family": held["family"]}
    variants = [
        {
            "id": f"{row['id']}~paraphrase-1",
            "text": f"{row['id']} 다시 쓴 글",
            "label": row["label"],
            "family": row["family"],
            "augmented": "paraphrase",
        }
        for row in (held, trained)
    ]
    change_gold(tmp_path, [bridge, *variants, *gold])
    now = sides(tmp_path)
    assert {i: side for i, side in now.items() if i in before} == before
    assert (now["bridge"], *(now[v["id"]] for v in variants)) == ("left_out", "left_out", "train")
    Data().load(Reader(round_of(tmp_path)))
    change_gold(tmp_path, [bridge, *variants, *(row for row in gold if row["id"] != held["id"])])
    assert {i: side for i, side in sides(tmp_path).items() if i != held["id"]} == {i: s for i, s in now.items() if i != held["id"]}


def test_a_project_trained_by_an_earlier_version_keeps_its_hash_split(tmp_path):
    gold = problems("g", 60)
    twin = lambda row: {**row, "id": f"{row['id']}-twin", "family": f"t{row['id']}", "text": row["text"] + "!"}  # noqa: E731  a row of the case
    rows = [*gold, *map(twin, gold)]
    project(tmp_path, gold=rows)
    round_of(tmp_path)
    (tmp_path / "rounds" / "000" / "train").mkdir()
    old = {row["id"]: is_held_out_by_hash(Problem(**row), 0.3) for row in rows}
    expected = {}
    for row in gold:
        both = {old[row["id"]], old[f"{row['id']}-twin"]}
        for i in (row["id"], f"{row['id']}-twin"):
            expected[i] = "train" if not old[i] else "holdout" if both == {True} else "left_out"
    assert set(expected.values()) == {"train", "holdout", "left_out"}
    assert sides(tmp_path) == expected
    assert not (tmp_path / "rounds" / FILE).exists()  # looking writes nothing
    Data().load(Reader(round_of(tmp_path)))
    change_gold(tmp_path, [*rows, *problems("k", 20)])
    now = sides(tmp_path)
    assert {i: now[i] for i in expected} == expected
    change_gold(tmp_path, [row for row in rows if expected[row["id"]] != "train"])
    assert sides(tmp_path) == {i: s for i, s in expected.items() if s != "train"}


def test_a_stage_records_who_is_held_out_as_an_input(tmp_path):
    project(tmp_path, gold=problems("g", 40))
    reader = Reader(round_of(tmp_path))
    Data().load(reader)
    assert reader.inputs["held out"].path == f"rounds/{FILE}"
    at = (tmp_path / "rounds" / FILE).stat().st_mtime_ns
    Data().load(Reader(round_of(tmp_path)))
    assert (tmp_path / "rounds" / FILE).stat().st_mtime_ns == at
    with_file = tmp_path / "with_file"
    with_file.mkdir()
    project(with_file, holdout=problems("h", 12))
    reader = Reader(round_of(with_file))
    Data().load(reader)
    assert sorted(reader.inputs) == ["gold", "holdout", "taxonomy"]


def test_a_record_changed_by_hand_or_by_another_process_is_refused(tmp_path):
    project(tmp_path, gold=problems("g", 40))
    begin_training(tmp_path)
    rounds = tmp_path / "rounds"
    gold = [Problem(**row) for row in [*problems("g", 40), *problems("k", 4)]]
    found = placement(rounds, gold, likeness_of(gold), 0.3)
    other = HoldoutRecord(share=0.3, problems={**read_record(rounds).problems, "k0": "train"})
    (rounds / FILE).write_text(other.model_dump_json(), encoding="utf-8")
    with pytest.raises(ProjectError, match="was written by another process meanwhile"):
        keep_placement(rounds, found)
    assert read_record(rounds) == other
    (rounds / FILE).write_text('{"format": 1, "share": 0.3, "problems": {"g1": "test"}}', encoding="utf-8")
    with pytest.raises(ProjectError, match=r"holdout\.json: .*problems") as error:
        round_of(tmp_path).load()
    assert "restore" in error.value.hint


row = st.builds(
    lambda n, end, family, label: {"text": TEXT.format(n) + end, "label": label} | ({"family": family} if family else {}),
    st.integers(0, 12),
    st.sampled_from(["", "!", " 다"]),
    st.sampled_from([None, None, "f", "g", "k"]),
    st.sampled_from(["a", "b"]),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(row, min_size=1, max_size=30), st.integers(0, 30), st.randoms(use_true_random=False))
def test_growth_and_order_move_nobody_and_no_group_is_on_both_sides(tmp_path_factory, rows, first, rng):
    gold = [Problem(id=f"p{i}", **row) for i, row in enumerate(rows)]
    folder = tmp_path_factory.mktemp("p")
    (folder / "000").mkdir()
    some, rest = gold[:first], gold[first:]
    one = placement(folder, some, likeness_of(some), 0.3)
    keep_placement(folder, one)
    (folder / "000" / "train").mkdir()
    known = dict(zip((p.id for p in some), one.sides, strict=True))
    later = rng.sample(gold, len(gold)) if rng.random() < 0.5 else rest[::-1]
    two = placement(folder, later, likeness_of(later), 0.3)
    now = dict(zip((p.id for p in later), two.sides, strict=True))
    assert all(now[i] == known[i] for i in now if i in known)
    used = [side != "neither" for side in two.sides]
    groups = components(later, among=used)
    on = {side: {g for g, s in zip(groups, two.sides, strict=True) if s == side} for side in ("train", "holdout")}
    assert not on["train"] & on["holdout"]


def test_check_names_what_helps_before_and_after_training_began(tmp_path):
    project(tmp_path, gold=problems("g", 20))
    with pytest.raises(DataError) as error:
        check_project(open_project(tmp_path))
    assert "6 problems are held out" in error.value.message
    assert "raise data.holdout_share" in error.value.hint
    begin_training(tmp_path)
    with pytest.raises(DataError) as error:
        check_project(open_project(tmp_path))
    assert "only new ones help" in error.value.hint
    assert "holdout_share" not in error.value.hint
    change_gold(tmp_path, problems("g", 60))
    assert "data.holdout_share" not in check_project(open_project(tmp_path))
    with (tmp_path / "prefopt.toml").open("a") as file:
        file.write("holdout_share = 0.5\n")
    found = check_project(open_project(tmp_path))
    assert found["data.holdout_share"] == "0.5 for new gold problems; 0.3 held when training began, and nobody moves"
    assert found["gold held out"] == 30


def test_what_was_in_the_gold_file_since_training_began_cannot_be_sealed(tmp_path):
    gold = problems("g", 40)
    project(tmp_path, gold=gold, audit=problems("a", 12))
    begin_training(tmp_path)
    assert {f.kind for f in checked(open_project(tmp_path)).findings} == set()
    moved = {"by its id": {**gold[3], "family": "other"}, "by its family": {**gold[5], "id": "other"}}
    for name, row in moved.items():
        change_gold(tmp_path, [other for other in gold if other["family"] not in (row["family"], gold[3]["family"])])
        write_rows(tmp_path / "data" / "audit.jsonl", [*problems("a", 12), row])
        with pytest.raises(
            DataError, match=r"audit\.jsonl:13: problem '.*' of the audit, or one of its family, was in the gold file before"
        ):
            round_of(tmp_path).load()
        errors = [(f.kind, f.line) for f in checked(open_project(tmp_path)).findings if f.severity == "error"]
        assert errors == [("audit-used", 13)], name

"""Slates that measure teachers: which problems of known label are asked, what is refused, where second showings stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefopt.errors import DataError, ProjectError
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Problem
from prefopt.rounds.reading import Reader
from prefopt.rounds.reads import GoldQuestions
from prefopt.rounds.slates import draw_gold, mixed, repeated
from tests.unit.rankings_cases import slate


def a_round(folder: Path, settings: str = "", **files: list[dict]) -> Round:
    """A round of a project of 40 gold problems and 3 of the pool, asking 10 slates; more files by their names."""
    (folder / "data").mkdir(parents=True)
    (folder / "taxonomy.csv").write_text("code,name\na,A\nb,B\nc,C\n", encoding="utf-8")
    gold = [{"id": f"g{i}", "text": f"gold problem {i}", "label": "abc"[i % 3]} for i in range(40)]
    pool = [{"id": f"q{i}", "text": f"open problem {i}"} for i in range(3)]
    for name, rows in {"gold": gold, "pool": pool, **files}.items():
        (folder / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "prefopt.toml").write_text(f"[sample]\nslates = 10\n[feedback]\ngold_share = 0.5\n{settings}", encoding="utf-8")
    return freeze_round(open_project(folder), 1, {"recipe": "dpo", "parent": 0})


def askable(rnd: Round) -> tuple[Problem, ...]:
    """The problems with a known label that the round may ask about."""
    return GoldQuestions().load(Reader(rnd))


def test_known_labels_come_from_what_is_trained_on_and_none_twice(tmp_path):
    rnd = a_round(tmp_path)
    known = askable(rnd)
    assert known == rnd.load().train
    first = draw_gold(known, rnd.config, rnd.seed)
    assert len(first) == 5
    assert first == draw_gold(known, rnd.config, rnd.seed)
    asked = {p.id for p in first}
    assert not asked & {p.id for p in draw_gold([p for p in known if p.id not in asked], rnd.config, rnd.seed)}
    with pytest.raises(ProjectError, match="gold_share asks for 5 problems") as error:
        draw_gold(known[:3], rnd.config, rnd.seed)
    assert "has 3 that no earlier round has asked" in error.value.message


@pytest.mark.parametrize("same", ["id", "text"])
def test_a_file_that_holds_a_hold_out_problem_is_refused(tmp_path, same):
    number = int(a_round(tmp_path / "first").load().holdout[0].id[1:])
    row = {"id": f"g{number}" if same == "id" else "x", "text": "new" if same == "id" else f"gold  problem {number}", "label": "a"}
    rnd = a_round(tmp_path, 'gold_file = "data/known.jsonl"\n', known=[row] * 1)
    with pytest.raises(DataError, match="hold-out"):
        askable(rnd)


def test_a_file_that_shares_a_problem_with_the_pool_is_refused(tmp_path):
    rnd = a_round(tmp_path, 'gold_file = "data/known.jsonl"\n', known=[{"id": "k", "text": "open problem 1", "label": "a"}])
    with pytest.raises(DataError, match=r"known\.jsonl:1: problem 'k': the same text"):
        askable(rnd)


def test_second_showings_stand_after_the_first_with_the_cards_in_another_order(tmp_path):
    rnd = a_round(tmp_path)
    slates = [slate(f"s{i}", gold="a" if i % 5 == 0 else None) for i in range(20)]
    for count in (1, 8, 10):
        again = repeated(slates, count, rnd.key)
        assert len({s.repeat_of for s in again}) == count
        assert all(s.order != (0, 1, 2) and s.gold is None for s in again)
        shown = mixed(slates, again, rnd.key)
        place = {s.id: i for i, s in enumerate(shown)}
        assert len(place) == 20 + count
        assert all(place[s.repeat_of] < place[s.id] for s in again)
        assert shown == mixed(slates, again, rnd.key)
    assert repeated(slates, 0, rnd.key) == []

"""The example project: nothing that teachers rank is of one group with what it is judged on."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from prefopt.project.families import kin
from prefopt.project.init import GOLD_PER_STANDARD, POOL_PER_STANDARD, example_problems, make_project
from prefopt.project.loading import ProjectData, load_data
from prefopt.project.project import open_project
from tests.command_line import CommandLine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("example") / "mathclass"
    assert len(list(make_project(path, example=True))) == 5
    return path


@pytest.fixture(scope="module")
def data(folder) -> ProjectData:
    return load_data(folder, open_project(folder).config, with_pool=True)


def test_every_standard_is_trained_on_held_out_and_asked(data):
    assert len(data.train) + len(data.holdout) == 181 * GOLD_PER_STANDARD
    assert 330 <= len(data.holdout) <= 380
    assert 520 <= len(data.pool) <= 181 * POOL_PER_STANDARD
    assert len({p.label for p in data.train}) == len({p.label for p in data.holdout}) == 181
    assert set(Counter(p.id for p in (*data.train, *data.holdout, *data.pool)).values()) == {1}


def test_the_pool_has_no_wording_of_the_hold_out_and_mostly_wordings_that_are_new(data):
    assert all(p.family and p.label is None for p in data.pool)
    assert list(kin(data.holdout, data.pool)) == []
    assert not {data.groups[p.id] for p in data.pool} & set(data.holdout_groups)
    trained = {p.family for p in data.train}
    assert sum(p.family not in trained for p in data.pool) > len(data.pool) / 2


def test_the_right_labels_are_those_of_the_pool_and_the_check_finds_no_error(folder, data, monkeypatch, capsys):
    rows = [json.loads(line) for line in (folder / "data" / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["id"] for row in rows} == {p.id for p in data.pool}
    wordings = {p.family: p.label for p in data.train}
    assert all(wordings[p.family] == row["label"] for p, row in zip(data.pool, rows, strict=True) if p.family in wordings)
    found = json.loads(CommandLine(folder, monkeypatch, capsys)("data", "check", "--json"))
    assert [f for f in found["findings"] if f["severity"] == "error"] == []
    assert found["held out"] == len(data.holdout)
    assert {f["kind"] for f in found["findings"]} <= {"leak-near"}  # of the training part and the pool


def test_the_example_is_the_same_every_time():
    assert example_problems() == example_problems()

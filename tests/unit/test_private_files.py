"""What names teachers and quotes them can be read by nobody but the user who runs prefopt, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedback import teacher_list
from prefopt.io.stage_folders import Manifest, finish, now, start
from prefopt.rankings.answers import FILE, keep
from prefopt.records import Ranking


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_log_of_answers_also_one_of_an_earlier_version(tmp_path):
    answer = Ranking(slate_id="s", teacher="kim", kind="ranked", ranks={"a": 1, "b": 2}, comment="because")
    keep(tmp_path, [answer], [])
    assert mode(tmp_path / FILE) == 0o600
    (tmp_path / FILE).chmod(0o644)
    keep(tmp_path, [answer], [])
    assert mode(tmp_path / FILE) == 0o600


@pytest.mark.parametrize("stage", ["collect", "report", "train"])
def test_stages(tmp_path, stage):
    out = start(tmp_path / stage)
    (out / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    times = {"started": now(), "ended": now()}
    nothing: dict[str, Any] = {"inputs": {}, "outputs": {}, "outcome": {}, "versions": {}, "machine": "", "config_hash": ""}
    manifest = Manifest(stage=stage, round=0, seed=1, **times, **nothing)
    finish(tmp_path / stage, manifest)
    assert {mode(path) for path in (tmp_path / stage).iterdir()} == {0o600}
    assert mode(tmp_path / stage) == 0o700


def test_the_list_of_teachers(tmp_path):
    teacher_list.add(tmp_path, {"kim": "김"}, [])
    assert mode(tmp_path / teacher_list.FILE) == 0o600

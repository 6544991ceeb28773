"""Stage folders appear whole or not at all; hashes tell what changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from prefopt.errors import DataError, ProjectError
from prefopt.io import hashing
from prefopt.io import stage_folders as store
from prefopt.io.files import write_json
from prefopt.io.hashing import Hashes, hash_path
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.project.project import Project, Round, locked
from prefopt.project.resolve import load_config
from prefopt.project.round_toml import freeze_round
from prefopt.records import Dropped


def manifest(**outputs):
    when = store.now()
    fixed = {"stage": "pair", "round": 1, "seed": 1, "config_hash": "0", "inputs": {}, "outcome": {}, "versions": {}, "machine": "m"}
    return store.Manifest.model_validate({**fixed, "outputs": outputs, "started": when, "ended": when})


def test_a_stage_folder_appears_with_its_manifest(tmp_path):
    folder = tmp_path / "pair"
    out = store.start(folder)
    write_rows(out / "dropped.jsonl", [Dropped(slate_id="s", cause="tie", detail="가")])
    assert not folder.exists()
    store.finish(folder, manifest(dropped=store.record_of(out / "dropped.jsonl", out, Hashes())))
    assert not out.exists()
    known = store.read_manifest(folder).outputs["dropped"]
    assert (known.path, known.rows, known.sha256) == ("dropped.jsonl", 1, hash_path(folder / "dropped.jsonl"))


@pytest.mark.parametrize(("schema", "hint"), [(1, "prefopt migrate"), (3, "pip install --upgrade prefopt")])
def test_another_format_is_refused_with_what_to_type(tmp_path, schema, hint):
    (tmp_path / "stage.json").write_text(f'{{"schema_version": {schema}, "facts": {{}}}}')
    with pytest.raises(ProjectError, match=f"has format {schema}") as error:
        store.read_manifest(tmp_path)
    assert error.value.hint == hint


def test_a_large_file_is_hashed_again_only_when_the_file_system_reports_a_change(tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "SMALL", 10)
    path, times = tmp_path / "weights", (10**18, 10**18)
    path.write_bytes(b"a" * 100)
    os.utime(path, ns=times)
    hashes = Hashes(tmp_path / "cache" / "hashes.json")
    first = hashes.of(path)
    cached = json.loads((tmp_path / "cache" / "hashes.json").read_text())
    cached[str(path)][-1] = "from the cache"
    (tmp_path / "cache" / "hashes.json").write_text(json.dumps(cached))
    assert Hashes(tmp_path / "cache" / "hashes.json").of(path) == "from the cache"  # not read again
    assert Hashes(tmp_path / "cache" / "hashes.json").of(path, content=True) == first
    path.write_bytes(b"b" * 100)
    os.utime(path, ns=times)  # same size, same modification time: the change time differs
    assert Hashes(tmp_path / "cache" / "hashes.json").of(path) == hash_path(path) != first


def test_finishing_twice_is_refused(tmp_path):
    folder = tmp_path / "pair"
    store.start(folder)
    store.finish(folder, manifest())
    store.start(folder)
    with pytest.raises(ProjectError, match="exists already"):
        store.finish(folder, manifest())


def test_what_an_interrupted_run_left_is_removed_but_for_what_is_kept(tmp_path):
    out = store.start(tmp_path / "train")
    (out / "checkpoints").mkdir()
    (out / "half.jsonl").write_text("{")
    assert sorted(p.name for p in store.start(tmp_path / "train", keep=("checkpoints",)).iterdir()) == ["checkpoints"]
    assert list(store.start(tmp_path / "train").iterdir()) == []


def test_the_hash_of_a_folder_sees_names_and_contents(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = hash_path(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert hash_path(tmp_path / "a") != first
    (tmp_path / "a" / "y").rename(tmp_path / "a" / "x")
    assert hash_path(tmp_path / "a") == first
    (tmp_path / "a" / ".hidden").write_text("1")
    assert hash_path(tmp_path / "a") == first


def test_rows_come_back_as_written(tmp_path):
    rows = [Dropped(slate_id=f"s{i}", cause="tie", detail='‘가’\u2028 \\ " \n') for i in range(3)]
    assert write_rows(tmp_path / "x.jsonl", rows) == 3
    assert read_rows(tmp_path / "x.jsonl", Dropped) == rows


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / "x.jsonl", Dropped)


def a_round(tmp_path) -> Round:
    (tmp_path / "prefopt.toml").write_text("")
    return freeze_round(Project(tmp_path, load_config(tmp_path / "prefopt.toml")), 1, {"round": 1, "recipe": "dpo", "parent": 0})


def test_one_writer_per_round_and_a_dead_owner_holds_nothing(tmp_path):
    rnd = a_round(tmp_path)
    code = f"""
import time
from pathlib import Path
from prefopt.project.project import open_project, locked
with locked(open_project(Path({str(tmp_path)!r})).round(1)):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout.readline() == "held\n"
            with pytest.raises(ProjectError, match=str(owner.pid)), locked(rnd):
                pass
        finally:
            owner.kill()
    deadline = time.monotonic() + 5
    while True:
        try:
            with locked(rnd):
                break
        except ProjectError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_text_file_is_replaced_whole(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": "가"})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
    assert path.read_text(encoding="utf-8") == '{\n  "a": "가"\n}\n'
    assert os.listdir(tmp_path) == ["x.json"]

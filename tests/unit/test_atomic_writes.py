"""Every file is written through prefopt.io.files: flushed, renamed, and its folder flushed. Found in the syntax tree, so that a new write
is noticed. A folder that is flushed as a whole before it is renamed may be filled by anyone; those places are listed.
"""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefopt.io import files
from prefopt.io.stage_folders import Manifest, finish, start

MANIFEST = Manifest.model_validate(
    {"stage": "train", "round": 1, "seed": 1, "config_hash": "", "inputs": {}, "outputs": {}, "outcome": {}, "versions": {}, "machine": ""}
    | dict.fromkeys(("started", "ended"), "2026-01-01T00:00:00Z")
)
ROOT = Path(__file__).resolve().parents[2]
STAGE = "in an unfinished stage folder, which stage_folders.finish flushes"
REPLACED = "into what replacing() gave its caller"
LOG = "a log that only grows, flushed line by line"
CHECKPOINT = "in a checkpoint, which mark_complete flushes"
COPY = "a copy in a folder of its own, which is flushed whole before one rename"
ALLOWED = {
    "prefopt/io/files.py:replacing": "the temporary file itself, with its mode",
    "prefopt/io/jsonl.py:write_rows": "flushed here; its callers give an unfinished folder or what replacing() gave them",
    "prefopt/faults.py:_save_stack": "a stack for a report, of no use later",
    "prefopt/io/locks.py:locked": "a lock's content is of no use after its process",
    "prefopt/data/formats/row_writer.py:_jsonl": REPLACED,
    "prefopt/data/formats/row_writer.py:_json": REPLACED,
    "prefopt/data/formats/row_writer.py:_csv": REPLACED,
    "prefopt/data/formats/row_writer.py:_xlsx": REPLACED,
    "prefopt/data/formats/row_writer.py:_parquet": REPLACED,
    "prefopt/data/formats/row_writer.py:_dataset": REPLACED,
    "prefopt/data/prepare/augment_file.py:_each": LOG,
    "prefopt/rankings/answers.py:_locked": LOG,
    "prefopt/deploy/folder.py:write_predictor": "in an export, which is flushed before it is renamed",
    "prefopt/deploy/hub/begin.py:begin": REPLACED,
    "prefopt/deploy/hub/pull.py:_fetched": "in a folder inside what replacing() gave its caller",
    "prefopt/rounds/importing.py:take_published": STAGE,
    "prefopt/jobs/archives.py:_copy": STAGE,
    "prefopt/jobs/client.py:JobClient._keep": STAGE,
    "prefopt/inuse/records.py:_add": LOG,
    "prefopt/serve/journal.py:Journal._add": LOG,
    "prefopt/serve/journal.py:_cut_unfinished": "cuts a line that a crash left unfinished off such a log",
    "feedback/repair_build.py:prepare": COPY,
    "feedback/repair_log.py:replay": COPY,
    "prefopt/calibration/posteriors.py:write_posteriors": STAGE,
    "prefopt/training/launch.py:launch": STAGE,
    "recipes/callbacks.py:MetricsWriter.on_log": STAGE,
    "recipes/training.py:LocalRun._save": CHECKPOINT,
    "prefopt/model/merge.py:_Writer._flush": REPLACED,
    "prefopt/model/merge.py:_write_config": REPLACED,
    "prefopt/model/mxfp4.py:_write_shards": "the checkpoint that ships with the package, made by tools/",
    "prefopt/rounds/migrate.py:_link_file": "in rounds.migrating, which is flushed before it is renamed",
    "prefopt/rounds/migrate.py:_link": "as above",
}
"""Function that writes -> why it may."""
OTHERS = ("feedback/server/", "feedback/bundled.py", "feedback/backups.py", "feedback/environment.py")
"""The server's environment and data, which its own interpreter writes without prefopt: tests/contract/test_argilla_backups.py."""
_MODES = set("wax+")
_METHODS = {"write_text", "write_bytes", "save_pretrained", "to_parquet", "to_csv", "to_json", "save_to_disk", "write_table", "save"}
_FUNCTIONS = {"save_file", "copyfile", "copy", "copy2", "copytree", "move", "mkstemp", "NamedTemporaryFile"}


def source_files() -> list[Path]:
    found = [path for room in ("prefopt", "recipes", "feedback") for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if not path.relative_to(ROOT).as_posix().startswith(OTHERS)]


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Name and node of every function, nested ones as part of the one around them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{prefix}{node.name}", node


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""


def writes(call: ast.Call) -> bool:
    """Whether a call opens a file for writing, or gives a path to something that does."""
    name = name_of(call)
    if name == "open" and any(isinstance(node, ast.Attribute) and node.attr == "O_CREAT" for node in ast.walk(call)):
        return True
    if name == "open":
        given = [node.value for node in [*call.args, *(keyword.value for keyword in call.keywords)] if isinstance(node, ast.Constant)]
        modes = [set(text) for text in given if isinstance(text, str) and len(text) <= 3]
        return any(_MODES & mode and mode <= set("rwaxbt+") for mode in modes)
    if name in _FUNCTIONS:
        return isinstance(call.func, ast.Name) or getattr(call.func.value, "id", "") in ("shutil", "tempfile")
    return isinstance(call.func, ast.Attribute) and name in _METHODS


def moves(call: ast.Call) -> bool:
    """Whether a call is Path.rename or Path.replace; str.replace takes two texts."""
    return isinstance(call.func, ast.Attribute) and name_of(call) in ("rename", "replace") and len(call.args) == 1 and not call.keywords


def is_temporary(call: ast.Call) -> bool:
    """Whether the file is called `temporary`: what `with replacing(...) as temporary` gives."""
    named = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return any(isinstance(node, ast.Name) and node.id == "temporary" for node in [*named, *call.args])


def stray_writes() -> dict[str, int]:
    """Function -> line of a write that goes around prefopt.io.files."""
    found = {}
    for path in source_files():
        for name, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            replacing = any(isinstance(n, ast.Call) and name_of(n) == "replacing" for n in ast.walk(function))
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and writes(node) and not (replacing and is_temporary(node)):
                    found[f"{path.relative_to(ROOT).as_posix()}:{name}"] = node.lineno
    return found


def test_no_write_goes_around_the_atomic_ones():
    found = stray_writes()
    assert not {f"{name} (line {line})" for name, line in found.items() if name not in ALLOWED}
    assert not set(ALLOWED) - set(found), "listed, and not there"


def test_the_search_sees_every_way_to_write():
    ways = """
    path.open("w"); path.open(mode="ab"); open(path, "x"); path.write_text(t); path.write_bytes(b); save_file(t, path)
    model.save_pretrained(p); np.save(p, a); torch.save(t, p); table.to_csv(p); shutil.copyfile(a, b); pq.write_table(t, p)
    os.open(p, os.O_WRONLY | os.O_CREAT)
    """
    calls = [node for node in ast.walk(ast.parse(textwrap.dedent(ways))) if isinstance(node, ast.Call)]
    assert all(writes(call) for call in calls)
    assert len(calls) == 13
    assert not any(writes(node) for node in ast.walk(ast.parse('path.open("rb"); open(p); write_text(p, t)')) if isinstance(node, ast.Call))


def test_every_folder_is_flushed_after_a_rename():
    faults = []
    for path in source_files():
        for name, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            if any(moves(call) for call in calls) and not any(name_of(call) == "sync" for call in calls):
                faults.append(f"{path.relative_to(ROOT).as_posix()}:{name}")
    assert not faults


def test_a_stage_is_flushed_with_all_its_files_before_it_appears(tmp_path, monkeypatch):
    flushed = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(os.readlink(f"/proc/self/fd/{handle}")), fsync(handle)))
    folder = tmp_path / "train"
    partial = start(folder)
    (partial / "adapter").mkdir()
    (partial / "adapter" / "weights").write_text("1")
    finish(folder, MANIFEST)
    names = [Path(path).name for path in flushed]
    assert {"weights", "adapter", ".train.partial"} <= set(names)
    assert names[-1] == tmp_path.name
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes == {"train": 0o700, "adapter": 0o700, "weights": 0o600, "stage.json": 0o600}


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a"
    path.write_text("x")
    path.chmod(0o640)
    files.write_text(path, "y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


KILLED = """
import os, signal, sys
from pathlib import Path
from prefopt.io.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "promoted.json"
    left = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False).stdout.strip()
    assert os.listdir(tmp_path) == [left]
    other = tmp_path / left.replace("promoted.json", "promoted.json.more")
    other.write_text("of another file")
    foreign = tmp_path / ".a.4711.tmp"
    foreign.write_text("of a program that may name its files so too")
    os.utime(foreign, (0, 0))
    with files.replacing(tmp_path / "running.json") as running:
        running.write_text("of a live process")
        files.write_text(path, "whole")
        assert sorted(os.listdir(tmp_path)) == sorted([foreign.name, "promoted.json", running.name])


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        (".a.0123abcd.tmp", 0, True),
        (".a.0123abcd.tmp", 2, False),
        (".a.4711.tmp", 2, False),
        (".a.00000000-1-0123abcd.tmp", 0, True),
        (".a.00000000-1-0123abcd.tmp", 2, False),
        (".mine.tmp", 9, True),
        ("a.0123abcd.tmp", 9, True),
    ],
)
def test_only_what_nobody_writes_any_more_is_removed(tmp_path, name, age, stays):
    path = tmp_path / name
    path.write_text("x")
    os.utime(path, (time.time() - age * 86_400,) * 2)
    with files.replacing(tmp_path / "b") as running:
        running.write_text("y")
        files.remove_stale(tmp_path)
        assert running.exists(), "its process is alive"
    assert path.exists() is stays


def test_two_names_are_exchanged_in_one_step(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    files.exchange(tmp_path / "one", tmp_path / "two")
    assert os.listdir(tmp_path / "one") == ["two"]
    with pytest.raises(OSError, match="No such file"):
        files.exchange(tmp_path / "one", tmp_path / "gone")

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from prefopt.io import files
from prefopt.io.locks import holder, locked
from prefopt.io.retry import attempts


@pytest.fixture
def log(monkeypatch):
    """What is flushed and renamed, in order, as (action, name)."""
    log = []
    fsync, replace = os.fsync, os.replace

    def logged_fsync(handle):
        log.append(("fsync", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        fsync(handle)

    def logged_replace(source, target):
        log.append(("rename", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(os, "replace", logged_replace)
    return log


def test_content_is_flushed_before_the_rename_and_the_folder_after_it(tmp_path, log):
    files.write_text(tmp_path / "a.txt", "가\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "가\r\n".encode()
    (first, temporary), *rest = log
    assert first == "fsync"
    assert temporary.startswith(".a.txt.")
    assert rest == [("rename", "a.txt"), ("fsync", tmp_path.name)]
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_directory_is_flushed_with_all_its_files(tmp_path, log):
    with files.replacing(tmp_path / "data") as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "deep" / "rows").write_text("1")
    assert (tmp_path / "data" / "deep" / "rows").read_text() == "1"
    flushed = [name for action, name in log[: log.index(("rename", "data"))] if action == "fsync"]
    assert {"rows", "deep"} < set(flushed)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_an_error_keeps_the_old_file_and_removes_the_temporary_one(tmp_path, make):
    (tmp_path / "a").write_text("old")

    def write_half():
        with files.replacing(tmp_path / "a") as temporary:
            make(temporary)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_secret_is_private_from_its_first_byte_on(tmp_path):
    with files.replacing(tmp_path / "key", mode=0o600) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        temporary.write_text("secret")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_json_without_a_standard_form_is_refused_and_nothing_is_written(tmp_path):
    files.write_json(tmp_path / "a.json", {"이름": 1.5})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"이름": 1.5}
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "b.json", float("nan"))
    assert os.listdir(tmp_path) == ["a.json"]


HOLD = """
import sys
from pathlib import Path
from prefopt.io.locks import locked
print("starts", flush=True)
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock tmp_path/lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert [process.stdout.readline() for _ in range(2)] == [b"starts\n", b"held\n"]
        yield process
        process.kill()


def test_the_refusal_names_the_process_that_holds_the_lock(tmp_path, other):
    with pytest.raises(BlockingIOError, match=rf"process {other.pid} on \S+"), locked(tmp_path / "lock", BlockingIOError):
        pytest.fail("the lock was given twice")
    assert holder(tmp_path / "lock").pid == other.pid


def test_a_lock_ends_with_a_killed_process(tmp_path, other):
    other.kill()
    other.wait()
    assert holder(tmp_path / "lock") is None
    with locked(tmp_path / "lock", BlockingIOError):
        assert holder(tmp_path / "lock").pid == os.getpid()


def test_without_a_refusal_the_second_process_waits(tmp_path, other):
    waiting = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert waiting.stdout.readline() == b"starts\n"
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=0.3)  # a free lock is taken in less than a millisecond
    other.stdin.close()
    assert waiting.communicate(timeout=30)[0] == b"held\n"


def test_a_lock_never_taken_has_no_holder(tmp_path):
    assert holder(tmp_path / "lock") is None


def test_a_lock_file_with_a_bare_number_names_a_process_of_this_machine(tmp_path):
    with locked(tmp_path / "lock"):
        (tmp_path / "lock").write_text("123")
        assert holder(tmp_path / "lock").pid == 123


def test_pauses_double_and_the_last_attempt_is_followed_by_none(monkeypatch):
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    assert list(attempts(4, 0.5)) == [1, 2, 3, 4]
    assert pauses == [0.5, 1.0, 2.0]

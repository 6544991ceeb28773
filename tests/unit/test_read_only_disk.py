"""A disk that takes no writes, a real one: every command of the bundled server works on it, or says what is wrong and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefopt.io.disk import is_read_only, mount_of
from tests.unit.read_only import COMMANDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    disk = tmp_path_factory.mktemp("read-only") / "disk"
    command = [sys.executable, "-m", "tests.unit.read_only", str(disk)]
    printed = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True).stdout
    if not printed.startswith("{"):
        pytest.skip(printed)
    return {words: (code, " ".join(out.split()), " ".join(err.split())) for words, (code, out, err) in json.loads(printed).items()}


def test_no_number_and_no_stack_is_shown(said):
    assert said.keys() == set(COMMANDS)
    assert not [words for words, (_, out, err) in said.items() if "Errno" in out + err or "fault of prefopt" in err or "fuser" in err]


def test_what_writes_nothing_works(said):
    code, out, err = said["status"]
    assert (code, err) == (1, "")
    assert "Argilla is not running" in out
    assert said["down"][:2] == (0, "Argilla was not running")
    assert said["logs"][:2] == (0, "a line")
    assert said["restore"][0] == 0


@pytest.mark.parametrize("words", ["restore OTHER/copy", "repair --yes", "up --port 0"])
def test_what_has_to_write_says_that_it_cannot_and_how_it_could(said, words):
    code, _, err = said[words]
    assert code == 1
    assert "the file system is read-only" in err
    assert "mount -o remount,rw /" in err


def test_a_backup_on_another_disk_has_every_answer(said):
    code, _, err = said["backup"]
    assert (code, "read-only file system" in err, "prefopt argilla backup DIRECTORY" in err) == (1, True, True)
    code, out, err = said["backup OTHER/copy"]
    assert code == 0, err
    assert "0 records, 1 answers" in out


def test_the_mount_of_a_path_that_does_not_exist_yet(tmp_path):
    mount = mount_of(tmp_path / "not" / "yet")
    assert os.path.ismount(mount)
    assert tmp_path.is_relative_to(mount)
    assert not is_read_only(tmp_path / "not" / "yet")

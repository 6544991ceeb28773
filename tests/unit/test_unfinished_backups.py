"""What a killed `prefopt argilla backup`, `restore` or `repair` leaves is removed by the next command that works there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from feedback import backups
from feedback.environment import SERVER
from feedback.server import digests
from prefopt.io import files

KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import snapshots

def wait(source, target):
    print("copying", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)

snapshots.copy_database = wait
snapshots.snapshot(Path(sys.argv[2]), Path(sys.argv[3]), "by hand")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    with closing(digests.connect(folder / "argilla.db", "rwc")) as connection:
        for table in digests.NEEDED:
            connection.execute(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY, status TEXT)')
        digests.seal(connection)
    return folder


def copying(home: Path, target: Path) -> subprocess.Popen[str]:
    """A backup that is being made; it is killed when its input ends."""
    command = [sys.executable, "-c", KILLED, str(SERVER), str(home), str(target)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "copying\n"
    return process


def test_a_killed_backup_is_removed_by_the_next_and_one_that_works_is_not(home):
    folder = home / "backups"
    killed, works = copying(home, folder / "first"), copying(home, folder / "second")
    killed.communicate("")
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(folder)) == 2
    made = backups.make_backup(home)
    try:
        assert sorted(os.listdir(folder)) == sorted([f".second.{works.pid}.partial", made.folder.name])
    finally:
        works.communicate("")
    backups.make_backup(home, folder / "third")
    assert not [name for name in os.listdir(folder) if name.endswith(".partial")]


def test_in_a_persons_folder_only_the_rest_of_the_same_backup_is_removed(home, tmp_path):
    target, own = tmp_path / "disk" / "copy", tmp_path / "disk" / ".own.1.partial"
    own.mkdir(parents=True)
    copying(home, target).communicate("")
    assert len(os.listdir(target.parent)) == 2
    backups.make_backup(home, target)
    assert sorted(os.listdir(target.parent)) == [own.name, "copy"]


@pytest.mark.parametrize("name", digests.UNFINISHED)
def test_whoever_holds_the_servers_lock_removes_what_a_killed_restore_or_repair_left(home, name):
    (home / name).mkdir()
    (home / name / "owner-key").write_text("a secret")
    with files.replacing(home / "accounts.json") as running:
        running.write_text("of a live process")
        left = running.with_name(running.name.replace(f"-{os.getpid():x}-", f"-{ended_process():x}-"))
        left.write_text("a secret")
        with backups.hold(home):
            assert not (home / name).exists()
            assert not left.exists()
            assert running.exists()


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_backups_of_the_same_second_get_names_of_their_own(home):
    together = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import snapshots
free, taken = snapshots.new_name, []

def named(folder):
    if not taken:  # as another process would take the name in between
        taken.append(free(folder))
        (taken[0] / "argilla.db").mkdir(parents=True)
        return taken[0]
    return free(folder)

snapshots.new_name = named
print(snapshots.snapshot(Path(sys.argv[2]), None, "by hand")[0].name != taken[0].name)
"""
    command = [sys.executable, "-c", together, str(SERVER), str(home)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "True\n"
    assert len(list((home / "backups").glob("*/backup.json"))) == 1
    assert list((home / "backups").glob(".*")) == []

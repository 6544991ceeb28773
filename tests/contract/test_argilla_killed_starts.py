"""The bundled server is killed in its first start and in an update: the next start works, and no answer is missing."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from feedback import backups, bundled
from feedback.client import sign_in
from feedback.environment import SERVER, server_python
from feedback.server import digests
from prefopt.errors import FeedbackError

KILLED_START = Path(__file__).with_name("killed_start.py")
OLDER = "237f7c674d74"
"""The last revision of Argilla 2.0."""
KILLED = str(int(signal.SIGKILL))


def run(home: Path, *points: str) -> dict[str, tuple[str, str]]:
    """Point -> the signal that ended the start, and the sha256 of the database."""
    command = [server_python(), "-E", "-s", KILLED_START, SERVER, home, *points]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    rows = [line.split(" ") for line in done.stdout.splitlines()]
    found = {point: (ended, content) for point, ended, content in rows}
    assert list(found) == list(points), done.stdout + done.stderr[-2000:]
    return found


def half_made(database: Path, *, table: str = "alembic_version", records: int = 0) -> None:
    """What a start leaves whose migrations are made in place: some tables, and no rows."""
    with closing(sqlite3.connect(database)) as made:
        made.execute(f"CREATE TABLE {table} (version_num VARCHAR(32) PRIMARY KEY)")
        made.execute("CREATE TABLE records (id CHAR(32) PRIMARY KEY)")
        made.executemany("INSERT INTO records VALUES (?)", [(str(number),) for number in range(records)])
        made.commit()


def test_a_first_start_that_is_killed_anywhere_is_done_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    half_made(home / "argilla.db")
    found = run(home, "ddl:1", "ddl:40", "rename", "owner", "key")
    assert {ended for ended, _ in found.values()} == {KILLED}
    assert [content for _, content in found.values()][:3] == ["-"] * 3, "the rest is thrown away, and a new one appears whole"
    assert "-" not in (found["owner"][1], found["key"][1])
    password = bundled.passwords(home)["owner"]
    try:
        address, _ = bundled.start(home, port=0)
        assert bundled.passwords(home) == {"owner": password}, "the password was stored before the account was made"
        assert sign_in(address.url, "owner", password).get("/me")["role"] == "owner"
        assert [path.name for path in home.glob("argilla.db.*")] == []
    finally:
        bundled.stop(home)


@pytest.mark.parametrize("trace", ["a row", "a key", "an account", "another database"])
def test_a_half_migrated_database_with_any_trace_of_use_is_kept(tmp_path: Path, trace: str) -> None:
    table = "diary" if trace == "another database" else "alembic_version"
    half_made(tmp_path / "argilla.db", table=table, records=trace == "a row")
    if trace == "a key":
        (tmp_path / "owner-key").write_text("owner.key")
    if trace == "an account":
        (tmp_path / "accounts.json").write_text('{"owner": "x", "kim": "y"}')
    before = (tmp_path / "argilla.db").read_bytes()
    with pytest.raises(FeedbackError, match="is damaged: it has no table"):
        bundled.start(tmp_path, port=0)
    assert (tmp_path / "argilla.db").read_bytes() == before


def test_an_update_that_is_killed_leaves_the_old_database_and_is_done_again(tmp_path: Path) -> None:
    assert run(tmp_path, f"older:{OLDER}")[f"older:{OLDER}"][0] == "0"
    (tmp_path / "owner-key").write_text("an.older.key")
    with closing(digests.connect(tmp_path / "argilla.db")) as database:
        names, _ = digests.columns(database, "workspaces")
        row = dict.fromkeys(names, "2024-07-01 00:00:00.000000") | {"id": "a" * 32, "name": "school"}
        marks = ", ".join("?" * len(names))
        database.execute(f"INSERT INTO workspaces VALUES ({marks})", list(row.values()))  # noqa: S608 - question marks
    before = digests_of(tmp_path)
    found = run(tmp_path, "ddl:2", "rename", "done")
    assert [ended for ended, _ in found.values()] == [KILLED, KILLED, "0"]
    assert found["ddl:2"][1] == found["rename"][1] != found["done"][1]
    assert digests.inspect(tmp_path / "argilla.db") == []
    assert ("workspaces", "a" * 32) in before & digests_of(tmp_path)
    assert "before an update of the server" in {backup.why for backup in backups.list_backups(tmp_path)}


def digests_of(home: Path) -> set[tuple[str, str]]:
    with closing(digests.connect(home / "argilla.db")) as database:
        return set(digests.expected(database))


def test_a_start_on_a_full_disk_is_reported_in_words_and_works_afterwards(tmp_path: Path) -> None:
    """No file can grow beyond 20 KB, so the writes of the start fail as on a full disk."""
    home = tmp_path / "home"
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    command = [sys.executable, "-B", "-m", "prefopt", "argilla", "up", "--port", "0", "--home", home]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=limit)
    assert done.returncode == 1
    assert f"cannot write to {home}: " in done.stderr.replace("\n", " ")
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(home, "done")["done"][0] == "0"


def test_a_directory_that_cannot_be_written_is_reported_in_words(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    if os.access(home, os.W_OK):  # root writes anywhere: a directory in the place of the log fails the same way
        (home / "server.log").mkdir()
    with pytest.raises(FeedbackError, match="cannot write to") as error:
        bundled.start(home, port=0)
    assert "free some space" in error.value.hint

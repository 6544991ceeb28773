"""Backups without a server: which are made, which are kept, and what a restore never does."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from feedback import backups
from feedback.environment import SERVER
from prefopt.errors import FeedbackError
from tests.unit.argilla_rows import flip, make_database


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The server's own program, loaded as the server would: it is in no package, and imports what is next to it."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(SERVER)
    spec = importlib.util.spec_from_file_location("server_snapshots", SERVER / "snapshots.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    patch.undo()
    return module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A server's folder with the tables that make an Argilla, and one answer."""
    with closing(sqlite3.connect(tmp_path / "argilla.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE records (id TEXT)")
        database.execute("CREATE TABLE responses (id TEXT, status TEXT)")
        for table in ("alembic_version", "datasets", "users", "workspaces"):
            database.execute(f"CREATE TABLE {table} (id TEXT)")
        database.executemany("INSERT INTO responses VALUES (?, ?)", [("a", "submitted"), ("b", "draft")])
        database.commit()
    (tmp_path / "owner-key").write_text("owner.key")
    return tmp_path


def answer(home: Path, name: str) -> None:
    with closing(sqlite3.connect(home / "argilla.db")) as database:
        database.execute("INSERT INTO responses VALUES (?, 'submitted')", (name,))
        database.commit()


def test_automatic_ones_follow_changes_and_the_last_few_stay(maker: ModuleType, home: Path) -> None:
    first = maker.automatic(home, kept=2)
    assert maker.automatic(home, kept=2) is None, "nothing has changed"
    by_hand = maker.new_name(home / "backups")
    maker.snapshot(home, by_hand, "by hand")
    made = []
    for number in range(3):
        answer(home, f"n{number}")
        made.append(maker.automatic(home, kept=2))
    assert not first.exists()
    assert [path.exists() for path in made] == [False, True, True]
    assert by_hand.exists()
    assert [backup.answers for backup in backups.list_backups(home) if backup.folder in made] in ([4, 3], [3, 4])


def test_a_foreign_or_broken_folder_among_them_stops_nothing(maker: ModuleType, home: Path) -> None:
    for name, text in (("mine", "{"), ("yours", '{"why": "automatic"}'), ("list", "[]")):
        (home / "backups" / name).mkdir(parents=True)
        (home / "backups" / name / "backup.json").write_text(text)
    assert maker.automatic(home) is not None
    assert len(backups.list_backups(home)) == 1


def test_a_damaged_source_or_a_target_that_is_there_leaves_nothing_behind(maker: ModuleType, home: Path, tmp_path: Path) -> None:
    made = backups.make_backup(home)
    assert (made.answers, made.records, backups.fault(made)) == (1, 0, "")
    with pytest.raises(FeedbackError, match="exists already"):
        backups.make_backup(home, made.folder)
    for name in ("argilla.db", "argilla.db-wal"):
        (home / name).write_bytes(b"x" * 5000)
    with pytest.raises(maker.BackupError, match=r"no backup could be made|is damaged"):
        maker.snapshot(home, tmp_path / "other", "by hand")
    assert [path.name for path in tmp_path.iterdir() if "other" in path.name] == []


def test_a_restore_of_what_is_no_backup_changes_nothing(home: Path) -> None:
    made = backups.make_backup(home)
    before = (home / "argilla.db").read_bytes()
    (made.folder / "owner-key").write_text("another")
    with pytest.raises(FeedbackError, match="owner-key has changed since it was made"):
        backups.restore(home, made)
    assert (home / "argilla.db").read_bytes() == before
    assert list(home.glob("replaced-*")) == []
    text = (made.folder / "backup.json").read_text().replace('"owner-key"', '"../owner-key"')
    (made.folder / "backup.json").write_text(text)
    with pytest.raises(FeedbackError, match="is not a backup of an Argilla server"):
        backups.find_backup(home, made.folder.name)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_backup_with_anything_but_plain_files_is_refused(home: Path, tmp_path: Path, kind: str) -> None:
    made = backups.make_backup(home)
    before = (home / "argilla.db").read_bytes()
    (made.folder / "argilla.db").rename(tmp_path / "elsewhere.db")
    if kind == "link":
        (made.folder / "argilla.db").symlink_to(tmp_path / "elsewhere.db")
    elif kind == "pipe":
        os.mkfifo(made.folder / "argilla.db")
    else:
        (made.folder / "argilla.db").mkdir()
    assert "argilla.db cannot be read" in backups.fault(made)
    with pytest.raises(FeedbackError, match=r"is damaged: argilla\.db cannot be read"):
        backups.restore(home, made)
    assert (home / "argilla.db").read_bytes() == before
    assert [*home.glob("replaced-*"), *home.glob(".restore*")] == []


def test_a_backup_that_holds_another_program_s_database_is_refused(home: Path) -> None:
    made = backups.make_backup(home)
    (made.folder / "argilla.db").unlink()
    with closing(sqlite3.connect(made.folder / "argilla.db")) as other:
        other.execute("CREATE TABLE days (id INTEGER PRIMARY KEY)")
    digest = hashlib.sha256((made.folder / "argilla.db").read_bytes()).hexdigest()
    text = (made.folder / "backup.json").read_text()
    (made.folder / "backup.json").write_text(text.replace(made.sha256["argilla.db"], digest))
    made = backups.find_backup(home, made.folder.name)
    with pytest.raises(FeedbackError, match="it has no table records"):
        backups.restore(home, made)
    assert backups.how_to_restore(home).startswith("no intact backup")


def test_a_row_that_is_not_what_was_written_is_never_backed_up(tmp_path: Path) -> None:
    database = make_database(tmp_path / "argilla.db")
    made = backups.make_backup(tmp_path)
    assert (made.records, made.answers, backups.fault(made)) == (40, 40, "")
    flip(database, b'"rank": 2')
    with pytest.raises(FeedbackError, match="is damaged: 1 row is not what was written: responses"):
        backups.make_backup(tmp_path)
    assert [backup.folder for backup in backups.list_backups(tmp_path)] == [made.folder]
    flip(made.folder / "argilla.db", b'"rank": 2')
    assert backups.fault(made) == "argilla.db has changed since it was made"


def test_replaced_data_is_kept_and_its_log_never_meets_the_restored_database(home: Path) -> None:
    made = backups.make_backup(home)
    (home / "argilla.db-wal").write_bytes(b"of another database")
    replaced = backups.restore(home, made)
    assert replaced is not None
    assert (replaced / "argilla.db-wal").read_bytes() == b"of another database"
    assert not (home / "argilla.db-wal").exists()
    assert (home / "owner-key").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(home / "argilla.db")) as database:
        assert database.execute("SELECT count(*) FROM responses").fetchone() == (2,)

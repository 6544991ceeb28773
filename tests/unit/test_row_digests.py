"""Every row of the server's database has a digest, and nothing that changes a row without it goes unnoticed."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from feedback import backups
from feedback.server import digests
from prefopt.errors import FeedbackError
from tests.chaos.bit_flips import flip_bits
from tests.unit.argilla_rows import answer, flip, make_database, uid


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("made") / "argilla.db")


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "argilla.db"))


def test_every_way_of_writing_keeps_the_digests_right(database: Path) -> None:
    with closing(digests.connect(database)) as open_one:
        open_one.execute("PRAGMA foreign_keys = ON")
        answer(open_one, 0, 0, "4321")
        open_one.execute("UPDATE records SET status = 'completed', metadata = 5 WHERE status <> 'completed'")
        open_one.execute("INSERT INTO users VALUES (?, 'park', NULL)", ("d" * 32,))
        open_one.execute("UPDATE users SET id = ?, username = ? WHERE username = 'park'", ("f" * 32, "park\0min"))
        open_one.execute("INSERT OR REPLACE INTO workspaces VALUES (?, X'00ff')", ("e" * 32,))
        before = len(digests.expected(open_one))
        open_one.execute("DELETE FROM records WHERE id = ?", (uid("record", 0),))
        assert len(digests.expected(open_one)) == before - 3, "a record and its two answers, which its key deletes"
        open_one.execute("BEGIN")
        answer(open_one, 2, 0, "4321")
        open_one.execute("ROLLBACK")
    assert digests.inspect(database) == []


def test_a_program_without_the_digests_cannot_write(database: Path) -> None:
    with closing(sqlite3.connect(database)) as other, pytest.raises(sqlite3.OperationalError, match="no such function: prefopt_digest"):
        other.execute("UPDATE records SET status = 'completed'")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'"rank": 2', "1 row is not what was written: responses .* changed"),
        (b"09:00:00", "responses .* changed|records .* changed"),
        (b'{"problem": "', "records .* changed"),
        (b'{"min_submitted": 2', "datasets .* changed"),
        (b"$2b$12", "users .* changed"),
        (b"kim", "users .* changed"),
        (b"CREATE TABLE prefopt_digests (kind", "."),
    ],
)
def test_a_flipped_bit_is_named(database: Path, text: bytes, found: str) -> None:
    flip(database, text, 0)
    assert re.search(found, digests.in_words(digests.inspect(database)))


def test_random_flips_change_nothing_in_silence(made: Path) -> None:
    counts = flip_bits(made, 60, seed=11)
    assert counts.silent == 0
    assert counts.repaired > counts.refused, "most are put right from the damaged file alone"


def test_rows_and_digests_that_are_missing_are_told_apart(database: Path) -> None:
    with closing(digests.connect(database)) as open_one:
        open_one.execute("DROP TRIGGER prefopt_digests_responses_delete")
        open_one.execute("DELETE FROM responses WHERE record_id = ?", (uid("record", 0),))
        open_one.execute("DELETE FROM prefopt_digests WHERE kind = 'users' AND key = ?", (uid("user", 0),))
    found = {(damage.table, damage.what) for damage in digests.inspect(database)}
    assert found == {("responses", "missing"), ("users", "unknown"), ("sqlite_schema", "missing")}


def test_tables_and_triggers_of_prefopt_itself_may_change_after_the_seal(database: Path) -> None:
    for what in ("given", "changed"):  # as a later version would define it
        with closing(digests.connect(database)) as open_one:
            open_one.execute("CREATE TABLE IF NOT EXISTS prefopt_history (number INTEGER PRIMARY KEY, what TEXT)")
            open_one.execute("DROP TRIGGER IF EXISTS prefopt_updated")
            insert = f"INSERT INTO prefopt_history (what) VALUES ('{what}')"  # noqa: S608 - a word of this test
            open_one.execute(f"CREATE TRIGGER prefopt_updated AFTER UPDATE ON responses BEGIN {insert}; END")
            answer(open_one, 0, 0, "4321")
        assert digests.inspect(database) == []
        with closing(digests.connect(database)) as open_one:
            digests.seal(open_one)


@pytest.mark.parametrize("left", ["triggers", "nothing"])
def test_digests_that_are_gone_are_damage_and_not_an_earlier_version(database: Path, left: str) -> None:
    with closing(digests.connect(database)) as open_one:
        if left == "nothing":
            digests.unseal(open_one)
        open_one.execute("DROP TABLE prefopt_digests")
    assert "its digests cannot be read" in digests.in_words(digests.inspect(database))


def test_a_database_of_an_earlier_version_gets_digests(tmp_path: Path) -> None:
    database = make_database(tmp_path / "argilla.db", seal=False)
    assert digests.inspect(database) == []
    with closing(digests.connect(database)) as open_one:
        digests.seal(open_one)
        first = digests.expected(open_one)
        digests.seal(open_one)
        assert digests.expected(open_one) == first
        open_one.execute("ALTER TABLE users ADD COLUMN last_name VARCHAR")
        digests.seal(open_one)
        open_one.execute("UPDATE users SET last_name = 'x'")
    assert digests.inspect(database) == []
    flip(database, b'"rank": 2')
    assert digests.inspect(database) != []


def test_another_program_s_database_and_an_empty_file_are_none_of_argilla(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "diary.db")) as other:
        other.execute("CREATE TABLE days (id INTEGER PRIMARY KEY)")
    assert "it has no table records" in digests.in_words(digests.inspect(tmp_path / "diary.db"))
    (tmp_path / "empty.db").touch()
    assert digests.inspect(tmp_path / "empty.db") != []
    (tmp_path / "text.db").write_text("not a database" * 100)
    assert digests.inspect(tmp_path / "text.db") != []


@pytest.fixture
def log(database: Path, tmp_path: Path) -> Path:
    """A log of four transactions that the database does not hold yet, beside a copy of it, as a killed server leaves them."""
    folder = tmp_path / "killed"
    folder.mkdir()
    with closing(digests.connect(database)) as open_one:
        open_one.execute("PRAGMA journal_mode = WAL")
        for number in range(4):
            answer(open_one, number * 2, 0, "4321")
        for ending in ("", "-wal"):
            shutil.copy(f"{database}{ending}", folder / f"argilla.db{ending}")
    return folder / "argilla.db-wal"


def test_a_damaged_log_is_damage_and_a_torn_end_is_not(log: Path) -> None:
    whole = log.read_bytes()
    assert digests.log_fault(log, torn_too=True) == ""
    for place in (5, 20, 32 + 24 + 100, 32 + 5):
        changed = bytearray(whole)
        changed[place] ^= 4
        log.write_bytes(changed)
        assert "write-ahead log is damaged" in digests.log_fault(log), place
        assert digests.inspect(log.with_name("argilla.db")) == [digests.Damage(digests.log_fault(log))]
    assert log.exists(), "looking does not remove it"
    with pytest.raises(FeedbackError, match="write-ahead log is damaged"):
        backups.make_backup(log.parent)
    assert log.exists(), "copying does not remove it either"
    for torn in (whole[:-100], whole[:-1] + bytes([whole[-1] ^ 1])):
        log.write_bytes(torn)
        assert digests.log_fault(log) == ""
    assert "incomplete" in digests.log_fault(log, torn_too=True)

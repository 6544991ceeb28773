"""A database with the tables and rows that matter of an Argilla server, without one."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from feedback.server import digests

TEACHERS = ("kim", "lee")
TABLES = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num))",
    "CREATE TABLE workspaces (id CHAR(32) NOT NULL, name VARCHAR NOT NULL, PRIMARY KEY (id))",
    "CREATE TABLE users (id CHAR(32) NOT NULL, username VARCHAR NOT NULL, password_hash TEXT, PRIMARY KEY (id), UNIQUE (username))",
    """CREATE TABLE datasets (id CHAR(32) NOT NULL, name VARCHAR NOT NULL, distribution JSON, workspace_id CHAR(32) NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE)""",
    """CREATE TABLE records (id CHAR(32) NOT NULL, external_id VARCHAR, fields JSON NOT NULL, metadata JSON, status VARCHAR NOT NULL,
    dataset_id CHAR(32) NOT NULL, inserted_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, PRIMARY KEY (id),
    UNIQUE (external_id, dataset_id), FOREIGN KEY(dataset_id) REFERENCES datasets (id) ON DELETE CASCADE)""",
    """CREATE TABLE responses (id CHAR(32) NOT NULL, "values" JSON, status VARCHAR NOT NULL, record_id CHAR(32) NOT NULL,
    user_id CHAR(32) NOT NULL, inserted_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, PRIMARY KEY (id),
    UNIQUE (record_id, user_id), FOREIGN KEY(record_id) REFERENCES records (id) ON DELETE CASCADE,
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE)""",
    "CREATE INDEX ix_records_status ON records (status)",
)
MOMENT = "2026-11-27 09:00:00.000000"


def uid(kind: str, number: int) -> str:
    """32 hexadecimal digits, as Argilla's ids."""
    return random.Random(f"{kind} {number}").randbytes(16).hex()


def values(ranks: str) -> str:
    """The form of a response, as Argilla stores it."""
    ranking = [{"value": key, "rank": int(rank)} for key, rank in zip("abcd", ranks, strict=True)]
    return json.dumps({"verdict": {"value": "some"}, "ranking": {"value": ranking}})


def answer(database: sqlite3.Connection, number: int, teacher: int, ranks: str, at: str = MOMENT) -> None:
    """Give or change an answer, as Argilla's bulk statement does."""
    database.execute(
        """INSERT INTO responses VALUES (?, ?, 'submitted', ?, ?, ?, ?)
        ON CONFLICT (record_id, user_id) DO UPDATE SET "values" = excluded."values", updated_at = excluded.updated_at""",
        (uid(f"response {teacher}", number), values(ranks), uid("record", number), uid("user", teacher), at, at),
    )


def make_database(path: Path, records: int = 40, *, seal: bool = True) -> Path:
    """A database with a dataset, two teachers, and an answer of each to every other record; with digests unless told otherwise."""
    with closing(digests.connect(path, "rwc")) as database:
        for table in TABLES:
            database.execute(table)
        if seal:
            digests.seal(database)
        database.execute("INSERT INTO alembic_version VALUES ('1')")
        database.execute("INSERT INTO workspaces VALUES (?, 'prefopt')", (uid("workspace", 0),))
        database.execute(
            "INSERT INTO datasets VALUES (?, 'math-001', '{\"min_submitted\": 2}', ?)", (uid("dataset", 0), uid("workspace", 0))
        )
        for number, name in enumerate(TEACHERS):
            database.execute("INSERT INTO users VALUES (?, ?, '$2b$12$')", (uid("user", number), name))
        for number in range(records):
            fields = json.dumps({"problem": f"구슬 {number}개 가운데 몇 개를 주었습니까? " * 3})
            row = (uid("record", number), f"s-{number:03d}", fields, '{"slate": "s"}', "pending", uid("dataset", 0), MOMENT, MOMENT)
            database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            for teacher in range(2) if number % 2 == 0 else ():
                answer(database, number, teacher, "1234" if teacher else "2143")
    return path


def flip(path: Path, text: bytes, bit: int = 0, *, skip: int = 0) -> None:
    """Flip a bit of the last byte of a text in a file, at its first place after `skip` bytes."""
    content = bytearray(path.read_bytes())
    content[content.index(text, skip) + len(text) - 1] ^= 1 << bit
    path.write_bytes(content)

"""A digest of every row of the server's database, so that damage inside a row is noticed. Uses the standard library only.

SQLite's own checks find a broken structure, not a changed rank or text. Here a trigger on each of Argilla's tables stores a digest of the
whole row in the table prefopt_digests, in the transaction that writes the row; `inspect` compares every row with its digest. A connection
that writes needs the function of `register`; without it SQLite refuses the write, so no row changes without its digest.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = "prefopt_digests"
FUNCTION = "prefopt_digest"
SCHEMA = "sqlite_schema"
"""Kind of the digests of the definitions of tables, indices and triggers; the other kinds are names of tables."""
APPLICATION = 0x70726566
"""PRAGMA application_id of a database with digests ("pref"): if their table vanishes, its absence is damage."""
NEEDED = ("alembic_version", "datasets", "records", "responses", "users", "workspaces")
"""Tables without which a database is not that of an Argilla server."""
CREATE = f"CREATE TABLE {TABLE} (kind TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
REPAIRED = "argilla.db.repaired"
RESTORE, REPAIR = ".restore.partial", ".repair.partial"
UNFINISHED = (RESTORE, REPAIR)
"""Folders in which `prefopt argilla restore` and `repair` work, while they hold the server's lock."""
"""A repaired database that is complete and only has to take the place of the damaged one, which is kept elsewhere by then."""
UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged database raises: SQLite's messages can quote damaged text."""
SHOWN = 5
"""Rows that a message names."""


class Text(bytes):
    """Text as SQLite stores it: damaged text may not be UTF-8. A BLOB is plain bytes."""


@dataclass(frozen=True)
class Damage:
    """One finding: about a row, or about the file (then `table` is empty)."""

    what: str
    """For a row "changed", "missing" (it has a digest only) or "unknown" (it has none); otherwise SQLite's message."""
    table: str = ""
    key: str = ""


def encoded(values: Iterable[Any]) -> bytes:
    """Values of SQLite (None, int, float, str or Text, bytes) and their types as bytes; different values give different bytes."""
    parts = []
    for value in values:
        if isinstance(value, str):
            value = Text(value.encode())
        if isinstance(value, bytes):
            parts += [b"%c%d:" % (b"t" if isinstance(value, Text) else b"b", len(value)), value]
        else:
            parts.append(b"n" if value is None else b"f" + struct.pack(">d", value) if isinstance(value, float) else b"i%d;" % value)
    return b"".join(parts)


def digest(*values: Any) -> bytes:
    """16 bytes that identify these values and their types."""
    return hashed(encoded(values))


def hashed(content: bytes | bytearray) -> bytes:
    """The digest of encoded values."""
    return hashlib.blake2b(content, digest_size=16).digest()


def register(connection: Any) -> None:
    """Give a connection the function that the triggers call: a sqlite3.Connection, or SQLAlchemy's adapter of one."""
    connection.create_function(FUNCTION, -1, digest, deterministic=True)


def connect(database: Path, mode: str = "rw") -> sqlite3.Connection:
    """A connection without implicit transactions that can write rows and reads damaged text. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None)
    connection.text_factory = Text
    register(connection)
    return connection


def tables(connection: sqlite3.Connection) -> list[str]:
    """Tables whose rows have digests: all but SQLite's own and those of prefopt, which can be computed again."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [name for name in (_text(row[0]) for row in names) if not name.startswith(("sqlite_", "prefopt_"))]


def own_tables(connection: sqlite3.Connection) -> list[str]:
    """Tables of prefopt without digests: all but that of the digests and those of a search index, which can be computed again."""
    owners = [_text(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'")]
    names = [_text(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    own = [name for name in names if name.startswith("prefopt_") and name != TABLE]
    return [name for name in own if name not in owners and not name.startswith(tuple(f"{owner}_" for owner in owners))]


def columns(connection: sqlite3.Connection, table: str) -> tuple[list[str], list[str]]:
    """All columns of a table, and those of its primary key."""
    info = [(_text(row[1]), int(row[5])) for row in connection.execute(f"PRAGMA table_info({_quoted(table)})")]
    return [name for name, _ in info], [name for name, place in sorted(info, key=lambda each: each[1]) if place] or ["rowid"]


def rows(connection: sqlite3.Connection, table: str, clause: str = "", given: Sequence[Any] = ()) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Key and values of the rows of a table; of those that `clause` (with the values `given`) selects. Raises sqlite3.Error."""
    names, key = columns(connection, table)
    query = f"SELECT {_key(key)}, {', '.join(map(_quoted, names))} FROM {_quoted(table)} {clause}"  # noqa: S608 - quoted names, and our own clauses
    for row in connection.execute(query, given):
        yield _text(row[0]), tuple(row[1:])


def definitions(connection: sqlite3.Connection) -> dict[str, bytes]:
    """Digest of each definition of a table, index or trigger, by "type/name"; not of prefopt's own, which each start makes again."""
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    named = {(_text(row[0]), _text(row[1])): row for row in found}
    kept = {key: row for key, row in named.items() if not key[1].startswith("prefopt_") or key[1].startswith(TABLE)}
    return {f"{kind}/{name}": digest(SCHEMA, *row) for (kind, name), row in kept.items()}


def seal(connection: sqlite3.Connection) -> None:
    """Add digests and triggers where they are missing, in one transaction; call it after each change of the tables' definitions.

    Args:
        connection: one of `connect`; the database is known to be sound.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone()[0]:
            connection.execute(CREATE)
        present = {
            _text(name): _text(sql) for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        }
        names = tables(connection)
        for table in names:
            wanted = _triggers(connection, table)
            if any(present.get(name) != sql for name, sql in wanted.items()):
                for name, sql in wanted.items():
                    connection.execute(f"DROP TRIGGER IF EXISTS {_quoted(name)}")
                    connection.execute(sql)
                connection.execute(f"DELETE FROM {TABLE} WHERE kind = ?", (table,))  # noqa: S608 - a constant
                connection.execute(_fill(connection, table))
        marks = ", ".join("?" * len(names))
        connection.execute(f"DELETE FROM {TABLE} WHERE kind NOT IN ({marks})", names)  # noqa: S608 - a constant and question marks
        rows_of_schema = [(SCHEMA, key, value) for key, value in definitions(connection).items()]
        connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", rows_of_schema)  # noqa: S608 - a constant
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def unseal(connection: sqlite3.Connection) -> None:
    """Remove the triggers, so that tables can be replaced and renamed; `seal` adds them and computes all digests again."""
    names = [_text(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in names:
        if name.startswith(f"{TABLE}_"):
            connection.execute(f"DROP TRIGGER {_quoted(name)}")


def inspect(database: Path, *, at_rest: bool = True, mode: str = "rw") -> list[Damage]:
    """Everything that is wrong with a database: its structure, its rows, and the log beside it. Empty if it is sound.

    A database without digests, of an earlier version, is checked for its structure alone.

    Args:
        database: the file; to SQLite one of zero bytes is an empty database, here it is damaged.
        at_rest: no process has it open, so that the write-ahead log can be read too.
        mode: of SQLite's URI; "ro&immutable=1" for a file that nobody writes, which needs no log.
    """
    if at_rest and (fault := log_fault(database.with_name(f"{database.name}-wal"))):
        return [Damage(fault)]  # opening the database would remove the log
    found: list[Damage] = []
    try:
        with closing(connect(database, mode)) as connection:
            connection.execute("BEGIN")  # one state, while a server writes
            try:
                messages = [_text(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
                found += [Damage(message) for message in messages if message != "ok"]
            except UNREADABLE as error:
                found.append(Damage(str(error)))
            found += _missing_tables(connection) or list(_differing(connection))
    except (*UNREADABLE, OSError) as error:
        found.append(Damage(str(error)))
    return found


def expected(connection: sqlite3.Connection) -> dict[tuple[str, str], bytes]:
    """The stored digests by kind and key. Raises sqlite3.Error."""
    stored = connection.execute(f"SELECT kind, key, digest FROM {TABLE}")  # noqa: S608 - a constant
    return {(_text(kind), _text(key)): bytes(value) for kind, key, value in stored}


def is_sealed(connection: sqlite3.Connection) -> bool:
    """Whether the database should have digests: it has any trace of them."""
    traces = connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'prefopt\\_digests%' ESCAPE '\\'").fetchone()[0]
    return bool(traces) or connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION


def _missing_tables(connection: sqlite3.Connection) -> list[Damage]:
    present = tables(connection)
    return [Damage(f"it has no table {name}") for name in NEEDED if name not in present]


def _differing(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Rows and definitions that are not what was written."""
    if not is_sealed(connection):
        return
    try:
        stored = expected(connection)
    except UNREADABLE as error:
        yield Damage(f"its digests cannot be read: {error}")
        return
    for key, value in definitions(connection).items():
        wanted = stored.pop((SCHEMA, key), value)  # one that was added since the last start has no digest yet
        if wanted != value:
            yield Damage("changed", SCHEMA, key)
    for table in tables(connection):
        try:
            for key, values in rows(connection, table):
                if (table, key) not in stored:
                    yield Damage("unknown", table, key)
                elif stored.pop((table, key)) != digest(table, *values):
                    yield Damage("changed", table, key)
        except UNREADABLE as error:
            yield Damage(f"the table {table} cannot be read: {error}")
    for table, key in stored:
        yield Damage("missing", table, key)


def take_over(new: Path, database: Path) -> None:
    """Put a complete, flushed database in the place of another one. Repeat it if it was interrupted: while `new` exists it is not done."""
    for ending in ("-wal", "-shm"):  # the log of the old database must not meet the new one
        database.with_name(database.name + ending).unlink(missing_ok=True)
    new.replace(database)


def in_words(damages: Sequence[Damage]) -> str:
    """One line: the file's own faults, and how many rows of which tables differ."""
    of_file = [damage.what for damage in damages if not damage.table]
    of_rows = [damage for damage in damages if damage.table]
    parts = of_file[:3] + ([f"{len(of_file) - 3} more faults of its structure"] if len(of_file) > 3 else [])
    if of_rows:
        shown = ", ".join(f"{damage.table} {damage.key} {damage.what}" for damage in of_rows[:SHOWN])
        more = f" and {len(of_rows) - SHOWN} more" if len(of_rows) > SHOWN else ""
        parts.append(f"{len(of_rows)} {'row is' if len(of_rows) == 1 else 'rows are'} not what was written: {shown}{more}")
    return " ".join(line.strip() for line in "; ".join(parts).splitlines())


def log_fault(log: Path, *, torn_too: bool = False) -> str:
    """What is wrong with a write-ahead log that no process has open; empty if nothing is.

    SQLite passes over everything from the first damaged frame on, and with it over transactions that were acknowledged. A power failure can
    tear the last transaction, which was not acknowledged; so damage that touches no other one counts only with `torn_too`.
    """
    try:
        content = log.read_bytes()
    except FileNotFoundError:
        return ""
    if len(content) < 32 + 24:
        return ""
    magic, _, size, _, salt, check = struct.unpack(">IIII8s8s", content[:32])
    order = ">" if magic & 1 else "<"
    if magic >> 1 != 0x377F0682 >> 1 or not 512 <= size <= 65536 or log_sum(content[:24], b"\0" * 8, order) != check:
        return "the header of its write-ahead log is damaged: the last answers are not in the database"
    seed, first_bad, is_commit, later = check, -1, False, 0
    for number, start in enumerate(range(32, len(content) - size - 24 + 1, size + 24)):
        head, page = content[start : start + 24], content[start + 24 : start + 24 + size]
        is_of_this_log = head[8:12] == salt[:4] or head[12:16] == salt[4:]  # both differ in the rest of an earlier one
        right = head[8:16] == salt and log_sum(head[:8] + page, seed, order) == head[16:24]
        if not right and first_bad < 0:
            if not is_of_this_log:
                return ""
            first_bad, is_commit = number, head[4:8] != b"\0\0\0\0"
        elif right and first_bad >= 0:
            later += head[4:8] != b"\0\0\0\0"
        seed = head[16:24]
    if later > (0 if is_commit else 1):
        return f"its write-ahead log is damaged at frame {first_bad}: later answers are not in the database"
    if torn_too and first_bad >= 0:
        return "the last entry of the write-ahead log is incomplete: an answer of that very moment may have to be given again"
    return ""


def log_sum(content: bytes, seed: bytes, order: str) -> bytes:
    """SQLite's checksum of a multiple of eight bytes, continued from an earlier one (sqlite.org/walformat.html)."""
    first, second = struct.unpack(">II", seed)
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return struct.pack(">II", first, second)


def _triggers(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Name -> definition of the triggers of a table. They read the row as it is stored, after SQLite has converted its values."""
    _, key = columns(connection, table)
    forget = f"DELETE FROM {TABLE} WHERE kind = {_literal(table)} AND key = "  # noqa: S608 - a constant and a quoted name
    add = _fill(connection, table) + " WHERE rowid = NEW.rowid;"
    body = {
        "INSERT": f"{forget}{_key(key, 'NEW.')}; {add}",
        "UPDATE": f"{forget}{_key(key, 'OLD.')}; {add}",
        "DELETE": f"{forget}{_key(key, 'OLD.')};",
    }
    names = {event: f"{TABLE}_{table}_{event.lower()}" for event in body}
    return {
        names[event]: f"CREATE TRIGGER {_quoted(names[event])} AFTER {event} ON {_quoted(table)} BEGIN {what} END"
        for event, what in body.items()
    }


def _fill(connection: sqlite3.Connection, table: str) -> str:
    names, key = columns(connection, table)
    values = ", ".join([_literal(table), *map(_quoted, names)])
    return f"INSERT INTO {TABLE} SELECT {_literal(table)}, {_key(key)}, {FUNCTION}({values}) FROM {_quoted(table)}"  # noqa: S608 - constants and quoted names


def _key(names: Sequence[str], row: str = "") -> str:
    return " || '/' || ".join(f"{row}{_quoted(name)}" for name in names)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

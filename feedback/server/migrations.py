# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The server's migrations, made on a copy of the database that replaces it by one rename.

Alembic's migrations of SQLite are many transactions: a process that is killed between two of them leaves a database that no server can use.
Here it leaves the old database, or none, and a copy that the next start removes.
"""

from __future__ import annotations

import json
import logging
import logging.config
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import digests
import snapshots
import storage

COPY = f"{snapshots.DATABASE}.new"
BESIDE = ("", "-wal", "-shm", "-journal")
"""Endings of the files that SQLite keeps beside a database."""
FOREIGN = 79  # exit status: the database was migrated by a version of Argilla that this one does not know
UNUSED_TABLES = ("users", "records", "responses")


def remove(database: Path) -> None:
    """Remove a database with its log and its journal. The database goes first: a log without it does no harm."""
    for ending in BESIDE:
        database.with_name(database.name + ending).unlink(missing_ok=True)


def is_half_made(home: Path) -> bool:
    """Whether the database is the rest of a first start that was killed: nobody has an account, and nothing was ever published.

    Never true if that cannot be read with certainty, or if there is a key, an account or a backup of an earlier server.
    """
    if (home / "owner-key").exists() or any(home.glob("backups/*/backup.json")) or any(home.glob("replaced-*/")):
        return False
    accounts = home / "accounts.json"  # the owner's password is written before its account
    try:
        if accounts.exists() and list(json.loads(accounts.read_text(encoding="utf-8"))) != ["owner"]:
            return False
        with closing(digests.connect(home / snapshots.DATABASE)) as connection:
            names = digests.tables(connection)
            if names and "alembic_version" not in names:  # the first table that the migrations make
                return False
            present = [name for name in names if name.removeprefix("_alembic_tmp_") in UNUSED_TABLES]
            return not any(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in present)  # noqa: S608 - constants
    except (sqlite3.Error, OSError, ValueError):
        return False


def migrate(home: Path) -> None:
    """Bring the database to the server's version, or create it; nothing is written if it has that version.

    A database with data is backed up first. Exits with FOREIGN if its version is unknown.
    """
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from argilla_server.database import ALEMBIC_CONFIG_FILE

    database, copy = home / snapshots.DATABASE, home / COPY
    config = Config(ALEMBIC_CONFIG_FILE)
    scripts = ScriptDirectory.from_config(config)
    current = _revision(database) if database.exists() else None
    if current is not None and current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        print(f"{database} is of another version of Argilla (revision {current})", file=sys.stderr)
        sys.exit(FOREIGN)
    remove(copy)
    if database.exists():
        snapshots.snapshot(home, None, "before an update of the server")
        snapshots.copy_database(database, copy)
        with closing(digests.connect(copy)) as connection:
            digests.unseal(connection)
    _upgrade(config, copy)
    storage.prepare(copy)
    with closing(digests.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # a single file, which one rename moves whole
    if damage := snapshots.damage(copy):
        raise OSError(f"the migrated copy of {database} is damaged: {damage}")
    snapshots.sync(copy)
    if database.exists():
        _empty_the_log(database)
    digests.take_over(copy, database)
    snapshots.sync(home)


def _revision(database: Path) -> str | None:
    """The revision of a database; None if no migration was ever completed."""
    with closing(digests.connect(database)) as connection:
        if "alembic_version" not in digests.tables(connection):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0].decode() if row else None


def _upgrade(config, copy: Path) -> None:
    """Run the migrations on the copy, without their own logging configuration, which would disable ours."""
    import argilla_server.database
    from alembic import command

    originals = logging.config.fileConfig, argilla_server.database.database_url_sync
    logging.config.fileConfig = lambda *args, **options: None
    argilla_server.database.database_url_sync = lambda: f"sqlite:///{copy}"  # alembic/env.py asks for it
    try:
        command.upgrade(config, "head")
    finally:
        logging.config.fileConfig, argilla_server.database.database_url_sync = originals


def _empty_the_log(database: Path) -> None:
    """Move everything from the write-ahead log into the database, which then can be replaced at any moment."""
    storage.empty_log(database)
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        raise OSError(f"{log} is in use by another program")

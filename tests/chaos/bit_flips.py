"""Flips single bits of the rows of records and responses in a copy of a database, and counts what the server's own check says of them."""

from __future__ import annotations

import importlib.util
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from feedback.environment import SERVER


@dataclass
class Counts:
    """What became of the flipped bits."""

    tried: int = 0
    refused: int = 0
    """The server's check of its data refuses to start."""
    repaired: int = 0
    """Found, and put right without a loss."""
    harmless: int = 0
    """No record and no response reads otherwise."""
    silent: int = 0
    """A record or a response reads otherwise, and nothing says so."""


def flip_bits(database: Path, flips: int, seed: int) -> Counts:
    """Flip one bit at a time, each in a fresh copy of the database.

    Args:
        database: of a server that is not running.
        flips: how many.
        seed: of the places.
    """
    chance, counts, check = random.Random(seed), Counts(), _snapshots()
    whole, before = database.read_bytes(), _content(database)
    copy = database.with_name("flipped") / database.name
    shutil.rmtree(copy.parent, ignore_errors=True)
    copy.parent.mkdir()
    for _ in range(flips):
        place = chance.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        copy.write_bytes(changed)
        counts.tried += 1
        if check.damage(copy):
            counts.refused += 1
        elif _content(copy) == before:
            counts.harmless += 1
        else:
            counts.silent += 1
    return counts


def _content(database: Path) -> list[object] | str:
    """Every row of records and responses; the message where they cannot be read."""
    found: list[object] = []
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
            connection.text_factory = bytes
            for table in ("records", "responses"):
                found.append(sorted(map(repr, connection.execute(f"SELECT * FROM {table}"))))  # noqa: S608 - two fixed names
    except sqlite3.Error as error:
        return str(error)
    return found


def _snapshots() -> ModuleType:
    """The server's own module, which is in no package."""
    spec = importlib.util.spec_from_file_location("server_snapshots", SERVER / "snapshots.py")
    if spec is None or spec.loader is None:
        raise ImportError("feedback/server/snapshots.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

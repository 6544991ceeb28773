"""Single flipped bits in the bundled server's database: how many change a record or an answer without a word.

    counts = flip_bits(home / "argilla.db", 300, seed=1)     # of a stopped server; the file itself is not changed
    counts.tried, counts.silent, counts.refused, counts.repaired, counts.harmless

    python -m tests.chaos.bit_flips DATABASE [--flips 300] [--seed 1] [--json]

Each flip is made in a copy of its own, anywhere in the file, with any bit equally likely. It counts as

    refused     `prefopt argilla up` refuses to start, and names the damage
    repaired    as refused; and `prefopt argilla repair` brings back exactly what was there, from nothing but the damaged file
    harmless    nothing refuses it, and every table, read as a whole and through each index, is what it was
    silent      nothing refuses it, and something that is read differs
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feedback.repair import plan
from feedback.repair_build import repaired_copy
from feedback.repair_sources import BackupRows
from feedback.server import digests
from prefopt.errors import FeedbackError

Content = dict[str, list[tuple[Any, ...]]]


@dataclass
class FlipCounts:
    """What became of the flips; `tried` is the sum of the others."""

    tried: int = 0
    silent: int = 0
    refused: int = 0
    repaired: int = 0
    harmless: int = 0


def flip_bits(database: Path, count: int, seed: int) -> FlipCounts:
    """Flip `count` bits of a database, one at a time, each in a copy, and count what is said about them.

    Args:
        database: argilla.db of a server that does not run (its log is empty), started by this version at least once.
        count: number of flips.
        seed: of the choice of the bits.
    """
    whole, wanted, counts, chance = database.read_bytes(), content(database), FlipCounts(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "argilla.db"
        for _ in range(count):
            bit = chance.randrange(len(whole) * 8)
            kind = _kind(whole, bit, copy, wanted)
            setattr(counts, kind, getattr(counts, kind) + 1)
            counts.tried += 1
    return counts


def _kind(whole: bytes, bit: int, copy: Path, wanted: Content) -> str:
    for path in copy.parent.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    copy.write_bytes(damaged)
    if digests.inspect(copy):
        try:
            result = plan(copy, BackupRows([]), [])
            whole_again = repaired_copy(result, copy.parent / "repaired.db")
        except FeedbackError:
            return "refused"
        if not result.is_exact:
            return "refused"
        return "repaired" if content(whole_again) == wanted else "silent"  # a repair that says it is exact
    try:
        return "harmless" if content(copy) == wanted else "silent"
    except digests.UNREADABLE:  # reading it fails in words
        return "refused"


def content(database: Path) -> Content:
    """All rows of all tables of Argilla, read as a whole, and the columns of each index, read through it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.text_factory = bytes
        found: Content = {}
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            table = name.decode()
            if table.startswith(("sqlite_", "prefopt_")):
                continue
            query = f'SELECT * FROM "{table}" NOT INDEXED'  # noqa: S608 - a table of the database itself
            found[table] = sorted(connection.execute(query).fetchall(), key=repr)
            for index in connection.execute(f'PRAGMA index_list("{table}")').fetchall():
                columns = [row[2].decode() for row in connection.execute(f'PRAGMA index_info("{index[1].decode()}")')]
                listed = ", ".join(f'"{column}"' for column in columns)
                query = f'SELECT {listed} FROM "{table}" INDEXED BY "{index[1].decode()}" ORDER BY {listed}'  # noqa: S608 - as above
                found[f"{table} by {index[1].decode()}"] = sorted(connection.execute(query).fetchall(), key=repr)
        return found


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description="Flip single bits in a copy of the bundled server's database.")
    parser.add_argument("database", type=Path)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    counts = flip_bits(args.database, args.flips, args.seed)
    print(json.dumps(asdict(counts)) if args.json else ", ".join(f"{name} {value}" for name, value in asdict(counts).items()))


if __name__ == "__main__":
    main()

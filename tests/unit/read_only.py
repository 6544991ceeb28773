"""`python -m tests.unit.read_only DISK`: commands of the bundled server on a disk that takes no writes, in mounts that nobody else sees.

Prints why the machine does not allow such a disk; otherwise, as JSON, exit code, stdout and stderr of every command.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from feedback.server import digests
from tests.chaos.disks import make_read_only, mount_disk, own_mounts
from tests.e2e.faulty import run

COMMANDS = ("status", "down", "logs", "restore", "backup", "backup OTHER/copy", "restore OTHER/copy", "repair --yes", "up --port 0")


def make_home(home: Path) -> None:
    """A server's directory; the last answer is in the log of the database only."""
    home.mkdir()
    database, log = home / "argilla.db", home / "argilla.db-wal"
    with closing(digests.connect(database, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for table in digests.NEEDED:
            connection.execute(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY, status TEXT)')
        digests.seal(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO responses VALUES ('1', 'submitted')")
        kept = {path: path.read_bytes() for path in (database, log)}
    for path, content in kept.items():  # as a killed server leaves them: closing has moved the log into the database
        path.write_bytes(content)
    for name in ("server.lock", "server.log", "auth-secret"):
        (home / name).write_text("a line\n")


def main() -> None:
    disk = Path(sys.argv[1])
    if why_not := own_mounts():
        print(why_not)
        return
    mount_disk(disk)
    home = disk / "home"
    make_home(home)
    make_read_only(disk)
    found = {}
    for words in COMMANDS:
        given = words.replace("OTHER", str(disk.with_name("other"))).split()
        found[words] = run(["argilla", *given, "--home", str(home)])
    print(json.dumps(found))


if __name__ == "__main__":
    main()

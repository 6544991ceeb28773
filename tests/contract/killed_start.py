"""The bundled server's start, killed at chosen moments, one after another. Runs in the server's interpreter:

    python killed_start.py SERVER HOME POINT...

    ddl:COUNT       killed at the COUNT-th statement of a migration
    rename          before the migrated copy takes its place
    owner           after the owner's password is stored, before the account is made
    key             before the owner's key is stored
    older:REVISION  ends after a migration to an older revision, as an earlier version of Argilla would have made it
    done            ends when everything is ready

Prints a line for each point: the point, the signal that ended it (0 for none, -1 for an error), and the sha256 of argilla.db ("-" if
there is none).
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any


def kill(*args: Any, **options: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_after_statements(count: int) -> None:
    from alembic.ddl.impl import DefaultImpl

    original, left = DefaultImpl._exec, iter(range(count - 1, -1, -1))

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        result = original(self, *args, **options)
        if next(left) == 0:
            kill()
        return result

    DefaultImpl._exec = counted


def end_with_revision(revision: str) -> None:
    import migrations
    from alembic import command
    from alembic.script import ScriptDirectory

    migrate, upgrade = migrations.migrate, command.upgrade
    ScriptDirectory.get_current_head = lambda self: revision
    command.upgrade = lambda config, wanted: upgrade(config, revision)

    def only(home: Path) -> None:
        migrate(home)
        os._exit(0)

    migrations.migrate = only


def kill_around(name: str) -> None:
    """After accounts.json is written, or before owner-key is."""
    import snapshots

    replace = snapshots.replace

    def killed(path: Path, text: str) -> None:
        if path.name == "owner-key" == name:
            kill()
        replace(path, text)
        if path.name == name:
            kill()

    snapshots.replace = killed


def start(home: Path, point: str) -> None:
    """Start the server in this process until the point."""
    import digests
    import housekeeping
    import korean_ui
    import start_server

    name, _, value = point.partition(":")
    if name == "ddl":
        kill_after_statements(int(value))
    elif name == "older":
        end_with_revision(value)
    elif name == "rename":
        digests.take_over = kill
    else:
        kill_around({"owner": "accounts.json", "key": "owner-key"}.get(name, ""))
    start_server.prepare_environment = korean_ui.overlay = lambda given: None  # the parent has done it; the page does not matter here
    housekeeping.start = lambda home: os._exit(0)
    sys.argv = ["start_server.py", "--home", str(home), "--port", "0"]
    start_server.main()


def main() -> None:
    server, home, *points = sys.argv[1:]
    sys.path.insert(0, server)
    database = Path(home).resolve() / "argilla.db"
    import inline_jobs
    import lean
    import start_server

    database.parent.mkdir(exist_ok=True)
    start_server.prepare_environment(database.parent)
    inline_jobs.replace_redis()
    lean.leave_out_unused()
    import argilla_server  # noqa: F401  the slow part, once for all points

    for point in points:
        pid = os.fork()
        if pid == 0:
            try:
                start(database.parent, point)
            except BaseException:  # the parent's code must not run twice
                traceback.print_exc()
            os._exit(1)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        content = hashlib.sha256(database.read_bytes()).hexdigest() if database.exists() else "-"
        print(point, -ended, content, flush=True)


main()

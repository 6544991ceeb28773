"""Runs the prefopt command line and kills it (SIGKILL, which cannot be caught) at a chosen moment of a chosen stage.

    python killed.py STAGE MOMENT -- round

MOMENT: opened    the unfinished folder is there, the stage has not begun
        written   the stage's files are written, its manifest is not
        manifest  the manifest is written, the folder still has its unfinished name

The moments are seen from outside, by what the process opens and renames (sys.addaudithook), so that no function has to be replaced.
"""

from __future__ import annotations

import os
import signal
import sys

from prefopt.cli import app as cli

stage, moment = sys.argv[1:3]
sys.argv = ["prefopt", *sys.argv[4:]]
unfinished = os.sep + f".{stage}.partial"


def due(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether the moment has come: the event is about to happen."""
    path = os.fspath(arguments[0]) if arguments and isinstance(arguments[0], (str, os.PathLike)) else ""
    if not isinstance(path, str):
        return False
    folder, name = os.path.split(path)
    if moment == "opened":
        return event == "os.rename" and folder.endswith(unfinished) and name.startswith(".inputs.json.")
    if moment == "written":
        return event == "open" and folder.endswith(unfinished) and name.startswith(".stage.json.")
    return event == "os.rename" and path.endswith(unfinished)


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("open", "os.rename") and due(event, arguments):
        os.kill(os.getpid(), signal.SIGKILL)


if moment not in ("opened", "written", "manifest"):
    raise SystemExit(f"there is no moment {moment!r}")
sys.addaudithook(watch)
cli.main()

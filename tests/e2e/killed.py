"""Runs the prefopt command line and kills it (SIGKILL, nothing can be caught) at a chosen moment of a chosen stage.

    python killed.py STAGE MOMENT -- round

MOMENT: opened    the unfinished folder is there, the stage has not begun
        written   the stage's files are written, its manifest is not
        manifest  the manifest is written, the folder has not got its name
"""

from __future__ import annotations

import os
import signal
import sys

import prefopt.io.stage_folders as store
import prefopt.rounds.machine as rounds
from prefopt.cli import app as cli

stage, moment = sys.argv[1:3]
sys.argv = ["prefopt", *sys.argv[4:]]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "opened":
    real_open = rounds._open_partial

    def open_then_die(module, folder, inputs, rnd):
        out = real_open(module, folder, inputs, rnd)
        if folder.name == stage:
            die()
        return out

    rounds._open_partial = open_then_die
elif moment == "written":
    real_finish = rounds.finish

    def die_then_finish(folder, manifest, **options):
        if folder.name == stage:
            die()
        real_finish(folder, manifest, **options)

    rounds.finish = die_then_finish
elif moment == "manifest":
    real_sync = store._sync_folder

    def die_before_rename(path):
        real_sync(path)
        if path.name == f".{stage}.partial":
            die()

    store._sync_folder = die_before_rename
else:
    raise SystemExit(f"no moment {moment!r}")

cli.main()

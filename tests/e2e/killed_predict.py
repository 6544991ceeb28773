"""Runs `prefopt predict` with pieces of ten problems and kills it (SIGKILL) at a chosen moment.

    python killed_predict.py MOMENT -- predict problems.jsonl

MOMENT: unnamed   the second piece is written, it has not got its name
        written   the predictions are there, the pieces are not removed
        never
"""

from __future__ import annotations

import os
import signal
import sys

from prefopt.cli import app as cli
from prefopt.io import chunks as pieces

moment = sys.argv[1]
sys.argv = ["prefopt", *sys.argv[3:]]
pieces.SIZE = 10


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "unnamed":
    keep = pieces.Pieces.keep

    def keep_the_first(self, number):
        (die if number == 1 else keep)(self, number)

    pieces.Pieces.keep = keep_the_first
elif moment == "written":
    pieces.Pieces.remove = die
elif moment != "never":
    raise SystemExit(f"no moment {moment!r}")

cli.main()

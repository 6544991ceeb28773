"""Runs `prefopt predict` with chunks of ten problems and kills it (SIGKILL) at a chosen moment.

    python killed_predict.py MOMENT -- predict problems.jsonl

MOMENT: unnamed   the second chunk is written, it has not got its name
        written   the predictions are there, the chunks are not removed
        never
"""

from __future__ import annotations

import os
import signal
import sys

from prefopt.cli import app as cli
from prefopt.io import chunks

moment = sys.argv[1]
sys.argv = ["prefopt", *sys.argv[3:]]
chunks.SIZE = 10


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "unnamed":
    keep = chunks.Chunks.keep

    def keep_the_first(self, number):
        (die if number == 1 else keep)(self, number)

    chunks.Chunks.keep = keep_the_first
elif moment == "written":
    chunks.Chunks.remove = die
elif moment != "never":
    raise SystemExit(f"no moment {moment!r}")

cli.main()

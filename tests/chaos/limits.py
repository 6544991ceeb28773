"""Too little memory in training, and a wall clock that jumps in the middle of a round."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from tests.chaos.classroom import CLOCK
from tests.chaos.processes import limit_memory, run, run_fresh
from tests.chaos.projects import SIMULATE, States
from tests.chaos.results import difference, results
from tests.chaos.tally import Tally

_MEMORY = "address space limited in training"
_JUMP = "wall clock moved in the middle of a round"
_HANGS = 100.0
"""Seconds after which a round with too little memory is killed: torch may wait for a thread that never began. Nothing may be lost by it."""


class Limits:
    """Tries limits in a folder of its own, and counts."""

    def __init__(self, place: Path, states: States, tally: Tally, chance: random.Random) -> None:
        self.place, self.states, self.tally, self.chance = place, states, tally, chance

    def memory(self) -> None:
        """A round from pair to report with too little memory, then with enough."""
        folder = self.states.copy("answered", self.place / "memory")
        more = self.chance.randint(0, 60) << 20
        ended = run(folder, "round", prepare=limit_memory(more), kill_after=_HANGS)
        self.tally.said(_MEMORY, ended, f"{more >> 20} MiB more")
        if hung := ended.seconds >= _HANGS:
            print(f"{_MEMORY}, {more >> 20} MiB more: did not end in {_HANGS:.0f} s, and was killed", file=sys.stderr)
        if ended.status != 0:
            ended = run(folder, "round")
            self.tally.said(_MEMORY, ended)
        wrong = [] if ended.status == 0 else [f"ended with {ended.status}: {ended.said.strip()[-200:]}"]
        lost = wrong + difference(results(folder), results(self.states.state("finished")))
        self.tally.tried(_MEMORY, "hung and was killed" if hung else "", lost=lost)

    def clock(self) -> None:
        """A round whose later stages run at another time, by days, than its earlier ones. Nothing where the machine has no C compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            return
        folder = self.states.copy("published", self.place / "clock")
        library, offset = self.place / "clock.so", self.place / "offset"
        if not library.exists():
            subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, CLOCK], check=True)
        days = self.chance.choice((-400, -1, 1, 400))
        offset.write_bytes(struct.pack("q", days * 86400))
        run(folder, *SIMULATE)
        ended = run_fresh(folder, "round", more={"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(offset)})
        self.tally.said(_JUMP, ended)
        wrong = [] if ended.status == 0 else [f"ended with {ended.status}: {ended.said.strip()[-200:]}"]
        wrong += difference(results(folder), results(self.states.state("finished")))
        shown = ended.said + (folder / "rounds/001/report/report.html").read_text(encoding="utf-8") if ended.status == 0 else ended.said
        if negative := re.findall(r"-\d{4,}(?:\.\d+)? ?s\b", shown):
            wrong.append(f"a time below zero is shown: {negative[0]}")
        self.tally.tried(_JUMP, f"{days:+} days", lost=wrong)

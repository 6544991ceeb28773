"""The lanes of a campaign, one for each core: processes forked from the warm one, which try one fault after another until time is up."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from prefopt.io.files import write_json
from tests.chaos.bit_flips import flip_bits
from tests.chaos.classroom import Classroom
from tests.chaos.disks import Disks, own_mounts
from tests.chaos.kills import Killer
from tests.chaos.limits import Limits
from tests.chaos.processes import end_with_parent
from tests.chaos.projects import States
from tests.chaos.servers import Servers
from tests.chaos.tally import Tally, from_plain

FLIPS, FLIPS_AT_ONCE = 300, 20
_LEAST = 5.0
"""Seconds that a fault counts for, so that one that cannot be tried here leaves its turn to the others."""
_BROKEN = 3
"""Faults that the campaign itself could not try, after which a lane gives up."""


@dataclass
class Activity:
    """A kind of fault with its share of a lane's time."""

    name: str
    share: float
    one: Callable[[], object]
    used: float = 0.0
    first: bool = False
    """Tried once whatever the time is."""


class Lane:
    """A running lane."""

    def __init__(self, number: int, work: Path, states: States, deadline: float, seed: int) -> None:
        self.number, self.file, self.status = number, work / f"lane-{number}.json", 0
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                end_with_parent(signal.SIGTERM)
                signal.signal(signal.SIGTERM, _leave)
                _run(number, work / f"lane-{number}", states, deadline, seed, self.file)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)

    def ended(self) -> bool:
        """Whether it has ended."""
        done, status = os.waitpid(self.pid, os.WNOHANG)
        if done:
            self.status = os.waitstatus_to_exitcode(status)
        return bool(done)

    def tally(self) -> Tally:
        """What it has counted so far; that it broke, if it did, counts as lost."""
        tally = from_plain(json.loads(self.file.read_text(encoding="utf-8"))) if self.file.exists() else Tally()
        if self.status:
            tally.lost += 1
            tally.notes.append(f"lane {self.number} ended with {self.status}: not all that was planned was tried")
        return tally


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _run(number: int, work: Path, states: States, deadline: float, seed: int, file: Path) -> None:
    work.mkdir(parents=True)
    tally = Tally()
    why_not = own_mounts()
    print(f"lane {number}: {why_not or 'a tmpfs of its own'}", file=sys.stderr)

    def chance(kind: str) -> random.Random:  # of its own, so that a kind's faults do not depend on what else there was time for
        return random.Random(f"{seed} {number} {kind}")

    servers = Servers(work / "servers", states, tally, chance("servers"))
    classroom = Classroom(work / "classroom", tally, chance("classroom"))
    killer = Killer(work / "kills", states, tally, chance("kills"))
    for part in (servers.place, killer.place, work / "disks", work / "limits"):
        part.mkdir()
    disks = Disks(work / "disks", states, tally, chance("disks"), mounts=not why_not)
    limits = Limits(work / "limits", states, tally, chance("limits"))
    if number == 0:
        activities = [
            Activity("kills at the moments of each stage", 0.01, killer.moments, first=True),
            Activity("kills", 0.82, killer.one),
            Activity("full disk", 0.08, disks.full),
            Activity("read-only disk", 0.03, disks.read_only),
            Activity("memory", 0.04, limits.memory),
            Activity("own interpreter", 0.02, killer.fresh),
        ]
    else:
        activities = [
            Activity("classroom", 0.10, classroom.kill, first=True),
            Activity("bit flips", 0.08, _Flips(classroom, tally, chance("flips")).one, first=True),
            Activity("full disk", 0.08, disks.full, first=True),
            Activity("older backup", 0.03, classroom.restore_older),
            Activity("older backup before collect", 0.05, servers.older_backup),
            Activity("first start", 0.06, servers.first_start),
            Activity("commands with Argilla", 0.10, servers.commands),
            Activity("clock of Argilla", 0.02, classroom.jump),
            Activity("clock", 0.04, limits.clock),
            Activity("kills", 0.44, killer.one),
        ]
    try:
        _until(deadline, activities, tally, lambda: write_json(file, tally.plain()), number)
    finally:
        classroom.close()
        servers.close()
        write_json(file, tally.plain())


def _until(deadline: float, activities: list[Activity], tally: Tally, save: Callable[[], None], number: int) -> None:
    """Try the faults by their shares of the time, those that are first once before all others."""
    broken = 0
    while (due := [each for each in activities if each.first and not each.used]) or time.monotonic() < deadline:
        chosen = due[0] if due else min(activities, key=lambda each: each.used / each.share)
        began = time.monotonic()
        try:
            chosen.one()
        except Exception as error:
            traceback.print_exc()
            tally.lost += 1
            tally.notes.append(f"{chosen.name}: the campaign itself failed: {type(error).__name__}: {str(error)[:300]}")
            broken += 1
            if broken == _BROKEN:
                raise
        chosen.used += max(time.monotonic() - began, _LEAST)
        save()
        print(f"lane {number}: {chosen.name} {time.monotonic() - began:.0f} s; {tally.kills} kills, {tally.lost} lost", file=sys.stderr)


class _Flips:
    """Bit flips in a copy of the classroom's database, a few at a time and FLIPS in all."""

    def __init__(self, classroom: Classroom, tally: Tally, chance: random.Random) -> None:
        self.classroom, self.tally, self.chance = classroom, tally, chance

    def one(self) -> None:
        if self.tally.bit_flips >= FLIPS:
            time.sleep(0.1)
            return
        home = self.classroom.copy_of_home()
        counts = flip_bits(home / "argilla.db", FLIPS_AT_ONCE, self.chance.randrange(1 << 30))
        self.tally.bit_flips += counts.tried
        self.tally.silent_damage += counts.silent
        row = self.tally.row("bit flips in the server's database")
        row.tried += counts.tried
        row.survived += counts.tried - counts.silent
        row.lost += counts.silent
        for kind in ("refused", "repaired", "harmless"):
            row.where[kind] = row.where.get(kind, 0) + getattr(counts, kind)

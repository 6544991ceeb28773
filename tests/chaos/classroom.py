"""A real Argilla with teachers who answer and edit: killed, with a moving clock, its database damaged, an older backup restored."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import httpx

from feedback import backups, bundled
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, find_server, sign_in
from prefopt.protocols import FeedbackContext
from prefopt.records import Receipt
from prefopt.taxonomy import parse_taxonomy
from tests.chaos.servers import kill_server
from tests.chaos.tally import Tally
from tests.contract.desks import TAXONOMY, make_slates

CLOCK = Path(__file__).parents[1] / "contract" / "clock.c"
TEACHERS = tuple(f"t{number}" for number in range(6))
PASSWORD = "teacher-pass-1"
SLATES = make_slates(60)
FAULT = "SIGKILL of Argilla while teachers answer and edit"
_SECONDS = 60.0
"""Of a teacher's request, before it counts as broken."""


@dataclass
class Said:
    """What one teacher knows about one slate: the last answer that the server acknowledged, and those that it may hold as well."""

    ranks: tuple[int, ...] | None = None
    unsure: list[tuple[int, ...]] = field(default_factory=list)


class Classroom:
    """One server with teachers; every answer that it ever acknowledged is in `said`."""

    def __init__(self, project: Path, tally: Tally, chance: random.Random) -> None:
        self.project, self.tally, self.chance = project, tally, chance
        self.home = bundled.default_home(project)
        self.said: dict[tuple[str, str], Said] = {}
        self._clock = project / "clock"
        self._more: dict[str, str] = {}
        self._receipts: list[Receipt] = []
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def source(self) -> ArgillaSource:
        """The feedback source, as a round makes it."""
        context = FeedbackContext(project=self.project, name="chaos", taxonomy=parse_taxonomy(TAXONOMY, "taxonomy.csv"), overlap=2)
        return ArgillaSource(ArgillaConfig(), context)

    def open(self) -> None:
        """Start the server, with a clock that can be moved if the machine has a C compiler, make the accounts and publish."""
        shutil.rmtree(self.project, ignore_errors=True)
        self.project.mkdir(parents=True)
        self._clock.write_bytes(struct.pack("q", 0))
        if compiler := shutil.which("cc"):
            library = self.project / "clock.so"
            subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, CLOCK], check=True)
            self._more = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._clock)}
        self._start()
        url, key = find_server(self.project)
        owner = ArgillaClient(url, key=key)
        workspace = owner.ensure_workspace("prefopt")
        for name in TEACHERS:
            owner.add_teacher(name, name, workspace, PASSWORD)
        self._receipts = self.source.publish(SLATES)
        self._sign_in()

    def close(self) -> None:
        """End the server."""
        kill_server(self.home)

    def _start(self) -> None:
        with mock.patch.dict("os.environ", self._more):
            bundled.start(self.home, port=None if bundled.last_address(self.home) else 0)

    def _sign_in(self) -> None:
        """New tokens: a clock that was moved ends the old ones."""
        url, _ = find_server(self.project)
        for name in TEACHERS:
            client = sign_in(url, name, PASSWORD)
            self._tokens[name] = client._http.headers["Authorization"]

    def kill(self) -> None:
        """Teachers answer and edit; the server is killed and started again; every acknowledged answer is collected."""
        if not self._receipts:
            self.open()
        stop = threading.Event()
        room = [threading.Thread(target=self._work, args=(name, stop, self.chance.random()), daemon=True) for name in TEACHERS]
        for thread in room:
            thread.start()
        self._wait_for(self.chance.randint(5, 80))
        time.sleep(self.chance.uniform(0.0, 0.1))
        hit = kill_server(self.home)
        stop.set()
        for thread in room:
            thread.join(_SECONDS)
        self._start()
        self.check(FAULT, hit=hit)

    def jump(self) -> None:
        """The clock jumps while teachers answer, there and back; what they answer meanwhile is collected as well."""
        if not self._receipts:
            self.open()
        if not self._more:
            return
        for days in (self.chance.choice((-400, -30, 1, 400)), 0):
            with self._clock.open("r+b") as file:  # in place: the server has it mapped
                file.write(struct.pack("q", days * 86400))
            self._sign_in()
            stop = threading.Event()
            worker = threading.Thread(target=self._work, args=(self.chance.choice(TEACHERS), stop, self.chance.random()), daemon=True)
            worker.start()
            self._wait_for(3)
            stop.set()
            worker.join(_SECONDS)
        self.check("clock of Argilla moved while teachers answer")

    def restore_older(self) -> None:
        """A backup, more answers, the backup again: what is gone from the server is known to be no teacher's doing."""
        if not self._receipts:
            self.open()
        made = backups.make_backup(self.home)
        held = {key: (known.ranks, list(known.unsure)) for key, known in self.said.items()}
        self.kill()
        kill_server(self.home)
        backups.restore(self.home, made)
        self._start()
        self._sign_in()
        with self._lock:  # what the older server holds is what it had acknowledged then
            self.said = {key: Said(ranks, unsure) for key, (ranks, unsure) in held.items()}
        self.check("older backup of Argilla restored: its answers", count=False)

    def copy_of_home(self) -> Path:
        """A copy of the server's data as a stopped server leaves it: a backup of it, restored."""
        if not self._receipts:
            self.open()
        copy = self.project / "copy" / ".argilla"
        shutil.rmtree(copy.parent, ignore_errors=True)
        backups.restore(copy, backups.make_backup(self.home, self.project / "copy" / "backup"))
        return copy

    def check(self, fault: str, *, hit: bool = True, count: bool = True) -> None:
        """Compare what is collected with what was acknowledged, and count."""
        receipts = self.source.publish(SLATES)
        by_id = {slate.id: slate for slate in SLATES}
        rankings = self.source.collect(SLATES, receipts)
        found: dict[tuple[str, str], tuple[int, ...]] = {}
        twice = [key for key, times in Counter((r.slate_id, r.teacher) for r in rankings).items() if times > 1]
        for ranking in rankings:
            found[ranking.slate_id, ranking.teacher] = tuple(ranking.ranks[card.id] for card in by_id[ranking.slate_id].shown)
        wrong = [key for key, known in self.said.items() if not _holds(found.get(key), known)]
        lost = [f"answer of {teacher} to {slate}" for slate, teacher in wrong] + [f"{key} is there twice" for key in twice]
        if count:
            self.tally.acknowledged_lost += len(wrong)
        for key, known in self.said.items():
            if (there := found.get(key)) is not None and _holds(there, known):
                known.ranks, known.unsure = there, []
        if hit:
            self.tally.tried(fault, lost=lost)
        if hit and fault == FAULT:
            self.tally.kills += 1
            self.tally.equal += not lost

    def _wait_for(self, answers: int) -> None:
        """Wait until the server has acknowledged so many more."""
        wanted, until = self.tally.acknowledged + answers, time.monotonic() + _SECONDS
        while self.tally.acknowledged < wanted and time.monotonic() < until:
            time.sleep(0.005)

    def _work(self, name: str, stop: threading.Event, seed: float) -> None:
        """Answer slates, some of them again with other ranks, until `stop` is set or the server is gone."""
        chance = random.Random(seed)
        url, _ = find_server(self.project)
        with httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": self._tokens[name]}, timeout=_SECONDS, trust_env=False
        ) as page:
            while not stop.is_set():
                number = chance.randrange(len(SLATES))
                ranks = tuple(chance.randint(1, 4) for _ in range(4))
                with self._lock:
                    known = self.said.setdefault((SLATES[number].id, name), Said())
                    known.unsure.append(ranks)
                try:
                    status = _submit(page, self._receipts[number].record, ranks)
                except httpx.TransportError:
                    return
                if status in (200, 201):
                    with self._lock:
                        known.ranks, known.unsure = ranks, []
                        self.tally.acknowledged += 1


def _holds(there: tuple[int, ...] | None, known: Said) -> bool:
    """Whether an answer on the server is the acknowledged one, or one sent after it whose reply was lost."""
    return there == known.ranks or there in known.unsure


def _submit(page: httpx.Client, record: str, ranks: tuple[int, ...]) -> int:
    """Answer as the page does: new, or in place of the earlier answer."""
    ranking = [{"value": key, "rank": rank} for key, rank in zip("abcd", ranks, strict=True)]
    values: Mapping[str, object] = {"verdict": {"value": "some"}, "ranking": {"value": ranking}}
    item = {"record_id": record, "status": "submitted", "values": values}
    reply = page.post("/me/responses/bulk", json={"items": [item]})
    refused = reply.status_code != 200 or reply.json()["items"][0].get("error")
    return reply.status_code if not refused else 0

"""The bundled server is killed, starved of disk, moved in time and damaged while teachers answer: exactly the acknowledged answers stay.

One server for the whole file: each test leaves it up, and its dataset with exactly the slates that were pushed.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from feedback import backups, bundled
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, RefusedError, find_server, sign_in
from feedback.server import digests
from prefopt.errors import FeedbackError
from prefopt.protocols import FeedbackContext
from prefopt.records import Receipt
from prefopt.taxonomy import parse_taxonomy
from tests.contract.desks import TAXONOMY, make_slates
from tests.requirements import program
from tests.unit.argilla_rows import flip

TEACHERS = [f"t{number}" for number in range(10)]
SLATES = make_slates(120)
CLOCK = Path(__file__).with_name("clock.c")

Told = tuple[str, str, tuple[int, ...]]


@dataclass
class School:
    """A server with ten teachers, and every answer that it ever acknowledged."""

    project: Path
    clock: Path
    keys: dict[str, str] = field(default_factory=dict)
    acknowledged: list[Told] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return bundled.default_home(self.project)

    @property
    def owner(self) -> ArgillaClient:
        url, key = find_server(self.project)
        return ArgillaClient(url, key=key)

    @property
    def source(self) -> ArgillaSource:
        context = FeedbackContext(project=self.project, name="faults", taxonomy=parse_taxonomy(TAXONOMY, "taxonomy.csv"), overlap=2)
        return ArgillaSource(ArgillaConfig(), context)

    def move_clock(self, days: int) -> None:
        with self.clock.open("r+b") as file:  # in place: the server has it mapped
            file.write(struct.pack("q", days * 86400))

    def publish(self) -> list[Receipt]:
        return self.source.publish(SLATES)

    def submit(self, teacher: str, slate: int, record: str) -> int:
        """Answer as the page does; the answer is recorded if the server replies 201."""
        ranks = [random.Random(f"{teacher} {slate}").randint(1, 4) for _ in range(4)]
        ranking = [{"value": key, "rank": rank} for key, rank in zip("abcd", ranks, strict=True)]
        body = {"status": "submitted", "values": {"verdict": {"value": "some"}, "ranking": {"value": ranking}}}
        url, _ = find_server(self.project)
        headers = {"X-Argilla-Api-Key": self.keys[teacher]}
        reply = httpx.post(f"{url}/api/v1/records/{record}/responses", json=body, headers=headers, timeout=60, trust_env=False)
        if reply.status_code == 201:
            self.acknowledged.append((SLATES[slate].id, teacher, tuple(ranks)))
        return reply.status_code

    def check(self) -> None:
        """Publishing again adds nothing, and every acknowledged answer is collected exactly once, unchanged."""
        receipts = self.publish()
        assert [receipt.slate_id for receipt in receipts] == [slate.id for slate in SLATES]
        dataset = self.owner.dataset("faults", self.owner.ensure_workspace("prefopt"))
        assert dataset is not None
        records = list(self.owner.records(str(dataset["id"])))
        assert sorted(str(record["external_id"]) for record in records) == [slate.id for slate in SLATES]
        by_id = {slate.id: slate for slate in SLATES}
        rankings = self.source.collect(SLATES, receipts)
        collected = Counter((r.slate_id, r.teacher, tuple(r.ranks[card.id] for card in by_id[r.slate_id].shown)) for r in rankings)
        assert [answer for answer in self.acknowledged if collected[answer] != 1] == [], "acknowledged, but not collected exactly once"
        assert max(Counter((r.slate_id, r.teacher) for r in rankings).values(), default=1) == 1


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """The server runs with a clock that a test can move, if the machine has a C compiler."""
    project = tmp_path_factory.mktemp("faults")
    school = School(project, project / "clock")
    school.clock.write_bytes(struct.pack("q", 0))
    compiler = shutil.which("cc")
    with pytest.MonkeyPatch.context() as patch:
        if compiler:
            library = project / "clock.so"
            subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, CLOCK], check=True)
            patch.setenv("LD_PRELOAD", str(library))
            patch.setenv("CLOCK_OFFSET_FILE", str(school.clock))
        bundled.start(school.home, port=0)
        patch.delenv("LD_PRELOAD", raising=False)
        try:
            workspace = school.owner.ensure_workspace("prefopt")
            for name in TEACHERS:
                school.owner.add_teacher(name, name, workspace, "teacher-pass-1")
            school.keys = {user["username"]: user["api_key"] for user in school.owner.get("/users")["items"]}
            school.publish()
            yield school
        finally:
            bundled.stop(school.home)


def test_a_clock_that_jumps_loses_no_answer(school: School) -> None:
    program("cc", package="gcc libc6-dev")  # moves the server's clock
    receipts = school.publish()
    url, _ = find_server(school.project)
    signed_in = sign_in(url, "t0", "teacher-pass-1")
    for number, days in enumerate((0, 400, -30)):
        school.move_clock(days)
        assert school.submit("t1", number, receipts[number].record) == 201
        if days > 0:
            with pytest.raises(RefusedError, match="401"):  # the session has expired; the page asks for the password again
                signed_in.get("/me")
            assert sign_in(url, "t0", "teacher-pass-1").get("/me")["username"] == "t0"
    school.check()
    times = [r.submitted_at for r in school.source.collect(SLATES, receipts) if r.teacher == "t1" and r.submitted_at]
    assert max(times).year > min(times).year, "the clock had moved"
    school.move_clock(0)


def test_a_full_disk_is_reported_and_nothing_is_stored_in_part(school: School) -> None:
    """The server cannot write files beyond 4 KB: the writes fail as on a full disk, and the limit can be lifted."""
    receipts, pid = school.publish(), bundled.running_pid(school.home)
    assert pid is not None
    owner = school.owner
    owner.request("DELETE", f"/records/{receipts[119].record}")
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert school.submit("t2", 0, receipts[0].record) == 507
        with pytest.raises(FeedbackError, match="disk is full or cannot be written; nothing was stored"):
            school.publish()
        with pytest.raises(FeedbackError, match="disk is full"):
            owner.add_teacher("late", "late", owner.ensure_workspace("prefopt"), "late-teachers-pass")
        assert owner.get("/me")["username"] == "owner", "reading goes on"
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert school.submit("t2", 0, receipts[0].record) == 201
    school.check()
    log = (school.home / "server.log").read_text(encoding="utf-8")
    assert "disk is full" in log
    secrets = [
        bundled.owner_key(school.home) or "?",
        *bundled.passwords(school.home).values(),
        *school.keys.values(),
        "$2b$",
        "late-teachers-pass",
    ]
    assert [secret for secret in secrets if secret in log] == []


def test_a_backup_while_teachers_submit_is_consistent(school: School) -> None:
    receipts = school.publish()
    with ThreadPoolExecutor(3) as room:
        done = [room.submit(school.submit, "t3", number, receipts[number].record) for number in range(20)]
        made = backups.make_backup(school.home)
        assert {each.result() for each in done} == {201}
    assert backups.fault(made) == ""
    with closing(sqlite3.connect(made.folder / "argilla.db")) as database:
        answers = database.execute("SELECT count(*) FROM responses").fetchone()[0]
        assert database.execute("SELECT count(*) FROM records").fetchone()[0] == 120
    assert made.answers == answers <= len(school.acknowledged)
    assert {path.stat().st_mode & 0o777 for path in made.folder.iterdir()} == {0o600}
    school.check()


def test_answers_survive_a_kill_while_ten_teachers_submit(school: School) -> None:
    receipts, pid = school.publish(), bundled.running_pid(school.home)
    assert pid is not None
    before = len(school.acknowledged)
    supervised = prefopt("up", "--foreground", "--home", str(school.home))  # as systemd would have it
    assert supervised.stdout is not None
    assert "teachers answer at" in supervised.stdout.readline()
    assert "is already running" in supervised.stdout.readline()
    shown = "".join(supervised.stdout.readline() for _ in range(3))
    assert bundled.passwords(school.home)["owner"] not in shown, "it goes into the supervisor's log"
    assert "prefopt argilla owner" in shown

    def work(teacher: str) -> None:
        for number in random.Random(teacher).sample(range(30, 110), 80):
            try:
                school.submit(teacher, number, receipts[number].record)
            except httpx.TransportError:
                return

    room = [threading.Thread(target=work, args=(teacher,)) for teacher in TEACHERS]
    for thread in room:
        thread.start()
    while len(school.acknowledged) < before + 40:
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    for thread in room:
        thread.join(60)
    assert len(school.acknowledged) < before + 800, "killed in the middle"
    assert "nothing is lost" in supervised.communicate(timeout=60)[1]
    assert supervised.returncode == 1, "a supervisor notices"
    with ThreadPoolExecutor(2) as pair:  # and two people start it at once
        started = list(pair.map(lambda _: bundled.start(school.home), range(2)))
    assert started[0] == started[1]
    assert started[0][1] != pid
    school.check()
    dataset = school.owner.dataset("faults", school.owner.ensure_workspace("prefopt")) or {}
    twice = sum(count >= 2 for count in Counter(slate for slate, _, _ in school.acknowledged).values())
    assert school.owner.get(f"/datasets/{dataset['id']}/progress")["completed"] >= twice > 0, "statuses follow from the answers"


def prefopt(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "prefopt", "argilla", *words]
    restore_interrupt = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # background jobs of a shell ignore Ctrl-C
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=restore_interrupt)


def test_the_commands_of_prefopt_argilla(school: School, tmp_path: Path) -> None:
    def argilla(*words: str) -> tuple[int, str, str]:
        process = prefopt(*words, "--home", str(school.home))
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    code, out, _ = argilla("backup", str(tmp_path / "copy"), "--json")
    assert code == 0
    made = json.loads(out)
    assert (made["folder"], made["records"]) == (str(tmp_path / "copy"), 120)
    # each teacher may have one more that was stored when the server was killed, before it could say so
    assert 0 <= made["answers"] - len(school.acknowledged) <= len(TEACHERS)
    code, _, err = argilla("backup", str(tmp_path / "copy"))
    assert (code, "exists already" in err) == (1, True)
    code, out, _ = argilla("status", "--json")
    status = json.loads(out)
    assert (code, status["up"], status["pid"]) == (0, True, bundled.running_pid(school.home))
    assert argilla("owner")[1] == f"owner  password {bundled.passwords(school.home)['owner']}\n"
    assert argilla("owner", "--reset")[1] == f"owner  password {bundled.passwords(school.home)['owner']}\n"
    url, _ = find_server(school.project)
    assert sign_in(url, "owner", bundled.passwords(school.home)["owner"]).get("/me")["role"] == "owner"
    code, out, _ = argilla("restore")
    assert (code, "automatic" in out) == (0, True)
    code, _, err = argilla("restore", str(tmp_path / "copy"))
    assert (code, "prefopt argilla down" in err) == (1, True)
    code, _, err = argilla("up", "--port", "1")
    assert (code, "is already running" in err) == (1, True)
    assert "prefopt: listening at 127.0.0.1" in argilla("logs", "-n", "100000")[1]
    with (school.home / "server.log").open("a") as log:
        log.write("a last line\n")  # the server may have written a warning after it came up
    follower = prefopt("logs", "-n", "1", "--follow", "--home", str(school.home))
    assert follower.stdout is not None
    assert follower.stdout.readline() == "a last line\n"
    with (school.home / "server.log").open("a") as log:
        log.write("one line more\n")
    assert follower.stdout.readline() == "one line more\n"
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=30)
    assert follower.returncode == 0


def test_a_damaged_backup_is_not_suggested(school: School) -> None:
    made = backups.make_backup(school.home)
    copy = made.folder.with_name("99991231T000000Z")
    shutil.copytree(made.folder, copy)
    with (copy / "argilla.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"?")
    assert backups.fault(backups.find_backup(school.home, copy.name)) == "argilla.db has changed since it was made"
    assert f"restore {made.folder.name}" in backups.how_to_restore(school.home)
    with pytest.raises(FeedbackError, match="there is no backup 'x'; known backups:") as error:
        backups.find_backup(school.home, "x")
    assert made.line in error.value.message
    shutil.rmtree(copy)


def change_an_answer(database: Path) -> bool:
    """Flip a bit of a rank that is in use: a file keeps old rows in its free space."""
    place, rank = 0, b'"rank": 1'
    while (place := database.read_bytes().find(rank, place)) >= 0:
        flip(database, rank, 1, skip=place)
        if digests.inspect(database, at_rest=False):
            return True
        flip(database, b'"rank": 3', 1, skip=place)
        place += 1
    return False


def test_a_flipped_bit_is_refused_at_collect_and_at_the_start_and_repaired(school: School) -> None:
    receipts = school.publish()
    assert school.submit("t9", 119, receipts[119].record) == 201
    database = school.home / "argilla.db"
    with closing(digests.connect(database)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert change_an_answer(database)
    with pytest.raises(FeedbackError, match=r"cannot be trusted: 1 row is not what was written: responses .* changed") as error:
        school.source.collect(SLATES, receipts)
    assert "prefopt argilla repair" in error.value.hint
    status = prefopt("status", "--home", str(school.home))
    out, err = status.communicate(timeout=60)
    assert ("is running" in out, status.returncode) == (True, 1), "found while it runs, without reading answers"
    assert "1 row is not what was written" in err
    assert "prefopt argilla repair" in err
    assert bundled.stop(school.home)
    with pytest.raises(FeedbackError, match=r"is damaged: 1 row is not what was written") as error:
        bundled.start(school.home)
    assert error.value.hint.startswith("prefopt argilla repair")
    for words, status, said in (((), 1, "nothing has been changed"), (("--yes",), 0, "the damaged data is kept in")):
        process = prefopt("repair", *words, "--home", str(school.home))
        out, err = process.communicate(timeout=60)
        assert process.returncode == status, err
        assert re.search(r"answer of t\d to s-\d\d\d: one bit had been flipped, exact", out)
        assert said in out
    bundled.start(school.home)
    school.check()


def test_a_damaged_or_missing_database_is_reported_with_the_backup_that_restores_it(school: School) -> None:
    made = backups.make_backup(school.home)
    with pytest.raises(FeedbackError, match="is running") as error:
        backups.restore(school.home, made)
    assert "prefopt argilla down" in error.value.hint
    assert bundled.stop(school.home)
    database = school.home / "argilla.db"
    whole = database.read_bytes()
    scribbled = whole[:8192] + random.Random(7).randbytes(40_000) + whole[48_192:]
    for content in (scribbled, b"not a database" * 100, b""):
        database.write_bytes(content)
        with pytest.raises(FeedbackError, match="is damaged") as error:
            bundled.start(school.home)
        assert f"prefopt argilla restore {made.folder.name}" in error.value.hint
    with pytest.raises(FeedbackError, match="is damaged"):
        backups.make_backup(school.home)
    database.unlink()
    with pytest.raises(FeedbackError, match="is missing; an empty one in its place would hide the loss") as error:
        bundled.start(school.home)
    assert made.folder.name in error.value.hint

    database.write_bytes(b"damaged")
    (school.home / "argilla.db-wal").write_bytes(b"a log of the damaged one")
    replaced = backups.restore(school.home, made)
    assert replaced is not None
    assert (replaced / "argilla.db").read_bytes() == b"damaged"
    assert (replaced / "argilla.db-wal").exists()
    assert not (school.home / "argilla.db-wal").exists()
    bundled.start(school.home)
    school.check()

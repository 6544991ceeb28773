"""A real Argilla under faults: killed in its first start, and while prefopt writes to it, reads it, backs it up and restores it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from feedback import backups, bundled
from feedback.argilla_commands import argilla
from feedback.argilla_entry import sign_in_simulated
from feedback.client import ArgillaClient, find_server
from tests.chaos.processes import Ended, run
from tests.chaos.projects import SIMULATE, States
from tests.chaos.tally import Tally

_COMMANDS = ((("round",), 9.0, 3), (SIMULATE, 3.0, 0), (("argilla", "backup"), 1.0, 0), (("round", "--collect-now"), 9.0, 0))
"""Words, the latest kill in seconds, and the exit status."""


def killed_with_children(folder: Path, *words: str, after: float, home: Path) -> tuple[Ended, bool]:
    """Kill a command, and the server of `home` that it may have started. Returns how it ended, and whether either was alive."""
    ended = run(folder, *words, kill_after=after)
    return ended, kill_server(home) or ended.killed


def kill_server(home: Path) -> bool:
    """SIGKILL the server of a home, which is in a session of its own. Returns whether one ran."""
    found = False
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:  # it has ended meanwhile
            continue
        if b"--home" in command and str(home).encode() in command and any(part.endswith(b"start_server.py") for part in command):
            os.kill(int(entry.name), signal.SIGKILL)
            found = True
    deadline = time.monotonic() + 10
    while found and bundled.running_pid(home) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


class Servers:
    """Tries the faults of a server in a folder of its own, and counts. The servers that it starts are stopped by close()."""

    def __init__(self, place: Path, states: States, tally: Tally, chance: random.Random) -> None:
        self.place, self.states, self.tally, self.chance = place, states, tally, chance
        self._homes: set[Path] = set()

    def close(self) -> None:
        """Stop every server."""
        for home in self._homes:
            kill_server(home)

    def _project(self, name: str) -> tuple[Path, Path]:
        """A project whose base is trained and whose feedback source is a bundled Argilla, and that server's home."""
        folder = self.states.copy("base", self.place / name)
        settings = folder / "prefopt.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace('source = "file"', 'source = "argilla"'), encoding="utf-8")
        home = bundled.default_home(folder)
        self._homes.add(home)
        return folder, home

    def _command(self, fault: str, folder: Path, *words: str) -> Ended:
        ended = run(folder, *words)
        self.tally.said(fault, ended)
        return ended

    def first_start(self) -> None:
        """`argilla up` and its server killed in the first start; then `argilla up` again."""
        fault, folder = "SIGKILL of the first `argilla up` and its server", self.place / "first"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        home = folder / "home"
        self._homes.add(home)
        words = ("argilla", "up", "--port", "0", "--home", str(home))
        ended, hit = killed_with_children(folder, *words, after=self.chance.uniform(0.3, 5.0), home=home)
        self.tally.said(fault, ended)
        again = self._command(fault, folder, *words)
        lost = [] if again.status == 0 else [f"`argilla up` then ended with {again.status}: {again.said.strip()[-200:]}"]
        if hit:
            self.tally.kills += 1
            self.tally.equal += not lost
            self.tally.tried(fault, lost=lost)
        kill_server(home)

    def commands(self) -> None:
        """push, simulated answers, collect and backup killed at random instants and typed again."""
        fault = "SIGKILL of a process group, Argilla"
        folder, home = self._project("commands")
        self._command(fault, folder, "argilla", "up", "--port", "0")
        for words, most, status in (
            (("round",), 9.0, 3),
            (SIMULATE, 3.0, 0),
            (("argilla", "backup"), 1.0, 0),
            (("round", "--collect-now"), 9.0, 0),
        ):
            hits = 0
            for _ in range(self.chance.randint(1, 3)):
                if words[-1] == "--collect-now" and (folder / "rounds/001/report/stage.json").exists():
                    break
                ended = run(folder, *words, kill_after=self.chance.uniform(0.1, most))
                self.tally.said(fault, ended)
                hits += ended.killed
                if not ended.killed:
                    break
            lost = []
            if words[-1] != "--collect-now" or not (folder / "rounds/001/report/stage.json").exists():
                again = self._command(fault, folder, *words)
                if again.status != status:
                    lost = [f"`prefopt {' '.join(words)}` then ended with {again.status}: {again.said.strip()[-200:]}"]
            lost += _wrong(folder, home, words)
            self.tally.kills += hits
            self.tally.equal += 0 if lost else hits
            if hits:
                self.tally.tried(fault, " ".join(words[:2]), times=hits, lost=lost)
        self._restore_killed(folder, home)
        self._repair_killed(folder, home)
        kill_server(home)

    def _repair_killed(self, folder: Path, home: Path) -> None:
        """`argilla repair` of an answer with a flipped bit, killed and typed again. Nothing where there is no such command."""
        fault = "SIGKILL of `argilla repair`"
        if not any((command.name or getattr(command.callback, "__name__", "")) == "repair" for command in argilla.registered_commands):
            return
        self._command(fault, folder, "argilla", "up")
        self._command(fault, folder, "argilla", "down")
        before, database = _counts(home), home / "argilla.db"
        whole = bytearray(database.read_bytes())
        places = [found.start() for found in re.finditer(b'"verdict"', whole)]
        whole[self.chance.choice(places) + self.chance.randrange(9)] ^= 1
        database.write_bytes(whole)
        words = ("argilla", "repair", "--yes")
        ended = run(folder, *words, kill_after=self.chance.uniform(0.0, 1.5))
        self.tally.said(fault, ended)
        if ended.killed:
            again, started = self._command(fault, folder, *words), self._command(fault, folder, "argilla", "up")
            lost = [f"ended with {each.status}: {each.said.strip()[-200:]}" for each in (again, started) if each.status]
            lost += [] if _counts(home) == before else [f"{_counts(home)} records and answers in place of {before}"]
            self.tally.kills += 1
            self.tally.equal += not lost
            self.tally.tried(fault, lost=lost)

    def older_backup(self) -> None:
        """A backup, more answers, a look at them, the backup again: what the round has seen stays with it."""
        fault = "older backup of Argilla restored before collect"
        folder, home = self._project("older")
        self._command(fault, folder, "argilla", "up", "--port", "0")
        self._command(fault, folder, "round")
        url, key = find_server(folder)
        owner = ArgillaClient(url, key=key)
        teacher = sign_in_simulated(owner, owner.ensure_workspace("prefopt"), home, "simulated-1")
        records = [str(row["record"]) for row in _lines(folder / "rounds/001/publish/receipts.jsonl")]
        early = [{"record_id": record, "status": "submitted", "values": {"verdict": {"value": "none"}}} for record in records[:2]]
        teacher.request("POST", "/me/responses/bulk", json={"items": early})
        self._command(fault, folder, "argilla", "backup")
        made = backups.list_backups(home)[0]
        for words in (SIMULATE, ("round", "status"), ("argilla", "down"), ("argilla", "restore", made.folder.name), ("argilla", "up")):
            if (ended := self._command(fault, folder, *words)).status != 0:
                raise RuntimeError(f"{words} ended with {ended.status}, without any fault:\n{ended.said}")
        ended = self._command(fault, folder, "round", "--collect-now")
        lost = [] if ended.status == 0 else [f"`prefopt round` ended with {ended.status}: {ended.said.strip()[-300:]}"]
        collected = folder / "rounds/001/collect/rankings.jsonl"
        given = len(_lines(collected)) if collected.exists() else 0
        self.tally.tried(
            fault, lost=lost + ([] if given == 2 * len(records) else [f"{given} of {2 * len(records)} answers that it had seen"])
        )
        kill_server(home)

    def _restore_killed(self, folder: Path, home: Path) -> None:
        """`argilla restore` killed and typed again, of a backup that holds every answer."""
        fault = "SIGKILL of `argilla restore`"
        newest = backups.list_backups(home)[0]
        kill_server(home)
        for _ in range(3):
            ended = run(folder, "argilla", "restore", newest.folder.name, kill_after=self.chance.uniform(0.0, 0.4))
            self.tally.said(fault, ended)
            if not ended.killed:
                continue
            started = self._command(fault, folder, "argilla", "up")  # either it is all there, or this says that it is not
            if started.status != 0:
                self._command(fault, folder, "argilla", "restore", newest.folder.name)
                started = self._command(fault, folder, "argilla", "up")
            lost = [] if started.status == 0 and _counts(home) == (newest.records, newest.answers) else [started.said.strip()[-200:]]
            self.tally.kills += 1
            self.tally.equal += not lost
            self.tally.tried(fault, lost=lost)
            kill_server(home)


def _wrong(folder: Path, home: Path, words: tuple[str, ...]) -> list[str]:
    """What the server or the project holds that it should not, or lacks."""
    published = _lines(folder / "rounds/001/sample/slates.jsonl")
    with closing(sqlite3.connect(f"file:{home / 'argilla.db'}?mode=ro", uri=True)) as database:
        records = [row[0] for row in database.execute("SELECT external_id FROM records")]
        answers = database.execute("SELECT count(*), count(DISTINCT record_id || user_id) FROM responses").fetchone()
    wrong = [] if len(records) == len(set(records)) == len(published) else [f"{len(records)} records for {len(published)} slates"]
    if words[0] in ("teachers", "argilla") and answers != (2 * len(published), 2 * len(published)):
        wrong.append(f"{answers} answers for {len(published)} slates of two teachers")
    if words[0] == "argilla":
        wrong += [f"{each.folder.name}: {said}" for each in backups.list_backups(home) if (said := backups.fault(each))]
    if words[-1] == "--collect-now":
        given = _lines(folder / "rounds/001/collect/rankings.jsonl")
        wrong += [] if len(given) == 2 * len(published) else [f"{len(given)} rankings collected"]
    return wrong


def _counts(home: Path) -> tuple[int, int]:
    """Records, and answers that are no drafts."""
    with closing(sqlite3.connect(f"file:{home / 'argilla.db'}?mode=ro", uri=True)) as database:
        records = database.execute("SELECT count(*) FROM records").fetchone()[0]
        return records, database.execute("SELECT count(*) FROM responses WHERE status <> 'draft'").fetchone()[0]


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

"""A disk that is full or read-only: a small tmpfs in a mount namespace of the campaign's own, or a limit on the size of files."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.chaos.processes import Prepare, limit_files, run
from tests.chaos.projects import SIMULATE, States
from tests.chaos.results import difference, results
from tests.chaos.tally import Tally

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_PRIVATE, _RECURSIVE, _REMOUNT, _READ_ONLY, _DETACH = 1 << 18, 1 << 14, 1 << 5, 1, 2
SIZE = 48 << 20
ROUND, MASK = ("round",), ("data", "mask", "data/personal.jsonl", "masked.jsonl")
DECIDE = ("round", "decide", "1", "--hold", "--because", "for the campaign")
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nothing", ("sft",)),
    ("nothing", MASK),
    ("nothing", ("data", "split", "data/gold.jsonl", "--out", "parts")),
    ("base", ROUND),
    ("published", SIMULATE),
    ("answered", ROUND),
    ("answered", ("round", "status")),
    ("finished", DECIDE),
    ("finished", ("predict", "data/pool.jsonl", "--round", "1")),
    ("finished", ("export", "out", "--round", "1", "--no-check")),
    ("finished", ("report", "--queue", "queue.csv")),
)
READING: tuple[tuple[str, ...], ...] = (("round", "status"), ("round", "list"), ("check",), ("round", "show", "1"), ("report", "1"))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def own_mounts() -> str:
    """Give the calling process mounts that nobody else sees, where the machine allows it.

    Returns:
        "" if it can mount now; otherwise why it cannot.
    """
    libc, user, group = _libc(), os.getuid(), os.getgid()
    if libc.unshare(_NEWNS | (0 if user == 0 else _NEWUSER)) != 0:
        return f"no mount namespace ({os.strerror(ctypes.get_errno())})"
    if user:
        try:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
                Path("/proc/self", name).write_text(text)
        except OSError as error:
            return f"no user namespace ({error.strerror})"
    if libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None) != 0:
        return f"no private mounts ({os.strerror(ctypes.get_errno())})"
    return ""


def mount_disk(folder: Path, size: int = SIZE) -> None:
    """Mount a small disk of some bytes at a folder. own_mounts() was called in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    _call_mount(folder, 0, size)


def make_read_only(folder: Path) -> None:
    """Let a disk of mount_disk take no more writes."""
    _call_mount(folder, _REMOUNT | _READ_ONLY)


def _call_mount(folder: Path, flags: int, size: int = SIZE) -> None:
    if _libc().mount(b"none", bytes(folder), b"tmpfs", flags, f"size={size}".encode()) != 0:
        raise OSError(ctypes.get_errno(), f"cannot mount a tmpfs at {folder}")


class Disks:
    """Tries full and read-only disks in a folder of its own, and counts. own_mounts() was called in this process."""

    def __init__(self, place: Path, states: States, tally: Tally, chance: random.Random, *, mounts: bool) -> None:
        self.place, self.states, self.tally, self.chance, self.mounts = place, states, tally, chance, mounts
        self._undisturbed: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}

    def full(self) -> None:
        """A command on a full disk; then room is made, and the same command must give what it always gives."""
        state, words = self.chance.choice(STEPS)
        self._full_with_room(state, words) if self.mounts else self._full_by_limit(state, words)

    def _full_with_room(self, state: str, words: tuple[str, ...]) -> None:
        with_disk = self.place / "full"
        mount_disk(with_disk)
        try:
            folder = self.states.copy(state, with_disk / "x")
            room = self.chance.choice((0, 4, 8, 40, 200, 400, 800)) << 10
            ballast = with_disk / "ballast"
            free = shutil.disk_usage(with_disk).free - room
            with ballast.open("wb") as file:
                file.write(b"\0" * max(0, free))
            self._compare(folder, state, words, "ENOSPC (tmpfs)", release=ballast.unlink)
        finally:
            self._unmount(with_disk)

    def _full_by_limit(self, state: str, words: tuple[str, ...]) -> None:
        folder = self.states.copy(state, self.place / "full")
        most = self.chance.choice((0, 1, 4, 16, 64, 256)) << 10
        self._compare(folder, state, words, "file size limit, as a full disk", prepare=limit_files(most))

    def _compare(
        self,
        folder: Path,
        state: str,
        words: tuple[str, ...],
        fault: str,
        *,
        prepare: Prepare | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        expected = self.expected(state, words)
        first = run(folder, *words, prepare=prepare, log=self.place / "full.log")
        self.tally.said(fault, first)
        if release is not None:
            release()
        done = first.status in (0, 3)
        ended = first if done else run(folder, *words, log=self.place / "full.log")
        self.tally.said(fault, ended)
        wrong = [] if ended.status in (0, 3) else [f"with room again it ended with {ended.status}: {ended.said.strip()[-200:]}"]
        wrong += difference(results(folder), expected)
        self.tally.tried(fault, " ".join(words[:2]), lost=wrong, repeat=f"from {state!r}")

    def expected(self, state: str, words: tuple[str, ...]) -> dict[str, str]:
        """What the command gives without any fault."""
        if (state, words) not in self._undisturbed:
            folder = self.states.copy(state, self.place / "undisturbed")
            ended = run(folder, *words)
            if ended.status not in (0, 3):
                raise RuntimeError(f"{words} ended with {ended.status}, without any fault:\n{ended.said}")
            self._undisturbed[state, words] = results(folder)
        return self._undisturbed[state, words]

    def read_only(self) -> None:
        """Commands on a read-only file system: those that write say so, those that read work, nothing changes."""
        if not self.mounts:
            return
        disk = self.place / "read-only"
        mount_disk(disk)
        try:
            folder = self.states.copy("finished", disk / "x")
            before = results(folder)
            make_read_only(disk)
            writing = self.chance.sample([words for _, words in STEPS if words != SIMULATE], 3)
            for words in (*writing, self.chance.choice(READING)):
                ended = run(folder, *words, log=self.place / "read-only.log")
                fault = "EROFS"
                self.tally.said(fault, ended)
                silent = words in writing and ended.status == 0 and words[:2] != ("round", "status") and words != ("sft",)
                lost = [f"ended with {ended.status}: {ended.said.strip()[-150:]}"] if silent or (words in READING and ended.status) else []
                self.tally.tried(fault, " ".join(words[:2]), lost=lost + difference(results(folder), before))
        finally:
            self._unmount(disk)

    def _unmount(self, folder: Path) -> None:
        _libc().umount2(bytes(folder), _DETACH)

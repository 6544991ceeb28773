"""Run commands in one process while the system refuses: `python -m tests.e2e.faulty PROJECT PLAN`, with faults.c loaded.

PLAN is a JSON list of [words, fault]; each command runs in a fresh copy of the project, and its exit code and output are printed as JSON.
"""

from __future__ import annotations

import errno
import io
import json
import mmap
import os
import resource
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

READ, WRITE, MAKE, OPEN = 1, 2, 4, 8
FAULTS: dict[str, tuple[int, int, str]] = {
    "full": (errno.ENOSPC, WRITE, "WORK"),
    "full in rounds": (errno.ENOSPC, WRITE, "WORK/rounds"),
    "quota": (errno.EDQUOT, WRITE, "WORK"),
    "read-only": (errno.EROFS, MAKE, "WORK"),
    "forbidden": (errno.EACCES, OPEN, "WORK"),
    "forbidden data": (errno.EACCES, OPEN, "WORK/data"),
    "broken disk": (errno.EIO, READ, "WORK"),
    "broken rounds": (errno.EIO, READ, "WORK/rounds"),
    "long name": (errno.ENAMETOOLONG, MAKE, "WORK"),
    "too many files": (errno.EMFILE, OPEN, "WORK"),
    "stale": (errno.ESTALE, OPEN, "WORK/rounds"),
}
"""Name -> errno, calls, and the part of a path on which they fail."""


def replace(path: str, with_what: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        target = folder / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        with_what(target)

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    "a directory in its place": replace("data/gold.jsonl", Path.mkdir),
    "a file in its place": replace("data", lambda path: path.write_text("x")),
    "a file for the rounds": replace("rounds", lambda path: path.write_text("x")),
    "a dangling link": replace("taxonomy.csv", lambda path: path.symlink_to("nowhere")),
    "links in a circle": replace("data/gold.jsonl", lambda path: path.symlink_to("gold.jsonl")),
    "a directory for the settings": replace("prefopt.toml", Path.mkdir),
    "no TOML": replace("prefopt.toml", lambda path: path.write_bytes(b"[project]\nname = \xff")),
    "a long number": replace("prefopt.toml", lambda path: path.write_text("[project]\nseed = " + "9" * 5000)),
    "deep TOML": replace("prefopt.toml", lambda path: path.write_text("a = " + "[" * 5000)),
    "a long number in gold": replace("data/gold.jsonl", lambda path: path.write_text('{"id": ' + "9" * 5000 + "}\n")),
    "deep gold": replace("data/gold.jsonl", lambda path: path.write_text('{"id": ' + "[" * 50_000 + "\n")),
    "bytes for gold": replace("data/gold.jsonl", lambda path: path.write_bytes(bytes(range(256)) * 9)),
    "bytes for the record": replace("rounds/holdout.json", lambda path: path.write_bytes(bytes(range(256)))),
    "deep record": replace("rounds/holdout.json", lambda path: path.write_text("[" * 50_000)),
    "bytes for the pointer": replace("rounds/promoted.json", lambda path: path.write_bytes(bytes(range(256)))),
    "a directory for the pointer": replace("rounds/promoted.json", Path.mkdir),
    "bytes for the cache": replace(".cache/hashes.json", lambda path: path.write_bytes(bytes(range(256)))),
    "a directory for the cache": replace(".cache", lambda path: path.write_text("x")),
    "bytes for round.toml": replace("rounds/000/round.toml", lambda path: path.write_bytes(bytes(range(256)))),
    "bytes for stage.json": replace("rounds/000/calibrate/stage.json", lambda path: path.write_bytes(bytes(range(256)))),
    "a directory for stage.json": replace("rounds/000/train/stage.json", Path.mkdir),
    "no adapter": replace("rounds/000/train/adapter", lambda path: path.mkdir()),
    "a cut adapter": replace("rounds/000/train/adapter/adapter_model.safetensors", lambda path: path.write_bytes(b"\0" * 100)),
    "no parquet": replace("rounds/000/calibrate/posteriors.parquet", lambda path: path.write_bytes(b"PAR1")),
}
"""Name -> what is changed in the project before the command."""


class Switch:
    """The file that faults.c maps."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def set(self, number: int, calls: int = 0, part: str = "") -> None:
        self._map[12:268] = part.encode().ljust(256, b"\0")
        self._map[:12] = struct.pack("iii", number, calls, 0)

    @property
    def hits(self) -> int:
        return int(struct.unpack("iii", self._map[:12])[2])


@contextmanager
def limited(kind: int, value: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def run(words: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command in this process."""
    from prefopt.cli import console
    from prefopt.cli.app import main

    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["prefopt", *words]
    console.out.file, console.err.file = out, err
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return code, out.getvalue(), err.getvalue()


def attempt(original: Path, words: list[str], fault: str, switch: Switch) -> dict[str, object]:
    """One command in a fresh copy of the project, with one fault."""
    work = original.parent / "WORK"
    os.chdir(original.parent)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(original, work, symlinks=True)
    os.chdir(work)
    hits = 1
    try:
        if fault == "small files":
            with limited(resource.RLIMIT_FSIZE, 10):
                code, out, err = run(words)
        elif fault == "few files":
            with limited(resource.RLIMIT_NOFILE, 3):
                code, out, err = run(words)
        elif fault == "no directory":
            shutil.rmtree(work)
            code, out, err = run(words)
        elif fault in CHANGES:
            CHANGES[fault](work)
            code, out, err = run(words)
        else:
            switch.set(*FAULTS[fault])
            code, out, err = run(words)
            hits = switch.hits
    except BaseException as error:  # what the boundary let through
        code, out, err = -1, "", f"Traceback: {type(error).__name__}: {error}"
    finally:
        switch.set(0)
    return {"words": words, "fault": fault, "code": code, "out": out[-2000:], "err": err[-3000:], "hits": hits}


def main() -> None:
    original, asked = Path(sys.argv[1]), Path(sys.argv[2])
    switch = Switch(Path(os.environ["FAULTS"]))
    found = [attempt(original, words, fault, switch) for words, fault in json.loads(asked.read_text(encoding="utf-8"))]
    asked.with_suffix(".found.json").write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()

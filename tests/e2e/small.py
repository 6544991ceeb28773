"""A small project, the command line as a process, and simulated teachers."""

from __future__ import annotations

import atexit
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from signal import SIGKILL

from prefopt.io.jsonl import write_rows
from prefopt.taxonomy import builtin_taxonomy

ROOT = Path(__file__).parents[2]
SETTINGS = """\
[project]
name = "small"

[data]
holdout_share = 0.3

[sample]
slates = 12
candidates = 3
reason_tokens = 64

[feedback]
source = "file"
overlap = 2

[calibrate]
bootstrap = 200

[round]
recipes = ["dpo", "orpo", "kto"]

[recipes.sft]
learning_rate = 6e-3
num_train_epochs = 3
batch_size = 16
gradient_accumulation_steps = 1
explain_share = 0.3
reason_share = 0.0
gradient_checkpointing = false

# One short pass over a round's own rows: the loop is what is tested here.
[recipes.dpo]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 1e-3
batch_size = 4
gradient_accumulation_steps = 1
save_steps = 2

[recipes.orpo]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 5e-5
gradient_accumulation_steps = 1

[recipes.kto]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 2e-5
gradient_accumulation_steps = 1
"""


class CommandServer:
    """Runs commands in processes that have the libraries already (command_server.py)."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.command_server"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
        atexit.register(self.close)
        said = self._answer()
        assert said == "ready", said

    def close(self) -> None:
        """End the input of the server, and so the server."""
        if self._process.poll() is None:
            self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _ask(self, **order: object) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def start(self, folder: Path, words: Sequence[str], module: str, *, out: Path, err: Path, env: dict[str, str] | None = None) -> int:
        """Start one command in a folder; returns its pid. The files for its output exist."""
        order = {"folder": str(folder), "words": words, "module": module, "environment": {**os.environ, **(env or {})}}
        return self._ask(run={**order, "out": str(out), "err": str(err)})

    def wait(self, pid: int) -> int:
        """The exit status of a command, when it has ended."""
        return self._ask(wait=pid)

    def run(self, folder: Path, words: Sequence[str], module: str) -> subprocess.CompletedProcess[str]:
        """One command in a folder, to its end."""
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            pid = self.start(folder, words, module, out=Path(out.name), err=Path(err.name))
            try:
                status = self.wait(pid)
            except BaseException:  # a test's time is over: an answer that comes later must not be taken for that of another command
                os.kill(pid, SIGKILL)
                self._process.kill()
                self._process.communicate()
                command_server.cache_clear()
                raise
            return subprocess.CompletedProcess([module, *words], status, *(file.read().decode() for file in (out, err)))


@cache
def command_server() -> CommandServer:
    """The session's server."""
    return CommandServer()


def run(
    folder: Path, *words: str, expect: int | None = 0, module: str = "prefopt", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command in a folder; its exit code is checked unless `expect` is None. With `env`, in a new interpreter."""
    if env is None:
        result = command_server().run(folder.resolve(), words, module)
    else:
        command = [sys.executable, *(["-m", module] if not module.endswith(".py") else [module]), *words]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **env}, timeout=400, check=False)
    assert expect is None or result.returncode == expect, f"{words} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def simulate(folder: Path, number: int, *more: str) -> None:
    """Let simulated teachers answer every slate of a round."""
    words = [
        "--round",
        str(number),
        "--truth",
        "data/truth.jsonl",
        "--teachers",
        "2",
        "--error-rate",
        "0.1",
        "--disagreement",
        "0.05",
        "--seed",
        "3",
    ]
    run(folder, "teachers", "simulate", *words, *more)


STANDARDS = "2수01-01 2수01-03 2수01-06 2수01-08 2수01-10 2수02-01 2수03-01 2수03-07 2수03-09 2수03-13 2수04-02 4수01-01"


def write_small_project(folder: Path, settings: str = SETTINGS, standards: str = STANDARDS) -> Path:
    """12 standards of 2 bands, or those given, 8 gold problems and about 3 pool problems each, none of the pool of a held-out family."""
    from prefopt.curricula.generator.problem_generator import generate
    from prefopt.project.families import kin
    from prefopt.project.holdout import default_split

    taxonomy = builtin_taxonomy()
    codes = [f"[{code}]" for code in standards.split()]
    gold = generate(8, 21, codes)
    seen = {p.text for p in gold}
    drawn = [p for p in generate(10, 22, codes) if p.text not in seen]
    leaks = {link.used for link in kin(default_split(gold, 0.3)[1], drawn)}
    pool = [p for i, p in enumerate(drawn) if i not in leaks][::2]
    (folder / "data").mkdir(parents=True)
    write_rows(folder / "data" / "gold.jsonl", gold)
    names = {p.id: f"pool-{i:03d}" for i, p in enumerate(pool)}
    write_rows(folder / "data" / "pool.jsonl", [type(p)(id=names[p.id], text=p.text, family=p.family) for p in pool])
    truth = "".join(json.dumps({"id": names[p.id], "label": p.label}, ensure_ascii=False) + "\n" for p in pool)
    (folder / "data" / "truth.jsonl").write_text(truth, encoding="utf-8")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["code", "name", "revision", "band", "domain", "levels"])
    writer.writerows([x.code, x.name, x.revision, *x.groups, "|".join(x.levels)] for x in taxonomy if x.id in codes)
    (folder / "taxonomy.csv").write_text(text.getvalue(), encoding="utf-8")
    (folder / "prefopt.toml").write_text(settings, encoding="utf-8")
    return folder

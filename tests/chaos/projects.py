"""The project that a campaign damages: six labels, 48 gold problems, six slates of two candidates, updates of a few rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from prefopt.io.jsonl import write_rows
from prefopt.taxonomy import builtin_taxonomy
from tests.chaos.processes import run

STANDARDS = tuple(f"[{code}]" for code in ("2수01-01", "2수01-06", "2수02-01", "2수03-01", "2수03-07", "4수01-01"))
SETTINGS = """\
[project]
name = "small"

[data]
holdout_share = 0.3

[sample]
slates = 6
candidates = 2
reason_tokens = 16

[feedback]
source = "file"
overlap = 2

[calibrate]
bootstrap = 200

[round]
recipes = ["dpo"]

[recipes.sft]
learning_rate = 6e-3
num_train_epochs = 1
batch_size = 16
gradient_accumulation_steps = 1
explain_share = 0.3
reason_share = 0.0
gradient_checkpointing = false

[recipes.dpo]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 1e-3
batch_size = 4
gradient_accumulation_steps = 1
gradient_checkpointing = false
save_steps = 2
"""
SIMULATE = ("teachers", "simulate", "--round", "1", "--truth", "data/truth.jsonl", "--teachers", "2", "--error-rate", "0.1", "--seed", "3")


def write_project(folder: Path) -> Path:
    """A project in which nothing has run, and files for the commands of `prefopt data`."""
    from prefopt.curricula.generator.problem_generator import generate
    from prefopt.project.families import kin
    from prefopt.project.holdout import default_split

    gold = generate(8, 21, list(STANDARDS))
    seen = {problem.text for problem in gold}
    drawn = [problem for problem in generate(10, 22, list(STANDARDS)) if problem.text not in seen]
    leaks = {link.used for link in kin(default_split(gold, 0.3)[1], drawn)}
    pool = [problem for number, problem in enumerate(drawn) if number not in leaks][::2]
    (folder / "data").mkdir(parents=True)
    write_rows(folder / "data" / "gold.jsonl", gold)
    write_rows(folder / "data" / "pool.jsonl", [type(p)(id=f"pool-{i:03d}", text=p.text, family=p.family) for i, p in enumerate(pool)])
    _write_lines(folder / "data" / "truth.jsonl", [{"id": f"pool-{i:03d}", "label": p.label} for i, p in enumerate(pool)])
    personal = [{"id": f"m{i}", "text": f"{p.text} 담임 김민수 010-1234-{i:04d}", "label": p.label} for i, p in enumerate(gold)]
    _write_lines(folder / "data" / "personal.jsonl", personal)
    labels = [label for label in builtin_taxonomy() if label.id in STANDARDS]
    rows = [f'{x.code},"{x.name}",{x.revision},{x.groups[0]},{x.groups[1]},{"|".join(x.levels)}\n' for x in labels]
    (folder / "taxonomy.csv").write_text("".join(["code,name,revision,band,domain,levels\n", *rows]), encoding="utf-8")
    (folder / "prefopt.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


def _write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


class States:
    """Copies of the project at the points from which faults are tried. They are made once, without any fault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def state(self, name: str) -> Path:
        """The folder of a state, made where it does not exist."""
        folder = self._folder / name / "small"  # the copies have the same name, which some files hold
        if not folder.exists():
            earlier, make = _STATES[name]
            partial = self._folder / f"{name}.making" / "small"
            shutil.rmtree(partial.parent, ignore_errors=True)
            if earlier:
                shutil.copytree(self.state(earlier), partial, symlinks=True)
            make(partial)
            partial.parent.rename(folder.parent)
        return folder

    def copy(self, name: str, place: Path) -> Path:
        """A copy of a state in a new folder."""
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(self.state(name), place / "small", symlinks=True))


def _expect(folder: Path, *words: str, status: int = 0) -> None:
    ended = run(folder, *words)
    if ended.status != status:
        raise RuntimeError(f"{words} ended with {ended.status}, without any fault:\n{ended.said}")


def _answered(folder: Path) -> None:
    _expect(folder, *SIMULATE)


_STATES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "nothing": ("", write_project),
    "base": ("nothing", lambda folder: _expect(folder, "sft")),
    "published": ("base", lambda folder: _expect(folder, "round", status=3)),
    "answered": ("published", _answered),
    "finished": ("answered", lambda folder: _expect(folder, "round")),
    "in use": ("finished", lambda folder: _expect(folder, "round", "decide", "1", "--promote", "--because", "for the campaign")),
}

"""Projects whose training fails and is then put right as the hint says: small enough to run from the labeled problems to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit

from prefopt.config import ProjectConfig
from prefopt.project.project import Round, open_project
from prefopt.rounds.machine import advance, run_stage
from prefopt.rounds.starting import start_base
from tests.command_line import CommandLine

SETTINGS = """\
[project]
name = "small"

[model]
path = "{base}"
device = "cpu"

[adapter]
rank = 4
alpha = 8

[data]
holdout_share = 0.3

[sample]
slates = 8
candidates = 3
reasons = false

[feedback]
source = "file"

[calibrate]
bootstrap = 100

[round]
recipes = ["dpo"]

[recipes.sft]
learning_rate = 1e-3
answer_share = 0.1
explain_share = 0.0
reason_share = 0.0
batch_size = 4
gradient_accumulation_steps = 1
gradient_checkpointing = false

[recipes.dpo]
batch_size = 4
gradient_accumulation_steps = 1
gradient_checkpointing = false

[recipes.orpo]
batch_size = 4
gradient_accumulation_steps = 1
gradient_checkpointing = false

[recipes.kto]
batch_size = 4
gradient_accumulation_steps = 1
gradient_checkpointing = false
"""


class Edited:
    """A project with its command line, and edits of its prefopt.toml as a person makes them."""

    def __init__(self, command: CommandLine) -> None:
        self.command = command
        self.folder = command.folder
        self.bases: dict[str, Path] = {}
        """By name: bases to put into prefopt.toml."""
        self.shown = ""
        """What the last command printed."""

    def set(self, table: str, **values: Any) -> None:
        """Set values of [table]; None removes one."""
        path = self.folder / "prefopt.toml"
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        place: Any = document
        for part in table.split("."):
            place = place.setdefault(part, tomlkit.table())
        for key, value in values.items():
            if value is None:
                place.remove(key)
            else:
                place[key] = value
        path.write_text(tomlkit.dumps(document), encoding="utf-8")

    def paste(self, toml: str) -> None:
        """Put settings that a command printed in the place of those that are there."""
        for table, values in tomlkit.parse(toml).unwrap().items():
            nested = {name: value for name, value in values.items() if isinstance(value, dict)}
            for name, inner in nested.items():
                self.set(f"{table}.{name}", **inner)
            self.set(table, **{name: value for name, value in values.items() if name not in nested})

    def round(self, number: int) -> Round:
        return open_project(self.folder).round(number)

    def settings(self) -> ProjectConfig:
        return open_project(self.folder).config

    def interrupt_training(self, number: int) -> None:
        """Stop the training of a round after its first checkpoint, as Ctrl+C does."""
        rnd = start_base(open_project(self.folder)) if number == 0 else self.round(number)

        def stop(done: int, _: int, __: str) -> None:
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            advance(rnd, watch=lambda _, __: stop)


def answer(edited: Edited, number: int, *, teachers: int = 1) -> None:
    """Let simulated teachers answer a round."""
    rates = ("--error-rate", "0.1", "--disagreement", "0.05", "--seed", "3")
    edited.command("teachers", "simulate", "--round", str(number), "--truth", "data/truth.jsonl", "--teachers", str(teachers), *rates)


def finish_base(edited: Edited) -> None:
    """Round 000, promoted whatever the rule says: the base is random."""
    edited.command("sft")
    edited.command("round", "decide", "0", "--promote", "--because", "the base is random")


def start_pairs(edited: Edited) -> None:
    """Round 001 up to its pairs."""
    edited.command("round", code=3)
    answer(edited, 1)
    for stage in ("collect", "pair"):
        run_stage(edited.round(1), stage)

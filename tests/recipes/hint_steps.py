"""What provokes an error of training in a real project, and what a person does who follows its hint."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefopt.records import Judged, Pair
from prefopt.rounds.artifacts import DROPPED, PREFERENCES
from prefopt.rounds.reading import read
from prefopt.rounds.stages.pair import PairOutcome
from tests.recipes.hint_projects import Edited
from tests.stages import finish_stage

Do = Callable[[Edited], None]

TWO_ON_A_CPU = """\
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_processes: 2
use_cpu: true
main_process_port: 0
"""


@dataclass(frozen=True)
class Step:
    """One error on the way."""

    message: str
    """Regular expression that is found in what the command prints."""
    hint: str
    """As above."""
    follow: Do
    then: tuple[str, ...] = ()
    """The command that the hint names; empty for the one that failed."""


@dataclass(frozen=True)
class Case:
    name: str
    provoke: Do
    steps: tuple[Step, ...]
    words: tuple[str, ...] = ()
    """The command that fails; empty for `prefopt sft`, or `prefopt round` in a later round."""
    asks: bool = False
    """The round goes on from its first stage, and so asks the teachers once more."""


def edit(table: str, **values: Any) -> Do:
    return lambda project: project.set(table, **values)


def both(*actions: Do) -> Do:
    def do(project: Edited) -> None:
        for action in actions:
            action(project)

    return do


def nothing(_: Edited) -> None:
    """The hint is a command alone."""


def one(
    name: str, provoke: Do, message: str, hint: str, follow: Do = nothing, then: str = "", words: str = "", *, asks: bool = False
) -> Case:
    """A case of one error."""
    return Case(name, provoke, (Step(message, hint, follow, tuple(then.split())),), tuple(words.split()), asks)


def write(name: str, text: str) -> Do:
    def do(project: Edited) -> None:
        (project.folder / name).write_text(text)

    return do


def own_base(project: Edited) -> None:
    """A base of the project's own, which a case may damage."""
    shutil.copytree(base_of(project), project.folder / "base")
    project.set("model", path=str(project.folder / "base"))


def base_of(project: Edited) -> Path:
    return Path(project.settings().model.path)


def hide(name: str) -> Do:
    def do(project: Edited) -> None:
        (project.folder / "base" / name).rename(project.folder / name)

    return do


def bring_back(name: str) -> Do:
    def do(project: Edited) -> None:
        (project.folder / name).rename(project.folder / "base" / name)

    return do


def preferences(make: Callable[[list[Pair], list[Judged]], Sequence[Pair | Judged]]) -> Do:
    """Put other preferences into round 001, made of its own."""

    def do(project: Edited) -> None:
        rnd = project.round(1)
        known = read(rnd, PREFERENCES)
        rows = make([r for r in known if isinstance(r, Pair)], [r for r in known if isinstance(r, Judged)])
        shutil.rmtree(rnd.stage("pair"))
        outcome = PairOutcome(pairs=0, judged=0, desirable=0, dropped={})
        finish_stage(rnd, {PREFERENCES: rows, DROPPED: []}, outcome=outcome.model_dump())

    return do


def other_base(name: str) -> Do:
    """Name another base in prefopt.toml."""
    return lambda project: project.set("model", path=str(project.bases[name]))


def type_(*words: str) -> Do:
    def do(project: Edited) -> None:
        project.command(*words)

    return do


def longer(pair: Pair) -> Pair:
    return pair.model_copy(update={"problem": pair.problem.model_copy(update={"text": "가" * 1000})})


def same_label(pair: Pair) -> Pair:
    reasons = [pair.chosen.model_copy(update={"reason": reason}) for reason in ("더하기이다.", "빼기이다.")]
    return pair.model_copy(update={"chosen": reasons[0], "rejected": reasons[1]})


def stop_after_a_step(number: int) -> Do:
    """Interrupt the training of a round after its first checkpoint."""

    def do(project: Edited) -> None:
        project.interrupt_training(number)

    return do


def change_the_base(project: Edited) -> None:
    from safetensors.torch import load_file, save_file

    file = project.folder / "base" / "model.safetensors"
    weights = load_file(file)
    weights["lm_head.weight"] = weights["lm_head.weight"] * 1.01
    save_file(weights, file, metadata={"format": "pt"})


def other_job(project: Edited) -> None:
    """As a change that no input of the stage shows, e.g. an upgraded library, would leave it."""
    (project.folder / "rounds" / "001" / ".train.partial" / "checkpoints" / "job").write_text("another")


def delete_named(pattern: str) -> Do:
    """Delete what the hint names."""

    def do(project: Edited) -> None:
        path = Path(re.search(pattern, project.shown)[1])  # type: ignore[index]  # the step has matched the hint
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


def spoil_reference(project: Edited) -> None:
    """A first try ends after the reference was written; then the file is damaged."""
    project.set("recipes.dpo", save_steps=1)
    stop_after_a_step(1)(project)
    (path,) = (project.folder / ".cache" / "reference").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-8])


def parents_values(project: Edited) -> None:
    """Copy the values that the hint gives."""
    table = re.search(r"\[adapter\]\s(?:\s*\w+ = .*)+", project.shown.partition("→")[2])[0]  # type: ignore[index]  # as the step has matched
    project.paste(re.sub(r"(?m)^\s+", "", table))


def crowded(judged: list[Judged]) -> list[Judged]:
    """Three answers to one problem and three to others: no batch of three can do without two of the same problem."""
    first = judged[0].problem.id
    same = [j for j in judged if j.problem.id == first][:3]
    others = {j.problem.id: j for j in judged if j.problem.id != first}
    return [j.model_copy(update={"desirable": i % 2 == 0}) for i, j in enumerate([*same, *list(others.values())[:3]])]

"""Errors that training can raise, how each is provoked in a real project, its hint, and what a person does who follows it."""

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


def edit(table: str, **values: Any) -> Do:
    return lambda project: project.set(table, **values)


def both(*actions: Do) -> Do:
    def do(project: Edited) -> None:
        for action in actions:
            action(project)

    return do


def nothing(_: Edited) -> None:
    """The hint is a command alone."""


def one(name: str, provoke: Do, message: str, hint: str, follow: Do = nothing, then: str = "", words: str = "") -> Case:
    return Case(name, provoke, (Step(message, hint, follow, tuple(then.split())),), tuple(words.split()))


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
    """A first try fails after the reference was written; then the file is damaged."""
    project.set("recipes.dpo", learning_rate=1e6, lr_scheduler_type="constant", warmup_ratio=0.0)
    project.command("round", code=1)
    project.set("recipes.dpo", learning_rate=1e-4)
    (path,) = (project.folder / ".cache" / "reference").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-8])


def parents_values(project: Edited) -> None:
    """Copy the values that the hint gives."""
    values = re.search(r"the parent's values: (.*)", project.shown)[1]  # type: ignore[index]  # the step has matched the hint
    project.paste("[adapter]\n" + re.sub(r", (?=[a-z]+ = )", "\n", values))


STEEP = {"learning_rate": 1e6, "lr_scheduler_type": "constant", "warmup_ratio": 0.0}
LOWER = "lower learning_rate under the recipe's name"
DIVERGED = r"the gradient's norm is (nan|inf)|loss is (nan|inf)"

FIRST: tuple[Case, ...] = (
    one(
        "diverged",
        edit("recipes.sft", **STEEP),
        DIVERGED,
        LOWER,
        edit("recipes.sft", learning_rate=1e-3),
    ),
    one(
        "recipe of preferences",
        edit("round", sft="dpo"),
        "recipe 'dpo' needs pairs: round 000 has none",
        r'set sft = "sft" under \[round\] in prefopt.toml, then prefopt sft',
        edit("round", sft="sft"),
    ),
    one(
        "no rows",
        edit("recipes.sft", answer_share=0.0),
        "no rows: ",
        r"raise answer_share under \[recipes.sft\]",
        edit("recipes.sft", answer_share=0.1),
    ),
    one(
        "long rows",
        edit("prompt", max_tokens=64),
        "rows do not fit into 64 tokens",
        r"raise max_tokens under \[prompt\] in prefopt.toml",
        edit("prompt", max_tokens=2048),
    ),
    one("dora", edit("adapter", variant="dora"), "DoRA needs whole weights", "set adapter.experts = false", edit("adapter", experts=False)),
    one("dora, other way", edit("adapter", variant="dora"), "DoRA needs", "or another adapter.variant", edit("adapter", variant="rslora")),
    one(
        "cuda",
        edit("model", device="cuda"),
        "torch sees no CUDA device",
        r'set model.device = "auto" or "cpu"',
        edit("model", device="auto"),
    ),
    one(
        "no base",
        edit("model", path="nowhere"),
        "nowhere: no such model folder",
        'or to "tiny"',
        both(edit("model", path="tiny"), edit("recipes.sft", answer_share=0.02)),
    ),
    one(
        "tracker",
        edit("recipes.sft", report_to=["comet_ml"]),
        "report_to names 'comet_ml', which is not installed",
        "or remove it from report_to under the recipe's name",
        edit("recipes.sft", report_to=[]),
    ),
    one(
        "validation",
        edit("recipes.sft", validation_share=0.01),
        "sets 0 aside",
        "set validation_share = 0 under the recipe's name",
        edit("recipes.sft", validation_share=0),
    ),
    one(
        "unknown option",
        edit("recipes.sft", learning_rat=0.1),
        "unknown key 'learning_rat'",
        "did you mean 'learning_rate'",
        edit("recipes.sft", learning_rat=None, learning_rate=1e-3),
    ),
    one(
        "launcher",
        edit("train", launcher="accelerate"),
        "accelerate launch ended with status",
        r'or set launcher = "none" under \[train\]',
        edit("train", launcher="none"),
    ),
    Case(
        "two processes",
        both(
            edit("train", launcher="accelerate", accelerate_config="missing.yaml", processes=2),
            write("accelerate.yaml", TWO_ON_A_CPU.replace("MULTI_GPU", "NO")),
        ),
        (
            Step(
                "missing.yaml does not exist",
                r"or set accelerate_config under \[train\] to another file",
                edit("train", accelerate_config="accelerate.yaml"),
            ),
            Step(
                "accelerate started 1 processes, and train.processes is 2",
                "its config file needs distributed_type: MULTI_GPU and use_cpu: true",
                write("accelerate.yaml", TWO_ON_A_CPU),
            ),
            Step(
                "an update has 1 forward passes, and 2 processes are to share them",
                "set gradient_accumulation_steps to 2 or a multiple of it under the recipe's name, and batch_size lower to match",
                edit("recipes.sft", gradient_accumulation_steps=2, batch_size=2),
            ),
        ),
    ),
    one(
        "checkpoints of another base",
        both(own_base, edit("recipes.sft", save_steps=1, num_train_epochs=2.0), stop_after_a_step(0), change_the_base),
        "holds checkpoints of another run",
        "delete .*/checkpoints to start from the beginning",
        delete_named(r"delete (\S+) to start"),
    ),
    one(
        "no tokenizer",
        both(own_base, hide("tokenizer.json")),
        "no tokenizer.json",
        "copy the tokenizer's files into this folder",
        bring_back("tokenizer.json"),
    ),
    one(
        "no config",
        both(own_base, hide("config.json")),
        "no config.json",
        "set model.path to a folder in the layout of the Hugging Face hub",
        both(bring_back("config.json"), edit("model", path="base")),
    ),
    one(
        "no weights",
        both(own_base, hide("model.safetensors")),
        r"no \*.safetensors files",
        "set model.path to a folder with safetensors weights",
        both(bring_back("model.safetensors"), edit("model", path="base")),
    ),
    one(
        "memory of the posterior",
        edit("posterior", memory_mb=1),
        "posterior.memory_mb is 1",
        r"raise memory_mb under \[posterior\] in prefopt.toml",
        edit("posterior", memory_mb=4096),
    ),
)
"""In round 000, from a project in which nothing has run."""

LATER: tuple[Case, ...] = (
    one(
        "diverged",
        edit("recipes.dpo", **STEEP),
        DIVERGED,
        LOWER,
        edit("recipes.dpo", learning_rate=1e-4),
    ),
    one(
        "another adapter",
        edit("adapter", rank=8),
        "the parent adapter has",
        'set \\[adapter\\] in prefopt.toml to the parent\'s values: rank = 4, alpha = 8, experts = true, variant = "lora"',
        parents_values,
    ),
    one(
        "long rows",
        preferences(lambda pairs, _: [longer(pairs[0]), *pairs[1:]]),
        "1 of .* rows do not fit into 2048 tokens",
        r"raise max_tokens under \[prompt\] in prefopt.toml; this round has used prompt.max_tokens already, "
        "so then type `prefopt round branch 1 --at train`",
        edit("prompt", max_tokens=8192),
        "round branch 1 --at train",
    ),
    one(
        "tracker",
        edit("recipes.dpo", report_to=["comet_ml"]),
        "report_to names 'comet_ml'",
        "or remove it from report_to under the recipe's name",
        edit("recipes.dpo", report_to=[]),
    ),
    one(
        "validation",
        edit("recipes.dpo", validation_share=0.01),
        "sets 0 aside",
        "set validation_share = 0 under the recipe's name",
        edit("recipes.dpo", validation_share=0),
    ),
    one(
        "unknown option",
        edit("recipes.dpo", bet=0.1),
        "unknown key 'bet'",
        "did you mean 'beta'",
        edit("recipes.dpo", bet=None, beta=0.1),
    ),
    one(
        "launcher",
        edit("train", launcher="accelerate"),
        "accelerate launch ended with status",
        r'or set launcher = "none" under \[train\]',
        edit("train", launcher="none"),
    ),
    one(
        "only judged answers",
        preferences(lambda _, judged: judged),
        "recipe 'dpo' needs pairs, and the rankings of round 001 gave none",
        "use another recipe: prefopt round --recipe kto",
        then="round --recipe kto",
    ),
    one(
        "only judged answers, more teachers",
        preferences(lambda _, judged: judged),
        "recipe 'dpo' needs pairs",
        "or, when more teachers have answered: prefopt round branch 1 --at collect",
        then="round branch 1 --at collect",
    ),
    one(
        "only ties",
        preferences(lambda pairs, judged: [*(p.model_copy(update={"tie": True}) for p in pairs), *judged]),
        "pairs are ties, with no preferred answer",
        "use kto: prefopt round --recipe kto",
        then="round --recipe kto",
    ),
    one(
        "only ties, dpo",
        preferences(lambda pairs, _: [p.model_copy(update={"tie": True}) for p in pairs]),
        "pairs are ties, with no preferred answer",
        r'or dpo with loss = \["davidson", "sft"\] under \[recipes.dpo\], which learns from ties',
        edit("recipes.dpo", loss=["davidson", "sft"]),
    ),
    one(
        "only even splits",
        both(
            edit("recipes.dpo", loss=["davidson", "sft"]),
            preferences(lambda pairs, _: [p.model_copy(update={"tie": True, "split": True}) for p in pairs]),
        ),
        "the votes split evenly on all",
        "when more teachers have answered: prefopt round branch 1 --at collect",
        then="round branch 1 --at collect",
    ),
    one(
        "kto with one kind",
        preferences(lambda pairs, judged: [*pairs, *(j.model_copy(update={"desirable": True}) for j in judged)]),
        "judged answers are desirable: KTO needs both kinds",
        "when more teachers have answered: prefopt round branch 1 --at collect",
        then="round branch 1 --at collect",
        words="round --recipe kto",
    ),
    one(
        "kto with one answer",
        preferences(lambda pairs, judged: judged[:1]),
        "KTO",
        "when more teachers have answered: prefopt round branch 1 --at collect",
        then="round branch 1 --at collect",
        words="round --recipe kto",
    ),
    one(
        "answers that differ in reasons alone",
        preferences(lambda pairs, _: [same_label(pairs[0]), *pairs[1:]]),
        "the chosen and the rejected answer are the same",
        "set with_reason = true under the recipe's name: only the reasons differ",
        edit("recipes.dpo", with_reason=True),
    ),
    one(
        "damaged reference",
        spoil_reference,
        "the cached reference cannot be read",
        r"delete .*safetensors; it is computed again",
        delete_named(r"delete (\S+); it is computed"),
    ),
    one(
        "checkpoints of other weights",
        both(edit("recipes.dpo", save_steps=1), stop_after_a_step(1), other_job),
        "holds checkpoints of another run",
        "delete .*/checkpoints to start from the beginning",
        delete_named(r"delete (\S+) to start"),
    ),
)
"""In round 001, whose pairs are there."""

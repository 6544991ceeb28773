"""`prefopt init`: create the files of a project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from prefopt.errors import ProjectError
from prefopt.io.files import write_text
from prefopt.io.jsonl import write_rows
from prefopt.project.project import CONFIG
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy, read_taxonomy

GOLD_PER_STANDARD, POOL_PER_STANDARD = 6, 3
GOLD_SEED, POOL_SEED = 7, 8

TEMPLATE = """\
# Settings of the project. Every key has a default; unknown keys are refused.
# All keys and their defaults: docs/settings.md

[project]
name = "{name}"
seed = 7
language = "ko"                # language of the report: ko, en

[model]
path = "tiny"                  # folder of a gpt-oss checkpoint, or "tiny": the one that prefopt ships

[data]
gold = "data/gold.jsonl"       # problems with expert labels
pool = "data/pool.jsonl"       # problems without labels
holdout_share = 0.3            # share of the gold problems for evaluation, never for training

[sample]
slates = {slates:<21} # problems that teachers rank in a round
candidates = 4                 # cards on a slate: 2, 3 or 4
random_share = 0.2             # share of problems drawn at random; the others are the least certain ones

[feedback]
source = "{source}"             # argilla, file
overlap = {overlap}                    # teachers wanted per slate

[round]
recipes = {recipes}  # recipe of round 1, 2, 3 …; the last one repeats
"""

EXAMPLE = """
# For the tiny model and few problems. The defaults of the recipes are for gpt-oss-20b.
[recipes.sft]
learning_rate = 6e-3
num_train_epochs = 3
batch_size = 16
gradient_accumulation_steps = 1
reason_share = 0.0
explain_share = 0.3
gradient_checkpointing = false

[recipes.dpo]
learning_rate = 2e-3
batch_size = 8
gradient_accumulation_steps = 1
gradient_checkpointing = false

[recipes.orpo]
learning_rate = 1e-3
batch_size = 8
gradient_accumulation_steps = 1
gradient_checkpointing = false

[recipes.kto]
learning_rate = 5e-4
batch_size = 16
gradient_accumulation_steps = 1
gradient_checkpointing = false
"""


def make_project(folder: Path, *, example: bool = False, taxonomy: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Create the files of a project, and yield each path with a description.

    Args:
        folder: created if it is missing; must not contain a project.
        example: add generated problems and settings for the tiny model.
        taxonomy: a taxonomy file; None: the 2022 mathematics curriculum, grades 1 to 9.

    Raises:
        ProjectError: the folder already contains a project.
        DataError: the taxonomy is invalid.
    """
    if (folder / CONFIG).exists():
        raise ProjectError(f"{folder} already contains a project", hint="choose another folder")
    if example and taxonomy is not None:
        raise ProjectError("the example problems belong to the built-in taxonomy", hint="drop --example or --taxonomy")
    labels = read_taxonomy(taxonomy) if taxonomy else builtin_taxonomy()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_text(folder / "taxonomy.csv", taxonomy_text(taxonomy))
    yield folder / "taxonomy.csv", f"{len(labels)} labels"
    gold, pool, truth = example_problems() if example else ([], [], {})
    for name, rows, what in (("gold", gold, "problems with expert labels"), ("pool", pool, "problems without labels")):
        path = folder / "data" / f"{name}.jsonl"
        if not path.exists():
            write_rows(path, rows)
        yield path, f"{len(rows)} {what}" if rows else f"put your {what} here, one JSON object per line"
    if example:
        path = folder / "data" / "truth.jsonl"
        write_text(path, "".join(json.dumps({"id": k, "label": v}, ensure_ascii=False) + "\n" for k, v in truth.items()))
        yield path, "correct labels of the pool, for simulated teachers only"
    recipes = '["dpo", "orpo", "kto"]' if example else '["dpo"]'
    text = TEMPLATE.format(
        name=_project_name(folder), slates=80 if example else 150, overlap=3 if example else 1, source="argilla", recipes=recipes
    )
    write_text(folder / CONFIG, text + (EXAMPLE if example else ""))
    yield folder / CONFIG, "the settings"


def taxonomy_text(path: Path | None) -> str:
    """Text of a taxonomy file, or of the built-in one."""
    if path is not None:
        return path.read_bytes().decode("utf-8-sig")
    return (resources.files("prefopt.curricula") / "ko_math_2022.csv").read_text(encoding="utf-8")


def example_problems() -> tuple[list[Problem], list[Problem], dict[str, str]]:
    """Generated problems: gold, pool without labels, and the correct labels of the pool."""
    from prefopt.curricula.generator.problem_generator import generate

    gold = generate(GOLD_PER_STANDARD, GOLD_SEED)
    known = {" ".join(p.text.split()) for p in gold}
    pool = [p for p in _renamed(generate(POOL_PER_STANDARD, POOL_SEED)) if " ".join(p.text.split()) not in known]
    truth = {p.id: p.label for p in pool if p.label is not None}
    return gold, [Problem(id=p.id, text=p.text) for p in pool], truth


def _renamed(problems: Sequence[Problem]) -> list[Problem]:
    return [p.model_copy(update={"id": f"pool-{i:04d}"}) for i, p in enumerate(problems)]


def _project_name(folder: Path) -> str:
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in folder.resolve().name.lower()).strip("-_")
    return name[:40] or "mathclass"

"""train: continue the parent adapter on the round's preferences, or make the first one from labelled problems."""

from __future__ import annotations

from pathlib import Path

from prefopt import plugins
from prefopt.project.project import Round
from prefopt.rounds.stages import Facts, StageContext
from prefopt.training.job import base_of, earlier_preferences, job_of, recipe_options
from prefopt.training.launch import config_file, launch

NAME = "train"
KEEP = ("checkpoints", "metrics.jsonl")


def inputs(round_: Round) -> dict[str, Path]:
    files = dict(round_.data_files)
    if round_.parent is not None:
        files |= {"parent": round_.parent.adapter, "preferences": round_.stage("pair") / "preferences.jsonl"}
    if round_.recipe.endswith(".py"):
        files["recipe"] = round_.project.root / round_.recipe
    if round_.config.train.launcher == "accelerate" and (path := config_file(round_)) is not None:
        files["accelerate"] = path
    if round_.parent is not None:
        options = recipe_options(round_, plugins.find_recipe(round_.recipe, round_.project.root))
        if getattr(options, "reference", "parent") == "sft":
            files["sft"] = base_of(round_).adapter
        if getattr(options, "rehearse_preferences", 0):
            files |= {f"preferences {path.parent.parent.name}": path for path in earlier_preferences(round_)}
    return files


def run(context: StageContext) -> Facts:
    """Writes adapter/ and metrics.jsonl."""
    round_ = context.round
    recipe = plugins.find_recipe(round_.recipe, round_.project.root)
    options = recipe_options(round_, recipe)
    job = job_of(round_, recipe, context.out, context.on_step)
    facts: Facts = {"recipe": recipe.name}
    if round_.config.train.launcher == "accelerate":
        trained, facts["processes"] = launch(round_, context.out, context.on_step)
    else:
        trained = recipe.train(job, options)
    last = {key: round(value, 6) for key, value in trained.metrics.items()}
    return facts | {"examples": trained.examples, "steps": trained.steps, "metrics": last}

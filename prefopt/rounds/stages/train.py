"""train: continue the parent adapter on the round's preferences, or make the first one from labeled problems."""

from __future__ import annotations

from pathlib import Path

from prefopt import plugins
from prefopt.project.project import Round
from prefopt.rounds.stages import Facts, StageContext
from prefopt.training.job import base_of, earlier_preferences, job_of, recipe_options
from prefopt.training.launch import config_file, launch

NAME = "train"
KEEP = ("checkpoints", "metrics.jsonl")


def inputs(rnd: Round) -> dict[str, Path]:
    files = dict(rnd.data_files)
    if rnd.parent is not None:
        files |= {"parent": rnd.parent.adapter, "preferences": rnd.stage("pair") / "preferences.jsonl"}
    if rnd.recipe.endswith(".py"):
        files["recipe"] = rnd.project.root / rnd.recipe
    if rnd.config.train.launcher == "accelerate" and (path := config_file(rnd)) is not None:
        files["accelerate"] = path
    if rnd.parent is not None:
        options = recipe_options(rnd, plugins.find_recipe(rnd.recipe, rnd.project.root))
        if getattr(options, "reference", "parent") == "sft":
            files["sft"] = base_of(rnd).adapter
        if getattr(options, "rehearse_preferences", 0):
            files |= {f"preferences {path.parent.parent.name}": path for path in earlier_preferences(rnd)}
    return files


def run(context: StageContext) -> Facts:
    """Writes adapter/ and metrics.jsonl."""
    rnd = context.round
    recipe = plugins.find_recipe(rnd.recipe, rnd.project.root)
    options = recipe_options(rnd, recipe)
    job = job_of(rnd, recipe, context.out, context.on_step)
    facts: Facts = {"recipe": recipe.name}
    if rnd.config.train.launcher == "accelerate":
        trained, facts["processes"] = launch(rnd, context.out, context.on_step)
    else:
        trained = recipe.train(job, options)
    last = {key: round(value, 6) for key, value in trained.metrics.items()}
    return facts | {"examples": trained.examples, "steps": trained.steps, "metrics": last}

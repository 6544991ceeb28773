"""Start a round: round 000, the next one, or a branch of an earlier one. Its settings are frozen in round.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefopt import plugins
from prefopt.errors import ProjectError
from prefopt.project.project import CONFIG, Project, Round, freeze_round, locked
from prefopt.protocols import Recipe
from prefopt.rounds.order import ROUND_STAGES
from prefopt.rounds.promotion import parent_of_next, promotions
from prefopt.rounds.reading import altered, is_done
from prefopt.rounds.states import is_finished


def start_base(project: Project) -> Round:
    """Start round 000, or return it where it was started before."""
    if (project.rounds_folder / "000" / "round.toml").exists():
        return project.round(0)
    return _freeze(project, 0, {"round": 0, "recipe": project.config.round.sft})


def start_next(project: Project) -> Round:
    """Start the round after the last one, from the promoted adapter.

    Raises:
        ProjectError: there is no round 000, the last round is unfinished, or nothing is promoted.
    """
    rounds = project.rounds()
    if not rounds:
        raise ProjectError("there is no base adapter yet", hint="prefopt sft")
    if not is_finished(rounds[-1]):
        raise ProjectError(f"round {rounds[-1].name} is not finished", hint="prefopt round")
    parent = parent_of_next(project)
    if parent is None:
        raise ProjectError(
            f"no adapter is promoted: round 000 was {promotions(project).outcome(0) or 'not decided'}",
            hint=f"read {rounds[0].stage('report') / 'report.html'}; it needs more labeled problems or SFT steps: "
            "move rounds/000 away and type prefopt sft",
        )
    number = rounds[-1].number + 1
    return _freeze(project, number, {"round": number, "recipe": recipe_of(project, number), "parent": parent.number})


def recipe_of(project: Project, number: int) -> str:
    """Recipe of round 1, 2, 3 … by the settings; the last one is used for all further rounds."""
    recipes = project.config.round.recipes
    return recipes[min(number - 1, len(recipes) - 1)]


def branch(project: Project, number: int, at: str, recipe: str | None) -> Round:
    """Start a new round that links the stages of an earlier one before `at`, and runs the others with the settings of today.

    Its recipe is the earlier round's where no other is given.

    Raises:
        ProjectError: unknown stage, round 000, a stage before `at` is not done or no longer what it was, or another recipe for an adapter
            that is linked.
    """
    old = project.round(number)
    if old.parent is None or at not in ROUND_STAGES:
        what = "round 000 has no earlier stages" if old.parent is None else f"there is no stage {at!r}"
        raise ProjectError(f"cannot branch round {number} at {at}: {what}", hint=f"stages: {', '.join(ROUND_STAGES)}")
    kept = ROUND_STAGES[: ROUND_STAGES.index(at)]
    _refuse_unusable(old, kept, at)
    if recipe and recipe != old.recipe and "train" in kept:
        raise ProjectError(
            f"round {number:03d} was trained with recipe {old.recipe!r}, and a branch at {at} keeps its adapter",
            hint=f"prefopt round branch {number} --at train --recipe {recipe}",
        )
    new = project.rounds()[-1].number + 1
    start = {"round": new, "recipe": recipe or old.recipe, "parent": old.parent.number, "branch_of": number, "branch_at": at}
    fresh = _freeze(project, new, start)
    for name in kept:
        fresh.stage(name).symlink_to(Path("..") / old.name / name, target_is_directory=True)
    return fresh


def _refuse_unusable(old: Round, kept: Sequence[str], at: str) -> None:
    """Raise ProjectError where a stage that a branch would link is not done, or holds other files than it wrote."""
    missing = [name for name in kept if not is_done(old, name)]
    if missing:
        raise ProjectError(
            f"cannot branch round {old.number} at {at}: not done: {', '.join(missing)}", hint=f"branch at {missing[0]} or an earlier stage"
        )
    for name in kept:
        if wrong := altered(old, name, content=True):
            raise ProjectError(
                f"cannot branch round {old.number} at {at}: stage {name} is broken: changed since: {', '.join(wrong)}",
                hint=f"restore the files, or branch at {name} or an earlier stage: prefopt round branch {old.number} --at {name}",
            )


def refuse_bad_plugins(project: Project, recipes: Sequence[str]) -> list[Recipe]:
    """Raise where a recipe or the feedback source is missing or has options that are wrong: before anything is frozen or costs time."""
    config, where = project.config, project.root / CONFIG
    found = [plugins.find_recipe(name, project.root) for name in recipes]
    for recipe in found:
        plugins.options(recipe.Config, config.recipes.get(recipe.name, {}), f"{where} [recipes.{recipe.name}]")
    plugins.options(plugins.find_source(config.feedback.source).Config, config.feedback.options, f"{where} [feedback.options]")
    return found


def _freeze(project: Project, number: int, start: Mapping[str, Any]) -> Round:
    refuse_bad_plugins(project, [str(start["recipe"])])
    rnd = Round(project, number)
    rnd.folder.mkdir(parents=True, exist_ok=True)
    with locked(rnd):
        if not (rnd.folder / "round.toml").exists():
            freeze_round(project, number, {**start, **_pinned_model(project, start.get("parent"))})
    return Round(project, number)


def _pinned_model(project: Project, parent: int | None) -> dict[str, str]:
    """The commit of a model on the Hub, for [start]: the parent's where prefopt.toml still names the same model, else the one of now."""
    from prefopt.model.hub import hub_model, resolve  # the other commands that start here need no model

    path = project.config.model.path
    model = hub_model(path)
    if model is None or model.commit:
        return {}
    before = None if parent is None else project.round(parent)
    if before is not None and before.settings.model.path == path and before.model_commit:
        return {"model_commit": before.model_commit}
    found = resolve(model)
    return {"model_commit": found.model.revision} | ({"model_note": found.note} if found.note else {})

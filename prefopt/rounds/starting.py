"""Start a round: round 000, the next one, or a branch of an earlier one. Its settings are in round.toml (rounds/frozen.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefopt.errors import ProjectError
from prefopt.grounds import AccuracyAgainstMajority
from prefopt.io.files import sync
from prefopt.io.stage_folders import now
from prefopt.project.audit import read_audit
from prefopt.project.goals import refuse_unknown_group
from prefopt.project.project import REPLACED, ROUND, Project, Round, locked
from prefopt.project.round_toml import freeze_round
from prefopt.project.spelling import forget_spelling
from prefopt.protocols import Recipe
from prefopt.rankings.answers import FILE as ANSWERS
from prefopt.rankings.answers import latest
from prefopt.rounds.artifacts import DECISION, RECEIPTS
from prefopt.rounds.frozen import (
    OnChange,
    check_recipe,
    check_source,
    linked_settings,
    pinned_model,
    refuse_edited,
    refuse_open_job,
    retrain,
    use_recipe,
)
from prefopt.rounds.managed import refuse_parent_elsewhere
from prefopt.rounds.order import BASE_STAGES, ROUND_STAGES
from prefopt.rounds.promotion import follow_rule, parent_of_next, promotions, set_removed_aside
from prefopt.rounds.reading import ELSEWHERE, altered, is_done, read, redo
from prefopt.rounds.states import is_finished
from prefopt.rounds.unread_settings import refuse_unread_settings
from prefopt.taxonomy import read_taxonomy


def start_base(project: Project, on_change: OnChange = lambda _: None) -> Round:
    """Start round 000, or return it where it was started before. Until a stage of it is done, its recipe is that of prefopt.toml.

    Args:
        project: the project.
        on_change: called where the recipe changes.

    Raises:
        PluginError, ConfigError: see refuse_bad_plugins.
        ProjectError: round.toml is missing from a round 000 that has finished stages; another process works on it.
    """
    rnd, recipe = Round(project, 0), project.config.round.sft
    done = any(is_done(rnd, name) for name in BASE_STAGES)
    if (rnd.folder / ROUND).exists():
        if done or rnd.recipe == recipe:
            return rnd
        with locked(rnd):
            return use_recipe(rnd, recipe, project.resolved.origin("round.sft"), on_change)
    if done:
        raise ProjectError(f"{rnd.folder / ROUND} is missing", hint="restore it from a copy; or train round 000 again: prefopt sft --again")
    set_removed_aside(project)
    return _freeze(project, 0, {"round": 0, "recipe": recipe})


def replace_base(project: Project) -> tuple[Round, Path | None]:
    """Start round 000 again with the settings of today. The one that is there is moved to rounds/.replaced, finished or not.

    Its decisions stay on record as looks at the hold-out (promotion.Promotions.replaced).

    Returns:
        the new round, and where the old one lies; None where there was none.

    Raises:
        ProjectError: later rounds were trained from its adapter, the audit was opened for it, or it has a job at a training service;
            another process works on it.
        PluginError, ConfigError: see refuse_bad_plugins; nothing is moved.
    """
    old = Round(project, 0)
    if not old.folder.exists():
        return start_base(project), None
    later = [rnd.name for rnd in project.rounds() if rnd.number]
    if later:
        raise ProjectError(f"round 000 cannot be replaced: rounds that were built on it: {', '.join(later)}", hint=ELSEWHERE)
    if any(opening.round == 0 for opening in read_audit(project.rounds_folder).openings):
        raise ProjectError("round 000 cannot be replaced: the audit was opened for its adapter", hint=ELSEWHERE)
    refuse_bad_plugins(project, [project.config.round.sft])
    refuse_open_job(old)
    with locked(old):
        follow_rule(project)
        target = project.rounds_folder / REPLACED / f"000-{now():%Y%m%dT%H%M%S%f}"
        target.parent.mkdir(exist_ok=True)
        old.folder.rename(target)
        sync(target.parent)
        sync(project.rounds_folder)
    return start_base(replace(project, resolved=forget_spelling(project.resolved))), target


def start_next(project: Project, *, anyway: bool = False) -> Round:
    """Start the round after the last one, from the promoted adapter.

    Args:
        project: the project.
        anyway: also from an adapter that is no better than a guess; round.toml records it.

    Raises:
        ProjectError: there is no round 000, the last round is unfinished, nothing is promoted, or the adapter knows nothing.
    """
    rounds = project.rounds()
    if not rounds:
        raise ProjectError("there is no base adapter yet", hint="prefopt sft")
    if not is_finished(rounds[-1]):
        raise ProjectError(f"round {rounds[-1].name} is not finished", hint="prefopt round")
    refuse_edited(rounds[-1])
    parent = parent_of_next(project)
    if parent is None:
        raise ProjectError(
            f"no adapter is promoted: round 000 was {promotions(project).outcome(0) or 'not decided'}",
            hint=f"read {rounds[0].stage('report') / 'report.html'}; it needs more labeled problems or SFT steps: "
            f"then {redo(rounds[0], 'train')}",
        )
    refuse_edited(parent)
    knows_nothing = guesses(parent)
    if knows_nothing and not anyway:
        raise ProjectError(
            f"{knows_nothing}, so teachers would rank answers of a model that has learned nothing",
            hint="add labeled problems, or raise num_train_epochs under [recipes.sft], then prefopt sft --again; "
            "to ask the teachers all the same: prefopt round --anyway",
        )
    number = rounds[-1].number + 1
    refuse_parent_elsewhere(parent, check_recipe(project, recipe_of(project, number)))
    start = {"round": number, "recipe": recipe_of(project, number), "parent": parent.number}
    return _freeze(project, number, start | ({"anyway": True} if knows_nothing else {}))


def guesses(rnd: Round) -> str:
    """Why a held round 000 is no better than the same label for every problem; empty where it is, where it has another decision or none."""
    if rnd.number or not is_done(rnd, DECISION.stage) or promotions(rnd.project).outcome(0) != "held":
        return ""
    found = next((ground for ground in read(rnd, DECISION).grounds if isinstance(ground, AccuracyAgainstMajority)), None)
    if found is None or found.accuracy > found.majority_accuracy:
        return ""
    right, most = round(found.accuracy * found.n), round(found.majority_accuracy * found.n)
    return (
        f"the adapter of round 000 is right on {right} of {found.n} held-out problems, and {most} would be right with the label "
        f"{found.majority} for every problem"
    )


def recipe_of(project: Project, number: int) -> str:
    """Recipe of round 1, 2, 3 … by the settings; the last one is used for all further rounds."""
    recipes = project.config.round.recipes
    return recipes[min(number - 1, len(recipes) - 1)]


def branch(project: Project, number: int, at: str, recipe: str | None, *, leave_open: bool = False) -> Round:
    """Start a new round that links the stages of an earlier one before `at`, and runs the others with the settings of today.

    Settings that only linked stages read are the earlier round's. Its recipe is the earlier round's where no other is given.

    Args:
        project: the project.
        number: of the earlier round.
        at: first stage that runs.
        recipe: of the new round.
        leave_open: also where another round is not finished, which `prefopt round` then no longer goes on with by itself.

    Raises:
        ProjectError: unknown stage, round 000, a stage before `at` is not done or no longer what it was, another recipe for an adapter
            that is linked, a round is not finished and not to be left, or the earlier one has a job at a training service.
    """
    old = project.round(number)
    if old.parent is None or at not in ROUND_STAGES:
        what = "round 000 has no earlier round" if old.parent is None else f"there is no stage {at!r}"
        hint = redo(old, "train") if old.parent is None else f"use one of {', '.join(ROUND_STAGES)}"
        raise ProjectError(f"cannot branch round {number} at {at}: {what}", hint=hint)
    refuse_edited(old)
    refuse_open_job(old)
    kept = ROUND_STAGES[: ROUND_STAGES.index(at)]
    _refuse_unusable(old, kept, at)
    if not leave_open:
        _refuse_open(old, kept, f"prefopt round branch {number} --at {at}{f' --recipe {recipe}' if recipe else ''} --leave-open")
    if recipe and recipe != old.recipe and "train" in kept:
        raise ProjectError(
            f"round {number:03d} was trained with recipe {old.recipe!r}, and a branch at {at} keeps its adapter",
            hint=retrain(old, recipe),
        )
    new = project.rounds()[-1].number + 1
    start = {"round": new, "recipe": recipe or old.recipe, "parent": old.parent.number, "branch_of": number, "branch_at": at}
    fresh = _freeze(project, new, start, linked_settings(old, at))
    for name in kept:
        fresh.stage(name).symlink_to(Path("..") / old.name / name, target_is_directory=True)
    return fresh


def _refuse_open(old: Round, kept: Sequence[str], command: str) -> None:
    """Raise ProjectError where a round is not finished that a branch does not replace: `prefopt round` would go on with the branch alone.

    A branch replaces the round that it branches, unless teachers have answered that and it does not link what they were asked.
    """
    for rnd in open_rounds(old.project):
        answers = len(latest(rnd.folder / ANSWERS))
        if rnd.number == old.number and (RECEIPTS.stage in kept or not answers):
            continue
        state = f"has {answers} answers of teachers" if answers else "waits for teachers" if is_done(rnd, RECEIPTS.stage) else ""
        raise ProjectError(
            f"round {rnd.name} is not finished{f' and {state}' if state else ''}; after a branch, `prefopt round` goes on with the branch",
            hint=f"to go on with it: prefopt round {rnd.number}; to leave it open: {command}",
        )


def open_rounds(project: Project) -> list[Round]:
    """The rounds that are not finished and that no later round branches, oldest first."""
    rounds = project.rounds()
    replaced = {rnd.start.get("branch_of") for rnd in rounds}
    return [rnd for rnd in rounds if rnd.number not in replaced and not is_finished(rnd)]


def _refuse_unusable(old: Round, kept: Sequence[str], at: str) -> None:
    """Raise ProjectError where a stage that a branch would link is not done, or holds other files than it wrote."""
    missing = [name for name in kept if not is_done(old, name)]
    if missing:
        raise ProjectError(
            f"cannot branch round {old.number} at {at}: not done: {', '.join(missing)}",
            hint=f"prefopt round branch {old.number} --at {missing[0]}",
        )
    for name in kept:
        if wrong := altered(old, name, content=True):
            raise ProjectError(
                f"cannot branch round {old.number} at {at}: stage {name} is broken: changed since: {', '.join(wrong)}",
                hint=f"restore the files, or branch at {name} or an earlier stage: prefopt round branch {old.number} --at {name}",
            )


def refuse_bad_plugins(project: Project, recipes: Sequence[str]) -> list[Recipe]:
    """Raise where a recipe or the feedback source is missing or has options that are wrong, or a setting is read by nothing."""
    found = [check_recipe(project, name) for name in recipes]
    check_source(project)
    refuse_unread_settings(project)
    return found


def _freeze(project: Project, number: int, start: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Round:
    refuse_bad_plugins(project, [str(start["recipe"])])
    if project.config.goals.each:
        refuse_unknown_group(
            project.config.goals, read_taxonomy(project.root / project.config.data.taxonomy, project.config.read.options())
        )
    rnd = Round(project, number)
    rnd.folder.parent.mkdir(exist_ok=True)
    rnd.folder.mkdir(mode=0o700, exist_ok=True)  # answers, comments and names lie in it
    with locked(rnd):
        if not (rnd.folder / ROUND).exists():
            freeze_round(project, number, {**start, **pinned_model(project, start.get("parent"))}, kept)
    return Round(project, number)

"""Which settings of a round are frozen: those that a finished stage of it has read. Before a stage runs, all other settings that it reads
are taken from prefopt.toml, so that a stage which failed runs again with what was edited meanwhile.

Stages that a branch links were run in another round, whose round.toml holds their settings: they freeze nothing in the branch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefopt import plugins
from prefopt.config import ProjectConfig
from prefopt.errors import ConfigError, PluginError, ProjectError
from prefopt.io.stage_folders import config_hash, partial_folder, read_manifest, versions
from prefopt.io.toml_settings import leaves
from prefopt.jobs.record import read_record
from prefopt.project.frozen_file import NEVER_FROZEN, OF_NO_ROUND, has_digest
from prefopt.project.project import CONFIG, ROUND, Project, Round
from prefopt.project.round_toml import ChangedSetting, refreeze, settings_today
from prefopt.protocols import Recipe
from prefopt.rounds.order import ROUND_STAGES, STAGES, stage_names
from prefopt.rounds.reading import ELSEWHERE, is_done
from prefopt.rounds.stage import Stage

GOALS, GOALS_STAGE = "goals", "report"
"""The section that a report alone reads, so that it can be written again by other values."""
OnChange = Callable[[ChangedSetting], None]


def take_up(rnd: Round, stage: Stage[Any], on_change: OnChange = lambda _: None) -> Round:
    """Take the settings that a stage reads and that are not frozen from prefopt.toml. The caller holds the round's lock.

    Args:
        rnd: the round.
        stage: about to run.
        on_change: called with each setting whose value changes.

    Returns:
        the round with these settings.

    Raises:
        PluginError, ConfigError: an option of the recipe or of the feedback source in prefopt.toml is wrong; nothing is changed.
        ModelError: a model on the Hub cannot be resolved to a commit; nothing is changed.
    """
    changes = [c for c in changes_since(rnd) if covers(settings_of(rnd, stage.name), c.key) and frozen_by(rnd, c.key) is None]
    if not changes:
        return rnd
    if any(change.key.startswith("recipes.") for change in changes):
        check_recipe(rnd.project, rnd.recipe)
    if any(change.key.startswith("feedback.") for change in changes):
        check_source(rnd.project)
    taken = [ChangedSetting(stage.name, c.key, c.was, c.now, c.origin) for c in changes]
    parent = None if rnd.parent is None else rnd.parent.number
    pinned = pinned_model(rnd.project, parent) if any(change.key == "model.path" for change in changes) else None
    changed = refreeze(rnd, taken, pinned=pinned)
    for change in taken:
        on_change(change)
    return changed


def take_goals(rnd: Round, on_change: OnChange = lambda _: None) -> Round:
    """Take [goals] from prefopt.toml, also where a report was written by others. The caller holds the round's lock."""
    changes = [ChangedSetting(GOALS_STAGE, c.key, c.was, c.now, c.origin) for c in changes_since(rnd) if covers((GOALS,), c.key)]
    if not changes:
        return rnd
    changed = refreeze(rnd, changes)
    for change in changes:
        on_change(change)
    return changed


def use_recipe(rnd: Round, recipe: str, origin: str, on_change: OnChange = lambda _: None) -> Round:
    """Give a round whose train stage is not done another recipe. The caller holds the round's lock.

    Args:
        rnd: the round.
        recipe: name, or path of a .py file.
        origin: where it was named, e.g. "--recipe".
        on_change: called with the change.

    Raises:
        PluginError, ConfigError: there is no such recipe, or its options are wrong.
        ProjectError: the round is trained already, or has a job at a training service.
    """
    if is_done(rnd, "train"):
        raise ProjectError(f"round {rnd.name} was trained with recipe {rnd.recipe!r}", hint=retrain(rnd, recipe))
    check_recipe(rnd.project, recipe)
    refuse_open_job(rnd)
    changed = refreeze(rnd, [], recipe)
    on_change(ChangedSetting("train", "recipe", rnd.recipe, recipe, origin))
    return changed


def refuse_open_job(rnd: Round) -> None:
    """Raise ProjectError where a training service works for the round, or has worked, and nobody would fetch what it made."""
    record = read_record(partial_folder(rnd.stage("train")))
    if record is not None and record.is_open and not is_done(rnd, "train"):
        raise ProjectError(
            f"round {rnd.name} has a job at {record.service}: {record.job_id or 'one that may have been created'}",
            hint=f"go on with it: {'prefopt round' if rnd.number else 'prefopt sft'}; or give it up: prefopt round cancel {rnd.number}",
        )


def retrain(rnd: Round, recipe: str) -> str:
    """What to type to train a round that is trained already with another recipe."""
    if rnd.parent is None:
        return f'set sft = "{recipe}" under [round] in prefopt.toml, then prefopt sft --again'
    return f"prefopt round branch {rnd.number} --at train --recipe {recipe}"


def way_to_train(rnd: Round, recipe: str | None) -> str:
    """What to type to train a round with the settings of today: with the recipe given, or its own."""
    rounds = rnd.project.rounds()
    if rnd.parent is None:
        trained = is_done(rnd, "train")
        return ELSEWHERE if trained and len(rounds) > 1 else "prefopt sft --again" if trained else "prefopt sft"
    option = f" --recipe {recipe}" if recipe and recipe != rnd.recipe else ""
    if rnd.number == rounds[-1].number and not is_done(rnd, "train"):
        return f"prefopt round{option}"
    return f"prefopt round branch {rnd.number} --at train{option}"


def pinned_model(project: Project, parent: int | None = None) -> dict[str, str]:
    """The commit of a model on the Hub, for [start]: the parent's where prefopt.toml still names the same model, else the one of now; empty
    where there is none to keep. Raises ModelError as hub.resolve.
    """
    from prefopt.model.hub import hub_model, resolve  # most commands that come here need no model

    path = project.config.model.path
    model = hub_model(path)
    if model is None or model.commit:
        return {}
    before = None if parent is None else project.round(parent)
    if before is not None and before.settings.model.path == path and before.model_commit:
        return {"model_commit": before.model_commit}
    found = resolve(model)
    return {"model_commit": found.model.revision} | ({"model_note": found.note} if found.note else {})


def changes_since(rnd: Round) -> list[ChangedSetting]:
    """Settings whose value in prefopt.toml is no longer that of the round; `stage` is empty."""
    frozen, today = _flat(rnd.settings.model_dump(mode="json", exclude=OF_NO_ROUND)), _flat(settings_today(rnd.project))
    return [
        ChangedSetting("", key, frozen.get(key), today.get(key), rnd.project.resolved.origin(key) if key in today else CONFIG)
        for key in sorted(frozen.keys() | today.keys())
        if frozen.get(key) != today.get(key) and key != NEVER_FROZEN
    ]


def _flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in leaves(tree) if value != {}}


def settings_of(rnd: Round, stage: str) -> tuple[str, ...]:
    """The sections and settings that a stage reads in this round."""
    declared = STAGES[stage].settings
    if "recipes" not in declared:
        return declared
    own = _table_of(rnd.project, rnd.recipe)
    return tuple(own if name == "recipes" else name for name in declared)


def _table_of(project: Project, recipe: str) -> str:
    """The table of a recipe's options; all options where its file is gone, which finished rounds do without."""
    try:
        return f"recipes.{plugins.find_recipe(recipe, project.root).name}"
    except PluginError:
        return "recipes"


def covers(declared: Sequence[str], key: str) -> bool:
    """Whether a dotted key is one of the settings, or in one of the sections."""
    return any(key == name or key.startswith(f"{name}.") for name in declared)


def frozen_by(rnd: Round, key: str) -> str | None:
    """The finished stage of the round that has read a setting; None where none has. Linked stages do not count."""
    finished = (name for name in stage_names(rnd) if frozen_stage(rnd, name))
    return next((name for name in finished if covers(settings_of(rnd, name), key)), None)


def frozen_stage(rnd: Round, name: str) -> bool:
    """Whether a stage of the round is finished, and not linked from another round."""
    return is_done(rnd, name) and not rnd.stage(name).is_symlink()


@dataclass(frozen=True)
class Pending:
    """A setting that was changed in prefopt.toml, and when it will be used."""

    change: ChangedSetting
    stage: str | None
    """The stage of this round that will take it; None where a finished stage has read it, or no stage reads it."""
    later: bool
    """Whether rounds that are started later read it."""
    again: str | None
    """What to type to run the finished stage that has read it again; None where there is none, or the round cannot be replaced."""


def pending(rnd: Round) -> list[Pending]:
    """Settings whose value in prefopt.toml is not that of the round, each with the stage that will take it."""
    return [Pending(c, _taken_by(rnd, c.key), _read_later(rnd.project, c.key), _again(rnd, c.key)) for c in changes_since(rnd)]


def _read_later(project: Project, key: str) -> bool:
    if key.startswith("recipes."):
        return covers([_table_of(project, name) for name in project.config.round.recipes], key)
    return key != "round.sft"


def _again(rnd: Round, key: str) -> str | None:
    stage = "train" if key == "round.sft" and rnd.parent is None and frozen_stage(rnd, "train") else frozen_by(rnd, key)
    if stage is not None and covers((GOALS,), key):
        return f"prefopt report {rnd.number} --again"
    if stage is None:
        return None
    if rnd.parent is None:
        return "prefopt sft --again" if len(rnd.project.rounds()) == 1 else None
    return f"prefopt round branch {rnd.number} --at {stage}"


def _taken_by(rnd: Round, key: str) -> str | None:
    if key == "round.sft" and rnd.parent is None and not any(is_done(rnd, name) for name in stage_names(rnd)):
        return "train"
    if frozen_by(rnd, key) is not None:
        return None
    return next((name for name in stage_names(rnd) if not is_done(rnd, name) and covers(settings_of(rnd, name), key)), None)


def with_way_on(hint: str, rnd: Round, stage: str) -> str:
    """A hint of a stage that failed, with the round's number for `branch N`; where it names a setting that is frozen, with what to type
    once prefopt.toml is edited."""
    text = hint.replace("branch N ", f"branch {rnd.number} ")
    named = re.findall(r"\b([a-z_]+)(?: = \S+)? (?:under|in) \[([a-z]+)\]|\b([a-z]+)\.([a-z_]+)\b|\[([a-z]+)\]", text)
    keys = [f"{b}.{a}" if b else f"{c}.{d}" if c else e for a, b, c, d, e in named]
    frozen = [key for key in keys if key.partition(".")[0] in ProjectConfig.model_fields and _frozen_stage(rnd, key)]
    if not frozen:
        return text
    read = settings_of(rnd, stage)
    stages = [stage if covers(read, key) or any(name.startswith(f"{key}.") for name in read) else _frozen_stage(rnd, key) for key in frozen]
    at = min((name for name in stages if name), key=stage_names(rnd).index)
    command = "prefopt sft --again" if rnd.parent is None else f"prefopt round branch {rnd.number} --at {at}"
    return f"{text}; this round has used {' and '.join(dict.fromkeys(frozen))} already, so then type `{command}`"


def _frozen_stage(rnd: Round, key: str) -> str | None:
    """The first finished stage of the round that has read a setting, or anything of a section."""
    finished = (name for name in stage_names(rnd) if frozen_stage(rnd, name))
    return next((n for n in finished for read in settings_of(rnd, n) if covers((read,), key) or read.startswith(f"{key}.")), None)


def settings_read(rnd: Round, stage: str) -> dict[str, Any]:
    """Key -> value of all settings that a stage reads in this round and that can change what it makes."""
    declared = settings_of(rnd, stage)
    values = _flat(rnd.config.model_dump(mode="json"))
    return {key: value for key, value in values.items() if covers(declared, key) and key != NEVER_FROZEN}


def hash_of_settings(rnd: Round, stage: str) -> str:
    """sha256 of what a stage reads of the settings, with the round's recipe: config_hash of its stage.json."""
    return config_hash({"recipe": rnd.recipe, **settings_read(rnd, stage)})


def refuse_edited(rnd: Round) -> None:
    """Raise ProjectError where round.toml is not what was written. Reading it compares its digest; where it has none because an earlier
    version started the round, the settings of each finished stage are compared with what the stage recorded, if this version ran it.
    """
    if not rnd.frozen or has_digest(rnd.folder / ROUND):
        return
    for name in stage_names(rnd):
        if not frozen_stage(rnd, name) or (name == "train" and _table_of(rnd.project, rnd.recipe) == "recipes"):
            continue
        manifest = read_manifest(rnd.stage(name))
        recorded = manifest.config_hash
        same_version = manifest.versions.get("prefopt") == versions()["prefopt"]
        if recorded and same_version and recorded not in (_hash_of_known(rnd, name), config_hash(rnd.config)):  # the last by `migrate`
            raise ProjectError(
                f"{rnd.folder / ROUND} has been changed since stage {name} ran: its settings ({', '.join(settings_of(rnd, name))}) or its "
                "recipe differ from those that the stage recorded",
                hint="restore it from a copy: it is not for editing",
            )


def _hash_of_known(rnd: Round, stage: str) -> str:
    """As hash_of_settings, without settings that the file does not have because they are newer than it."""
    known = _flat({key: value for key, value in rnd.frozen.items() if key not in ("start", "changed")})
    values = {key: value for key, value in settings_read(rnd, stage).items() if key in known}
    return config_hash({"recipe": rnd.recipe, **values})


def linked_settings(old: Round, at: str) -> dict[str, Any]:
    """Sections that only the stages before `at` read: a branch keeps the earlier round's, since it links what these stages made."""
    linked, run = (
        {name.partition(".")[0] for stage in stages for name in STAGES[stage].settings}
        for stages in (ROUND_STAGES[: ROUND_STAGES.index(at)], ROUND_STAGES[ROUND_STAGES.index(at) :])
    )
    settings = old.settings.model_dump(mode="json")
    return {section: settings[section] for section in sorted(linked - run)}


def check_recipe(project: Project, name: str) -> Recipe:
    """The recipe of that name, after checking its options in prefopt.toml. Raises PluginError, ConfigError."""
    recipe = plugins.find_recipe(name, project.root)
    plugins.options(recipe.Config, project.config.recipes.get(recipe.name, {}), f"{project.root / CONFIG} [recipes.{recipe.name}]")
    return recipe


def check_source(project: Project) -> None:
    """Check name and options of the feedback source in prefopt.toml. Raises PluginError, ConfigError."""
    settings = project.config.feedback
    source = plugins.find_source(settings.source, project.root)
    plugins.options(source.Config, settings.options, f"{project.root / CONFIG} [feedback.options]")
    if settings.overlap == "adaptive" and not hasattr(source, "ask_more"):
        raise ConfigError(
            f'overlap = "adaptive", but the feedback source {settings.source!r} cannot show single slates to more teachers than the others',
            hint="set overlap = 1 under [feedback]",
        )

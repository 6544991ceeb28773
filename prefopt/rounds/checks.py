"""`prefopt check`: everything that can be known before a stage costs time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefopt.config import FeedbackSettings, ModelSettings, PromptSettings
from prefopt.errors import DataError
from prefopt.io.figure_files import read_figure
from prefopt.io.leaving import refuse_problems
from prefopt.project.goals import refuse_unknown_group
from prefopt.project.holdout import Placement
from prefopt.project.loading import read_questions
from prefopt.project.project import Project, ProjectData, load_data
from prefopt.project.spelling import KEY
from prefopt.project.words import contradictions
from prefopt.rankings.overlap import MOST
from prefopt.records import Problem
from prefopt.rounds.advice import settings_fit_model
from prefopt.rounds.can_run import feedback_state, refuse_absent_columns, refuse_no_gold, refuse_small_pool, refuse_unusable_model
from prefopt.rounds.fit import counted, in_words, refuse_unfit_gold, to_ask
from prefopt.rounds.plans import planned_updates
from prefopt.rounds.starting import refuse_bad_plugins

MIN_HOLDOUT = 10


def check_project(project: Project, *, load_model: bool = False) -> dict[str, Any]:
    """Check settings, data, recipes and the feedback source's options.

    Returns:
        what was found, for people and for scripts.

    Raises:
        PrefoptError: the first fault, with file and line.
    """
    config = project.config
    data = load_data(project.root, config, with_pool=True)
    refuse_absent_columns(project)
    refuse_unknown_group(config.goals, data.taxonomy)
    refuse_unfit_gold(data, config.data.unfit)
    refuse_problems(data.holdout, config.model.server)
    questions = read_questions(project.root, config, data) if config.feedback.gold_file else ()
    bound = data.placed is not None and data.placed.binds
    refuse_no_gold(project, data, MIN_HOLDOUT)
    file = project.root / (config.data.holdout_file or config.data.gold)
    if len(data.holdout) < MIN_HOLDOUT:
        change = ": training has begun, so only new ones help" if bound else ", or raise data.holdout_share in prefopt.toml"
        raise DataError(
            f"{len(data.holdout)} problems are held out, at least {MIN_HOLDOUT} are needed to judge anything",
            path=file,
            hint=f"add labeled problems{'' if config.data.holdout_file else change}",
        )
    if not data.train:
        raise DataError(
            "no labeled problem is left to train on",
            path=project.root / config.data.gold,
            hint="add labeled problems" if bound else "add labeled problems, or lower data.holdout_share in prefopt.toml",
        )
    trained = Counter(p.label for p in data.train)
    unseen = {p.label for p in data.holdout} - set(trained)
    found: dict[str, Any] = {
        "project": config.project.name,
        "taxonomy": f"{len(data.taxonomy)} labels, groups {', '.join(data.taxonomy.group_names) or 'none'}",
        "gold to train on": len(data.train),
        "gold held out": len(data.holdout),
        **({"gold left out": f"{len(data.left_out)} (`prefopt data check` says why)"} if data.left_out else {}),
        **({"audit": f"{len(data.audit)} sealed problems (see `prefopt audit`)"} if data.audit else {}),
        **_share(data.placed, config.data.holdout_share),
        "pool": len(data.pool),
        **_unfit(project, data, questions),
        **_figures(project, data, questions),
        "labels to train on": len(trained),
        "held-out labels never trained on": len(unseen),
    }
    for number, recipe in enumerate(refuse_bad_plugins(project, (config.round.sft, *config.round.recipes))):
        found[f"recipe of round {number:03d}"] = f"{recipe.name} (needs {recipe.needs})"
    found |= {f"updates of round {number:03d}": words for number, words in planned_updates(project, data).items()}
    found |= _spelling(project)
    found |= {f"words {number}": words for number, words in enumerate(contradictions(project, data.taxonomy), 1)}
    if advice := settings_fit_model(project):
        found["settings"] = f'{advice}; set preset = "tiny" under [train]'
    state = feedback_state(project, data)
    found["feedback"] = f"{config.feedback.source}, {_overlap(config.feedback)}{f'; not ready to publish: {state}' if state else ''}"
    refuse_unusable_model(project, data, _model_of_next(project))
    return found | _model_facts(project, load_model=load_model)


def _overlap(feedback: FeedbackSettings) -> str:
    if feedback.overlap != "adaptive":
        return f"{feedback.overlap} {'teacher' if feedback.overlap == 1 else 'teachers'} per slate"
    twice = f", {feedback.double_share:.0%} of the slates by two in any case" if feedback.double_share else ""
    return f"1 to {MOST} teachers per slate, as the answers need (adaptive{twice})"


def _unfit(project: Project, data: ProjectData, questions: Sequence[Problem]) -> dict[str, str]:
    """Problems of the pool and questions with a known label that no round will ask about. Raises where a round would stop at them."""
    rows = data.rows(data.pool, "pool"), data.rows(questions, "gold questions")
    (fit, left), (_, others) = to_ask(*rows, (), project.root, project.config.sample)
    refuse_small_pool(project, len(fit))
    found = {"unfit in the pool": left, "unfit gold questions": others}
    then = "a round leaves them out; `prefopt data check` lists them"
    return {name: f"{len(unfit)}: {in_words(counted(unfit))}; {then}" for name, unfit in found.items() if unfit}


def _figures(project: Project, data: ProjectData, questions: Sequence[Problem]) -> dict[str, str]:
    """The images of problems that teachers may see. Raises DataError for one that cannot be shown."""
    root = project.root
    asked = [(p, data.places[p.id][0]) for p in (*data.pool, *(data.train if project.config.feedback.gold_share else ()))]
    asked += [(p, root / project.config.feedback.gold_file) for p in questions]
    shown = sum(read_figure(problem, file, root) is not None for problem, file in asked)
    alone = [p for p in (*data.train, *data.holdout) if p.figure]
    found = {}
    if shown:
        mute = sum(bool(p.figure) and not (p.figure_alt or "").strip() for p, _ in asked)
        without = f"; {mute} have no figure_alt, the words for those who cannot see it" if mute else ""
        found["figures"] = (
            f"{shown} problems have one that teachers see and the model does not: it judges them by their text alone{without}"
        )
    if alone:
        found["gold with figures"] = f"{len(alone)} problems; the model learns from their text alone, and is judged on it"
    return found


def _share(placed: Placement | None, share: float) -> dict[str, str]:
    """Where data.holdout_share was changed after training began: what it still applies to."""
    if placed is None or not placed.binds or placed.record.share == share:
        return {}
    return {"data.holdout_share": f"{share:g} for new gold problems; {placed.record.share:g} held when training began, and nobody moves"}


def _spelling(project: Project) -> dict[str, str]:
    """What the model reads, where that is not what a new project's reads or not what the adapter in use was trained on."""
    rounds, origin = project.rounds(), project.resolved.origin(KEY)
    spelling = project.config.prompt.spelling
    if origin.startswith("round "):
        return {KEY: f'"{spelling}", kept from {origin}; to change it, set spelling = "{PromptSettings().spelling}" under [prompt]'}
    if rounds and rounds[-1].settings.prompt.spelling != spelling:
        return {KEY: f'"{spelling}" from the next round on; round {rounds[-1].name} reads "{rounds[-1].settings.prompt.spelling}"'}
    return {}


def _model_of_next(project: Project) -> ModelSettings:
    """[model], with the commit that the next round will use."""
    used, rounds = project.config.model, project.rounds()
    if rounds and rounds[-1].settings.model.path == used.path:
        return used.model_copy(update={"path": rounds[-1].config.model.path})
    return used


def _model_facts(project: Project, *, load_model: bool) -> dict[str, Any]:
    from prefopt.model.hub import hub_model, in_words  # not without need: it takes a moment to import

    used = _model_of_next(project)
    model = hub_model(used.path)
    if not load_model:
        return {"model": used.path if model is None else in_words(model)}
    from prefopt.model.adapters import chosen_modules
    from prefopt.model.expert_ways import fused_rows
    from prefopt.model.expert_ways import in_words as in_words_of_way
    from prefopt.model.load import load_base
    from prefopt.model.packed import longest_row
    from prefopt.model.support import support_of
    from prefopt.model.targets import coverage

    base, adapter = load_base(used), project.config.adapter
    sizes = {dtype: f"{count / 2**20:.1f} MiB" for dtype, count in sorted(base.bytes_by_dtype.items())}
    covered = coverage(base.model, chosen_modules(base, adapter))
    facts = {"model": used.path if model else str(base.path), "fingerprint": base.fingerprint[:12], "bytes by type": sizes}
    positions = longest_row(base.model)
    longest = min(project.config.prompt.max_tokens, positions)
    if longest == positions:
        facts["longest row"] = f"{positions} tokens, all that the model has positions for"
    if base.device.type == "cuda" and (rows := fused_rows(base.model)):
        facts["experts"] = in_words_of_way(rows[0])
    return facts | {"adapted by LoRA": covered.line()} | support_of(base.model, longest).describe()

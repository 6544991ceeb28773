"""How many updates the rounds will make, before they are trained: for `prefopt check`."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from prefopt import plugins
from prefopt.config import ProjectConfig
from prefopt.errors import PrefoptError
from prefopt.project.project import Project, ProjectData, Round
from prefopt.protocols import PlansUpdates, Recipe, TrainingJob
from prefopt.records import Answer, Judged, Pair, Problem, SlateVotes, Vote
from prefopt.rounds.artifacts import PREFERENCES
from prefopt.rounds.reading import Reader, has, is_done, read
from prefopt.rounds.reads import Earlier, IfAsked, recipe_with_options, rows_of_earlier
from prefopt.rounds.starting import recipe_of
from prefopt.training.job import ENOUGH_UPDATES, FEW_UPDATES, training_job

_NOWHERE = Path("no-folder")
"""For the folders of a job that is only planned."""
_ROWS = {"examples": "labeled problems", "pairs": "pairs", "judged": "judged answers", "slates": "slates"}


def planned_updates(project: Project, data: ProjectData) -> dict[int, str]:
    """Round -> its updates in words: of the rounds that are not trained yet, the open one, the next one, and those that round.recipes
    names. The number is exact where the rows are known; otherwise it is what sample.slates lets expect.

    Raises:
        PrefoptError: a round that is next has nothing to train on, or a file of the open round is damaged.
    """
    config, rounds = project.config, project.rounds()
    trained = {rnd.number for rnd in rounds if is_done(rnd, "train")}
    first = rounds[-1].number + 1 if rounds else 1
    later = range(first, max(first, len(config.round.recipes)) + 1)
    found = {number: _expected(project, data, number, recipe_of(project, number)) for number in later}
    if 0 not in trained:
        found[0] = _of_gold(project, data)
    if rounds and rounds[-1].parent is not None and rounds[-1].number not in trained:
        found[rounds[-1].number] = _of_open(rounds[-1], data)
    return dict(sorted(found.items()))


def _of_gold(project: Project, data: ProjectData) -> str:
    recipe, options = _recipe(project, project.config.round.sft)
    if not isinstance(recipe, PlansUpdates):
        return _unknown(recipe)
    job = training_job(
        recipe, project.config, data, number=0, seed=project.config.project.seed * 1000, folder=_NOWHERE, cache=project.cache
    )
    return _words(recipe.planned(job, options), f"from {len(data.train)} labeled problems")


def _of_open(rnd: Round, data: ProjectData) -> str:
    recipe, options = recipe_with_options(rnd)
    if not isinstance(recipe, PlansUpdates):
        return _unknown(recipe)
    if not has(rnd, PREFERENCES):
        return _expected(rnd.project, data, rnd.number, rnd.recipe, rnd.config)
    preferences = read(rnd, PREFERENCES)
    earlier = IfAsked("earlier_preferences", Earlier(PREFERENCES)).load(Reader(rnd)) or ()
    job = training_job(
        recipe,
        rnd.config,
        data,
        number=rnd.number,
        seed=rnd.seed,
        folder=_NOWHERE,
        cache=rnd.project.cache,
        parent=_NOWHERE,
        preferences=preferences,
        earlier=rows_of_earlier(recipe, earlier, preferences),
    )
    return _words(recipe.planned(job, options), f"from {len(job.data)} {_ROWS[recipe.needs]}")


def _expected(project: Project, data: ProjectData, number: int, name: str, settings: ProjectConfig | None = None) -> str:
    config = settings or project.config
    recipe, options = _recipe(project, name, config)
    if not isinstance(recipe, PlansUpdates):
        return _unknown(recipe)
    rows: list[Any] = list(data.train) if recipe.needs == "examples" else _full_slates(recipe, config)
    job = TrainingJob(
        folder=_NOWHERE,
        model=config.model,
        adapter=config.adapter,
        prompt=config.prompt,
        answer=config.answer,
        taxonomy=data.taxonomy,
        parent=_NOWHERE,
        data=rows,
        rehearsal=data.train,
        sft_options=config.recipes.get("sft", {}),
        round=number,
        seed=config.project.seed * 1000 + number,
    )
    if number > 1 and recipe.needs != "examples":
        job = replace(job, earlier=rows * (number - 1))
    try:
        updates = recipe.planned(job, options)
    except PrefoptError as error:
        return f"none expected: {error.message}"
    if recipe.needs == "examples":
        return _words(updates, f"from {len(rows)} labeled problems")
    if recipe.needs == "slates":
        return _words(updates, f"expected, if each of the {config.sample.slates} slates of sample.slates has votes", about=True)
    each = len(rows) // config.sample.slates
    return _words(
        updates, f"expected, if each of the {config.sample.slates} slates of sample.slates gives {each} {_ROWS[recipe.needs]}", about=True
    )


def _full_slates(recipe: Recipe, config: ProjectConfig) -> list[Any]:
    """Preferences as they come from slates that are all answered as they are asked: the best card, or all cards one above the other."""
    answers, best_only = [Answer(label=str(place)) for place in range(config.sample.candidates)], config.feedback.question == "best"
    found: list[Any] = []
    for number in range(config.sample.slates):
        of_slate: dict[str, Any] = {"problem": Problem(id=f"slate-{number}", text="?"), "slate_id": f"slate-{number}"}
        if recipe.needs == "pairs":
            compared = [(a, b) for a, b in combinations(answers, 2) if a is answers[0] or not best_only]
            found += [Pair(chosen=a, rejected=b, origin="votes", weight=1.0, **of_slate) for a, b in compared]
        elif recipe.needs == "judged":
            found += [Judged(answer=a, desirable=a is answers[0], origin="votes", weight=1.0, **of_slate) for a in answers]
        else:
            ranks = tuple(min(rank, 2) if best_only else rank for rank in range(1, len(answers) + 1))
            vote = Vote(ranks=ranks, best_only=best_only and len(answers) > 2)
            found.append(SlateVotes(answers=tuple(answers), shares=tuple(float(r == 1) for r in ranks), votes=(vote,), **of_slate))
    return found


def _recipe(project: Project, name: str, config: ProjectConfig | None = None) -> tuple[Recipe, Any]:
    recipe = plugins.find_recipe(name, project.root)
    given = (config or project.config).recipes.get(recipe.name, {})
    return recipe, plugins.options(recipe.Config, given, f"[recipes.{recipe.name}]")


def _unknown(recipe: Recipe) -> str:
    return f"not known: the recipe {recipe.name} does not say"


def _words(updates: int, source: str, *, about: bool = False) -> str:
    few = f". {FEW_UPDATES}" if updates < ENOUGH_UPDATES else ""
    return f"{'about ' if about else ''}{updates} ({source}){few}"

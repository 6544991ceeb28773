"""`prefopt init`: create the files of a project."""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

from prefopt.errors import ProjectError
from prefopt.io.files import replacing, write_text
from prefopt.io.jsonl import write_rows
from prefopt.project.families import kin
from prefopt.project.holdout import default_split
from prefopt.project.project import CONFIG
from prefopt.project.words import domain_of, is_mathematics
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy, builtin_taxonomy, open_taxonomy, taxonomy_csv
from prefopt.texts.same_text import key

GOLD_PER_STANDARD, POOL_PER_STANDARD = 6, 3
DRAWN_PER_STANDARD = 10  # of which those are taken that have a wanted wording
ENOUGH_WORDINGS = 4  # of a standard: two to train on, one held out, one for the pool
GOLD_SEED, POOL_SEED = 7, 8
HOLDOUT_SHARE = 0.3

TEMPLATE = """\
# Settings of the project. Every key has a default; unknown keys are refused.
# All keys with their defaults: python -m prefopt.cli.settings_page

[project]
name = "{name}"
seed = 7
language = "{language}"                # language of the report: ko, en

[domain]                       # the words in which the model is asked and teachers read
{domain}
[model]
path = "tiny"                  # a checkpoint folder, a model on the Hub ("openai/gpt-oss-20b"), or "tiny": the one that prefopt ships

[train]
preset = "tiny"                # settings for that model; for gpt-oss-20b on a GPU: gpu16, gpu24, gpu48, gpu80; for others: ""

[data]
gold = "data/gold.jsonl"       # problems with expert labels
pool = "data/pool.jsonl"       # problems without labels
holdout_share = {share:<13} # share of the gold problems for evaluation, never for training

[sample]
slates = {slates:<21} # problems that teachers rank in a round
candidates = 4                 # cards on a slate: 2, 3 or 4
random_share = 0.2             # share of problems drawn at random; the others are the least certain ones

[feedback]
source = "{source}"             # argilla, file
overlap = "adaptive"           # teachers per slate: one, and more where the answer is in doubt; or a number

[goals]                        # when answers are fit for use; no part of the decision from which model the next round starts
min_accuracy = 0.8             # right on this share of held-out problems
min_accepted_share = 0.2       # this share can be accepted without review
beat_baseline = true           # right more often than TF-IDF with logistic regression

[round]
recipes = {recipes}  # recipe of round 1, 2, 3 …; the last one repeats
"""

WORDS = (
    ("language", "of instructions, questions, cards and guide: ko, en"),
    ("subject", "school subject or field; empty: not said"),
    ("item", "what is classified"),
    ("label", "what a label is called: a unit, a topic, …"),
    ("framework", "what the labels belong to, e.g. a curriculum; empty: not said"),
    ("guide", "Markdown file that teachers read in place of the guide made of these words"),
    ("example", "Markdown at the end of that guide; empty: made of the first labels"),
)

ANSWER = """
[answer]                       # what the model writes, as JSON
label_key = "label"            # key of the label
fields = {fields:<21} # keys besides: "level", "difficulty", "concepts"; only those that the labeled problems state
"""

EXAMPLE = """
[recipes.sft]
num_train_epochs = 3           # the example has more labeled problems than the preset expects
"""


def make_project(
    folder: Path,
    *,
    example: bool = False,
    taxonomy: Path | None = None,
    reading: ReadOptions = AS_IT_IS,
    subject: str = "",
    label: str = "",
    language: str | None = None,
) -> Iterator[tuple[Path, str]]:
    """Create the files of a project, and yield each path with a description.

    Args:
        folder: created if it is missing; must not contain a project.
        example: add generated problems and settings for the tiny model.
        taxonomy: a taxonomy file, or the name of a built-in one; None: the 2022 mathematics curriculum, grades 1 to 9.
        reading: which column of the taxonomy file is what.
        subject: what the taxonomy is of, for [domain]; empty: not said, or mathematics where its codes are of that curriculum.
        label: what a label is called, for [domain]; empty: a neutral word, or standard where its codes are of that curriculum.
        language: ko or en, of model, teachers and report; None: that of the names of the labels.

    Raises:
        ProjectError: the folder already contains a project, or another file in the place of one that is written.
        DataError: the taxonomy is invalid.
        ConfigError: an unknown language, or a subject or label that is no word; nothing is written.
    """
    if (folder / CONFIG).exists():
        raise ProjectError(f"{folder} already contains a project", hint="choose another folder")
    if example and taxonomy is not None:
        raise ProjectError("the example problems belong to the built-in taxonomy", hint="drop --example or --taxonomy")
    labels = open_taxonomy(taxonomy, reading) if taxonomy else builtin_taxonomy()
    domain = domain_of(labels, subject=subject, label=label, language=language)
    gold, pool, truth = example_problems() if example else ([], [], {})
    answers = "".join(json.dumps({"id": k, "label": v}, ensure_ascii=False) + "\n" for k, v in truth.items())
    _refuse_other(folder / "taxonomy.csv", taxonomy_text(taxonomy, labels))
    if example:
        _refuse_other(folder / "data" / "truth.jsonl", answers)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_text(folder / "taxonomy.csv", taxonomy_text(taxonomy, labels))
    yield folder / "taxonomy.csv", f"{len(labels)} labels"
    for name, rows, what in (("gold", gold, "problems with expert labels"), ("pool", pool, "problems without labels")):
        path = folder / "data" / f"{name}.jsonl"
        if not path.exists():
            with replacing(path) as temporary:
                write_rows(temporary, rows)
        yield path, f"{len(rows)} {what}" if rows else f"put your {what} here, one JSON object per line"
    if example:
        path = folder / "data" / "truth.jsonl"
        write_text(path, answers)
        yield path, "correct labels of the pool, for simulated teachers only"
    recipes = '["dpo", "orpo", "kto"]' if example else '["consensus"]'
    text = TEMPLATE.format(
        language=domain.language,
        domain="".join(_line(key, getattr(domain, key), what) for key, what in WORDS),
        name=project_name(folder),
        share=HOLDOUT_SHARE,
        slates=80 if example else 150,
        source="argilla",
        recipes=recipes,
    )
    text += "" if is_mathematics(labels) else ANSWER.format(fields='["level"]' if any(label.levels for label in labels) else "[]")
    write_text(folder / CONFIG, text + (EXAMPLE if example else ""))
    yield folder / CONFIG, f"the settings; [domain] has the words for what is classified ({domain.thing}) and a label ({domain.label})"


def _line(key: str, value: str, what: str) -> str:
    return f"{f'{key} = {json.dumps(value, ensure_ascii=False)}':<30} # {what}\n"


def _refuse_other(path: Path, text: str) -> None:
    """Raise ProjectError where a file of that name has another content; an interrupted `prefopt init` left the same."""
    if os.path.lexists(path) and (not path.is_file() or path.read_bytes() != text.encode()):
        raise ProjectError(f"{path} exists already", hint="move it away, or choose another folder")


def taxonomy_text(path: Path | None, labels: Taxonomy) -> str:
    """Text of taxonomy.csv: of the built-in taxonomy as it is shipped, or of one that was read from a file of any kind."""
    if path is not None:
        return taxonomy_csv(labels)
    return (resources.files("prefopt.curricula") / "ko_math_2022.csv").read_text(encoding="utf-8")


def example_problems() -> tuple[list[Problem], list[Problem], dict[str, str]]:
    """Generated problems: gold, pool without labels, and the correct labels of the pool.

    One wording of each standard that has enough of them is kept out of gold and is for the pool; wordings of the training part fill it
    up. No problem of the pool is of one group with a held-out one.
    """
    from prefopt.curricula.generator.problem_generator import generate

    drawn = generate(DRAWN_PER_STANDARD, GOLD_SEED)
    kept = _one_wording_each(drawn)
    gold = _first_of_each(GOLD_PER_STANDARD, (p for p in drawn if p.family not in kept))
    _, held = default_split(gold, HOLDOUT_SHARE)
    more = generate(DRAWN_PER_STANDARD, POOL_SEED)
    leaks = {more[link.used].id for link in kin(held, [p.model_copy(update={"id": f"more-{p.id}"}) for p in more])}
    known = {key(p.text) for p in gold}
    fresh = [p for p in more if p.id not in leaks and key(p.text) not in known]
    pool = _renamed(_first_of_each(POOL_PER_STANDARD, sorted(fresh, key=lambda p: p.family not in kept)))
    truth = {p.id: p.label for p in pool if p.label is not None}
    return gold, [Problem(id=p.id, text=p.text, family=p.family) for p in pool], truth


def _one_wording_each(problems: Sequence[Problem]) -> set[str | None]:
    """One family, drawn at random, of each label that has enough of them."""
    families: dict[str | None, set[str]] = defaultdict(set)
    for problem in problems:
        families[problem.label].add(problem.group)
    return {random.Random(f"pool:{label}").choice(sorted(names)) for label, names in families.items() if len(names) >= ENOUGH_WORDINGS}  # noqa: S311  no secrets


def _first_of_each(count: int, problems: Iterable[Problem]) -> list[Problem]:
    """The first `count` problems of each label; labels in the order of their first problem."""
    found: dict[str | None, list[Problem]] = defaultdict(list)
    for problem in problems:
        if len(found[problem.label]) < count:
            found[problem.label].append(problem)
    return [problem for of_label in found.values() for problem in of_label]


def _renamed(problems: Sequence[Problem]) -> list[Problem]:
    return [p.model_copy(update={"id": f"pool-{i:04d}"}) for i, p in enumerate(problems)]


def project_name(folder: Path) -> str:
    """A name that [project] allows, after that of the folder."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in folder.resolve().name.lower()).strip("-_")
    return name[:40] or "project"

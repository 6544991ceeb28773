"""What the first pages of a report are made of: answers against the goals, what changed, people and their time, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefopt.config import ProjectConfig
from prefopt.io.stage_folders import Manifest
from prefopt.io.strict import json_object
from prefopt.project.project import ProjectData
from prefopt.records import Ranking
from prefopt.rounds.artifacts import METRICS, TFIDF
from prefopt.rounds.reading import Reader, has
from prefopt.rounds.reads import OfRound
from prefopt.texts.same_text import as_read

if TYPE_CHECKING:
    from prefopt.calibration.baseline import Tfidf
    from prefopt.calibration.fitness import Answers
    from prefopt.calibration.posteriors import StoredPosteriors
    from prefopt.calibration.result import Calibration
    from prefopt.report import Effort, LeadSection, Moves, Warnings

FEWEST = 10
"""Judged problems that must still be in the hold-out."""


@dataclass(frozen=True)
class Classical:
    """Reads the round's classical baseline; None in rounds of earlier versions."""

    def load(self, reader: Reader) -> Tfidf | None:
        return reader.artifact(reader.round, TFIDF) if has(reader.round, TFIDF) else None

    def __str__(self) -> str:
        return str(TFIDF)


@dataclass(frozen=True)
class TrainingWarning:
    """Reads what the recipe warned of: "warning" in the first line of metrics.jsonl; empty where there is none."""

    def load(self, reader: Reader) -> str:
        if not has(reader.round, METRICS):
            return ""
        path: Path = reader.artifact(reader.round, METRICS)
        with path.open(encoding="utf-8") as lines:
            first = next(lines, "").strip()
        return str(json_object(first, is_finite=False).get("warning", "")) if first.startswith("{") else ""

    def __str__(self) -> str:
        return str(METRICS)


def lead_section(
    data: ProjectData,
    posteriors: StoredPosteriors,
    calibration: Calibration,
    classical: Tfidf | None,
    parent: OfRound[StoredPosteriors] | None,
    rankings: Sequence[Ranking] | None,
    earlier: Iterable[OfRound[list[Ranking]]],
    timings: Sequence[Manifest],
    settings: ProjectConfig,
) -> LeadSection | None:
    """The first pages; None where too few of the judged problems are still in the hold-out.

    Args:
        data: training part and hold-out.
        posteriors: of the round's adapter on the hold-out.
        calibration: of the same.
        classical: the round's classical baseline.
        parent: posteriors of the parent; None for the base SFT stage.
        rankings: of the round; None for the base SFT stage.
        earlier: rankings of earlier rounds.
        timings: of the round's stages.
        settings: of the round.

    Raises:
        ConfigError: the taxonomy has no group goals.each.
    """
    from prefopt.calibration.fitness import fitness
    from prefopt.report import LeadSection

    answers = _answers(data, posteriors, calibration, classical, settings)
    if answers is None:
        return None
    own = None if rankings is None else effort(rankings)
    return LeadSection(
        fitness=fitness(answers, calibration, data.taxonomy, settings.goals),
        goal=settings.goals.min_accuracy,
        day=max(manifest.ended for manifest in timings).date().isoformat() if timings else "",
        labeled=len(data.train),
        moves=moves(posteriors, parent),
        effort=own,
        effort_so_far=None if rankings is None else effort([*(r for found in earlier for r in found.value), *rankings]),
    )


def _answers(
    data: ProjectData, found: StoredPosteriors, calibration: Calibration, classical: Tfidf | None, settings: ProjectConfig
) -> Answers | None:
    """The answers that `predict` gives, on the problems whose text is still known."""
    import numpy as np

    from prefopt.calibration.clusters import Clusters
    from prefopt.calibration.fitness import Answers
    from prefopt.calibration.metrics import score
    from prefopt.calibration.mixture import mix

    texts = {p.id: as_read(p.text, settings.prompt.spelling) for p in data.holdout}
    rows = [i for i, name in enumerate(found.problem_ids) if name in texts]
    if len(rows) < FEWEST or found.labels != data.taxonomy.ids:
        return None
    logs, gold = found.log_probs[rows], found.gold[rows]
    theirs = None if classical is None else classical.log_probs([texts[found.problem_ids[i]] for i in rows], data.taxonomy.ids)
    by: Literal["adapter", "mixture"] = "adapter"
    judged = None if calibration.mixture is None else calibration.mixture.judged
    if judged is not None and judged.used and theirs is not None:
        logs, by = mix(np.asarray(logs, dtype=np.float64), theirs, judged.weights), "mixture"
    names = None if found.groups is None else [found.groups[i] for i in rows]
    return Answers(
        scores=score(logs, gold),
        clusters=Clusters.from_names(names, len(rows)),
        baseline=None if theirs is None else score(theirs, gold),
        by=by,
        labeled=Counter(str(problem.label) for problem in data.train),
    )


def moves(posteriors: StoredPosteriors, parent: OfRound[StoredPosteriors] | None) -> Moves:
    """Problems that are right now and were wrong before, and the other way round; without a parent all that are right, and all wrong."""
    import numpy as np

    from prefopt.report import Moved, Moves

    labels, best = posteriors.labels, posteriors.log_probs.argmax(axis=1)
    sure = np.exp(posteriors.log_probs.max(axis=1))
    before: dict[str, int] = {}
    if parent is not None:
        before = dict(zip(parent.value.problem_ids, parent.value.log_probs.argmax(axis=1).tolist(), strict=True))
    same = parent is None or parent.value.labels == labels
    found: tuple[list[Moved], list[Moved]] = ([], [])
    for row in np.argsort(-sure, kind="stable").tolist():
        name, gold, answer = posteriors.problem_ids[row], int(posteriors.gold[row]), int(best[row])
        past = before.get(name)
        if not same or (parent is not None and (past is None or (past == gold) == (answer == gold))):
            continue
        was = "" if past is None else labels[past]
        found[answer != gold].append(Moved(name, labels[gold], labels[answer], was, float(sure[row])))
    return Moves(None if parent is None else parent.number, tuple(found[0]), tuple(found[1]))


def effort(rankings: Sequence[Ranking]) -> Effort:
    """People, answers, and their time at the median of an answer, which a pause does not move."""
    from prefopt.rankings.summary import median_seconds
    from prefopt.report import Effort

    counted = {(r.slate_id, r.teacher): r for r in rankings}.values()  # a branch may have collected linked slates once more
    each = median_seconds(list(counted))
    return Effort(len({r.teacher for r in counted}), len(counted), None if each is None else each * len(counted))


def warnings(paired: Manifest | None, training: str) -> Warnings:
    """What the stages pair and train warned of."""
    from prefopt.rankings.label_skew import OneLabel, SkewedLabel
    from prefopt.report import Warnings

    outcome = {} if paired is None else paired.outcome
    skewed = outcome.get("skewed")
    return Warnings(
        skewed=None if skewed is None else SkewedLabel.model_validate(skewed),
        one_label=tuple(OneLabel.model_validate(row) for row in outcome.get("one_label", ())),
        left_out=int(outcome.get("left_out", 0)),
        training=training,
    )

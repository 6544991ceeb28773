"""The classical baseline of a round, and how to mix it with the adapter: both from the labels that are known by then.

Those are the labeled problems and the consensus answers of all rounds so far, which is what the round's adapter may have learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prefopt.calibration.baseline import Tfidf, fit_tfidf
from prefopt.calibration.comparison import Learned
from prefopt.calibration.evaluate import Partner
from prefopt.calibration.mixture import FEWEST, Asked, fit_weights, joined
from prefopt.project.families import components, kin
from prefopt.project.loading import ProjectData
from prefopt.records import Judged, Pair, Problem, Slate, SlateVotes
from prefopt.texts.same_text import Spelling, as_read, name_key


@dataclass(frozen=True)
class AskedRound:
    """The slates that one round made."""

    number: int
    slates: Sequence[Slate]


@dataclass(frozen=True)
class Known:
    """Labels of the hold-out's other side."""

    gold: tuple[Problem, ...]
    answered: tuple[tuple[Slate, SlateVotes], ...]
    """In the order of the rounds that made the slates."""
    round_of: Mapping[str, int]
    """Slate id -> number of that round."""
    left_out: int
    """Answers about problems of one group with a held-out or sealed one, or with a label that the taxonomy lacks by now."""


def known_labels(data: ProjectData, rounds: Iterable[AskedRound], preferences: Iterable[Pair | Judged | SlateVotes]) -> Known:
    """The labeled problems, and the votes on all slates.

    Args:
        data: of the project.
        rounds: by number.
        preferences: of all rounds, oldest first: where a branch counted the votes on a slate again, the later count holds.
    """
    votes = {row.slate_id: row for row in preferences if isinstance(row, SlateVotes)}
    asked = [(slate, votes[slate.id], r.number) for r in rounds for slate in r.slates if slate.id in votes]
    labels, guarded = set(data.taxonomy.ids), [row.problem for row in data.guarded]
    out = {i for i, (_, row, _) in enumerate(asked) if not labels.issuperset(answer.label for answer in row.answers)}
    out |= {link.used for link in kin(guarded, [slate.problem for slate, _, _ in asked])}
    kept = [entry for i, entry in enumerate(asked) if i not in out]
    return Known(data.train, tuple((s, v) for s, v, _ in kept), {s.id: number for s, _, number in kept}, len(out))


@dataclass(frozen=True)
class Fitted:
    """A fitted baseline, and what mixing needs."""

    model: Tfidf
    learned: Learned
    partner: Partner


def fit_partner(data: ProjectData, known: Known, spelling: Spelling) -> Fitted:
    """Fit the baseline on all labels that are known, and the weights of the mixture on the asked problems as they stood before.

    Raises:
        CalibrationError: the labeled problems have one label only.
    """
    rows = _labeled(known.gold, known.answered)
    texts = [as_read(problem.text, spelling) for problem, _ in rows]
    labels = [label for _, label in rows]
    model = fit_tfidf(texts, labels, components([problem for problem, _ in rows]))
    seen = set(labels)
    learned = Learned(
        trained_on=len(rows), answers=len(rows) - len(known.gold), unseen=sum(p.label not in seen for p in data.holdout), c=model.c
    )
    parts = [asked for number in sorted(set(known.round_of.values())) if (asked := _asked(number, data, known, spelling, model.c))]
    count = sum(len(part) for part in parts)
    weights = fit_weights(joined(parts)) if count >= FEWEST else None
    return Fitted(model, learned, Partner(count, weights))


def _labeled(gold: Sequence[Problem], answered: Sequence[tuple[Slate, SlateVotes]]) -> list[tuple[Problem, str]]:
    """Gold problems with their label, and asked ones with the answer that has the most votes; where several have, there is no consensus."""
    rows = [(problem, str(problem.label)) for problem in gold]
    names = {name_key(problem.id) for problem in gold}
    for slate, row in answered:
        top = [answer.label for answer, share in zip(row.answers, row.shares, strict=True) if share == max(row.shares)]
        if len(top) == 1 and (name := name_key(slate.problem.id)) not in names:
            names.add(name)
            rows.append((slate.problem, top[0]))
    return rows


def _asked(number: int, data: ProjectData, known: Known, spelling: Spelling, c: float) -> Asked | None:
    """The slates of one round with the baseline of all labels known before it; None where there are none, or labels of one kind only."""
    now = [(slate, row) for slate, row in known.answered if known.round_of[slate.id] == number and _is_shown(slate, row)]
    later = {name_key(slate.problem.id) for slate, _ in known.answered if known.round_of[slate.id] >= number}
    gold = [problem for problem in known.gold if name_key(problem.id) not in later]  # some may have been labeled after they were asked
    before = _labeled(gold, [(slate, row) for slate, row in known.answered if known.round_of[slate.id] < number])
    if not now or len({label for _, label in before}) < 2:
        return None
    model = fit_tfidf([as_read(problem.text, spelling) for problem, _ in before], [label for _, label in before], c=c)
    logs = model.log_probs([as_read(slate.problem.text, spelling) for slate, _ in now], data.taxonomy.ids)
    width = max(len(slate.candidates) for slate, _ in now)
    own, theirs, shares = np.full((len(now), width), -np.inf), np.full((len(now), width), -np.inf), np.zeros((len(now), width))
    for i, (slate, row) in enumerate(now):
        columns = [data.taxonomy.index(candidate.answer.label) for candidate in slate.candidates]
        own[i, : len(columns)] = np.log(np.maximum([candidate.probability for candidate in slate.candidates], np.finfo(float).tiny))
        theirs[i, : len(columns)] = logs[i, columns]
        shares[i, : len(columns)] = np.array(row.shares[: len(columns)]) / sum(row.shares[: len(columns)])
    return Asked(own, theirs, shares)


def _is_shown(slate: Slate, row: SlateVotes) -> bool:
    """Whether a vote is for an answer that the slate shows: labels that teachers named themselves stand after these."""
    return sum(row.shares[: len(slate.candidates)]) > 0

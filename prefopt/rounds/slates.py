"""Which problems to ask about, and what a slate shows: choice by uncertainty and by chance, gold questions, second showings, order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.project.project import RoundKey
from prefopt.records import Answer, Candidate, Problem, Slate, content_id


def top2_gaps(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference between the two largest probabilities of each row. [N, L] -> [N]"""
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def choose(gaps: NDArray[np.float64], count: int, random_share: float, rng: np.random.Generator) -> list[tuple[int, str]]:
    """Rows to ask about: first the random slice of all rows, then those with the smallest gaps among the rest.

    Problems on which the model wavers teach most (margin sampling); the random slice keeps the picture of the pool honest and stops the
    questions from narrowing. Returns (row, "random" | "margin"), sorted by row; fewer than `count` where there are fewer rows.
    """
    count = min(count, len(gaps))
    drawn = set(rng.permutation(len(gaps))[: round(count * random_share)].tolist())
    rest = [i for i in np.argsort(gaps, kind="stable").tolist() if i not in drawn]
    chosen = {**dict.fromkeys(drawn, "random"), **dict.fromkeys(rest[: count - len(drawn)], "margin")}
    return sorted(chosen.items())


def draw_gold(known: Sequence[Problem], settings: ProjectConfig, seed: int) -> list[Problem]:
    """Problems with a known label, drawn by chance, that show how often teachers find it.

    Args:
        known: those that no earlier round has asked.
        settings: feedback.gold_share of sample.slates are drawn.
        seed: of the round.

    Raises:
        ProjectError: there are too few.
    """
    count = round(settings.feedback.gold_share * settings.sample.slates)
    if not count:
        return []
    if len(known) < count:
        path = settings.feedback.gold_file or settings.data.gold
        raise ProjectError(
            f"gold_share asks for {count} problems with a known label; {path} has {len(known)} that no earlier round has asked",
            hint="add labeled problems, or lower gold_share in [feedback]",
        )
    drawn = np.random.default_rng([seed, 1]).choice(len(known), size=count, replace=False)
    return [known[i] for i in sorted(drawn.tolist())]


def top_labels(probabilities: NDArray[np.float64], ids: Sequence[str], count: int) -> list[str]:
    """The most probable labels of one problem, best first; equal ones in the taxonomy's order. [L] -> at most `count` ids"""
    return [ids[i] for i in np.argsort(-probabilities, kind="stable")[:count]]


def make_slate(
    this: RoundKey,
    problem: Problem,
    answers: Sequence[Answer],
    probabilities: NDArray[np.float64],
    ids: Sequence[str],
    purpose: str,
    adapter: str,
) -> Slate:
    """The slate of one problem, its cards shuffled by the round's seed and the problem's id.

    Args:
        this: the round.
        problem: what is asked about.
        answers: the candidates, one label each.
        probabilities: [L] posterior of the problem.
        ids: L label ids.
        purpose: why it is asked (Slate.purpose).
        adapter: id of the adapter that answered.
    """
    slate_id = f"{this.name}-{content_id(problem.id)}"
    candidates = [
        Candidate(
            id=f"{slate_id}-{content_id(answer.label)[:6]}",
            answer=answer,
            probability=float(probabilities[ids.index(answer.label)]),
            adapter=adapter,
        )
        for answer in answers
    ]
    seed = int(content_id(str(this.seed), problem.id), 16)
    order = np.random.default_rng(seed).permutation(len(candidates)).tolist()
    gap = float(top2_gaps(probabilities[None])[0])
    return Slate.model_validate(
        {"id": slate_id, "problem": problem, "candidates": candidates, "order": order, "purpose": purpose, "top2_gap": gap}
    )


def repeated(slates: Sequence[Slate], count: int, this: RoundKey) -> list[Slate]:
    """Second showings of slates drawn by chance (no gold ones), under ids of their own and with the cards in another order."""
    without_gold = [s for s in slates if s.purpose != "gold"]
    rng = np.random.default_rng([this.seed, 2])
    drawn = rng.permutation(len(without_gold))[:count]
    return [_shown_again(without_gold[i], this, rng) for i in sorted(drawn.tolist())]


def _shown_again(slate: Slate, this: RoundKey, rng: np.random.Generator) -> Slate:
    slate_id = f"{this.name}-{content_id(slate.problem.id, 'again')}"
    order = slate.order
    while order == slate.order:
        order = tuple(rng.permutation(len(order)).tolist())
    candidates = tuple(c.model_copy(update={"id": f"{slate_id}-{content_id(c.answer.label)[:6]}"}) for c in slate.candidates)
    fields = {"id": slate_id, "candidates": candidates, "order": order, "purpose": "repeat", "repeat_of": slate.id}
    return Slate.model_validate({**dict(slate), **fields})


def mixed(slates: Sequence[Slate], repeats: Sequence[Slate], this: RoundKey) -> list[Slate]:
    """Gold slates among the others, and second showings among the last half, well after the first: the queue's order gives nothing away."""
    rng = np.random.default_rng([this.seed, 3])
    shown_again = {s.repeat_of for s in repeats}
    first = [slates[i] for i in rng.permutation(len(slates)).tolist()]
    first.sort(key=lambda s: s.id not in shown_again)  # stable: slates that come again go to the front, the rest keeps its order
    half = len(first) // 2
    early, late = [*first[:half]], [*first[half:], *repeats]
    return [early[i] for i in rng.permutation(len(early)).tolist()] + [late[i] for i in rng.permutation(len(late)).tolist()]

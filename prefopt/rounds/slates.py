"""Which problems to ask about, and what a slate shows: choice by uncertainty and by chance, gold questions, second showings, order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.pool_frame import PoolFrame
from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.project.project import RoundKey
from prefopt.records import Answer, Candidate, Figure, Problem, Slate, content_id


def top2_gaps(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference between the two largest probabilities of each row. [N, L] -> [N]"""
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def choose(gaps: NDArray[np.float64], count: int, random_share: float, rng: np.random.Generator) -> list[tuple[int, str]]:
    """Rows to ask about: first the random slice of all rows, then those with the smallest gaps among the rest.

    Problems on which the model wavers teach most (margin sampling); the random slice stops the questions from narrowing, and gives every
    problem a chance to be asked. Neither the slates nor the random slice alone show how often the model is right in the pool: earlier
    rounds have taken the least certain problems away. With `inclusion_probabilities` they can be weighted so that they do
    (calibration/pool_estimate.py). Returns (row, "random" | "margin"), sorted by row; fewer than `count` where there are fewer rows.
    """
    count = min(count, len(gaps))
    drawn = set(rng.permutation(len(gaps))[: _slice_size(count, random_share)].tolist())
    rest = [i for i in _by_gap(gaps) if i not in drawn]
    chosen = {**dict.fromkeys(drawn, "random"), **dict.fromkeys(rest[: count - len(drawn)], "margin")}
    return sorted(chosen.items())


def inclusion_probabilities(gaps: NDArray[np.float64], count: int, random_share: float) -> NDArray[np.float64]:
    """The probability of each row to be chosen by `choose`, exactly. [N] -> [N], with the sum min(count, N)

    The row with j smaller gaps is in the random slice (r of N), or it is not and fewer than m = count - r of those j rows are left:
    the number of them in the slice is then hypergeometric, r of N - 1 rows of which j count. Rows before rank m are certain.
    """
    from scipy.stats import hypergeom  # not for commands that only look at a round

    n = len(gaps)
    count = min(count, n)
    random = _slice_size(count, random_share)
    ranks = np.arange(n)
    filled = hypergeom.sf(ranks - (count - random), max(n - 1, 1), ranks, random) if random < n else np.zeros(n)
    by_rank = np.where(ranks < count - random, 1.0, random / n + (1 - random / n) * filled)
    found = np.empty(n)
    found[_by_gap(gaps)] = by_rank
    return found


def _slice_size(count: int, random_share: float) -> int:
    return round(count * random_share)


def _by_gap(gaps: NDArray[np.float64]) -> list[int]:
    """Rows by their gaps, smallest first; equal ones in the order of the file."""
    return [int(i) for i in np.argsort(gaps, kind="stable")]


def pool_frame(this: RoundKey, probabilities: NDArray[np.float64], ids: Sequence[str], chosen: Sequence[tuple[int, str]]) -> PoolFrame:
    """The pool at the moment of drawing.

    Args:
        this: the round.
        probabilities: [N, L] posteriors of the problems that no earlier round has asked.
        ids: L label ids.
        chosen: what `choose` returned for their gaps.
    """
    gaps = top2_gaps(probabilities)
    counts = np.bincount(probabilities.argmax(axis=1), minlength=len(ids))
    return PoolFrame(
        round=this.number,
        problems=len(probabilities),
        asked=len(chosen),
        random=sum(purpose == "random" for _, purpose in chosen),
        mean_confidence=float(probabilities.max(axis=1).mean()),
        predicted={label: int(count) for label, count in zip(ids, counts, strict=True) if count},
        cutoff=max((float(gaps[i]) for i, purpose in chosen if purpose == "margin"), default=None),
    )


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
    inclusion: float | None = None,
    figure: Figure | None = None,
) -> Slate:
    """The slate of one problem, its cards shuffled by the round's seed, the problem's id and the posterior.

    Teachers see a digest of the problem's id, and may know the seed and this code: only the posterior, which nobody outside has, keeps them
    from computing which card comes first.

    Args:
        this: the round.
        problem: what is asked about.
        answers: the candidates, one label each.
        probabilities: [L] posterior of the problem.
        ids: L label ids.
        purpose: why it is asked (Slate.purpose).
        adapter: id of the adapter that answered.
        inclusion: probability with which the problem was drawn; None where it is not one of the pool.
        figure: the image beside the problem.
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
    seed = int(content_id(str(this.seed), problem.id, np.ascontiguousarray(probabilities, dtype=np.float64).tobytes().hex()), 16)
    order = np.random.default_rng(seed).permutation(len(candidates)).tolist()
    gap = float(top2_gaps(probabilities[None])[0])
    return Slate.model_validate(
        {
            "id": slate_id,
            "problem": problem,
            "candidates": candidates,
            "order": order,
            "purpose": purpose,
            "top2_gap": gap,
            "inclusion": inclusion,
            "figure": figure,
        }
    )


def repeated(slates: Sequence[Slate], count: int, this: RoundKey) -> list[Slate]:
    """Second showings of slates drawn by chance (no gold ones), under ids of their own and with the cards in another order."""
    without_gold = [s for s in slates if s.purpose != "gold"]
    unknown = int(content_id(*(repr(c.probability) for s in slates for c in s.candidates)), 16)  # to teachers; see make_slate
    rng = np.random.default_rng([this.seed, 2, unknown])
    drawn = rng.permutation(len(without_gold))[:count]
    return [_shown_again(without_gold[i], this, rng) for i in sorted(drawn.tolist())]


def _shown_again(slate: Slate, this: RoundKey, rng: np.random.Generator) -> Slate:
    slate_id = f"{this.name}-{content_id(slate.problem.id, 'again')}"
    order = slate.order
    while order == slate.order:
        order = tuple(rng.permutation(len(order)).tolist())
    candidates = tuple(c.model_copy(update={"id": f"{slate_id}-{content_id(c.answer.label)[:6]}"}) for c in slate.candidates)
    fields = {"id": slate_id, "candidates": candidates, "order": order, "purpose": "repeat", "repeat_of": slate.id, "inclusion": None}
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

"""sample: choose the problems to ask about, and make a slate of candidates for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prefopt.errors import ProjectError
from prefopt.problems import refuse_leak
from prefopt.project import Round, asked_before, read_slates_problems
from prefopt.records import Answer, Candidate, Problem, Slate, content_id
from prefopt.stages import Facts, StageContext
from prefopt.store import write_rows

NAME = "sample"


def inputs(round_: Round) -> dict[str, Path]:
    earlier = {f"asked in {path.parent.parent.name}": path for path in asked_before(round_)}
    parent = {"parent": round_.parent.adapter} if round_.parent else {}
    return {**round_.data_files, "pool": round_.data_file("pool"), **parent, **earlier}


def run(context: StageContext) -> Facts:
    """Writes candidates.jsonl (one Slate a line)."""
    from prefopt.model.policy import Policy

    round_, config = context.round, context.round.config
    data = round_.load(with_pool=True)
    refuse_leak(data.pool, data.holdout, str(round_.data_file("pool")))
    asked = read_slates_problems(asked_before(round_))
    problems = [p for p in data.pool if p.id not in asked]
    if not problems:
        raise ProjectError(
            f"all {len(data.pool)} problems of {round_.data_file('pool')} have been asked in earlier rounds",
            hint="add new problems to the pool",
        )
    parent = round_.parent
    policy = Policy.open(config.model, parent.adapter if parent else None, config.prompt, config.answer, data.taxonomy)
    posteriors = policy.posterior(
        problems,
        analyses=config.posterior.analyses,
        batch_size=config.posterior.batch_size,
        memory_mb=config.posterior.memory_mb,
        seed=round_.seed,
        on_step=lambda done, total, _: context.on_step(done, total, "posteriors of the pool"),
    )
    probabilities = np.exp(posteriors.log_probs)
    asking = choose(margins(probabilities), config.sample.slates, config.sample.random_share, np.random.default_rng(round_.seed))
    requests = [(problems[i], top_labels(probabilities[i], data.taxonomy.ids, config.sample.candidates)) for i, _ in asking]
    answers = policy.propose(
        requests,
        temperature=config.sample.temperature,
        with_reason=config.sample.reasons,
        reason_tokens=config.sample.reason_tokens,
        seed=round_.seed,
        batch_size=4 * config.posterior.batch_size,
        on_step=lambda done, total, _: context.on_step(done, total, "reasons"),
    )
    slates = [
        make_slate(round_, problem, made, probabilities[i], data.taxonomy.ids, asked_as, policy.adapter_id)
        for (i, asked_as), (problem, _), made in zip(asking, requests, answers, strict=True)
    ]
    write_rows(context.out / "candidates.jsonl", slates)
    return {
        "slates": len(slates),
        "candidates": sum(len(s.candidates) for s in slates),
        "random": sum(s.asked == "random" for s in slates),
        "without_reason": policy.unfinished,
        "rewritten": policy.retried,
        "pool": len(problems),
    }


def margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference between the two largest probabilities of each row. [N, L] -> [N]"""
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def choose(margin: NDArray[np.float64], count: int, random_share: float, rng: np.random.Generator) -> list[tuple[int, str]]:
    """Rows to ask about: first the random slice of all rows, then those of the smallest margins among the rest.

    Small-margin problems teach most; the random slice keeps the picture of the pool honest and stops the questions from narrowing.
    Returns (row, "random" | "margin"), sorted by row; fewer than `count` where there are fewer rows.
    """
    count = min(count, len(margin))
    drawn = set(rng.permutation(len(margin))[: round(count * random_share)].tolist())
    rest = [i for i in np.argsort(margin, kind="stable").tolist() if i not in drawn]
    chosen = {**dict.fromkeys(drawn, "random"), **dict.fromkeys(rest[: count - len(drawn)], "margin")}
    return sorted(chosen.items())


def top_labels(probabilities: NDArray[np.float64], ids: Sequence[str], count: int) -> list[str]:
    """The most probable labels of one problem, best first; equal ones in the taxonomy's order. [L] -> at most `count` ids"""
    return [ids[i] for i in np.argsort(-probabilities, kind="stable")[:count]]


def make_slate(
    round_: Round,
    problem: Problem,
    answers: Sequence[Answer],
    probabilities: NDArray[np.float64],
    ids: Sequence[str],
    asked: str,
    adapter: str,
) -> Slate:
    """The slate of one problem, its cards shuffled by the round's seed and the problem's id."""
    slate_id = f"{round_.name}-{content_id(problem.id)}"
    candidates = [
        Candidate(
            id=f"{slate_id}-{content_id(answer.label)[:6]}",
            answer=answer,
            probability=float(probabilities[ids.index(answer.label)]),
            adapter=adapter,
        )
        for answer in answers
    ]
    seed = int(content_id(str(round_.seed), problem.id), 16)
    order = np.random.default_rng(seed).permutation(len(candidates)).tolist()
    margin = float(margins(probabilities[None])[0])
    return Slate.model_validate(
        {"id": slate_id, "problem": problem, "candidates": candidates, "order": order, "asked": asked, "margin": margin}
    )

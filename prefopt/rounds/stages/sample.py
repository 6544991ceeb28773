"""sample: choose the problems to ask about, and make a slate of candidates for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prefopt.errors import DataError, ProjectError
from prefopt.io.stage_folders import write_rows
from prefopt.project.problems import read_problems, refuse_leak, refuse_overlap
from prefopt.project.project import ProjectData, Round, asked_before, read_slates_problems
from prefopt.records import Answer, Candidate, Problem, Slate, content_id
from prefopt.rounds.stages import Facts, StageContext

NAME = "sample"


def inputs(rnd: Round) -> dict[str, Path]:
    earlier = {f"asked in {path.parent.parent.name}": path for path in asked_before(rnd)}
    parent = {"parent": rnd.parent.adapter} if rnd.parent else {}
    gold = {"gold questions": rnd.gold_questions_file} if rnd.config.feedback.gold_share else {}
    return {**rnd.data_files, "pool": rnd.data_file("pool"), **gold, **parent, **earlier}


def run(context: StageContext) -> Facts:
    """Writes candidates.jsonl (one Slate a line)."""
    from prefopt.model.policy import Policy

    rnd, config = context.round, context.round.config
    data = rnd.load(with_pool=True)
    refuse_leak(data.pool, data.holdout, str(rnd.data_file("pool")))
    asked = read_slates_problems(asked_before(rnd))
    problems = [p for p in data.pool if p.id not in asked]
    if not problems:
        raise ProjectError(
            f"all {len(data.pool)} problems of {rnd.data_file('pool')} have been asked in earlier rounds",
            hint="add new problems to the pool",
        )
    parent = rnd.parent
    policy = Policy.open(config.model, parent.adapter if parent else None, config.prompt, config.answer, data.taxonomy)
    posteriors = policy.posterior(
        problems,
        analyses=config.posterior.analyses,
        batch_size=config.posterior.batch_size,
        memory_mb=config.posterior.memory_mb,
        seed=rnd.seed,
        on_step=lambda done, total, _: context.on_step(done, total, "posteriors of the pool"),
    )
    probabilities = np.exp(posteriors.log_probs)
    asking = choose(margins(probabilities), config.sample.slates, config.sample.random_share, np.random.default_rng(rnd.seed))
    gold = gold_questions(rnd, data, asked)
    if gold:
        known = policy.posterior(
            gold,
            analyses=config.posterior.analyses,
            batch_size=config.posterior.batch_size,
            memory_mb=config.posterior.memory_mb,
            seed=rnd.seed,
        )
        probabilities = np.concatenate([probabilities, np.exp(known.log_probs)])
        asking += [(i, "gold") for i in range(len(problems), len(problems) + len(gold))]
    everyone = [*problems, *gold]
    requests = [(everyone[i], top_labels(probabilities[i], data.taxonomy.ids, config.sample.candidates)) for i, _ in asking]
    answers = policy.propose(
        requests,
        temperature=config.sample.temperature,
        with_reason=config.sample.reasons,
        reason_tokens=config.sample.reason_tokens,
        seed=rnd.seed,
        batch_size=4 * config.posterior.batch_size,
        on_step=lambda done, total, _: context.on_step(done, total, "reasons"),
    )
    slates = [
        make_slate(rnd, problem, made, probabilities[i], data.taxonomy.ids, asked_as, policy.adapter_id)
        for (i, asked_as), (problem, _), made in zip(asking, requests, answers, strict=True)
    ]
    repeats = repeated(slates, round(config.feedback.repeat_share * config.sample.slates), rnd)
    slates = mixed(slates, repeats, rnd) if gold or repeats else slates
    write_rows(context.out / "candidates.jsonl", slates)
    return {
        "slates": len(slates),
        "candidates": sum(len(s.candidates) for s in slates),
        "random": sum(s.purpose == "random" for s in slates),
        "gold": len(gold),
        "repeats": len(repeats),
        "without_reason": policy.unfinished,
        "rewritten": policy.retried,
        "pool": len(problems),
    }


def gold_questions(rnd: Round, data: ProjectData, asked: set[str]) -> list[Problem]:
    """Problems with a known label that are asked to see how often teachers find it, drawn by chance; none of them is held out.

    Raises:
        ProjectError: too few are left that no earlier round has asked.
        DataError: the file has a fault, or shares a problem with the hold-out or the pool.
    """
    settings = rnd.config.feedback
    count = round(settings.gold_share * rnd.config.sample.slates)
    if not count:
        return []
    path, known = rnd.gold_questions_file, list(data.train)
    if settings.gold_file:
        found = read_problems(path, data.taxonomy, labeled=True)
        refuse_leak(found.problems, data.holdout, str(path))
        held = {" ".join(p.text.split()): p.id for p in data.holdout}
        for problem in found.problems:
            if (other := held.get(" ".join(problem.text.split()))) is not None:
                raise DataError(
                    f"problem {problem.id!r} has the text of the hold-out problem {other!r}",
                    path=path,
                    line=found.lines[problem.id],
                    hint="remove it here: the hold-out is never shown to teachers",
                )
        refuse_overlap(read_problems(rnd.data_file("pool"), data.taxonomy, labeled=False), found)
        known = list(found.problems)
    left = [p for p in known if p.id not in asked]
    if len(left) < count:
        raise ProjectError(
            f"gold_share asks for {count} problems with a known label; {path} has {len(left)} that no earlier round has asked",
            hint="add labeled problems, or lower gold_share in [feedback]",
        )
    drawn = np.random.default_rng([rnd.seed, 1]).choice(len(left), size=count, replace=False)
    return [left[i] for i in sorted(drawn.tolist())]


def repeated(slates: Sequence[Slate], count: int, rnd: Round) -> list[Slate]:
    """Second showings of slates drawn by chance (no gold ones), under ids of their own and with the cards in another order."""
    open_ones = [s for s in slates if s.purpose != "gold"]
    rng = np.random.default_rng([rnd.seed, 2])
    drawn = rng.permutation(len(open_ones))[:count]
    return [_again(open_ones[i], rnd, rng) for i in sorted(drawn.tolist())]


def _again(slate: Slate, rnd: Round, rng: np.random.Generator) -> Slate:
    slate_id = f"{rnd.name}-{content_id(slate.problem.id, 'again')}"
    order = slate.order
    while order == slate.order:
        order = tuple(rng.permutation(len(order)).tolist())
    candidates = tuple(c.model_copy(update={"id": f"{slate_id}-{content_id(c.answer.label)[:6]}"}) for c in slate.candidates)
    fields = {"id": slate_id, "candidates": candidates, "order": order, "purpose": "repeat", "repeat_of": slate.id}
    return Slate.model_validate({**dict(slate), **fields})


def mixed(slates: Sequence[Slate], repeats: Sequence[Slate], rnd: Round) -> list[Slate]:
    """Gold slates among the others, and second showings among the last half, well after the first: a queue that gives nothing away."""
    rng = np.random.default_rng([rnd.seed, 3])
    of_repeats = {s.repeat_of for s in repeats}
    first = [slates[i] for i in rng.permutation(len(slates)).tolist()]
    first.sort(key=lambda s: s.id not in of_repeats)  # those that come again stand first, the rest keeps its order
    half = len(first) // 2
    early, late = [*first[:half]], [*first[half:], *repeats]
    return [early[i] for i in rng.permutation(len(early)).tolist()] + [late[i] for i in rng.permutation(len(late)).tolist()]


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
    rnd: Round,
    problem: Problem,
    answers: Sequence[Answer],
    probabilities: NDArray[np.float64],
    ids: Sequence[str],
    purpose: str,
    adapter: str,
) -> Slate:
    """The slate of one problem, its cards shuffled by the round's seed and the problem's id."""
    slate_id = f"{rnd.name}-{content_id(problem.id)}"
    candidates = [
        Candidate(
            id=f"{slate_id}-{content_id(answer.label)[:6]}",
            answer=answer,
            probability=float(probabilities[ids.index(answer.label)]),
            adapter=adapter,
        )
        for answer in answers
    ]
    seed = int(content_id(str(rnd.seed), problem.id), 16)
    order = np.random.default_rng(seed).permutation(len(candidates)).tolist()
    margin = float(margins(probabilities[None])[0])
    return Slate.model_validate(
        {"id": slate_id, "problem": problem, "candidates": candidates, "order": order, "purpose": purpose, "top2_gap": margin}
    )

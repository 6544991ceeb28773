"""Problems, pairs, judged answers and slates as rows of token ids, made by our own renderer and passed to TRL unchanged.

Text is tokenized here, once: TRL would read "<|end|>" in a problem as a control token, add an end token of its own, and cut rows that are
too long. Here a row that does not fit is refused by name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from prefopt.errors import TrainingError
from prefopt.records import Answer, Judged, Pair, Problem, SlateVotes

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer
    from prefopt.protocols import TrainingJob

Row = dict[str, Any]
T = TypeVar("T", Problem, Pair, Judged, SlateVotes)
_NEAR = 0.9  # share of common tokens from which two answers count as near-identical
_WORDS: dict[type, str] = {Problem: "labeled problems", Pair: "pairs", Judged: "judged answers", SlateVotes: "votes of slates"}


def example_row(problem: Problem, rendering: str, renderer: Renderer) -> Row:
    """A labeled problem in one of three renderings.

    Args:
        rendering: "answer" (problem -> final JSON, no analysis), "reason" (problem -> analysis and final JSON) or
            "explain" (problem and label -> reason).

    Returns:
        {"id", "prompt_ids", "completion_ids"}.
    """
    answer = answer_of(problem)
    if rendering == "explain":
        prompt, completion = renderer.explain_prompt(problem, answer.label), renderer.explain_completion(answer.reason or "")
    else:
        with_reason = rendering == "reason"
        prompt = renderer.prompt(problem, with_reason=with_reason)
        completion = renderer.completion(answer, with_reason=with_reason)
    return {"id": problem.id, "prompt_ids": prompt, "completion_ids": completion}


def answer_of(problem: Problem) -> Answer:
    """The expert's answer to a problem. TrainingError where the problem has no label."""
    if problem.label is None:
        raise TrainingError(f"problem {problem.id} has no label", hint="give every problem of the gold file a label")
    return Answer(label=problem.label, level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts, reason=problem.reason)


def pair_row(pair: Pair, renderer: Renderer, *, with_reason: bool) -> Row:
    """A pair of answers to one prompt, both rendered alike: with reasons only where both have one, and up to the label only where one
    of them has a label alone. The completions of a pair always have the same channels.

    Returns:
        {"id", "prompt_ids", "chosen_ids", "rejected_ids"}.

    Raises:
        TrainingError: both answers render to the same tokens.
    """
    reasoned = with_reason and bool(pair.chosen.reason) and bool(pair.rejected.reason)
    label_only = pair.chosen.partial or pair.rejected.partial
    chosen, rejected = (renderer.completion(answer, with_reason=reasoned, label_only=label_only) for answer in (pair.chosen, pair.rejected))
    if chosen == rejected:
        raise TrainingError(
            f"problem {pair.problem.id} (slate {pair.slate_id}): the chosen and the rejected answer are the same, {pair.chosen.label}",
            hint="set with_reason = true under the recipe's name: only the reasons differ"
            if pair.chosen.reason and pair.rejected.reason and pair.chosen.reason != pair.rejected.reason
            else "make the pairs again: prefopt round branch N --at pair",
        )
    prompt = renderer.prompt(pair.problem, with_reason=reasoned)
    row = {"id": pair.problem.id, "prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
    refuse_other_channels(row, set(renderer.tokenizer.get_added_vocab().values()))
    return row


def pair_rows(
    pairs: Sequence[Pair], renderer: Renderer, *, with_reason: bool, weighted: bool, soft: bool, margin: float = 0.0
) -> list[Row]:
    """Pairs as token ids, with weights of mean 1.

    Args:
        pairs: to render.
        renderer: of prompts and answers.
        with_reason: as pair_row.
        weighted: by the net share of the votes, or by slate where `soft`; False: all alike.
        soft: the loss is the likelihood of the votes.
        margin: of a unanimous pair; that of another is scaled by its net share.

    Returns:
        what pair_row returns, with "weight", "likelihood", "votes", "margin", "tie", "example".
    """
    own = slate_weights(pairs) if soft else [pair.weight for pair in pairs]
    weights = unit_mean(own if weighted else [1.0] * len(pairs))
    likelihood = likelihood_weights(pairs, weighted) if soft else weights
    return [
        pair_row(pair, renderer, with_reason=with_reason)
        | {"weight": weight, "likelihood": of_chosen, "votes": pair.votes if soft else 1.0}
        | {"margin": margin * pair.net, "tie": pair.tie, "example": False}
        for pair, weight, of_chosen in zip(pairs, weights, likelihood, strict=True)
    ]


def refuse_other_channels(row: Row, control: set[int]) -> None:
    """Check that the answers of a pair have the same control tokens in the same order: otherwise a format, not an answer, is preferred.

    Raises:
        TrainingError: they differ; names the problem and both sides' control tokens.
    """
    chosen, rejected = ([token for token in row[side] if token in control] for side in ("chosen_ids", "rejected_ids"))
    if chosen != rejected:
        raise TrainingError(
            f"problem {row['id']}: the chosen answer has the control tokens {chosen} and the rejected one {rejected}",
            hint="render both answers alike: with reasons, or both without",
        )


def similarity_metrics(rows: Sequence[Row]) -> dict[str, float]:
    """How similar the answers of the pairs are.

    Returns:
        pairs/shared_tokens: mean share of the longer answer's tokens that both begin or end with;
        pairs/near_identical: pairs where that share is at least 0.9. The likelihoods of such answers fall together most easily (Razin et
        al. 2024, https://arxiv.org/abs/2410.08847).
    """
    shares = [_shared_tokens(row["chosen_ids"], row["rejected_ids"]) for row in rows if not row.get("example", False)]
    return {"pairs/shared_tokens": math.fsum(shares) / len(shares), "pairs/near_identical": float(sum(s >= _NEAR for s in shares))}


def _shared_tokens(first: Sequence[int], second: Sequence[int]) -> float:
    begin = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    ends = zip(reversed(first[begin:]), reversed(second[begin:]), strict=False)
    end = next((i for i, (a, b) in enumerate(ends) if a != b), min(len(first), len(second)) - begin)
    return (begin + end) / max(len(first), len(second))


def judged_row(judged: Judged, renderer: Renderer, *, with_reason: bool) -> Row:
    """One answer and whether it is desirable: {"id", "prompt_ids", "completion_ids", "label"}."""
    reasoned = with_reason and bool(judged.answer.reason)
    return {
        "id": judged.problem.id,
        "prompt_ids": renderer.prompt(judged.problem, with_reason=reasoned),
        "completion_ids": renderer.completion(judged.answer, with_reason=reasoned, label_only=judged.answer.partial),
        "label": judged.desirable,
    }


def refuse_unknown_labels(job: TrainingJob, answers: Sequence[tuple[str, Answer]]) -> None:
    """TrainingError at the first (problem id, answer) whose label is not in the taxonomy."""
    for problem_id, answer in answers:
        if answer.label not in job.taxonomy:
            near = job.taxonomy.nearest(answer.label)
            hint = f"did you mean {near[0]}?" if near else f"labels are listed in {job.taxonomy.source}"
            raise TrainingError(f"problem {problem_id}: label {answer.label!r} is not in the taxonomy", hint=hint)


def data_of(job: TrainingJob, kind: type[T], hint: str) -> list[T]:
    """The job's data, all of one kind. TrainingError where there is none, or a row of another kind."""
    if not job.data:
        raise TrainingError(f"no {_WORDS[kind]} to train on", hint=hint)
    rows = [row for row in job.data if isinstance(row, kind)]
    if len(rows) < len(job.data):
        other = next(type(row).__name__ for row in job.data if not isinstance(row, kind))
        raise TrainingError(f"this recipe trains on {_WORDS[kind]}, and the job holds records of the kind {other}")
    return rows


def without_ties(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with a preferred answer. TrainingError where there is none."""
    kept = [pair for pair in pairs if not pair.tie]
    if not kept:
        raise TrainingError(
            f"all {len(pairs)} pairs are ties, with no preferred answer",
            hint="use kto: prefopt round --recipe kto; or, when more teachers have answered: prefopt round branch N --at collect",
        )
    return kept


def without_even_splits(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs but those on which the votes split: to a model of ties a tie is a vote of its own. TrainingError where there is none."""
    kept = [pair for pair in pairs if not pair.split]
    if not kept:
        raise TrainingError(
            f"the votes split evenly on all {len(pairs)} pairs",
            hint="when more teachers have answered: prefopt round branch N --at collect; or use kto: prefopt round --recipe kto",
        )
    return kept


def require_parent(job: TrainingJob, recipe: str) -> None:
    """TrainingError where the job has no parent adapter to continue."""
    if job.parent is None:
        raise TrainingError(f"{recipe} continues a parent adapter, and there is none", hint="train the base stage first: `prefopt sft`")


def row_tokens(row: Row) -> int:
    """Tokens of a row's prompt and its longest completion."""
    completions = ("completion_ids", "KL_completion_ids", "chosen_ids", "rejected_ids")
    longest = [len(row[name]) for name in completions if name in row] + [len(answer) for answer in row.get("answers_ids", ())]
    return len(row["prompt_ids"]) + max(longest)


def refuse_long(rows: Sequence[Row], limit: int, positions: int) -> None:
    """Check that each row's prompt and longest completion together have at most `limit` tokens; rows are never cut.

    Args:
        rows: to train on.
        limit: prompt.max_tokens.
        positions: of the model, which may have fewer.

    Raises:
        TrainingError: names the first three that are longer, with their lengths, and their number.
    """
    raised = "" if positions <= limit else ", or raise max_tokens under [prompt] in prefopt.toml"
    limit = min(limit, positions)
    long = []
    for row in rows:
        total, prompt = row_tokens(row), len(row["prompt_ids"])
        if total > limit:
            long.append(f"{row['id']} has {total} tokens (prompt {prompt}, answer {total - prompt})")
    if long:
        shown = "; ".join(long[:3]) + (f"; and {len(long) - 3} more" if len(long) > 3 else "")
        why = "" if raised else ", all that the model has positions for"
        raise TrainingError(
            f"{len(long)} of {len(rows)} rows do not fit into {limit} tokens{why}: {shown}",
            hint=f"shorten or remove these problems{raised}",
        )


def slate_weights(pairs: Sequence[Pair]) -> list[float]:
    """Weights with which each slate counts as one, ties included: what soft votes need, whose shares say already how clear they are."""
    counts = Counter(pair.slate_id for pair in pairs)
    return [1 / counts[pair.slate_id] for pair in pairs]


def likelihood_weights(pairs: Sequence[Pair], weighted: bool) -> list[float]:
    """Weights of the chosen answers' likelihood: mean 1 over the pairs with a preferred answer, 0 for ties."""
    clear = iter(unit_mean([pair.weight if weighted else 1.0 for pair in pairs if not pair.tie]))
    return [0.0 if pair.tie else next(clear) for pair in pairs]


def unit_mean(weights: Sequence[float]) -> list[float]:
    """Weights divided by their mean, so that the learning rate does not depend on how votes are counted. Equal weights become exactly 1."""
    if len(set(weights)) <= 1:
        return [1.0] * len(weights)
    mean = math.fsum(weights) / len(weights)
    return [weight / mean for weight in weights]


def digest_of(rows: Sequence[Row]) -> str:
    """sha256 of the rows in their order, to the token."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()

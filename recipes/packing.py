"""Several completions of one prompt in one row, so that the prompt is computed once.

A row is [trunk | branch 1 | branch 2 | … | padding]. The trunk is the prompt followed by the tokens that all completions begin with; a
branch is the rest of one completion. A branch sees the trunk and itself, at the positions that it would have alone: with these positions
and masks every token sees exactly what it sees in a row of its own, also where layers have a sliding window or attention sinks
(tests/recipes compare each with stock TRL). The last token of a completion predicts nothing, so it is not computed.

Tokens are scored once even where several completions share them; `cells` says which scored tokens make up which completion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from prefopt.errors import TrainingError
from recipes.sampler import LengthGroupedSampler

Tree = tuple[Sequence[int], Sequence[Sequence[int]]]
"""A prompt and its completions, as token ids."""


def pack(trees: Sequence[Tree], padding: int) -> dict[str, Any]:
    """Prompts with their completions as rows of one batch.

    Args:
        trees: R of them, each with the same number k of completions (at least one token each), and a prompt of at least one token.
        padding: id that fills the rows up.

    Returns:
        input_ids, position_ids, segments [R, T]: segment 0 is the trunk, i the i-th branch, -1 padding;
        kept [R, Q]: the columns of a row at which any token is predicted, the last one repeated where a row has fewer;
        rows, places, targets [K]: of each scored token, its row, the index into `kept` of the column that predicts it, and its id;
        cells [k * R, S]: indices of scored tokens, -1 where a completion is shorter. Row i * R + r is completion i of tree r.

    Raises:
        TrainingError: a prompt or completion is empty, or the numbers of completions differ.
    """
    counts = {len(completions) for _, completions in trees}
    if len(counts) != 1:
        raise TrainingError(f"cannot pack: {sorted(counts)} completions to a prompt")
    order = [(row, completion) for completion in range(counts.pop()) for row in range(len(trees))]
    return _packed(trees, order, padding)


def pack_uneven(trees: Sequence[Tree], padding: int) -> dict[str, Any]:
    """What `pack` gives for prompts with any numbers of completions: cells [N, S] are those of the first prompt, then of the second, and so
    on; `tree` [N] says which.
    """
    order = [(row, completion) for row, (_, completions) in enumerate(trees) for completion in range(len(completions))]
    return _packed(trees, order, padding) | {"tree": torch.tensor([row for row, _ in order])}


def _packed(trees: Sequence[Tree], order: Sequence[tuple[int, int]], padding: int) -> dict[str, Any]:
    """`pack` with the cells of (row, completion) in this order."""
    if not all(prompt and completions and all(completions) for prompt, completions in trees):
        raise TrainingError("cannot pack: an empty prompt or completion")
    built = [_Row(prompt, completions) for prompt, completions in trees]
    width = max(len(row.ids) for row in built)
    result = {
        "input_ids": _padded([row.ids for row in built], width, padding),
        "position_ids": _padded([row.positions for row in built], width, 0),
        "segments": _padded([row.segments for row in built], width, -1),
    }
    starts = [sum(len(row.targets) for row in built[:r]) for r in range(len(built))]
    cells = [[starts[row] + token for token in built[row].cells[completion]] for row, completion in order]
    result["rows"] = torch.tensor([r for r, row in enumerate(built) for _ in row.targets])
    result["targets"] = torch.tensor([target for row in built for target in row.targets])
    kept = [sorted(set(row.columns)) for row in built]
    widest = max(map(len, kept))
    result["kept"] = torch.tensor([[*columns, *[columns[-1]] * (widest - len(columns))] for columns in kept])
    result["places"] = torch.tensor([columns.index(column) for columns, row in zip(kept, built, strict=True) for column in row.columns])
    result["cells"] = _padded(cells, max(map(len, cells)), -1)
    return result


class _Row:
    """One tree as a row of tokens: ids, positions, segments; where each target is predicted; which targets make up each completion."""

    def __init__(self, prompt: Sequence[int], completions: Sequence[Sequence[int]]) -> None:
        common = _common_length(completions)
        branches = [list(completion[common:]) for completion in completions]
        trunk = [*prompt, *completions[0][:common]]
        inputs = trunk if any(branches) else trunk[:-1]
        self.ids = list(inputs)
        self.positions = list(range(len(inputs)))
        self.segments = [0] * len(inputs)
        self.targets: list[int] = list(completions[0][:common])
        self.columns: list[int] = [len(prompt) - 1 + i for i in range(common)]
        self.cells: list[list[int]] = []
        for number, branch in enumerate(branches, 1):
            self.cells.append([*range(common), *range(len(self.targets), len(self.targets) + len(branch))])
            start = len(self.ids)
            self.columns += [len(trunk) - 1, *range(start, start + len(branch) - 1)][: len(branch)]
            self.targets += branch
            self.ids += branch[:-1]
            self.positions += range(len(trunk), len(trunk) + max(0, len(branch) - 1))
            self.segments += [number] * max(0, len(branch) - 1)


def _common_length(completions: Sequence[Sequence[int]]) -> int:
    """Tokens that all completions begin with; all tokens of a single one."""
    for i, tokens in enumerate(zip(*completions, strict=False)):
        if len(set(tokens)) > 1:
            return i
    return min(map(len, completions))


def _padded(rows: Sequence[Sequence[int]], width: int, padding: int) -> Tensor:
    return torch.tensor([[*row, *[padding] * (width - len(row))] for row in rows])


def visible(segments: Tensor, positions: Tensor) -> Tensor:
    """Who sees whom, without any sliding window: bool [R, T, T], query by key. Padding sees itself, so that no row of it is empty."""
    query, key = segments[:, :, None], segments[:, None, :]
    sees = ((key == 0) | (key == query)) & (positions[:, None, :] <= positions[:, :, None]) & (key >= 0) & (query >= 0)
    itself = torch.eye(segments.shape[1], dtype=torch.bool, device=segments.device)
    return sees | (itself & (query < 0))


def pair_batch(rows: Sequence[dict[str, Any]], padding: int) -> dict[str, Any]:
    """A batch of B pairs: what `pack` makes of [prompt | chosen | rejected], completions 0..B-1 the chosen and B..2B-1 the rejected ones;
    weight, likelihood, votes, margin, tie, example [B]; reference [2B] where the rows have one; counts: pairs, tokens of the chosen answers
    of pairs that are not ties, and tokens of rehearsed examples.
    """
    batch = pack([(row["prompt_ids"], (row["chosen_ids"], row["rejected_ids"])) for row in rows], padding)
    batch["weight"] = torch.tensor([row["weight"] for row in rows], dtype=torch.float32)
    batch["likelihood"] = torch.tensor([row.get("likelihood", row["weight"]) for row in rows], dtype=torch.float32)
    batch["votes"] = torch.tensor([row.get("votes", 1.0) for row in rows], dtype=torch.float32)
    batch["margin"] = torch.tensor([row.get("margin", 0.0) for row in rows], dtype=torch.float32)
    batch["tie"] = torch.tensor([row.get("tie", False) for row in rows])
    batch["example"] = torch.tensor([row.get("example", False) for row in rows])
    pairs = [row for row in rows if not row.get("example", False)]
    tokens = sum(len(row["chosen_ids"]) for row in pairs if not row.get("tie", False))
    rehearsed = sum(len(row["chosen_ids"]) for row in rows if row.get("example", False))
    batch["counts"] = torch.tensor([float(len(pairs)), float(tokens), float(rehearsed)])
    return with_reference(batch, rows)


def with_reference(batch: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The batch with reference (and start) [k * R], in the order of `cells`, where the rows have one (k numbers a row)."""
    for name in ("reference", "start"):
        if name in rows[0]:
            batch[name] = torch.tensor([row[name] for row in rows], dtype=torch.float32).t().reshape(-1)
    return batch


def pair_sampler(rows: Sequence[dict[str, Any]], batch_size: int, seed: int) -> LengthGroupedSampler:
    """Batches of pairs of similar length."""
    lengths = [len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"]) for row in rows]
    return LengthGroupedSampler(lengths, batch_size, seed)


def tokens_of(batch: dict[str, Any]) -> dict[str, Tensor]:
    """The part of a batch that `pack` made."""
    names = ("input_ids", "position_ids", "segments", "rows", "targets", "kept", "places", "cells")
    return {name: batch[name] for name in names}

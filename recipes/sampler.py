"""The order in which rows are trained, a function of seed and epoch, so that a resumed run has the batches of an uninterrupted one.

LengthGroupedSampler for all recipes but KTO, whose rows are dealt so that its KL term never compares a prompt with itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prefopt.errors import TrainingError

if TYPE_CHECKING:
    from recipes.tokenization import Row


class LengthGroupedSampler:
    """Order of the rows in each epoch: batches of rows of similar length, to save padding, in a drawn order.

    Rows are shuffled, cut into pools of eight batches, sorted by length inside a pool, and the batches are shuffled.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._size, self._seed, self._epoch = lengths, batch_size, seed, 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed} {self._epoch}")  # noqa: S311 - seeded draw, not a secret
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        pool = 8 * self._size
        order = [i for k in range(0, len(order), pool) for i in sorted(order[k : k + pool], key=self._lengths.__getitem__)]
        batches = [order[k : k + self._size] for k in range(0, len(order), self._size)]
        partial = [batches.pop()] if len(batches[-1]) < self._size else []  # stays last, or all later batches would shift
        chance.shuffle(batches)
        return (i for batch in batches + partial for i in batch)


def deal_batches(rows: Sequence[Row], size: int, seed: int) -> list[list[Row]]:
    """Rows in batches, dealt with the seed, so that in each batch, taken as a circle, no row follows one of the same prompt.

    Raises:
        TrainingError: there is one row, or a prompt has more than half of the rows of a batch.
    """
    sizes = batch_sizes(len(rows), size)
    batches: list[list[Row]] = [[] for _ in sizes]
    groups = _by_prompt(rows, seed)
    # Each row goes to the batch with the fewest rows of its prompt, and of these to the emptiest; but a small last batch is passed over
    # before its prompt would have more than half of it.
    for group in groups:
        for row in group:
            open_ = [b for b in range(len(batches)) if len(batches[b]) < sizes[b]]
            same = {b: _same(batches[b], row) for b in open_}
            best = min(open_, key=lambda b: (2 * (same[b] + 1) > sizes[b], same[b], len(batches[b]) / sizes[b], b))
            batches[best].append(row)
    return [_apart(batch) for batch in batches]


def batch_sizes(count: int, size: int) -> list[int]:
    """Sizes of the batches that `count` rows are dealt into: `size` but for the last, which has at least two rows. Where one row would be
    left over, all batches are a little smaller (or, with few rows, larger).

    Raises:
        TrainingError: there is one row.
    """
    if count < 2:
        raise TrainingError(
            "one judged answer: KTO compares each with another problem's",
            hint="when more teachers have answered: prefopt round branch N --at collect",
        )
    size = next(s for s in (*range(min(size, count), 1, -1), count) if count % s != 1)
    return [min(size, count - start) for start in range(0, count, size)]


def _by_prompt(rows: Sequence[Row], seed: int) -> list[list[Row]]:
    """Rows of each prompt together, the most numerous prompts first, otherwise in an order drawn with the seed."""
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - seeded draw, not a secret
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in shuffled:
        groups.setdefault(tuple(row["prompt_ids"]), []).append(row)
    return sorted(groups.values(), key=len, reverse=True)


def _same(batch: Sequence[Row], row: Row) -> int:
    return sum(other["prompt_ids"] == row["prompt_ids"] for other in batch)


def _apart(batch: list[Row]) -> list[Row]:
    """The batch in an order in which no row follows one of the same prompt, nor the first the last: prompts by their number of rows, first
    on the even places, then on the odd ones. It exists exactly if no prompt has more than half of the rows.
    """
    groups = _by_prompt(batch, 0)
    most = groups[0]
    if 2 * len(most) > len(batch):
        raise TrainingError(
            f"problem {most[0]['id']} has {len(most)} of the {len(batch)} judged answers of a batch: "
            "KTO would compare its answers with themselves",
            hint="raise batch_size under [recipes.kto]; or, when more slates are answered: prefopt round branch N --at collect",
        )
    ordered = [row for group in groups for row in group]
    places = [*range(0, len(batch), 2), *range(1, len(batch), 2)]
    arranged = [row for _, row in sorted(zip(places, ordered, strict=True), key=lambda pair: pair[0])]
    for before, row in zip([arranged[-1], *arranged], arranged, strict=False):
        if before["prompt_ids"] == row["prompt_ids"]:
            raise TrainingError(f"problem {row['id']} follows itself in a batch")
    return arranged


def with_mismatched_answers(batch: Sequence[Row]) -> list[Row]:
    """Each row with the answer of the row before it, the first with that of the last: the samples of the KL term, as TRL makes them."""
    before = [batch[-1], *batch[:-1]]
    return [row | {"KL_completion_ids": other["completion_ids"]} for row, other in zip(batch, before, strict=True)]

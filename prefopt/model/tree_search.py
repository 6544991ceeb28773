"""The posterior over labels from next-token probabilities, by best-first expansion of the tree of the labels' tokens.

A server answers with the probabilities of the next token. The search asks for those of a node's children, the most probable node first,
and stops when the nodes that are left have no more than a stated share of the probability of all labels.

What the result is worth. Let K be the probability of the labels whose tokens have all been seen, and U the probability of the nodes that
are left. The labels below those nodes have at most U together, say R. Each gets an equal part of its node's probability, so U in all. The
result and the exact posterior then agree on the proportions of the seen labels, and give to the others a = U / (K + U) and
b = R / (K + R) <= a. Both contain the seen labels' distribution with weight 1 - a, so the total variation distance between them is at most
a, and the search stops at a <= bound. The label mass lies between K and K + U; the result has K + U, which is too large by at most U.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prefopt.model.posterior import LabelTree

WIDTH = 64
"""Most prompts in one request."""


@dataclass(frozen=True)
class Next:
    """What is known of the tokens that were asked for at one position."""

    found: Mapping[int, float]
    """Log-probability of each token that the answer has."""
    rest: float = -np.inf
    """Logarithm of the most that the other tokens that were asked for can have together."""


class NextTokens(Protocol):
    """A source of next-token probabilities. Every call is one request."""

    def next_tokens(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]) -> list[Next]:
        """log P(token | context) of some tokens after each context; those that are missing are limited by `rest`."""
        ...

    def given(self, contexts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[float]:
        """log P(token | context) of one token after each context, exactly."""
        ...


@dataclass(frozen=True)
class _Open:
    """Children of a node that are not known yet: all of them, or those that an answer did not have."""

    log_mass: float
    """Logarithm of the most that the labels below can have together."""
    node: int
    tokens: tuple[int, ...]
    before: float
    """Log-probability of the node."""
    single: bool = False
    """Whether each token must be asked for by itself."""


class TreeSearch:
    """Searches one tree of labels, for any number of prompts.

    Args:
        tree: the labels' tokens.
        bound: largest total variation distance of a result to the exact posterior; above 0.
        width: most prompts in one request.
    """

    def __init__(self, tree: LabelTree, bound: float, width: int = WIDTH) -> None:
        self.tree, self.bound, self._width = tree, bound, width
        self._labels: list[list[int]] = [[] for _ in tree.tokens]
        for label, path in enumerate(tree.paths):
            for node in path:
                self._labels[node].append(label)

    def log_likelihoods(self, prompt: Sequence[int], source: NextTokens) -> NDArray[np.float64]:
        """log P(label | prompt) of each label, float64 [L]: exact for the labels that were expanded, a share of its node's for the others.

        Args:
            prompt: token ids up to the start of a label.
            source: asked once or twice a round; all nodes that no search could leave out are asked for at once.
        """
        found = np.full(len(self.tree), -np.inf)
        left = [self._whole(-1, 0.0)]
        while True:
            left.sort(key=lambda item: -item.log_mass)
            count = self._needed(found, np.array([item.log_mass for item in left]))
            if not count:
                break
            batch, left = left[:count], left[count:]
            left += self._expanded(prompt, [item for item in batch if not item.single], source, found)
            left += self._singly(prompt, [item for item in batch if item.single], source, found)
        for item in left:
            below = [label for token in item.tokens for label in self._labels[self.tree.children[item.node][token]]]
            found[below] = item.log_mass - np.log(len(below))
        return found

    def _needed(self, found: NDArray[np.float64], left: NDArray[np.float64]) -> int:
        """How many of the open nodes, most probable first, must be expanded before the others are within the bound.

        The probability of all labels only shrinks as the search goes on, so a run that reaches the bound expands at least as many.
        """
        if not len(left):
            return 0
        top = max(float(found.max()), float(left[0]))
        if top == -np.inf:
            return 0
        masses = np.exp(left - top)
        allowed = self.bound * (np.exp(found - top).sum() + masses.sum())
        tails = masses[::-1].cumsum()[::-1]  # of each open node and all after it
        return min(int((tails > allowed).sum()), self._width)

    def _whole(self, node: int, before: float) -> _Open:
        return _Open(before, node, tuple(self.tree.children[node]), before)

    def _path(self, node: int) -> list[int]:
        """Tokens from the first to a node's own."""
        tokens: list[int] = []
        while node >= 0:
            tokens.append(self.tree.tokens[node])
            node = self.tree.parents[node]
        return tokens[::-1]

    def _reached(self, node: int, log_probability: float, found: NDArray[np.float64]) -> list[_Open]:
        """Note a label's likelihood at its last token; anywhere else there is more to expand."""
        if self.tree.children[node]:
            return [self._whole(node, log_probability)]
        found[self._labels[node][0]] = log_probability
        return []

    def _expanded(self, prompt: Sequence[int], batch: list[_Open], source: NextTokens, found: NDArray[np.float64]) -> list[_Open]:
        """Ask for the children of nodes; what is open after that."""
        if not batch:
            return []
        answers = source.next_tokens([[*prompt, *self._path(item.node)] for item in batch], [item.tokens for item in batch])
        left: list[_Open] = []
        for item, answer in zip(batch, answers, strict=True):
            children = self.tree.children[item.node]
            absent = tuple(token for token in item.tokens if token not in answer.found)
            for token in item.tokens:
                if token in answer.found:
                    left += self._reached(children[token], item.before + answer.found[token], found)
            if absent:
                left.append(_Open(item.before + answer.rest, item.node, absent, item.before, single=True))
        return left

    def _singly(self, prompt: Sequence[int], batch: list[_Open], source: NextTokens, found: NDArray[np.float64]) -> list[_Open]:
        """Ask for tokens that an earlier answer did not have, in requests of at most `width` prompts; what is open after that."""
        wanted = [(item, token) for item in batch for token in item.tokens]
        left: list[_Open] = []
        for start in range(0, len(wanted), self._width):
            part = wanted[start : start + self._width]
            answers = source.given([[*prompt, *self._path(item.node)] for item, _ in part], [token for _, token in part])
            for (item, token), value in zip(part, answers, strict=True):
                left += self._reached(self.tree.children[item.node][token], item.before + value, found)
        return left

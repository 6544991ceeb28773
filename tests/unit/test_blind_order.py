"""The order of the cards cannot be computed from what a teacher may know: the seed, the problem, its id and this package."""

from __future__ import annotations

from collections import Counter

import numpy as np

from prefopt.project.project import RoundKey
from prefopt.records import Answer, Problem
from prefopt.rounds.slates import make_slate

IDS = ["a", "b", "c", "d"]


def asked(probabilities: np.ndarray):
    answers = [Answer(label=label) for label in IDS]
    this = RoundKey(number=1, name="001", recipe="dpo", parent=0, seed=7, project="p")
    return make_slate(this, Problem(id="p1", text="1 + 1"), answers, probabilities, IDS, "margin", "base")


def test_the_order_depends_on_the_posterior_and_on_nothing_random():
    rows = np.random.default_rng(1).dirichlet(np.ones(4), size=400)
    orders = Counter(asked(row).order for row in rows)
    assert len(orders) == 24, "every order occurs for the same seed and problem"
    assert max(orders.values()) < 40
    assert asked(rows[0]) == asked(rows[0].copy())

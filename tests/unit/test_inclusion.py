"""The probability with which each problem of the pool is drawn: exact, against simulated draws, and kept by its slate."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from prefopt.project.project import RoundKey
from prefopt.records import Slate
from prefopt.rounds.slates import choose, inclusion_probabilities, pool_frame, repeated
from tests.unit.rankings_cases import slate

THIS = RoundKey(3, "003", "dpo", 1, 7, "p")


def test_200000_draws_agree_with_the_exact_probabilities():
    gaps = np.array([0.3, 0.1, 0.2, 0.1, 0.5, 0.9, 0.4, 0.8, 0.7, 0.6])  # two are equal: the file's order decides
    rng, draws = np.random.default_rng(5), 200_000
    hits = np.zeros(len(gaps))
    for _ in range(draws):
        hits[[row for row, _ in choose(gaps, 5, 0.4, rng)]] += 1
    exact = inclusion_probabilities(gaps, 5, 0.4)
    assert np.abs(hits / draws - exact).max() < 4 * np.sqrt(0.25 / draws)
    assert exact.sum() == pytest.approx(5)


def test_a_case_by_hand():
    # 4 problems, 2 slates, 1 of them random: the first rank is certain. The second is asked if it is drawn (1/4), or if the first is
    # (1/4), because its place is then free. The others only if they are drawn.
    gaps = np.array([0.9, 0.1, 0.5, 0.2])
    assert inclusion_probabilities(gaps, 2, 0.5) == pytest.approx([1 / 4, 1.0, 1 / 4, 1 / 2])


@pytest.mark.parametrize(
    ("n", "count", "share"), [(530, 80, 0.2), (130, 80, 0.2), (12, 5, 0.0), (12, 5, 1.0), (4, 10, 0.3), (1, 1, 0.5), (9, 9, 0.5)]
)
def test_they_add_up_to_the_number_of_slates(n, count, share):
    found = inclusion_probabilities(np.random.default_rng(n).random(n), count, share)
    assert found.sum() == pytest.approx(min(n, count))
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-12
    if share:
        assert found.min() > 0


def test_the_pool_is_described_when_it_is_drawn_from():
    probabilities = np.array([[0.5, 0.4, 0.1], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.4, 0.3, 0.3]])
    frame = pool_frame(THIS, probabilities, ["a", "b", "c"], [(0, "margin"), (1, "random"), (3, "margin")])
    assert (frame.round, frame.problems, frame.asked, frame.random) == (3, 4, 3, 1)
    assert frame.mean_confidence == pytest.approx((0.5 + 0.8 + 0.7 + 0.4) / 4)
    assert frame.predicted == {"a": 3, "b": 1}
    assert frame.cutoff == pytest.approx(0.1)
    assert pool_frame(THIS, probabilities, ["a", "b", "c"], [(1, "random")]).cutoff is None


def test_a_slate_keeps_its_probability_and_older_ones_have_none():
    plain = slate("s")
    assert plain.inclusion is None
    kept = Slate.model_validate({**dict(plain), "inclusion": 0.25})
    assert Slate.model_validate_json(kept.model_dump_json()).inclusion == 0.25
    for wrong in (0.0, 1.5):
        with pytest.raises(ValidationError):
            Slate.model_validate({**dict(plain), "inclusion": wrong})
    with pytest.raises(ValidationError, match="not drawn from the pool"):
        Slate.model_validate({**dict(slate("g", gold="a")), "inclusion": 0.5})


def test_a_second_showing_has_no_probability_of_its_own():
    kept = Slate.model_validate({**dict(slate("s")), "inclusion": 0.25})
    (again,) = repeated([kept], 1, THIS)
    assert again.inclusion is None

"""The likelihood term of kto: its size by hand, and that it is refused with engine "trl"."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from recipes import kto
from tests.recipes.recipe_cases import SMALL, MakeJob, judged, problem
from tests.recipes.test_rehearsal import lines_of, log_probs


def test_desirable_answers_add_their_likelihood(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """Before the first update: 0.5 of the preferences, and a mean over tokens in which desirable answers count twice, examples once."""
    data = [judged(i, desirable=i < 3) for i in range(6)]
    job = make_job(tmp_path / "job", data, parent, rehearsal=[problem(i) for i in range(20, 22)])
    options = kto.recipe.Config(**SMALL | {"batch_size": 20, "sft_weight": 2.0, "rehearse_examples": 1.0, "balance_labels": False})
    kto.recipe.train(job, options)
    liked = log_probs(job, parent, [problem(i).model_copy(update={"difficulty": data[i].answer.difficulty}) for i in range(3)])
    examples = log_probs(job, parent, [problem(i) for i in range(20, 22)])
    tokens = sum(n for _, n in liked + examples)
    by_hand = 0.5 - (2.0 * sum(p for p, _ in liked) + sum(p for p, _ in examples)) / tokens
    assert lines_of(job.folder)[0]["loss"] == pytest.approx(by_hand, abs=1e-5)


def test_the_sft_term_is_refused_with_engine_trl() -> None:
    with pytest.raises(ValidationError, match="no likelihood term"):
        kto.recipe.Config(engine="trl", sft_weight=1.0)

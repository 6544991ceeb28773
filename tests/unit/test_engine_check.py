"""Whether a server's posteriors are those of the calibration: also of one that averaged over analyses, which is never left out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from prefopt.calibration.posteriors import StoredPosteriors, joined, read_posteriors, write_posteriors
from prefopt.config import ProjectConfig
from prefopt.deploy import engine_check, predict_file
from prefopt.deploy.engine_check import check_engine
from prefopt.deploy.predictor import Predictor
from prefopt.errors import CalibrationError, ModelError, PrefoptError
from prefopt.model.posteriors import Posteriors
from prefopt.records import Problem

SHARES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
OTHERS = SHARES[:, ::-1]


def stored(shares: np.ndarray, direct: np.ndarray | None = None) -> StoredPosteriors:
    direct = None if direct is None else np.log(direct)
    return StoredPosteriors(("p0", "p1"), ("a", "b", "c"), np.log(shares), np.zeros(2, int), np.ones(2), None, ("p0", "p1"), direct)


def predictor(analyses: int, held: tuple[str, ...] = ("p0", "p1")) -> Predictor:
    """One whose server has SHARES without an analysis."""

    def posterior(problems: list[Problem], *, analyses: int = 0, **_: Any) -> SimpleNamespace:
        assert not analyses
        return SimpleNamespace(log_probs=np.log(SHARES[: len(problems)]))

    config = ProjectConfig.model_validate({"posterior": {"analyses": analyses}})
    problems = [Problem(id=name, text=name) for name in held]
    rnd = SimpleNamespace(number=3, name="003", config=config, load=lambda: SimpleNamespace(holdout=problems))
    policy = SimpleNamespace(posterior=posterior, adapter_id="id")
    return cast("Predictor", SimpleNamespace(round=rnd, server="http://gpu:8000", policy=policy))


@pytest.mark.parametrize(
    ("analyses", "known", "refused", "words"),
    [
        (0, stored(SHARES), None, ""),
        (0, stored(OTHERS), ModelError, "a total variation distance of 0.3000 on average and 0.6000 at most (problem p0)"),
        (2, stored(OTHERS, SHARES), None, ""),
        (2, stored(SHARES, OTHERS), ModelError, "a total variation distance of"),
        (2, stored(SHARES), CalibrationError, "which no server samples alike"),
    ],
)
def test_a_server_is_compared_whatever_the_calibration_averaged_over(monkeypatch, analyses, known, refused, words):
    monkeypatch.setattr(engine_check, "read", lambda *_: known)
    if refused is None:
        assert check_engine(predictor(analyses)).largest == pytest.approx(0)
        return
    with pytest.raises(refused) as error:
        check_engine(predictor(analyses))
    assert words in error.value.message
    assert "prefopt round branch 3 --at calibrate" in error.value.hint


def test_a_hold_out_without_the_problems_of_the_calibration_compares_nothing_and_says_so(monkeypatch):
    monkeypatch.setattr(engine_check, "read", lambda *_: stored(SHARES))
    with pytest.raises(CalibrationError, match="the hold-out has none of the problems"):
        check_engine(predictor(0, ("new",)))


@pytest.mark.parametrize("analyses", [0, 2])
def test_predict_compares_before_it_classifies(monkeypatch, tmp_path: Path, analyses):
    class ReachedError(PrefoptError):
        pass

    def reached(_: Predictor) -> None:
        raise ReachedError("compared")

    (tmp_path / "new.jsonl").write_text('{"id": "p0", "text": "1"}\n', encoding="utf-8")
    found: Any = predictor(analyses)
    found.mixer, found.policy.refuse_long, found.round.settings = None, lambda _: None, {}
    monkeypatch.setattr(predict_file, "hash_of", lambda *_: "")
    monkeypatch.setattr(predict_file, "judged_by", lambda _: None)
    monkeypatch.setattr(predict_file, "check_engine", reached)
    with pytest.raises(ReachedError):
        predict_file.predict_file(found, tmp_path / "new.jsonl", tmp_path / "out.jsonl")


@pytest.mark.parametrize("analyses", [0, 2])
def test_a_calibration_over_analyses_also_keeps_posteriors_without_one(monkeypatch, tmp_path, analyses):
    from prefopt.model.policy import Policy
    from prefopt.rounds.scoring import score_holdout

    def posterior(problems: list[Problem], *, analyses: int, **_: Any) -> Posteriors:
        shares = OTHERS if analyses else SHARES
        draws = np.log(np.stack([shares] * analyses)) if analyses else None
        return Posteriors(tuple(p.id for p in problems), np.log(shares), np.ones(2), draws)

    monkeypatch.setattr(Policy, "open", lambda *_: SimpleNamespace(posterior=posterior))
    problems = [Problem(id=name, text=name, label=label) for name, label in (("p0", "a"), ("p1", "b"))]
    taxonomy = SimpleNamespace(ids=("a", "b", "c"), index="abc".index)
    data: Any = SimpleNamespace(holdout=problems, taxonomy=taxonomy, groups={"p0": "p0", "p1": "p1"})
    work: Any = SimpleNamespace(folder=tmp_path, on_step=lambda *_: None)
    settings = ProjectConfig.model_validate({"posterior": {"analyses": analyses}})
    found = score_holdout(tmp_path, data, settings, work, "scored")
    assert np.allclose(np.exp(found.log_probs), OTHERS if analyses else SHARES)
    if analyses:
        assert found.direct is not None
        assert np.allclose(np.exp(found.direct), SHARES)
    else:
        assert found.direct is None


def test_posteriors_without_analyses_are_kept_with_the_others(tmp_path):
    path = tmp_path / "posteriors.parquet"
    for known in (stored(SHARES, OTHERS), stored(SHARES)):
        write_posteriors(path, known)
        found = joined([read_posteriors(path), read_posteriors(path)])
        assert (found.direct is None) == (known.direct is None)
        if found.direct is not None and known.direct is not None:
            assert np.array_equal(found.direct, np.concatenate([known.direct, known.direct]))

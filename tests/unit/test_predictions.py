"""Predictions from posteriors: sets are never empty, and what no label explains well enough is reviewed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from prefopt.calibration.review_result import Conformal, ConformalGroup
from prefopt.deploy.predict_file import _write
from prefopt.deploy.predictor import predictions
from prefopt.readers.row_reader import read_rows_of
from prefopt.records import Problem
from tests.unit.posteriors import report_contents, small_taxonomy

TAXONOMY = small_taxonomy()


def predicted(probs: list[float], thresholds: dict[str, float], accepted: float | None):
    calibration = report_contents().current.calibration
    groups = tuple(
        ConformalGroup(group=name, fitted_on=50, judged_on=50, threshold=value, set_coverage=None, mean_size=None)
        for name, value in thresholds.items()
    )
    calibration = calibration.model_copy(
        update={
            "conformal": Conformal(level=0.95, mean_size=1.0, share_single=1.0, groups=groups),
            "acceptance": calibration.acceptance.model_copy(update={"threshold": accepted}),
        }
    )
    row = np.array(probs + [0.0] * (len(TAXONOMY) - len(probs)))
    with np.errstate(divide="ignore"):
        (found,) = predictions(["p"], np.log(row)[None], np.ones(1), TAXONOMY, calibration, "a")
    return found


FIRST, SECOND = dict.fromkeys(label.groups[0] for label in TAXONOMY)


@pytest.mark.parametrize(
    ("probs", "thresholds", "accepted", "members", "decision"),
    [
        ([0.7, 0.2, 0.1], (0.5, 0.5), 0.6, [0], "accept"),
        ([0.7, 0.2, 0.1], (0.5, 0.5), 0.8, [0], "review"),
        ([0.7, 0.2, 0.1], (0.15, 0.5), 0.6, [0, 1], "accept"),
        ([0.4, 0.3, 0.3], (0.5, 0.5), 0.3, [0], "review"),  # no label reaches its threshold, so the set would be empty
        ([0.3, 0.3, 0.4], (0.5, 0.5), None, [2], "review"),
        ([0.5, 0.5], (0.6, 0.6), 0.4, [0], "review"),  # a tie: the first is the predicted label
        ([1.0], (0.0, 1.0), 0.9, [0, *[i for i, label in enumerate(TAXONOMY) if label.groups[0] == FIRST and i]], "accept"),
    ],
)
def test_sets_hold_the_predicted_label(probs, thresholds, accepted, members, decision):
    found = predicted(probs, dict(zip((FIRST, SECOND), thresholds, strict=True)), accepted)
    assert found.label == found.set[0]
    assert found.set == tuple(TAXONOMY.ids[i] for i in members)
    assert found.decision == decision


def test_the_predicted_label_is_in_a_set_that_another_group_fills():
    second = next(i for i, label in enumerate(TAXONOMY) if label.groups[0] == SECOND)
    probs = [0.6] + [0.0] * (second - 1) + [0.4]
    found = predicted(probs, {FIRST: 0.8, SECOND: 0.3}, 0.5)
    assert (found.set, found.decision) == ((TAXONOMY.ids[0], TAXONOMY.ids[second]), "review")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_predictions_are_written_as_tables(tmp_path, kind):
    found = predicted([0.7, 0.2, 0.1], {FIRST: 0.15, SECOND: 0.5}, 0.6)
    target = tmp_path / f"out.{kind}"
    _write(target, [Problem(id="p", text="12 + 9는?")], [found], SimpleNamespace(taxonomy=TAXONOMY))  # type: ignore[arg-type]  # of a Predictor only the taxonomy
    (row,) = read_rows_of(target)
    assert (row.values["id"], row.values["problem"], row.values["label"]) == ("p", "12 + 9는?", TAXONOMY.ids[0])
    assert (row.values["probability"], row.values["set"]) == (f"{found.probability:.4f}", " ".join(found.set))

"""The report's words on label biases: a shift is called one, and ability is not."""

from __future__ import annotations

import re

import numpy as np
from scipy import special

from prefopt.calibration.decision import decide
from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.label_biases import apply_biases
from prefopt.calibration.result import Calibration
from prefopt.config import CalibrateSettings, DecideSettings
from prefopt.grounds import LabelShift
from prefopt.report.wording.grounds import ground_sentence
from prefopt.report.wording.label_counts import biases_sentence, counts_sentence, most_shifted
from prefopt.report.wording.say import Say
from prefopt.taxonomy import parse_taxonomy
from tests.unit.test_label_biases import planted

TAXONOMY = parse_taxonomy("code,name\na,A\nb,B\nc,C\nd,D\n", source="t.csv")


def calibrated(logs: np.ndarray, parent: np.ndarray | None, gold: np.ndarray) -> Calibration:
    ids = [f"p{i}" for i in range(len(gold))]
    return evaluate(logs, gold, ids, TAXONOMY, CalibrateSettings(bootstrap=200), 1, parent_log_probs=parent)


def same_numbers(said: Say) -> bool:
    return re.findall(r"\d+(?:\.\d+)?", said.ko) == re.findall(r"\d+(?:\.\d+)?", said.en)


def test_a_shift_is_called_one_and_its_label_is_first() -> None:
    logs, gold = planted(1_500, 2.0, 4)
    found = calibrated(apply_biases(logs, np.array([0, 0, 4.0, 0])), logs, gold)
    said = biases_sentence(found)
    assert said is not None
    assert "mostly one of how often labels are answered" in said.en
    assert same_numbers(said)
    assert most_shifted(found)[0].label == "c"
    assert same_numbers(counts_sentence(found))
    assert re.search(r"59% of the answers would have to change \(2% before", counts_sentence(found).en)


def test_a_loss_of_ability_stays_one() -> None:
    logs, gold = planted(1_500, 2.0, 5)
    worse = logs + np.random.default_rng(6).normal(0, 2, logs.shape)
    said = biases_sentence(calibrated(worse - special.logsumexp(worse, axis=1, keepdims=True), logs, gold))
    assert said is not None
    assert "the finding is the same" in said.en


def test_a_first_adapter_has_counts_and_no_comparison() -> None:
    logs, gold = planted(200, 2.0, 7)
    found = calibrated(logs, None, gold)
    assert biases_sentence(found) is None
    assert "before" not in counts_sentence(found).en


def test_the_decision_names_labels_that_a_round_shifted_away() -> None:
    """Not those of a round that brings the counts nearer to the right ones, nor of one that leaves them."""
    logs, gold = planted(1_500, 2.0, 4)
    skewed = apply_biases(logs, np.array([0, 0, 4.0, 0]))
    worse = decide(calibrated(skewed, logs, gold), DecideSettings(), first=False)
    (shift,) = (ground for ground in worse.grounds if isinstance(ground, LabelShift))
    assert shift.labels[0].label == "c"
    assert shift.labels[0].answered > 2 * shift.labels[0].right
    assert shift.accuracy.high < 0 < shift.refitted.high + 0.02
    said = ground_sentence(shift)
    assert "c" in said.en
    assert re.findall(r"\d+(?:\.\d+)?", said.ko) != []
    assert worse.outcome == "rejected"
    for child, parent in ((logs, skewed), (logs, logs)):
        assert not any(
            isinstance(ground, LabelShift) for ground in decide(calibrated(child, parent, gold), DecideSettings(), first=False).grounds
        )

"""The programs behind docs/decision.md and docs/ab.md run, with a few draws: what they print is measured elsewhere."""

from __future__ import annotations

import numpy as np

from benchmarks import accept_rule, calibration, decision_rule, in_use, many_rounds


def test_many_rounds_gives_its_rows_and_powers():
    first, second = many_rounds.rows_of((100, 5, 3, 1))
    assert (first["rounds"], second["rounds"]) == many_rounds.ROUNDS
    for row in (first, second):
        assert {"familywise", "bias_points", "coverage", "old_familywise"} <= row.keys()
    assert many_rounds.power_of((100, 1, 0.3, 1, 3))["power"] == 1.0  # 30 points better: nobody can miss it


def test_the_accept_rule_is_measured_beside_the_sequence():
    faultless = accept_rule.Population("no error", 0.0, 0.0, 1.0)
    row = accept_rule.row(faultless, 300, 1, 2)
    assert (row["broken"], row["nothing_accepted"], row["mean_share"]) == (0.0, 0.0, 1.0)
    hopeless = accept_rule.row(accept_rule.Population("half wrong", 0.5, 0.5, 1.0), 300, 5, 2)
    assert (hopeless["nothing_accepted"], hopeless["sequence_nothing_accepted"]) == (1.0, 1.0)


def test_the_coverage_of_every_printed_interval_is_counted(monkeypatch):
    monkeypatch.setattr(calibration, "POPULATION", 40_000)
    row = calibration.row((12, 0.6, 300, 5, 8))
    assert len(row["coverage"]) == 11
    assert np.mean(list(row["coverage"].values())) > 0.8


def test_the_decision_rule_is_measured_for_parents_that_are_over_confident_too():
    names = [scenario.name for scenario in decision_rule.SCENARIOS]
    assert "equally right, over-confident parent" in names
    much_worse = decision_rule.Scenario("30 points worse", gain=-0.3)
    assert decision_rule.simulate(much_worse, 200, 2, 7)["rejected"] == 1.0


def test_answers_in_use_are_measured_beside_a_test_of_fixed_size(monkeypatch):
    monkeypatch.setattr(in_use, "LOOKS", 1_000)
    monkeypatch.setattr(in_use, "PROBLEMS", 1_000)
    chance = np.random.default_rng(3)
    found = in_use.paired(chance, 40) | in_use.split(chance, 20)
    assert found["paired_false"] < found["paired_false_peer"]
    assert found["paired_median_5pt"] <= 500
    assert found["reviewed_false"] > 0.9
    assert in_use.median(np.array([1.0, np.inf, np.inf])) is None

"""A project from Python: typed rows, data frames, and what is not there is said."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import prefopt
from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.config import CalibrateSettings
from prefopt.errors import ConfigError, ProjectError
from prefopt.grounds import Clause
from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Decision
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, METRICS, POSTERIORS, SLATES
from tests.notebook import NOTEBOOK, cells
from tests.stages import finish_stage
from tests.unit.posteriors import calibrated, ids, small_taxonomy
from tests.unit.rankings_cases import slate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Round 000 promoted, and round 001 with its slates."""
    (tmp_path / "prefopt.toml").write_text('[project]\nname = "p"\n', encoding="utf-8")
    log_probs, gold = calibrated(60, 4, 1)
    rnd = freeze_round(open_project(tmp_path), 0, {"round": 0, "recipe": "sft"})
    finish_stage(rnd, {ADAPTER: "weights", METRICS: ""})
    stored = StoredPosteriors(tuple(ids(60)), small_taxonomy(1).ids, log_probs, gold, np.ones(60))
    calibration = evaluate(log_probs, gold, ids(60), small_taxonomy(1), CalibrateSettings(bootstrap=100), 1)
    finish_stage(rnd, {POSTERIORS: stored, CALIBRATION: calibration})
    finish_stage(rnd, {DECISION: Decision(outcome="promoted", grounds=(Clause(code="beats_majority"),), rule="r")})
    next_one = freeze_round(open_project(tmp_path), 1, {"round": 1, "recipe": "dpo", "parent": 0})
    counts = {"slates": 2, "candidates": 6, "random": 1, "gold": 0, "repeats": 0, "without_reason": 0, "rewritten": 0, "pool": 9}
    finish_stage(next_one, {SLATES: [slate("s1"), slate("s2")]}, outcome=counts)
    return tmp_path


def test_rounds_and_their_numbers_are_typed(folder):
    project = prefopt.open(folder)
    first, second = project.rounds
    assert [row.round for row in project.summary] == [0, 1]
    assert first.summary.accuracy == first.calibration.accuracy.value == sum(row.right for row in first.predictions) / 60
    assert (first.summary.outcome, first.summary.in_use, first.summary.finished) == ("promoted", True, False)
    assert (second.summary.parent, second.summary.accuracy, second.number) == (0, None, 1)
    assert project.in_use == project.round(0)
    assert first.predictions[0].gold in small_taxonomy(1).ids
    assert isinstance(first.predictions[:3], prefopt.Rows)
    assert repr(second.slates) == "<2 rows of Slate>"
    assert repr(prefopt.Rows([])) == "<no rows>"


def test_rows_become_data_frames(folder):
    project = prefopt.open(folder)
    frame = project.rounds[0].predictions.to_pandas()
    assert list(frame.columns) == ["id", "family", "gold", "label", "probability", "gold_probability", "right"]
    assert frame["right"].mean() == pytest.approx(project.rounds[0].summary.accuracy)
    assert list(project.summary.to_pandas()["recipe"]) == ["sft", "dpo"]


def test_without_pandas_it_is_said(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ProjectError, match="data frames need pandas") as caught:
        prefopt.open(folder).summary.to_pandas()
    assert caught.value.hint == "pip install pandas"


def test_what_is_not_there_is_said(folder, tmp_path):
    project = prefopt.open(folder)
    with pytest.raises(ProjectError, match="stage collect of round 001 is not done"):
        _ = project.rounds[1].rankings
    with pytest.raises(ProjectError, match="there is no round 7"):
        project.round(7)
    with pytest.raises(ConfigError, match="no such file"):
        prefopt.open(tmp_path / "nowhere")
    (folder / "rounds" / "000" / "calibrate" / "calibration.json").write_text("{}")
    with pytest.raises(ProjectError, match="has changed since stage calibrate"):
        _ = prefopt.open(folder).rounds[0].calibration


def test_the_cells_of_the_notebook_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shown: dict[str, object] = {}
    for cell in cells():
        exec(compile(cell, NOTEBOOK, "exec"), shown)  # noqa: S102  # the notebook's own cells
    assert shown["table"].shape == (2, len(prefopt.RoundSummary.model_fields))

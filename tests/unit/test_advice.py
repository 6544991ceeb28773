"""The advice after round 000: nothing where it is promoted, and otherwise what to do next, in sentences that are true to the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.calibration.result import BaselineComparison, Discordance
from prefopt.config import CalibrateSettings
from prefopt.grounds import Clause
from prefopt.io.jsonl import write_rows
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Decision, Problem
from prefopt.rounds.advice import base_advice
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, METRICS, POSTERIORS
from prefopt.taxonomy import parse_taxonomy, taxonomy_csv
from tests.stages import finish_stage
from tests.unit.posteriors import answering, ids

TAXONOMY = parse_taxonomy("code,name,era\nH1,고조선,고대\nH2,고려,중세\nH3,조선,근세\n", "taxonomy.csv")
N = 40


def base(
    folder: Path, *, outcome: str = "held", model: str = "tiny", steps: int = 400, right: int = 12, also: int = 30, per_label: int = 4
) -> Round:
    """Round 000, right on `right` of 40 held-out problems; the classical baseline is right on `also`."""
    (folder / "data").mkdir(parents=True)
    (folder / "taxonomy.csv").write_text(taxonomy_csv(TAXONOMY), encoding="utf-8")
    labels = TAXONOMY.ids
    words = ("왕", "법", "탑", "길", "배", "성", "종", "책", "칼", "집", "문", "강")
    gold = [
        Problem(id=f"g{i}", text=f"{words[i % 12]} {i}번과 {words[i * 7 % 11]}의 시대는?", label=labels[i % 3])
        for i in range(3 * per_label)
    ]
    write_rows(folder / "data" / "gold.jsonl", gold)
    held = [Problem(id=f"h{i}", text=f"{i}째 유물 {words[i % 12] * 3}을 쓴 때는 언제인가", label=labels[i % 3]) for i in range(N)]
    write_rows(folder / "data" / "holdout.jsonl", held)
    settings = f'[project]\nname = "h"\n[model]\npath = "{model}"\n[data]\nholdout_file = "data/holdout.jsonl"\n'
    (folder / "prefopt.toml").write_text(settings, encoding="utf-8")
    rnd = freeze_round(open_project(folder), 0, {"round": 0, "recipe": "sft"})
    truth, hits = np.arange(N) % 3, (np.arange(N) < right).astype(int)
    log_probs = answering(truth, hits, 3)
    found = evaluate(log_probs, truth, ids(N), TAXONOMY, CalibrateSettings(bootstrap=100), 1)
    rest = max(also - right, 0)
    opponent = BaselineComparison(
        accuracy=found.accuracy.model_copy(update={"value": also / N}),
        trained_on=len(gold),
        unseen=0,
        mcnemar=Discordance(lost=rest, gained=0, p_value=0.5**rest * 2 if rest else 1.0),
    )
    outcome_of_train = {"recipe": "sft", "examples": len(gold), "steps": steps, "metrics": {}}
    finish_stage(rnd, {ADAPTER: "weights", METRICS: ""}, outcome=outcome_of_train)
    stored = StoredPosteriors(tuple(ids(N)), labels, log_probs, truth, np.ones(N))
    finish_stage(rnd, {POSTERIORS: stored, CALIBRATION: found.model_copy(update={"baseline": opponent})})
    code = {"held": "majority_cannot_tell", "promoted": "beats_majority", "rejected": "below_majority"}[outcome]
    finish_stage(rnd, {DECISION: Decision(outcome=outcome, grounds=(Clause(code=code),), rule="r")})
    return rnd


@pytest.mark.parametrize("outcome", ["held", "rejected"])
def test_a_model_that_learned_nothing_is_put_beside_one_that_did(tmp_path: Path, outcome: str) -> None:
    said = base_advice(base(tmp_path / "h", outcome=outcome))
    assert said[0] == "It is right on 12 of 40 held-out problems; one label for all would be right on 14."
    assert said[1] == "TF-IDF with logistic regression, trained on the same 12 problems, is right on 30."
    assert said[2] == "So these labels can be learned from these problems, and this model has not learned them."
    assert "set a real one" in said[3]
    assert "prefopt sft --again" in said[3]
    assert said[4] == "There are 4 labeled problems for each of 3 labels to learn from: more of them help most."


def test_nothing_is_said_of_what_is_promoted(tmp_path: Path) -> None:
    assert base_advice(base(tmp_path / "h", outcome="promoted")) == []


def test_a_difference_that_chance_explains_is_no_reason(tmp_path: Path) -> None:
    said = base_advice(base(tmp_path / "h", also=14))
    assert not any("has not learned" in sentence for sentence in said)


def test_few_updates_of_a_real_model_are_the_first_thing_to_change(tmp_path: Path) -> None:
    said = base_advice(base(tmp_path / "h", model="openai/gpt-oss-20b@" + "0" * 40, steps=9, per_label=30))
    assert said[-1] == "It made 9 updates: raise num_train_epochs under [recipes.sft], then prefopt sft --again."
    assert not any("for each of" in sentence for sentence in said), "30 for each label are many"

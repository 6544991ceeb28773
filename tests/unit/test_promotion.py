"""The pointer to the adapter in use: where the events lead, a reader beside a writer, people above the rule."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.config import CalibrateSettings
from prefopt.errors import ProjectError
from prefopt.grounds import Clause
from prefopt.project.project import Project, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Decision
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, METRICS, POSTERIORS
from prefopt.rounds.promotion import FILE, PromotionEvent, follow_rule, in_use, overrule, parent_of_next, promoted_round, promotions
from prefopt.rounds.reading import read
from tests.stages import NOON, finish_stage
from tests.unit.posteriors import calibrated, ids, small_taxonomy

OUTCOMES = ("promoted", "held", "rejected")


def events(*decided: tuple[int, str]) -> tuple[PromotionEvent, ...]:
    return tuple(PromotionEvent(round=number, outcome=outcome, by="person", at=NOON, because="x") for number, outcome in decided)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Rounds 000 to 002, which the rule promoted, promoted and held."""
    (tmp_path / "prefopt.toml").write_text('[project]\nname = "p"\n', encoding="utf-8")
    found = open_project(tmp_path)
    log_probs, gold = calibrated(60, 4, 1)
    stored = StoredPosteriors(tuple(ids(60)), small_taxonomy(1).ids, log_probs, gold, np.ones(60))
    calibration = evaluate(log_probs, gold, ids(60), small_taxonomy(1), CalibrateSettings(bootstrap=100), 1)
    for number, outcome in enumerate(("promoted", "promoted", "held")):
        start = {"round": number, "recipe": "dpo", **({"parent": 0} if number else {})}
        rnd = freeze_round(found, number, start)
        finish_stage(rnd, {ADAPTER: f"weights {number}", METRICS: ""})
        finish_stage(rnd, {POSTERIORS: stored, CALIBRATION: calibration})
        decision = Decision(outcome=outcome, grounds=(Clause(code="vetoed" if outcome == "held" else "better_probabilities"),), rule="r")
        finish_stage(rnd, {DECISION: decision})
    return found


@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        ([], None),
        ([(0, "held")], None),
        ([(0, "promoted"), (1, "promoted"), (2, "held")], 1),
        ([(0, "promoted"), (1, "promoted"), (0, "promoted")], 0),  # rolled back
        ([(0, "promoted"), (1, "promoted"), (1, "rejected")], 0),  # taken back: the one before it
        ([(0, "promoted"), (1, "promoted"), (0, "promoted"), (0, "held")], 1),
        ([(0, "promoted"), (0, "rejected")], None),
    ],
)
def test_where_the_events_lead(decided, expected):
    assert in_use(events(*decided)) == expected


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(OUTCOMES)), max_size=12))
def test_what_is_in_use_was_promoted_by_the_last_decision_on_it(decided):
    found, last = in_use(events(*decided)), dict(decided)
    assert (found is None) == ("promoted" not in last.values())
    assert found is None or last[found] == "promoted"
    if decided and decided[-1][1] == "promoted":
        assert found == decided[-1][0]


def test_the_rule_counts_before_it_is_written_down(project):
    assert not (project.rounds_folder / FILE).exists()
    assert promotions(project).promoted == 1
    before = promotions(project)
    follow_rule(project)
    assert promotions(project) == before
    written = (project.rounds_folder / FILE).read_bytes()
    follow_rule(project)
    assert (project.rounds_folder / FILE).read_bytes() == written


def test_a_decision_typed_again_after_a_crash_is_one_decision(project):
    first = overrule(project.round(2), "promoted", "x")
    assert overrule(project.round(2), "promoted", " x ") == first
    assert len(overrule(project.round(2), "promoted", "another reason").events) == len(first.events) + 1
    overrule(project.round(0), "promoted", "rollback")
    assert overrule(project.round(2), "promoted", "another reason").promoted == 2, "after another decision it is a new one"


def test_a_person_overrules_and_the_next_round_follows(project):
    found = overrule(project.round(2), "promoted", "  더 자주 맞힌다  ")
    assert found.promoted == 2
    assert promoted_round(project).number == parent_of_next(project).number == 2
    assert found.outcome(2) == "promoted"
    assert found.overruled(2).because == "더 자주 맞힌다"
    assert found.overruled(1) is None
    assert read(project.round(2), DECISION).outcome == "held"  # the rule's own decision stays as it was
    assert overrule(project.round(0), "promoted", "rollback").promoted == 0
    assert overrule(project.round(0), "rejected", "was worse").promoted == 2
    kept = json.loads((project.rounds_folder / FILE).read_text(encoding="utf-8"))["events"]
    assert [(m["round"], m["outcome"], m["by"]) for m in kept] == [
        (0, "promoted", "rule"),
        (1, "promoted", "rule"),
        (2, "held", "rule"),
        (2, "promoted", "person"),
        (0, "promoted", "person"),
        (0, "rejected", "person"),
    ]


def test_a_decision_that_is_not_the_recorded_one_stops_everything(project):
    follow_rule(project)
    path = project.round(2).stage("decide") / "decision.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"held"', '"promoted"'), encoding="utf-8")
    for use in (promotions, promoted_round, parent_of_next, follow_rule):
        with pytest.raises(ProjectError, match=r"decision.json has changed since stage decide of round 002 wrote it"):
            use(project)


def test_nothing_is_in_use_after_all_is_taken_back(project):
    overrule(project.round(0), "held", "x")
    overrule(project.round(1), "held", "x")
    with pytest.raises(ProjectError, match="no adapter"):
        promoted_round(project)
    assert parent_of_next(project).number == 0  # held, and the only one there is
    overrule(project.round(0), "rejected", "x")
    assert parent_of_next(project) is None


def test_a_decision_needs_a_reason_and_a_decided_round(project):
    with pytest.raises(ProjectError, match="needs a reason"):
        overrule(project.round(1), "held", " \n")
    undecided = freeze_round(project, 3, {"round": 3, "recipe": "dpo", "parent": 1})
    with pytest.raises(ProjectError, match="not decided yet"):
        overrule(undecided, "promoted", "x")
    assert not (project.rounds_folder / FILE).exists()


def test_an_adapter_that_has_changed_is_not_promoted(project):
    (project.round(2).stage("train") / "adapter").write_text("other weights", encoding="utf-8")
    with pytest.raises(ProjectError, match="has changed since stage train of round 002 wrote it"):
        overrule(project.round(2), "promoted", "x")
    assert overrule(project.round(2), "rejected", "x").promoted == 1


@pytest.mark.parametrize("text", ["{}x", '{"promoted": 1, "events": []}', '{"promoted": null, "events": [], "more": 1}'])
def test_a_pointer_changed_by_hand_is_refused(project, text):
    (project.rounds_folder / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ProjectError, match=FILE):
        promotions(project)

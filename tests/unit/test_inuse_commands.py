"""prefopt ab in a project: started from its rounds, judged from serve/, ended with a promotion or without."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.config import CalibrateSettings
from prefopt.grounds import Clause
from prefopt.model.adapter_card import WEIGHTS
from prefopt.project.project import Project, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Decision
from prefopt.report.wording.grounds import compared_sentence
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, METRICS, POSTERIORS
from prefopt.rounds.promotion import promotions
from prefopt.taxonomy import taxonomy_csv
from tests.command_line import CommandLine
from tests.stages import finish_stage
from tests.unit.posteriors import calibrated, ids, small_taxonomy


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rounds 000 and 001, promoted, and round 002, held; the adapter of 001 is in use."""
    root, taxonomy = tmp_path_factory.mktemp("project"), small_taxonomy(1)
    (root / "prefopt.toml").write_text('[project]\nname = "p"\n', encoding="utf-8")
    (root / "taxonomy.csv").write_text(taxonomy_csv(taxonomy), encoding="utf-8")
    log_probs, gold = calibrated(60, 4, 1)
    stored = StoredPosteriors(tuple(ids(60)), taxonomy.ids, log_probs, gold, np.ones(60))
    calibration = evaluate(log_probs, gold, ids(60), taxonomy, CalibrateSettings(bootstrap=100), 1)
    for number, outcome in enumerate(("promoted", "promoted", "held")):
        rnd = freeze_round(open_project(root), number, {"round": number, "recipe": "dpo", **({"parent": 0} if number else {})})
        adapter = root / f"weights-{number}"
        adapter.mkdir()
        (adapter / WEIGHTS).write_text(f"weights {number}", encoding="utf-8")
        finish_stage(rnd, {ADAPTER: adapter, METRICS: ""})
        finish_stage(rnd, {POSTERIORS: stored, CALIBRATION: calibration}, inputs={"taxonomy": root / "taxonomy.csv"})
        decision = Decision(outcome=outcome, grounds=(Clause(code="vetoed" if outcome == "held" else "better_probabilities"),), rule="r")
        finish_stage(rnd, {DECISION: decision})
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    import shutil

    return open_project(shutil.copytree(made, tmp_path / "p"))


@pytest.fixture
def prefopt(project, monkeypatch, capsys) -> CommandLine:
    return CommandLine(project.root, monkeypatch, capsys)


def record(project: Project, verdicts: str, right: str, wrong: str) -> None:
    """Answers of both adapters since the comparison began, and a word on each: "b" where b is right, "a" where a is."""
    start = json.loads((project.root / "serve" / "comparisons.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    at = datetime.fromisoformat(start["at"])
    lines: dict[str, list[str]] = {"predictions": [], "second": [], "corrections": []}
    for k, verdict in enumerate(verdicts):
        text, when = f"{k} + 1", (at + timedelta(milliseconds=k + 1)).isoformat()
        same = {"prediction": f"p{k}", "at": when}
        first = {"text": text, "text_sha256": hashlib.sha256(text.encode()).hexdigest(), "adapter": start["a"]["adapter"], "audit": False}
        lines["predictions"].append(json.dumps({**same, **first, "label": right if verdict == "a" else wrong}))
        other = {"arm": "b", "probability": 0.5, "adapter": start["b"]["adapter"], "round": 2}
        lines["second"].append(json.dumps({**same, **other, "label": right if verdict == "b" else wrong}))
        lines["corrections"].append(json.dumps({**same, "label": right, "by": "kim", "seen": False}))
    for name, rows in lines.items():
        (project.root / "serve" / f"{name}-{at:%Y%m%d}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_a_comparison_from_its_start_to_a_promotion(prefopt, project):
    right, wrong = small_taxonomy(1).ids[:2]
    made = json.loads(prefopt("ab", "start", "--a", "1", "--b", "2", "--because", "더 나은지 본다", "--json"))
    assert (made["mode"], made["a"]["round"], made["b"]["round"]) == ("paired", 1, 2)
    assert made["a"]["adapter"] == hashlib.sha256(b"weights 1").hexdigest()[:12]
    assert "cannot tell" in prefopt("ab", "status")
    record(project, "b" * 4 + "a", right, wrong)
    undecided = prefopt("ab", "stop", "--promote", "b", "--because", "x", code=1)
    assert "it is not decided" in undecided
    assert promotions(project).promoted == 1
    record(project, "b" * 12 + "a", right, wrong)
    assert "the other adapter is better" in prefopt("ab", "stop", "--promote", "a", "--because", "x", code=1)
    assert json.loads(prefopt("ab", "status", "--json"))["verdict"] == "b"
    ended = json.loads(prefopt("ab", "stop", "--promote", "b", "--because", "5점 낫다", "--json"))
    assert (ended["verdict"], ended["stopped"]["promote"], ended["wins"]) == ("b", "b", 12)
    assert promotions(project).promoted == 2
    event = promotions(project).events[-1]
    assert (event.because, event.by, event.ground.other, event.ground.decisions) == ("5점 낫다", "person", 1, 13)
    assert event.ground.comparison == made["id"]
    assert event.ground.e >= event.ground.needed
    assert "+84.6 points more often than the adapter of round 001" in compared_sentence(event.ground).en
    record_after = prefopt("ab", "status")
    assert "stopped on" in record_after
    assert "no comparison runs" in prefopt("ab", "stop", "--because", "x", code=1)


def test_a_promotion_of_a_cites_the_difference_from_its_side(prefopt, project):
    right, wrong = small_taxonomy(1).ids[:2]
    prefopt("ab", "start", "--a", "2", "--b", "1", "--because", "why")  # b is in use
    record(project, "a" * 12 + "b", right, wrong)
    assert json.loads(prefopt("ab", "stop", "--promote", "a", "--because", "x", "--json"))["verdict"] == "a"
    ground = promotions(project).events[-1].ground
    assert (promotions(project).promoted, ground.other) == (2, 1)
    assert 0 < ground.difference.low < ground.difference.value < ground.difference.high


def test_the_evidence_is_shown_next_to_what_decides(prefopt, project):
    right, wrong = small_taxonomy(1).ids[:2]
    started = json.loads(prefopt("ab", "start", "--a", "1", "--b", "2", "--because", "why", "--json"))
    record(project, "bbba", right, wrong)
    found = json.loads(prefopt("ab", "status", "--json"))
    assert found["needed"] > 1 / started["alpha"]  # a part of alpha is kept for the interval
    assert f"decided at {found['needed']:.3g}" in prefopt("ab", "status")


def test_an_end_without_a_decision_is_a_result(prefopt, project):
    right, wrong = small_taxonomy(1).ids[:2]
    prefopt("ab", "start", "--a", "1", "--b", "2", "--because", "why")
    record(project, "ab" * 10, right, wrong)
    ended = json.loads(prefopt("ab", "stop", "--because", "학기가 끝났다", "--json"))
    assert (ended["verdict"], ended["stopped"]["promote"]) == ("cannot_tell", None)
    assert ended["difference"]["low"] < 0 < ended["difference"]["high"]
    assert promotions(project).promoted == 1
    shown = prefopt("ab", "status")
    assert "cannot tell which is better" in shown
    assert "points [" in shown


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--a", "0", "--b", "2", "--because", "x"), "neither round 000 nor round 002 is in use"),
        (("--a", "1", "--b", "1", "--because", "x"), "have the same adapter"),
        (("--a", "1", "--b", "7", "--because", "x"), "there is no round 7"),
        (("--a", "1", "--b", "2", "--because", "  "), "a reason is needed"),
        (("--a", "1", "--b", "2", "--because", "x", "--share", "0.3"), "for a split comparison"),
        (("--a", "1", "--b", "2", "--because", "x", "--mode", "split", "--share", "0"), "--share is in"),
        (("--a", "1", "--b", "2", "--because", "x", "--alpha", "1"), "--alpha is in"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_recorded(prefopt, project, words, why):
    assert why in prefopt("ab", "start", *words, code=1)
    assert not (project.root / "serve" / "comparisons.jsonl").exists()
    assert "no adapters have been compared" in prefopt("ab", "status", code=1)


def test_the_hints_can_be_followed(prefopt):
    refused = prefopt("ab", "start", "--a", "0", "--b", "2", "--because", "x", code=1)
    assert 'prefopt ab start --a 1 --b 2 --because "…"' in refused
    prefopt("ab", "start", "--a", "1", "--b", "2", "--because", "…")
    again = prefopt("ab", "start", "--a", "1", "--b", "0", "--because", "…", code=1)
    assert 'prefopt ab stop --because "…"' in again
    assert "it is not decided" in prefopt("ab", "stop", "--because", "…", "--promote", "b", code=1)
    prefopt("ab", "stop", "--because", "…")
    prefopt("round", "decide", "2", "--promote", "--because", "…")
    prefopt("ab", "start", "--a", "2", "--b", "0", "--because", "…")

"""What is read was verified: one byte changed in any artifact of any round stops every command that reads it.

Which command reads what is measured from outside, by the files that it opens on an intact project, so that a command that goes around
the verified reading is found too. The artifacts come from the table in rounds/artifacts.py: a new one is covered by being declared.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from prefopt.calibration.baseline import fit_tfidf
from prefopt.calibration.comparison import Learned
from prefopt.calibration.decision import decide as decide_by_rule
from prefopt.calibration.evaluate import Opponent, Partner, evaluate
from prefopt.calibration.mixture_result import MixtureWeights
from prefopt.calibration.pool_frame import PoolFrame
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.cli.console import rounds_rows
from prefopt.config import CalibrateSettings, DecideSettings
from prefopt.deploy.export import export_round
from prefopt.deploy.predictor import Predictor
from prefopt.errors import PrefoptError, ProjectError
from prefopt.io.stage_folders import MANIFEST
from prefopt.project.project import Project, Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Answer, Dropped, GeneralScores, Judged, LeftOut, Pair, Ranking, Receipt, Uncounted
from prefopt.rounds.artifacts import (
    ADAPTER,
    ARTIFACTS,
    CALIBRATION,
    DECISION,
    DROPPED,
    GENERAL,
    JOB,
    LEFT_OUT,
    METRICS,
    POOL,
    POSTERIORS,
    PREFERENCES,
    PUBLISHED,
    RANKINGS,
    RECEIPTS,
    REPORT,
    REPORT_NUMBERS,
    REVIEW,
    SENT,
    SLATES,
    TFIDF,
    UNCOUNTED,
    Artifact,
)
from prefopt.rounds.compare import compare_rounds
from prefopt.rounds.jobs import round_job
from prefopt.rounds.machine import advance, load_inputs
from prefopt.rounds.order import STAGES, stage_names
from prefopt.rounds.promotion import overrule, promoted_round
from prefopt.rounds.reading import Reader, locate
from prefopt.rounds.stages.sample import sample
from prefopt.rounds.starting import branch, start_next
from prefopt.rounds.teachers import changes_since_collected, collected_rounds, found_uncounted, published_slates
from tests.stages import finish_stage
from tests.unit.posteriors import answering, calibrated, ids, small_taxonomy
from tests.unit.rankings_cases import slate

TAXONOMY = small_taxonomy(1)
NUMBERS = (0, 1, 2, 3)
SHARED = ("sample", "publish", "collect", "pair")  # round 3 links these of round 2


HERE = [artifact for artifact in ARTIFACTS if artifact not in (PUBLISHED, JOB, SENT)]
"""Of rounds that are trained here. PUBLISHED is in test_push.py; the job of a finished round and what it was sent are kept for people."""


def values(number: int) -> dict[Artifact, object]:
    """One value for every artifact of HERE."""
    log_probs, gold = calibrated(60, 4, number + 1)
    labels = TAXONOMY.ids
    parent = log_probs if number else None
    baseline = Opponent(answering(gold, np.ones(60), 4), Learned(40, 0, 0, 10.0))
    partner = Partner(50, MixtureWeights(model=1.0, tfidf=1.0))
    settings = CalibrateSettings(bootstrap=100)
    calibration = evaluate(log_probs, gold, ids(60), TAXONOMY, settings, 1, parent_log_probs=parent, baseline=baseline, partner=partner)
    assert calibration.in_use is not calibration  # so that `predict` reads the baseline
    asked = slate(f"s{number}")
    answers = Answer(label=labels[0]), Answer(label=labels[1])
    pair = Pair(problem=asked.problem, chosen=answers[0], rejected=answers[1], weight=1.0, slate_id=asked.id, origin="votes")
    judged = Judged(problem=asked.problem, answer=answers[0], desirable=True, weight=1.0, slate_id=asked.id, origin="votes")
    ranks = {candidate.id: rank for rank, candidate in enumerate(asked.candidates, 1)}
    return {
        SLATES: [asked],
        LEFT_OUT: [LeftOut(id="q4", file="data/pool.jsonl", line=5, kind="formula-lost", detail="a particle")],
        POOL: PoolFrame(round=number, problems=5, asked=1, random=0, mean_confidence=0.5, predicted={labels[0]: 5}, cutoff=0.1),
        RECEIPTS: [Receipt(slate_id=asked.id, source="file", dataset="p-001", record=asked.id)],
        RANKINGS: [Ranking(slate_id=asked.id, teacher="kim", kind="ranked", ranks=ranks)],
        UNCOUNTED: [Uncounted(kind="rank", ko="순위가 아님", en="no rank", teacher="lee", slate_id=asked.id, path="lee.csv", line=2)],
        PREFERENCES: [pair, judged],
        DROPPED: [Dropped(slate_id=asked.id, cause="tie", detail="x")],
        ADAPTER: f"weights {number}",
        METRICS: "{}\n",
        POSTERIORS: StoredPosteriors(tuple(ids(60)), labels, log_probs, gold, np.ones(60)),
        GENERAL: GeneralScores(ids=("a", "b"), sha256="0", nats=(1.0, 2.0)),
        CALIBRATION: calibration,
        TFIDF: fit_tfidf([f"{label} {number} {i}" for label in labels for i in range(3)], [label for label in labels for _ in range(3)]),
        DECISION: decide_by_rule(calibration, DecideSettings(), first=number == 0),
        REPORT: "<html>",
        REPORT_NUMBERS: '{"baseline": null}',
        REVIEW: "problem_id\n",
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Round 0; round 1, its child; round 2, a child of round 1; round 3, a branch of round 2 at train. All are finished."""
    folder = tmp_path_factory.mktemp("verified")
    (folder / "data").mkdir()
    (folder / "taxonomy.csv").write_text(
        "\n".join(["code,name,band,domain", *(f"{x.code},{x.name},{','.join(x.groups)}" for x in TAXONOMY)])
    )
    rows = [f'{{"id": "g{i}", "text": "problem {i}", "label": "{TAXONOMY.ids[i % 4]}"}}\n' for i in range(40)]
    (folder / "data" / "gold.jsonl").write_text("".join(rows), encoding="utf-8")
    (folder / "data" / "pool.jsonl").write_text("".join(f'{{"id": "q{i}", "text": "open {i}"}}\n' for i in range(5)))
    (folder / "data" / "general.jsonl").write_text('{"id": "a", "text": "a text"}\n')
    options = '[recipes.dpo]\nreference = "sft"\nrehearse_preferences = 0.5\n'
    (folder / "prefopt.toml").write_text(f'[data]\ngeneral_texts = "data/general.jsonl"\n[feedback]\nsource = "file"\n{options}')
    found = open_project(folder)
    for number, parent in enumerate((None, 0, 1, 1)):
        start = {"round": number, "recipe": "dpo" if number else "sft"} | ({} if parent is None else {"parent": parent})
        rnd = freeze_round(found, number, start)
        made = values(number)
        for stage in stage_names(rnd):
            if number == 3 and stage in SHARED:
                rnd.stage(stage).symlink_to(Path("..") / "002" / stage, target_is_directory=True)
            else:
                inputs = {"taxonomy": folder / "taxonomy.csv"}
                finish_stage(rnd, {a: made[a] for a in HERE if a.stage == stage}, inputs=inputs, outcome=OUTCOMES.get(stage))
    return found


OUTCOMES = {"calibrate": {"problems": 60, "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "brier": 0.5, "ece_debiased": 0.0}}


def commands(project: Project) -> dict[str, Callable[[], object]]:
    """Everything that reads a finished round. What needs a model stops behind the reading, and that counts as a success here."""
    rounds = {number: project.round(number) for number in NUMBERS}
    found: dict[str, Callable[[], object]] = {
        f"{stage} of round {number}": lambda stage=stage, rnd=rnd: load_inputs(STAGES[stage], Reader(rnd))
        for number, rnd in rounds.items()
        for stage in stage_names(rnd)
    }
    found |= {
        "next round": lambda: load_inputs(sample, Reader(Round(project, start_next(project).number))),
        "in use": lambda: promoted_round(project),
        "list": lambda: rounds_rows(project.rounds()),
        "compare": lambda: compare_rounds(rounds[2], rounds[1]),
        "export rankings": lambda: collected_rounds(project),
        "branch": lambda: branch(project, 2, "report", None),
    }
    for number, rnd in rounds.items():
        found |= {
            f"continue {number}": lambda rnd=rnd: advance(rnd),
            f"predict {number}": lambda rnd=rnd: Predictor.of(rnd),
            f"export {number}": lambda rnd=rnd: export_round(rnd, project.root / "exported", layout="peft", check=False),
            f"tune {number}": lambda rnd=rnd: round_job(rnd, project.cache),
            f"decide {number}": lambda rnd=rnd: overrule(rnd, "promoted", "because"),
            f"report {number}": lambda rnd=rnd: [locate(rnd, artifact) for artifact in (REPORT, REPORT_NUMBERS, REVIEW)],
        }
        if number:
            found |= {
                f"simulate {number}": lambda rnd=rnd: published_slates(rnd),
                f"changes {number}": lambda rnd=rnd: changes_since_collected(rnd),
                f"not counted {number}": lambda rnd=rnd: found_uncounted(rnd),
            }
    return found


class _Opened:
    """The files that Python opened since recording began (an audit hook cannot be removed, so there is one)."""

    paths: set[str] | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.paths is not None and event == "open" and isinstance(arguments[0], (str, os.PathLike)):
            self.paths.add(os.path.realpath(arguments[0]))


OPENED = _Opened()
sys.addaudithook(OPENED)


def attempt(run: Callable[[], object]) -> Exception | None:
    """What the command raised."""
    try:
        run()
    except Exception as error:
        return error
    return None


@contextmanager
def undone(project: Project) -> Iterator[None]:
    """Remove what commands started or recorded meanwhile."""
    yield
    for number in (4, 5):
        folder = project.rounds_folder / f"{number:03d}"
        if folder.exists():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
    (project.rounds_folder / "promoted.json").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def readers(project: Project) -> dict[str, set[str]]:
    """Path of an artifact's file -> the commands that open it on the intact project."""
    found: dict[str, set[str]] = {}
    for name, run in commands(project).items():
        with undone(project):
            OPENED.paths = set()
            error = attempt(run)
            opened, OPENED.paths = OPENED.paths, None
            assert "has changed since" not in str(error), f"{name}: {error}"
        for path in opened:
            found.setdefault(path, set()).add(name)
    return found


def cases() -> Iterator[tuple[int, Artifact]]:
    """Every artifact of a grandparent, a parent, a round and a branch; what a branch links is changed through the link."""
    for number in NUMBERS:
        for artifact in HERE:
            if number or artifact.stage in ("train", "calibrate", "decide", "report"):
                yield number, artifact


@pytest.mark.parametrize(("number", "artifact"), list(cases()), ids=str)
def test_one_changed_byte_stops_every_command_that_reads_it(project, readers, number, artifact):
    path = project.round(number).stage(artifact.stage) / artifact.file
    real = os.path.realpath(path)
    expected = readers.get(real, set())
    assert expected, f"nothing reads {path}: is it needed?"
    kept = path.read_bytes()
    path.write_bytes(bytes([kept[0] ^ 1]) + kept[1:])
    try:
        with undone(project):
            raised = {name: attempt(run) for name, run in commands(project).items() if name in expected}
    finally:
        path.write_bytes(kept)
    for name, error in raised.items():
        assert isinstance(error, PrefoptError), f"{name} went on: {error!r}"
        assert artifact.file in error.message, f"{name}: {error}"
        assert "changed since" in error.message, f"{name}: {error}"
        assert error.hint, name


def manifests() -> Iterator[tuple[int, str]]:
    """Number and stage of every stage.json; what a branch links is the linked round's."""
    for number in NUMBERS:
        for stage in ("sample", "publish", "collect", "pair", "train", "calibrate", "decide", "report"):
            if stage not in SHARED or number in (1, 2):
                yield number, stage


@pytest.mark.parametrize(("number", "stage"), list(manifests()))
def test_an_edited_stage_json_stops_every_command_that_reads_it(project, readers, number, stage):
    path = project.round(number).stage(stage) / MANIFEST
    expected = readers.get(os.path.realpath(path), set())
    assert expected, f"nothing reads {path}: is it needed?"
    kept = path.read_text(encoding="utf-8")
    path.write_text(kept.replace('"machine": ""', '"machine": "x"'), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != kept
    try:
        with undone(project):
            raised = {name: attempt(run) for name, run in commands(project).items() if name in expected}
    finally:
        path.write_text(kept, encoding="utf-8")
    for name, error in raised.items():
        assert isinstance(error, PrefoptError), f"{name} went on: {error!r}"
        assert "stage.json has been changed since it was written" in error.message, f"{name}: {error}"
        assert error.hint, name


def test_the_next_round_starts_from_what_was_promoted_and_verified(project):
    path = project.round(1).stage("decide") / DECISION.file
    kept = path.read_text(encoding="utf-8")
    path.write_text(kept.replace('"outcome"', '"outcome" '), encoding="utf-8")
    try:
        with pytest.raises(ProjectError, match=r"decision\.json has changed since stage decide of round 001 wrote it"):
            start_next(project)
    finally:
        path.write_text(kept, encoding="utf-8")

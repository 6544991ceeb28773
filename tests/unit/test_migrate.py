"""A project of format 1 is converted whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from prefopt.calibration.decision import decide
from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.posteriors import StoredPosteriors, write_posteriors
from prefopt.config import CalibrateSettings, DecideSettings
from prefopt.errors import ConfigError, ProjectError
from prefopt.project.project import open_project
from prefopt.rounds.artifacts import ARTIFACTS, CALIBRATION, DECISION, RANKINGS, SLATES
from prefopt.rounds.migrate import migrate
from prefopt.rounds.promotion import promotions
from prefopt.rounds.reading import altered, has, read
from prefopt.rounds.states import State, round_status
from tests.unit.posteriors import calibrated, ids, small_taxonomy

TAXONOMY = small_taxonomy(1)
OLD_TOML = '# kept\n[model]\nquantised = true  # of ours\n[recipes.dpo]\nepochs = 2\nengine = "shared"\n'
FACTS: dict[str, dict[str, Any]] = {
    "sample": {"slates": 1, "candidates": 2, "random": 1, "pool": 5},
    "publish": {"published": 1, "source": "file", "url": ""},
    "collect": {"rankings": 1, "teachers": ["kim"], "slates_answered": 1, "ranked": 0, "none_right": 1, "discarded": 0},
    "pair": {"pairs": 0, "judged": 0, "desirable": 0, "dropped": {}},
    "train": {"recipe": "dpo", "examples": 1, "steps": 1, "metrics": {"loss": 0.5}},
    "calibrate": {"problems": 60, "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "brier": 0.5, "ece_debiased": 0.1},
    "decide": {"verdict": "held", "reason": "…"},
    "report": {"path": "/elsewhere/report.html"},
}


def old_calibration(first: bool) -> tuple[dict[str, Any], str]:
    """calibration.json with the keys of format 1, and the outcome of the rule."""
    log_probs, gold = calibrated(60, 4, 1)
    found = evaluate(
        log_probs,
        gold,
        ids(60),
        TAXONOMY,
        CalibrateSettings(bootstrap=100),
        1,
        parent_log_probs=None if first else log_probs,
        label_mass=None,
    )
    values = found.model_dump(mode="json")
    values["coverage"] = values.pop("label_mass")
    for point in values["risk_coverage"]:
        point["coverage"] = point.pop("accepted_share")
    for group in values["conformal"]["groups"]:
        group["coverage"] = group.pop("set_coverage")
    for part in (*values["cells"], *values["reliability"]):
        part["verdict"] = part.pop("flag")
    return values, decide(found, DecideSettings(), first=first).outcome


def old_stage(folder: Path, number: int, name: str, files: dict[str, str | bytes], inputs: dict[str, str] | None = None) -> None:
    """A finished stage as format 1 has it."""
    out = folder / "rounds" / f"{number:03d}" / name
    out.mkdir(parents=True)
    records = {}
    for file, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (out / file).write_bytes(data)
        records[file] = {"path": file, "sha256": hashlib.sha256(data).hexdigest(), "rows": None}
    read_files = {key: {"path": path, "sha256": "0" * 64, "rows": None} for key, path in (inputs or {}).items()}
    fixed = {
        "seed": 1,
        "config_hash": "0",
        "versions": {},
        "machine": "m",
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:01:00Z",
    }
    manifest = {
        "schema_version": 1,
        "stage": name,
        "round": number,
        "inputs": read_files,
        "outputs": records,
        "facts": FACTS[name],
        **fixed,
    }
    (out / "stage.json").write_text(json.dumps(manifest))


def in_use(moves: list[dict[str, Any]]) -> int | None:
    """The round promoted last, worked out by hand."""
    promoted = [move["round"] for move in moves if move["verdict"] == "promoted"]
    return promoted[-1] if promoted else None


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Round 0 and round 1 in format 1."""
    (tmp_path / "prefopt.toml").write_text(OLD_TOML)
    (tmp_path / "taxonomy.csv").write_text("code,name\na,A\n")
    log_probs, gold = calibrated(60, 4, 1)
    parquet = tmp_path / "p.parquet"
    moves = []
    for number in (0, 1):
        start = f'[start]\nround = {number}\nrecipe = "dpo"\n' + ("parent = 0\n" if number else "")
        calibration, outcome = old_calibration(number == 0)
        moves.append({"round": number, "verdict": outcome, "by": "rule", "at": "2026-01-01T00:01:00Z", "because": ""})
        write_posteriors(parquet, StoredPosteriors(tuple(ids(60)), TAXONOMY.ids, log_probs, gold, gold * 0 + 1.0))
        table = pq.read_table(parquet)
        old_names = ["coverage" if name == "label_mass" else name for name in table.column_names]
        pq.write_table(table.rename_columns(old_names).replace_schema_metadata(table.schema.metadata), parquet)
        stages: dict[str, dict[str, str | bytes]] = {
            "train": {"adapter": "weights", "metrics.jsonl": "{}\n"},
            "calibrate": {"posteriors.parquet": parquet.read_bytes(), "calibration.json": json.dumps(calibration)},
            "decide": {"decision.json": json.dumps({"verdict": outcome, "reasons": ["…"], "reasons_ko": ["…"], "rule": "r"})},
            "report": {"report.html": "<html>", "report.json": '{"baseline": null}', "review.csv": "problem_id\n"},
        }
        cards = [{"id": f"c{i}", "answer": {"label": x}, "probability": 0.5, "adapter": "a"} for i, x in enumerate(("a", "b"))]
        slate = {"id": "s", "problem": {"id": "p", "text": "?"}, "candidates": cards, "order": [0, 1], "asked": "random", "margin": 0.25}
        answer = {"slate_id": "s", "teacher": "kim", "verdict": "none_right", "right_label": "a"}
        if number:
            stages = {
                "sample": {"candidates.jsonl": json.dumps(slate) + "\n"},
                "publish": {"receipts.jsonl": '{"slate_id":"s","source":"file","dataset":"d","record":"s"}\n'},
                "collect": {"rankings.jsonl": json.dumps(answer) + "\n"},
                "pair": {"preferences.jsonl": "", "dropped.jsonl": ""},
                **stages,
            }
        for name, files in stages.items():
            inputs = {"slates": "rounds/001/sample/candidates.jsonl", "taxonomy": "taxonomy.csv"} if name == "publish" else None
            old_stage(tmp_path, number, name, files, inputs)
        folder = tmp_path / "rounds" / f"{number:03d}"
        (folder / "round.toml").write_text(f"# frozen\n{start}\n{OLD_TOML}")
        if number:
            (folder / "answers.jsonl").write_text(json.dumps({"at": "2026-01-01T00:00:00Z", "what": "new", "answer": answer}) + "\n")
    parquet.unlink()
    (tmp_path / "rounds" / "promoted.json").write_text(json.dumps({"promoted": in_use(moves), "moves": moves}))
    return tmp_path


def test_an_old_project_is_refused_with_the_command_that_converts(project):
    with pytest.raises(ConfigError, match="quantised is now quantized"):
        open_project(project)
    (project / "prefopt.toml").write_text("")
    for use in (promotions, lambda opened: opened.round(0).config, lambda opened: round_status(opened.round(0))):
        with pytest.raises(ProjectError, match="earlier version") as raised:
            use(open_project(project))
        assert raised.value.hint == "prefopt migrate"


def test_everything_can_be_read_after_it_is_converted(project):
    lines = list(migrate(project))
    assert [line.partition(":")[0] for line in lines[:3]] == ["prefopt.toml", "round 000", "round 001"]
    assert (project / "prefopt.toml").read_text() == (
        '# kept\n[model]\nquantized = true  # of ours\n[recipes.dpo]\nnum_train_epochs = 2\nengine = "prompt_sharing"\n'
    )
    opened = open_project(project)
    for rnd in opened.rounds():
        assert rnd.config.model.quantized is True
        assert {s.state for s in round_status(rnd)} == {State.DONE}
        assert all(s.outcome.line() for s in round_status(rnd))
        for artifact in ARTIFACTS:
            if not artifact.optional and (rnd.number or artifact.stage in ("train", "calibrate", "decide", "report")):
                assert has(rnd, artifact), artifact
                read(rnd, artifact, content=True)
    first = opened.round(1)
    assert (read(first, SLATES)[0].purpose, read(first, SLATES)[0].top2_gap) == ("random", 0.25)
    assert read(first, RANKINGS)[0].kind == "none_right"
    assert read(first, CALIBRATION).risk_coverage[-1].accepted_share == 1
    assert promotions(opened).outcome(1) == read(first, DECISION).outcome
    inputs = next(s.manifest.inputs for s in round_status(first) if s.name == "publish")
    assert inputs["001/sample/slates.jsonl"].path == "rounds/001/sample/slates.jsonl"
    assert altered(first, "sample") == []
    assert list(migrate(project)) == [f"{project}: all rounds have format 2"]


def test_a_damaged_file_stops_the_conversion_before_anything_is_written(project):
    path = project / "rounds" / "001" / "collect" / "rankings.jsonl"
    path.write_text(path.read_text().replace("kim", "lee"))
    before = sorted(str(p) for p in project.rglob("*"))
    with pytest.raises(ProjectError, match=r"rankings\.jsonl is not the file that stage collect of round 001 wrote"):
        list(migrate(project))
    after = sorted(str(p) for p in project.rglob("*"))
    assert set(after) - set(before) == {str(project / "prefopt.toml.format-1")}, "only the settings were renamed"


@pytest.mark.parametrize("at", ["half", "before the exchange", "between the renames"])
def test_an_interrupted_conversion_is_finished_by_the_same_command(project, at, tmp_path_factory):
    whole = tmp_path_factory.mktemp("whole") / "p"
    shutil.copytree(project, whole)
    list(migrate(whole))
    if at == "half":
        (project / "rounds.migrating" / "rounds" / "000").mkdir(parents=True)
    else:
        (project / "rounds.migrating").mkdir()
        shutil.copytree(whole / "rounds", project / "rounds.migrating" / "rounds")
        (project / "rounds.migrating" / ".complete").touch()
        if at == "between the renames":
            (project / "rounds").rename(project / "rounds.format-1")
    list(migrate(project))

    def content(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert content(project / "rounds") == content(whole / "rounds")
    assert content(project / "rounds.format-1") == content(whole / "rounds.format-1")
    assert not (project / "rounds.migrating").exists()

"""`Predictor.open` on what `prefopt export` writes: the predictions of the round, and what is said where a file is not what it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prefopt.deploy.export import export_round
from prefopt.deploy.predictor import Predictor
from prefopt.errors import CalibrationError, ProjectError
from prefopt.io.jsonl import read_rows
from prefopt.model.export import Layout
from prefopt.project.project import open_project
from prefopt.records import Problem

LAYOUTS: dict[Layout, float] = {"peft": 1e-5, "float32": 1e-4, "bfloat16": 0.02, "mxfp4": 0.1}
"""With the largest total variation distance of a posterior; re-quantizing loses some."""


def test_every_layout_predicts_as_its_round_and_a_changed_file_is_refused(trained_project, tmp_path):
    rnd = open_project(trained_project).round(0)
    problems = read_rows(trained_project / "data" / "pool.jsonl", Problem)[:4]
    own = Predictor.of(rnd)
    exact, answers = own.posterior(problems), own.predict(problems)
    for layout, distance in LAYOUTS.items():
        folder = export_round(rnd, tmp_path / layout, layout=layout, check=False).path
        found = Predictor.open(folder)
        apart = np.abs(np.exp(found.posterior(problems).log_probs) - np.exp(exact.log_probs)).sum(axis=1) / 2
        assert apart.max() <= distance, layout
        rows = found.predict(problems)
        assert {row.adapter for row in rows} == {answers[0].adapter}
        if distance <= 1e-4:
            assert [(r.label, r.decision, r.set) for r in rows] == [(r.label, r.decision, r.set) for r in answers]
        with pytest.raises(ProjectError, match="needs its project"):
            assert found.round

    folder = tmp_path / "peft"
    for name in ("adapter_model.safetensors", "calibration.json", "taxonomy.csv"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        with pytest.raises(CalibrationError, match=f"{name} is not the file that was exported"):
            Predictor.open(folder)
        (folder / name).unlink()
        with pytest.raises(CalibrationError, match=f"{name} is missing"):
            Predictor.open(folder)
        (folder / name).write_bytes(kept)
    assert Predictor.open(folder, base="tiny").policy.adapter_id == answers[0].adapter
    for wrong, words in (
        (lambda: Predictor.open(folder, 0), "without rounds"),
        (lambda: Predictor.open(trained_project, base="x"), "names its base"),
    ):
        with pytest.raises(ProjectError, match=words):
            wrong()
    (folder / "predictor.json").unlink()
    with pytest.raises(CalibrationError, match=r"predictor\.json does not exist: the adapter was exported before it was judged"):
        Predictor.open(folder)


def test_a_folder_for_llama_cpp_says_what_to_use(tmp_path: Path) -> None:
    (tmp_path / "0123456789ab.gguf").write_bytes(b"")
    with pytest.raises(CalibrationError, match=r"0123456789ab\.gguf is for llama\.cpp") as refused:
        Predictor.open(tmp_path)
    assert "README.md says" in refused.value.hint
    assert "prefopt serve --engine URL" in refused.value.hint

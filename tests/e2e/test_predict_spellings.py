"""`prefopt predict` gives one answer to a problem in all its spellings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefopt.deploy.predictor import Prediction, Predictor
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.records import Problem
from tests.e2e.small import run
from tests.round_toml import frozen_again
from tests.unit.same_text_cases import CHANGED, FAMILIES, HELD_OUT, SEEN_ALIKE

TEXTS = {**{name: [text for _, text in family] for name, family in FAMILIES.items()}, "changed": [HELD_OUT, *CHANGED.values(), *SEEN_ALIKE]}
PROBLEMS = [Problem(id=f"{name}-{i}", text=text) for name, texts in TEXTS.items() for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def project(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a base adapter that is in use."""
    folder = Path(shutil.copytree(_trained, tmp_path_factory.mktemp("spellings") / "small"))
    run(folder, "round", "decide", "0", "--promote", "--because", "the only one", "--json")
    return folder


def test_every_spelling_has_one_answer(project):
    write_rows(project / "spellings.jsonl", PROBLEMS)
    run(project, "predict", "spellings.jsonl")
    found = {row.id: row for row in read_rows(project / "spellings.predictions.jsonl", Prediction)}
    assert len(found) == len(PROBLEMS) > 1000
    for name, texts in TEXTS.items():
        first, *others = [found[f"{name}-{i}"] for i in range(len(texts))]
        for other in others:
            assert (other.label, other.set, other.decision) == (first.label, first.set, first.decision), other.id
            assert other.confidence == pytest.approx(first.confidence, abs=1e-5), other.id
            assert other.label_mass == pytest.approx(first.label_mass, abs=1e-5), other.id


def test_spellings_differ_where_the_model_reads_them_as_written(project, tmp_path):
    """What the setting prevents: the same adapter, told to read problems as written, answers spellings differently."""
    folder = Path(shutil.copytree(project, tmp_path / "small"))
    toml = folder / "rounds" / "000" / "round.toml"
    frozen_again(toml, lambda text: text.replace('spelling = "canonical"', 'spelling = "as written"'))
    problems = [problem for problem in PROBLEMS if problem.id.startswith("changed")]
    assert len({round(row.confidence, 4) for row in Predictor.open(folder).predict(problems)}) > 3
    assert len({round(row.confidence, 4) for row in Predictor.open(project).predict(problems)}) == 1

"""The fitted baseline as a file: it answers the same after reading, and what is damaged is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from prefopt.calibration import baseline
from prefopt.calibration.baseline import ANALYSIS, GRID, fit_tfidf
from prefopt.calibration.baseline_file import read_tfidf, write_tfidf
from prefopt.errors import CalibrationError
from tests.unit.test_calibration_baseline import LABELS, TEXTS

THREE = [*LABELS[:20], *["sum"] * 5, *LABELS[25:]]


@pytest.mark.parametrize("labels", [LABELS, THREE])
def test_it_answers_the_same_after_reading_to_the_last_bit(tmp_path, labels):
    fitted, path = fit_tfidf(TEXTS, labels), tmp_path / "tfidf.safetensors"
    write_tfidf(path, fitted)
    found, every = read_tfidf(path), ("chance", *sorted(set(labels)))
    assert (found.c, found.trained_on, found.unseen_mass) == (fitted.c, 50, fitted.unseen_mass)
    texts = ["확률을 구하시오", *TEXTS]
    assert (found.log_probs(texts, every) == fitted.log_probs(texts, every)).all()
    write_tfidf(tmp_path / "again", fit_tfidf(TEXTS, labels))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("most", [3000, 10])
@pytest.mark.parametrize("labels", [LABELS, THREE])
def test_the_rotation_changes_no_probability(labels, most, monkeypatch):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    monkeypatch.setattr(baseline, "MOST_ROTATED", most)
    found = fit_tfidf(TEXTS, labels, c=10.0)
    plain = make_pipeline(TfidfVectorizer(**ANALYSIS), LogisticRegression(C=10.0, max_iter=5000, tol=1e-8)).fit(TEXTS, labels)
    assert np.exp(found.log_probs(TEXTS, found.labels)) == pytest.approx(plain.predict_proba(TEXTS), abs=1e-4)


def test_labels_without_a_problem_share_what_is_kept_for_them():
    found = fit_tfidf(TEXTS, [*LABELS[:49], "once"], c=10.0)
    assert found.unseen_mass == pytest.approx(1 / 50)
    probs = np.exp(found.log_probs(TEXTS, ("x", "add", "area", "once", "y")))
    assert probs.sum(axis=1) == pytest.approx(1)
    assert probs[:, [0, 4]] == pytest.approx(0.01)
    with pytest.raises(CalibrationError, match="fitted on label 'once'"):
        found.log_probs(TEXTS, ("add", "area"))


def test_the_penalty_is_chosen_on_the_training_labels(monkeypatch):
    rng = np.random.default_rng(1)
    noise = [str(label) for label in rng.permutation(LABELS)]  # nothing to learn: the strongest penalty loses least
    assert fit_tfidf(TEXTS, noise).c == GRID[0]
    assert fit_tfidf(TEXTS, LABELS).c > GRID[0]
    assert fit_tfidf(TEXTS, LABELS, c=3.0).c == 3.0
    monkeypatch.setattr(baseline, "MOST_FOR_C", 30)
    assert fit_tfidf(TEXTS, LABELS).c > GRID[0]
    assert fit_tfidf(TEXTS, LABELS).trained_on == 50
    with pytest.raises(CalibrationError, match="50 texts, 50 labels, 49 groups"):
        fit_tfidf(TEXTS, LABELS, TEXTS[1:])


def edited(path, change):
    """The file with its header or a tensor changed."""
    write_tfidf(path, fit_tfidf(TEXTS, LABELS, c=10.0))
    tensors = load_file(path)
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["prefopt"])
    text = change(header, tensors) or json.dumps(header)
    save_file(tensors, path, metadata={"prefopt": text})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda header, tensors: header.update(format=2), "format"),
        (lambda header, tensors: header.update(unseen_mass=1.5), "unseen_mass"),
        (lambda header, tensors: header.update(analyzer="word"), "fitted on other features"),
        (lambda header, tensors: header["labels"].append("more"), "intercepts has shape|coefficients has shape"),
        (lambda header, tensors: header["vocabulary"].__setitem__(0, header["vocabulary"][1]), "idf has shape"),
        (lambda header, tensors: tensors.update(idf=tensors["idf"].astype(np.float64)), "idf has shape"),
        (lambda header, tensors: tensors["intercepts"].__setitem__(0, np.nan), "intercepts"),
        (lambda header, tensors: tensors.pop("idf"), "does not contain the classical baseline"),
        (lambda header, tensors: '{"format": 1, "format": 1}', "does not contain the classical baseline"),
        (lambda header, tensors: "[]", "tfidf.safetensors"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, said):
    path = tmp_path / "tfidf.safetensors"
    edited(path, lambda header, tensors: text if isinstance(text := change(header, tensors), str) else None)
    with pytest.raises(CalibrationError, match=said):
        read_tfidf(path)


@pytest.mark.parametrize("content", [None, b"", b"x" * 200])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    path = tmp_path / "tfidf.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CalibrationError, match="does not contain the classical baseline"):
        read_tfidf(path)

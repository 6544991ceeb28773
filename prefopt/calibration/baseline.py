"""The classical baseline to compare every adapter with: TF-IDF over characters and logistic regression, on the same labels."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import mean, share
from prefopt.calibration.metrics import Floats, score
from prefopt.calibration.temperature import cross_fitted, halves
from prefopt.errors import CalibrationError
from prefopt.grounds import Estimate, Numbers

ANALYSIS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (1, 4), "sublinear_tf": True}
"""Character 1- to 4-grams inside word boundaries, which suits Korean's endings, with sublinear counts."""
GRID = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
"""Inverse strengths C of the L2 penalty that cross-validation chooses from."""
FOLDS = 4
TOLERANCE = 1e-6
"""Of the gradient; at scikit-learn's 1e-4 a weak penalty is never reached."""
MOST_ROTATED = 3000
MOST_FOR_C = 2000
"""Problems that C is chosen on, at most, drawn by their names."""
MOST_UNSEEN = 0.5


class Baseline(Numbers):
    """Scores of the classical baseline."""

    trained_on: int
    tested_on: int
    accuracy: Estimate
    macro_f1: float
    """Over the labels that occur as gold or as prediction."""
    brier: Estimate
    """After its temperature, cross-fitted over two halves of the test problems, as `log_loss`."""
    log_loss: Estimate
    c: float
    """Inverse strength of the penalty, chosen by cross-validation on the training problems."""
    unseen: int
    """Test problems whose label no training problem has; the baseline does not predict it."""


@dataclass(frozen=True)
class Tfidf:
    """A fitted classifier. Weights are rounded to float32, so that it answers the same after saving."""

    labels: tuple[str, ...]
    """[L] labels of the training problems, sorted."""
    vocabulary: tuple[str, ...]
    """[F] n-grams, in the order of the columns."""
    idf: NDArray[np.float32]
    """[F]"""
    coefficients: NDArray[np.float32]
    """[L, F]"""
    intercepts: NDArray[np.float32]
    """[L]"""
    c: float
    trained_on: int
    unseen_mass: float
    """Probability that all labels without a training problem share: that of a label seen once less (Good & Turing), or it is not known."""

    @cached_property
    def _features(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second to import, and few commands need it

        vectorizer = TfidfVectorizer(**ANALYSIS, vocabulary=list(self.vocabulary))
        vectorizer.idf_ = self.idf.astype(np.float64)
        return vectorizer

    def log_probs(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        """Natural logarithms [N, len(labels)] of the probabilities of each text, normalized over the given labels.

        Args:
            texts: N problems, in the spelling that it was fitted on.
            labels: ids of the taxonomy; those without a training problem share `unseen_mass` equally.

        Raises:
            CalibrationError: a label that it was fitted on is not among them.
        """
        columns = {label: i for i, label in enumerate(labels)}
        if missing := [label for label in self.labels if label not in columns]:
            raise CalibrationError(
                f"the classical baseline was fitted on label {missing[0]!r}, which the taxonomy does not have",
                hint="calibrate again: prefopt round branch N --at calibrate",
            )
        scores = np.asarray(self._features.transform(list(texts)) @ self.coefficients.T.astype(np.float64)) + self.intercepts
        seen = scores - special.logsumexp(scores, axis=1, keepdims=True)
        unseen = len(labels) - len(self.labels)
        if not unseen:
            found = np.empty((len(texts), len(labels)))
        else:
            found = np.full((len(texts), len(labels)), np.log(self.unseen_mass / unseen))
            seen = seen + np.log1p(-self.unseen_mass)
        found[:, [columns[label] for label in self.labels]] = seen
        return found


def fit_tfidf(texts: Sequence[str], labels: Sequence[str], groups: Sequence[str] | None = None, c: float | None = None) -> Tfidf:
    """Fit on labeled problems.

    Args:
        texts: N problems.
        labels: of each.
        groups: family of each problem, which stays in one fold; None: all are independent.
        c: inverse strength of the penalty; None: the one of GRID with the least log loss in cross-validation on the same problems.

    Raises:
        CalibrationError: numbers that differ, or problems of fewer than two labels.
    """
    if len(texts) != len(labels) or (groups is not None and len(groups) != len(labels)):
        counted = f"{len(texts)} texts, {len(labels)} labels" + ("" if groups is None else f", {len(groups)} groups")
        raise CalibrationError(f"the problems to train on differ in number: {counted}")
    if len(set(labels)) < 2:
        raise CalibrationError(
            f"the classical baseline needs training problems with two labels; {len(texts)} problems have {len(set(labels))}",
            hint="add gold problems with other labels",
        )
    return next(_fitted(texts, labels, (c or _best_c(texts, labels, groups),)))


def _best_c(texts: Sequence[str], labels: Sequence[str], groups: Sequence[str] | None) -> float:
    names = list(texts) if groups is None else groups
    if len(names) > MOST_FOR_C:
        drawn = sorted(range(len(names)), key=lambda i: hashlib.sha256(f"c:{names[i]}:{texts[i]}".encode()).digest())[:MOST_FOR_C]
        texts, labels, names = ([column[i] for i in drawn] for column in (texts, labels, names))
    fold = _folds(names)
    every, losses = sorted(set(labels)), np.zeros(len(GRID))
    for number in range(FOLDS):
        inside = np.flatnonzero(fold != number).tolist()
        outside = np.flatnonzero(fold == number).tolist()
        known = [labels[i] for i in inside]
        if not outside or len(set(known)) < 2:
            continue
        gold = np.array([every.index(labels[i]) for i in outside])
        for at, found in enumerate(_fitted([texts[i] for i in inside], known, GRID)):
            losses[at] -= found.log_probs([texts[i] for i in outside], every)[np.arange(len(outside)), gold].sum()
    return GRID[int(losses.argmin())]


def _folds(names: Sequence[str]) -> NDArray[np.int64]:
    """[N] fold of each problem: the same for the same names in any order, and equal names together."""
    order = sorted(set(names), key=lambda name: hashlib.sha256(f"fold:{name}".encode()).digest())
    number = {name: i % FOLDS for i, name in enumerate(order)}
    return np.array([number[name] for name in names], dtype=np.int64)


def _fitted(texts: Sequence[str], labels: Sequence[str], strengths: Sequence[float]) -> Iterator[Tfidf]:
    """One classifier for each C, in their order: multinomial logistic regression on TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # as above
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(**ANALYSIS)
    features = vectorizer.fit_transform(list(texts))
    rotated, back = _rotated(features)
    base = Tfidf(
        labels=(),
        vocabulary=tuple(vectorizer.get_feature_names_out().tolist()),
        idf=vectorizer.idf_.astype(np.float32),
        coefficients=np.zeros((0, 0), np.float32),
        intercepts=np.zeros(0, np.float32),
        c=0.0,
        trained_on=len(texts),
        unseen_mass=_unseen_mass(labels),
    )
    model = LogisticRegression(max_iter=5000, tol=TOLERANCE, warm_start=True)
    for c in strengths:
        model.set_params(C=c).fit(rotated, list(labels))
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps the difference of the second label to the first
            coefficients, intercepts = np.vstack([0 * coefficients, coefficients]), np.r_[0.0, intercepts]
        yield replace(
            base,
            labels=tuple(str(label) for label in model.classes_),
            coefficients=np.asarray(back(coefficients), dtype=np.float32),
            intercepts=intercepts.astype(np.float32),
            c=c,
        )


def _rotated(features: Any) -> tuple[Any, Callable[[Floats], Floats]]:
    """Sparse features [N, F] as coordinates [N, R] in the space that the problems span, and how to turn coefficients [L, R] into [L, F].

    Neither the loss nor the penalty sees a rotation, and the best coefficients lie in that space, so the fit is the same; with as many
    coefficients a label as there are problems, and not n-grams, it takes a twentieth of the time. Many problems are better left sparse.
    """
    if features.shape[0] > MOST_ROTATED:
        return features, lambda coefficients: coefficients
    values, vectors = np.linalg.eigh((features @ features.T).toarray())
    kept = values > values.max() * 1e-12
    roots = np.sqrt(values[kept])
    return vectors[:, kept] * roots, lambda coefficients: np.asarray((features.T @ ((vectors[:, kept] / roots) @ coefficients.T)).T)


def _unseen_mass(labels: Sequence[str]) -> float:
    """Share of the problems whose label no other problem has, as an estimate of the labels still to come; never 0, at most a half."""
    once = sum(count == 1 for count in Counter(labels).values())
    return float(min(MOST_UNSEEN, max(once / len(labels), 1 / (len(labels) + 1))))


def tfidf_baseline(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    test_texts: Sequence[str],
    test_labels: Sequence[str],
    *,
    confidence: float = 0.95,
    groups: Sequence[str] | None = None,
) -> Baseline:
    """Fit on the training problems, judge on the test problems; see fit_tfidf.

    The interval counts families where `groups` names that of each test problem.

    Raises:
        CalibrationError: lengths differ, there are no test problems, or the training problems have fewer than two labels.
    """
    from sklearn.metrics import f1_score  # takes a second to import, and few commands need it

    if len(test_texts) != len(test_labels) or not test_texts:
        raise CalibrationError(f"the baseline needs test problems with labels; {len(test_texts)} texts and {len(test_labels)} labels given")
    model = fit_tfidf(train_texts, train_labels)
    every = sorted({*train_labels, *test_labels})
    log_probs = model.log_probs(test_texts, every)
    gold = np.array([every.index(label) for label in test_labels], dtype=np.int64)
    clusters = Clusters.from_names(groups, len(gold))
    names = [str(i) for i in range(len(gold))] if groups is None else groups
    scores = score(log_probs, gold)
    tempered = score(cross_fitted(log_probs, gold, halves(names, 0))[0], gold)
    known = set(train_labels)
    return Baseline(
        trained_on=len(train_texts),
        tested_on=len(test_texts),
        accuracy=share(scores.correct, clusters, confidence),
        macro_f1=float(f1_score(gold, scores.predicted, average="macro", zero_division=0)),
        brier=mean(tempered.brier, clusters, confidence, least=0, most=2),
        log_loss=mean(tempered.log_loss, clusters, confidence, least=0),
        c=model.c,
        unseen=sum(label not in known for label in test_labels),
    )

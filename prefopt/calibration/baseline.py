"""The classical baseline to compare every adapter with: TF-IDF over characters and logistic regression, on the same labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import share
from prefopt.errors import CalibrationError
from prefopt.grounds import Estimate, Numbers


class Baseline(Numbers):
    """Scores of the classical baseline."""

    trained_on: int
    tested_on: int
    accuracy: Estimate
    macro_f1: float
    """Over the labels that occur as gold or as prediction."""
    unseen: int
    """Test problems whose label no training problem has; the baseline cannot predict it."""


def tfidf_baseline(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    test_texts: Sequence[str],
    test_labels: Sequence[str],
    *,
    confidence: float = 0.95,
    groups: Sequence[str] | None = None,
) -> Baseline:
    """Fit on the training problems, judge on the test problems; see tfidf_predictions.

    The interval counts families where `groups` names that of each test problem.

    Raises:
        CalibrationError: lengths differ, there are no test problems, or the training problems have fewer than two labels.
    """
    from sklearn.metrics import f1_score  # takes a second to import, and few commands need it

    if len(train_texts) != len(train_labels) or len(test_texts) != len(test_labels):
        raise CalibrationError(
            f"texts and labels differ in number: {len(train_texts)} and {len(train_labels)} to train on, "
            f"{len(test_texts)} and {len(test_labels)} to test on"
        )
    if not test_texts or len(set(train_labels)) < 2:
        raise CalibrationError(f"the baseline needs test problems and two labels; {len(test_texts)} and {len(set(train_labels))} given")
    predicted, gold = np.asarray(tfidf_predictions(train_texts, train_labels, test_texts)), np.asarray(test_labels)
    known = set(train_labels)
    return Baseline(
        trained_on=len(train_texts),
        tested_on=len(test_texts),
        accuracy=share((predicted == gold).astype(np.float64), Clusters.from_names(groups, len(gold)), confidence),
        macro_f1=float(f1_score(gold, predicted, average="macro", zero_division=0)),
        unseen=sum(label not in known for label in test_labels),
    )


def tfidf_predictions(train_texts: Sequence[str], train_labels: Sequence[str], test_texts: Sequence[str]) -> list[str]:
    """Labels of the test problems by a classifier fitted on the training problems.

    Features are TF-IDF of character 1- to 4-grams inside word boundaries (sublinear counts), which suits Korean's endings; the
    classifier is multinomial logistic regression (C = 10). No option is tuned on the test problems.

    Raises:
        CalibrationError: the training problems have fewer than two labels.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # as above
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(set(train_labels)) < 2:
        raise CalibrationError(
            f"the classical baseline needs training problems with two labels; {len(train_texts)} problems have {len(set(train_labels))}",
            hint="add gold problems with other labels",
        )
    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
        LogisticRegression(C=10.0, max_iter=2000),
    )
    model.fit(list(train_texts), list(train_labels))
    return [str(label) for label in model.predict(list(test_texts))]

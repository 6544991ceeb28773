"""Which labels the baseline learns, and on which problems the weights of the mixture are fitted: never on what was learned already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from prefopt.calibration.mixture import FEWEST
from prefopt.project.loading import ProjectData
from prefopt.records import Answer, Candidate, Problem, Slate, SlateVotes, Vote
from prefopt.rounds import partner
from prefopt.rounds.partner import AskedRound, fit_partner, known_labels
from prefopt.rounds.stages.calibrate import CalibrateOutcome
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy("code,name\nadd,a\narea,b\nchance,c\n", "test.csv")
WORDS = {
    "add": "{0}에 {1}을 더하면 얼마입니까? 번호 {2}",
    "area": "가로 {0}, 세로 {1}인 직사각형의 넓이는? 번호 {2}",
    "chance": "주사위 {0}개로 {1}이 나올 확률은? 번호 {2}",
}


def problem(name: str, kind: str, number: int, label: str | None = None) -> Problem:
    rng = np.random.default_rng([number, len(kind)])
    return Problem(id=name, text=WORDS[kind].format(*rng.integers(2, 900, 2), f"{name}{number * 7919}"), label=label)


GOLD = tuple(problem(f"g{i}", kind, i, kind) for i, kind in enumerate(["add", "area"] * 10))
HELD = tuple(problem(f"h{i}", kind, 500 + i, kind) for i, kind in enumerate(["add", "area", "chance"] * 4))
DATA = ProjectData(TAXONOMY, GOLD, HELD, ())


def asked(number: int, kinds: Sequence[str], said: Sequence[Sequence[float]] | None = None) -> tuple[AskedRound, list[SlateVotes]]:
    """A round that showed add and area for each problem; `said` are shares of add, area and, where a third is given, a named chance."""
    slates, votes = [], []
    for i, kind in enumerate(kinds):
        name = f"{number:03d}-{i}"
        shown = (("add", 0.6), ("area", 0.3))
        cards = tuple(Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=p, adapter="0") for x, p in shown)
        slate = Slate(
            id=name, problem=problem(f"q{name}", kind, 1000 * number + i), candidates=cards, order=(0, 1), purpose="margin", top2_gap=0.3
        )
        shares = tuple(said[i]) if said is not None else (float(kind == "add"), float(kind == "area"))
        answers = tuple(Answer(label=label) for label in ("add", "area", "chance")[: len(shares)])
        vote = Vote(weight=1.0, ranks=tuple(1 if share == max(shares) else 2 for share in shares))
        slates.append(slate)
        votes.append(SlateVotes(problem=slate.problem, slate_id=name, answers=answers, shares=shares, votes=(vote,)))
    return AskedRound(number, slates), votes


@pytest.fixture
def fits(monkeypatch) -> list[tuple[int, set[str], float | None]]:
    """Every fit: how many problems, their labels, and the C that was given."""
    found = []
    real = partner.fit_tfidf

    def fit(texts, labels, groups=None, c=None):
        found.append((len(texts), set(labels), c))
        return real(texts, labels, groups, c)

    monkeypatch.setattr(partner, "fit_tfidf", fit)
    return found


def test_each_round_is_mixed_with_what_was_known_before_it(fits):
    (first, votes_1), (second, votes_2) = asked(1, ["add", "area"] * 15), asked(2, ["add", "area"] * 15)
    found = fit_partner(DATA, known_labels(DATA, [first, second], [*votes_1, *votes_2]), "canonical")
    assert (found.learned.trained_on, found.learned.answers, found.learned.unseen) == (80, 60, 4)
    assert found.partner.asked == 60
    assert found.partner.weights.tfidf > 1  # it is always right, and the model says add to everything
    c = found.model.c
    assert [(n, given) for n, _, given in fits] == [(80, None), (20, c), (50, c)]


def test_gold_that_was_labeled_after_it_was_asked_is_not_known_before(fits):
    first, votes = asked(1, ["add", "area"] * 15)
    later = first.slates[0].problem.model_copy(update={"label": "add"})
    data = ProjectData(TAXONOMY, (*GOLD, later), HELD, ())
    found = fit_partner(data, known_labels(data, [first], votes), "canonical")
    assert (found.learned.trained_on, found.learned.answers) == (50, 29)  # it counts once
    assert [n for n, _, _ in fits] == [50, 20]


def test_there_is_no_consensus_on_a_tie_and_a_named_label_is_learned_but_not_mixed():
    first, votes = asked(1, ["add", "add", "chance"], [(0.5, 0.5), (0.7, 0.3), (0.0, 0.0, 1.0)])
    found = fit_partner(DATA, known_labels(DATA, [first], votes), "canonical")
    assert (found.learned.answers, found.learned.unseen) == (2, 0)
    assert set(found.model.labels) == {"add", "area", "chance"}
    assert (found.partner.asked, found.partner.weights) == (2, None)  # too few
    assert found.partner.asked < FEWEST


def test_a_branch_that_counts_again_replaces_the_votes():
    first, votes = asked(1, ["add", "area"])
    again = [row.model_copy(update={"shares": (0.0, 1.0)}) for row in votes]
    known = known_labels(DATA, [first], [*votes, *again])
    assert [row.shares for _, row in known.answered] == [(0.0, 1.0), (0.0, 1.0)]


def test_answers_about_the_family_of_a_held_out_problem_are_left_out_and_counted():
    first, votes = asked(1, ["add", "area"])
    held = (*HELD, first.slates[0].problem.model_copy(update={"id": "copy", "label": "add"}))
    data = ProjectData(TAXONOMY, GOLD, held, ())
    known = known_labels(data, [first], votes)
    assert ([slate.id for slate, _ in known.answered], known.left_out) == (["001-1"], 1)


def test_answers_with_a_label_that_the_taxonomy_lost_are_left_out_and_counted():
    first, votes = asked(1, ["add", "area", "chance"], [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0, 1.0)])
    data = ProjectData(parse_taxonomy("code,name\nadd,a\narea,b\n", "test.csv"), GOLD, HELD[:2], ())
    known = known_labels(data, [first], votes)
    assert ([slate.id for slate, _ in known.answered], known.left_out) == (["001-0", "001-1"], 1)
    assert fit_partner(data, known, "canonical").partner.asked == 2


def test_the_line_of_calibrate_names_all_three():
    figures = {"problems": 31, "accuracy": 0.4, "accuracy_low": 0.2, "accuracy_high": 0.6, "brier": 0.7, "ece_debiased": 0.1}
    figures |= {"baseline_accuracy": 0.5, "baseline_brier": 0.6}
    alone = CalibrateOutcome(**figures)
    assert alone.line().endswith("Brier 0.700; TF-IDF 0.500, Brier 0.600")
    both = alone.model_copy(update={"mixture_accuracy": 0.55, "mixture_brier": 0.5, "mixture_used": True, "answers_left_out": 2})
    assert both.line().endswith(
        "; TF-IDF 0.500, Brier 0.600 (without 2 answers: of one group with a held-out problem, or a label that is gone); "
        "both mixed 0.550, Brier 0.500: used by predict"
    )
    assert both.model_copy(update={"mixture_used": False}).line().endswith("both mixed 0.550, Brier 0.500: not used")

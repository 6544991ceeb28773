"""Fit for use is another question than better than before: goals, paired tests, what the answers can be used for, what to do next."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from prefopt.calibration import Calibration, evaluate
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.fitness import Answers, fitness
from prefopt.calibration.fitness_result import Fitness
from prefopt.calibration.metrics import score
from prefopt.config import GoalsSettings
from prefopt.errors import ConfigError
from prefopt.project.goals import refuse_unknown_group
from prefopt.rankings.label_skew import OneLabel, SkewedLabel
from prefopt.report import Warnings
from prefopt.report.heat import heat_tables
from prefopt.report.lists import distinct, distinct_ids
from prefopt.report.page import figures, render
from prefopt.report.wording import fitness as words
from prefopt.report.wording.confidence import confidence_sentences
from prefopt.report.wording.warnings import warning_sentences
from prefopt.taxonomy import Taxonomy
from tests.unit.posteriors import FAST, answering, ids, normalized, report_contents, small_taxonomy

N = 400
TAXONOMY = small_taxonomy()


def gold_of(n: int = N) -> np.ndarray:
    return np.random.default_rng(1).integers(0, len(TAXONOMY), n)


def hits(right: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(2).permutation(np.r_[np.ones(right), np.zeros(n - right)])


def judged(
    right: int,
    baseline: np.ndarray | None = None,
    goals: GoalsSettings | None = None,
    *,
    own: np.ndarray | None = None,
    taxonomy: Taxonomy = TAXONOMY,
) -> Fitness:
    """Fitness of answers that are right on `right` of N, in which no answer is more confident than another."""
    gold = gold_of()
    found = hits(right) if own is None else own
    log_probs = answering(gold, found, len(taxonomy))
    theirs = None if baseline is None else score(answering(gold, baseline, len(taxonomy)), gold)
    answers = Answers(score(log_probs, gold), Clusters.from_names(None, N), theirs, "adapter", {taxonomy.ids[0]: 25})
    return fitness(answers, calibration_of(log_probs, gold), taxonomy, goals or GoalsSettings())


def calibration_of(log_probs: np.ndarray, gold: np.ndarray) -> Calibration:
    return evaluate(log_probs, gold, ids(len(gold)), TAXONOMY, FAST, 7)


def goal(found: Fitness, kind: str):
    return next(goal for goal in found.goals if goal.kind == kind)


def test_right_on_38_of_100_and_no_better_than_tfidf_is_not_fit_for_use():
    """Whatever the decision rule says of its parent."""
    own = hits(152)
    baseline = own.copy()
    baseline[[*np.flatnonzero(own == 1)[:30], *np.flatnonzero(own == 0)[:25]]] = [0] * 30 + [1] * 25
    found = judged(152, baseline)
    assert found.verdict == "not_fit"
    assert [goal.reached for goal in found.goals] == [
        "missed",
        "missed",
        "cannot_tell" if goal(found, "baseline").test.p_value > 0.05 else "missed",
    ]
    for text in words.headline(found):
        assert text in {"아직 쓰기에는 이릅니다", "Not fit for use yet"}
    said = words.in_one_line(found)
    assert "38 of 100" in said.en
    assert "may be accepted unread" in said.en
    assert "채택" not in said.ko
    assert "Use this" not in said.en


def test_better_than_tfidf_is_shown_by_a_paired_test():
    own = np.r_[np.ones(380), np.zeros(20)]
    found = judged(0, np.r_[np.ones(300), np.zeros(100)], own=own)
    met = goal(found, "baseline")
    assert (met.reached, met.test.gained, met.test.lost) == ("met", 80, 0)
    assert found.accuracy.value == 0.95
    worse = goal(judged(0, own, own=np.r_[np.ones(300), np.zeros(100)]), "baseline")
    assert (worse.reached, worse.more) == ("missed", None)
    assert goal(judged(300), "baseline").reached == "cannot_tell"  # an earlier version kept no baseline


def test_fit_means_that_every_goal_is_met():
    gold = gold_of()
    log_probs = np.log(np.full((N, len(TAXONOMY)), 0.01 / (len(TAXONOMY) - 1)))
    log_probs[np.arange(N), gold] = np.log(0.99)
    log_probs = normalized(log_probs)
    scores = score(log_probs, gold)
    theirs = score(answering(gold, hits(300), len(TAXONOMY)), gold)
    answers = Answers(scores, Clusters.from_names(None, N), theirs, "adapter", {})
    found = fitness(answers, calibration_of(log_probs, gold), TAXONOMY, GoalsSettings())
    assert found.verdict == "fit"
    assert found.needs == ()
    assert words.headline(found).en == "Fit for use"
    assert {line.mark for line in words.goal_lines(found)} == {"yes"}
    assert next(line.title.en for line in words.today_lines(found) if line.mark == "yes") == "Accepting unread"


def test_between_the_two_it_is_undecided_and_the_number_of_problems_that_would_settle_it_is_named():
    found = judged(310, None, GoalsSettings(min_accepted_share=0, beat_baseline=False))  # 77.5 %, interval 73 to 81
    (only,) = found.goals
    assert (found.verdict, only.reached) == ("cannot_tell", "cannot_tell")
    more = only.more
    assert more is not None
    half = (only.accuracy.high - only.accuracy.low) / 2 * np.sqrt(N / (N + more))
    assert half == pytest.approx(0.8 - 0.775, rel=0.01)
    assert (
        judged(320, None, GoalsSettings(min_accepted_share=0, beat_baseline=False)).goals[0].more is None
    )  # exactly the goal: none would do


def test_without_goals_nothing_is_claimed():
    found = judged(100, None, GoalsSettings(min_accuracy=0, min_accepted_share=0, beat_baseline=False))
    assert (found.verdict, found.goals) == ("no_goals", ())
    assert "[goals]" in words.because(found).en
    assert "정한 목표가 없습니다" in words.headline(found).ko


def test_a_goal_in_each_band():
    own = np.ones(N)
    gold = gold_of()
    first = np.array([label.groups[0] for label in TAXONOMY.labels])[gold] == "초등"
    own[first] = hits(int(first.sum() // 2), int(first.sum()))
    found = judged(0, None, GoalsSettings(each="band", min_accepted_share=0, beat_baseline=False, min_accuracy=0.7), own=own)
    parts = {goal.part: goal.reached for goal in found.goals if goal.kind == "accuracy_in"}
    assert parts == {"초등": "missed", "중학": "met"}
    assert found.verdict == "not_fit"
    assert any("초등" in line.text.ko and line.mark == "no" for line in words.goal_lines(found))


def test_a_group_that_the_taxonomy_lacks_is_refused():
    with pytest.raises(ConfigError, match="is no group of the taxonomy, which has band, domain") as caught:
        refuse_unknown_group(GoalsSettings(each="grade"), TAXONOMY)
    assert caught.value.hint == 'set each = "band" under [goals]'


def test_it_can_sort_by_what_it_is_right_on():
    """All answers are in the right band and domain, and half of them are the right label."""
    gold = gold_of()
    own = hits(200)
    within = np.where(own == 1, gold, gold // 3 * 3 + (gold + 1) % 3)
    log_probs = answering(within, np.ones(N), len(TAXONOMY))
    answers = Answers(score(log_probs, gold), Clusters.from_names(None, N), None, "adapter", {})
    found = fitness(answers, calibration_of(log_probs, gold), TAXONOMY, GoalsSettings())
    assert [(level.name, level.reached) for level in found.levels] == [("band", "met"), ("domain", "met")]
    uses = [line.title.en for line in words.today_lines(found) if line.mark == "yes"]
    assert "Sorting by domain" in uses
    assert found.verdict == "not_fit"
    assert "sorting by domain" in words.summary(found).en


def test_totals_of_rows_and_columns_are_those_of_the_cells():
    found = judged(200)
    (heat,) = heat_tables(found)
    assert [head.en for head in heat.heads] == ["number and operations", "shape and measurement", "all"]
    assert [name.ko for name, _ in heat.rows] == ["초등", "중학", "전체"]
    assert sum(row.count for row in found.rows) == sum(column.count for column in found.columns) == N
    assert sum(row.count * row.accuracy.value for row in found.rows) == pytest.approx(200)
    for row in found.rows:
        assert row.count == sum(cell.count for cell in found.cells if cell.groups[0] == row.name)


def test_the_labels_to_label_are_those_behind_most_errors():
    gold = gold_of()
    own = np.ones(N)
    own[gold == 4] = 0  # answered as label 5
    found = judged(0, own=own)
    assert [need.label for need in found.needs] == [TAXONOMY.ids[4], TAXONOMY.ids[5]]
    assert found.needs[0].missed == found.needs[0].held_out == int((gold == 4).sum())
    assert found.needs[1].missed == 0
    assert [need.more for need in found.needs] == [20, 20]
    assert found.unlabeled == len(TAXONOMY) - 1


BANNED = (
    r"브라이어|홀름|맥니마|로그 손실|온도 보정|크리펜도르프|ECE|F1|p = |p &lt;|brier-accuracy|α|매크로|보정 오차|부트스트랩|"
    r"Brier|Holm|McNemar|log loss|[Tt]emperature|Krippendorff|\balpha\b|nats|bootstrap|conformal"
)


def test_the_first_pages_have_no_term_of_statistics_without_its_plain_word():
    page = render(report_contents()).split("<main>")[1]
    lead, appendix = page.split('id="appendix"')
    assert not re.findall(BANNED, lead)
    assert re.findall(BANNED, appendix)
    plain = re.sub(r"범위(?:\(95% 신뢰구간\)|, 95% 신뢰구간)|range (?:\(95% confidence interval\))|range, 95% interval", "", lead)
    assert "신뢰구간" not in plain
    assert "interval" not in plain
    assert re.findall("TF-IDF", lead) == re.findall(r"(?<=\()TF-IDF(?=\))", lead)


def test_date_people_and_time_stand_on_the_first_page():
    lead = render(report_contents()).split('id="today"')[0]
    for text in ("2026-01-02", "모의 교사", "1시간 0분", "80개 (80개)"):
        assert text in lead


def test_the_json_has_what_the_first_pages_show():
    found = figures(report_contents())["lead"]
    assert found["fitness"]["verdict"] in {"fit", "not_fit", "cannot_tell"}
    assert set(found["headline"]) == {"ko", "en"}
    assert found["day"] == "2026-01-02"
    assert found["effort"]["seconds"] == 3600.0


def test_one_problem_of_a_family_or_wording_is_shown():
    texts = {"a": "사과 3개", "b": "사과 15개", "c": "배의 넓이", "d": "감의 무게"}
    families = {"c": "f", "d": "f"}
    assert distinct_ids("abcd", texts, families) == ("a", "c")
    contents = report_contents()
    entry = contents.disputed[0]
    entries = [replace(entry, problem_id=name, predicted=label) for name, label in zip("abcd", "xxyy", strict=True)]
    assert [e.problem_id for e in distinct(entries, 3, texts, families)] == ["a", "c"]
    assert [e.problem_id for e in distinct(entries, 3, texts, families, shown=["b"])] == ["c"]


def test_warnings_about_labels_are_on_the_first_page():
    label = small_taxonomy().ids[0]
    one = OneLabel(teacher="<b>kim", label=label, slates=40, share=0.95, others=0.1)
    warned = Warnings(SkewedLabel(label=label, share=0.6, labeled=0.1), (one,), 40, "half of the rows weigh nothing")
    contents = replace(report_contents(), warnings=warned)
    first, second = warning_sentences(contents)
    assert "95%" in first.ko
    assert "do not count" in first.en
    assert "60% of the teachers' votes" in second.en
    page = render(contents)
    assert "&lt;b&gt;kim 교사는" in page.split('id="appendix"')[0]
    assert "half of the rows weigh nothing" in page
    assert figures(contents)["warnings"]["one_label"][0]["teacher"] == "<b>kim"
    again = replace(contents, warnings=replace(warned, left_out=0))
    assert "count all the same" in warning_sentences(again)[0].en


@pytest.mark.parametrize("factor", [1.0, 0.75, 3.0])
def test_sentence_and_diagram_of_the_confidence_agree(factor):
    """A sentence that says that it is off names the colored points, or says why there are none."""
    gold = gold_of()
    logits = np.random.default_rng(4).normal(size=(N, len(TAXONOMY))) * 2
    truth = (np.cumsum(np.exp(normalized(logits)), axis=1) < np.random.default_rng(5).random((N, 1))).sum(axis=1)
    found = calibration_of(normalized(factor * logits), np.minimum(truth, len(TAXONOMY) - 1))
    colored = sum(b.flag in ("over_confident", "under_confident") for b in found.reliability)
    *_, last = confidence_sentences(found)
    assert ("모두 회색" in last.ko) == (colored == 0)
    assert ("gray" in last.en) == (colored == 0)
    assert gold.shape == (N,)

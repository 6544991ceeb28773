"""Simulated teachers judge as documented, at the requested rates."""

from __future__ import annotations

import pytest

from feedback.judgment import chance, judge, mistaken_label, nearest_label
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy(
    "code,name,band,domain\nt,참,1,수\nband,같은 띠와 영역,1,수\ndomain,같은 영역,2,수\nrest,다름,1,도형\nfar,먼,3,통계\n", "t.csv"
)


def slate(*labels: str, name: str = "s") -> Slate:
    candidates = tuple(Candidate(id=label, answer=Answer(label=label), probability=0.2, adapter="r") for label in labels)
    problem = Problem(id="p", text="문제")
    return Slate(id=name, problem=problem, candidates=candidates, order=tuple(range(len(labels))), purpose="margin", top2_gap=0)


def many(count: int, *labels: str, seed: int = 1, **rates: float) -> list[Ranking]:
    return [
        judge(slate(*labels, name=f"s{i}"), "t", TAXONOMY, chance(seed, "simulated-1", f"s{i}"), teacher="simulated-1", **rates)
        for i in range(count)
    ]


def test_labels_are_ranked_by_distance_and_equal_distances_are_tied() -> None:
    (ranking,) = many(1, "rest", "t", "domain", "band")
    assert ranking.ranks == {"t": 1, "band": 2, "domain": 3, "rest": 4}
    (ranking,) = many(1, "rest", "far", "t", "band")
    assert ranking.ranks == {"t": 1, "band": 2, "rest": 3, "far": 3}


def test_a_right_label_that_is_not_shown_is_named() -> None:
    (ranking,) = many(1, "rest", "domain", "band")
    assert (ranking.kind, ranking.right_label) == ("none_right", "t")


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_error_rate_is_the_share_of_judgments_that_do_not_put_the_right_label_first(rate: float) -> None:
    rankings = many(4000, "rest", "t", "domain", "band", error_rate=rate)
    wrong = sum(ranking.kind == "none_right" or ranking.ranks["t"] != 1 for ranking in rankings)
    assert wrong / 4000 == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 4000) ** 0.5)


def test_an_error_where_the_right_label_is_not_shown_ranks_wrong_labels() -> None:
    rankings = many(2000, "rest", "domain", "band", error_rate=0.3)
    assert sum(ranking.kind == "ranked" for ranking in rankings) / 2000 == pytest.approx(0.3, abs=0.045)


def test_disagreement_changes_the_order_below_the_best_and_never_the_best() -> None:
    rankings = many(4000, "rest", "t", "domain", "band", disagreement=0.2)
    assert all(ranking.ranks["t"] == 1 for ranking in rankings)
    different = sum(ranking.ranks != {"t": 1, "band": 2, "domain": 3, "rest": 4} for ranking in rankings)
    assert different / 4000 == pytest.approx(0.2, abs=0.03)


def test_disagreement_breaks_ties_both_ways() -> None:
    orders = {tuple(ranking.ranks.values()) for ranking in many(200, "rest", "far", "t", "band", disagreement=1.0)}
    assert orders == {(3, 4, 1, 2), (4, 3, 1, 2)}


def test_the_discard_rate() -> None:
    rankings = many(4000, "t", "band", discard_rate=0.25)
    assert sum(ranking.kind == "discarded" for ranking in rankings) / 4000 == pytest.approx(0.25, abs=0.03)


def test_a_judgment_depends_on_seed_teacher_and_slate_alone() -> None:
    rates = {"error_rate": 0.5, "disagreement": 0.5, "discard_rate": 0.2}
    labels = ("rest", "t", "domain", "band")
    assert many(50, *labels, **rates) == many(50, *labels, **rates)
    assert many(50, *labels, seed=2, **rates) != many(50, *labels, **rates)
    assert many(50, *labels, **rates)[30:] == many(80, *labels, **rates)[30:50]


def test_a_taxonomy_without_groups_ties_all_wrong_labels() -> None:
    flat = parse_taxonomy("code,name\na,가\nb,나\nc,다\n", "flat.csv")
    ranking = judge(slate("b", "a", "c"), "a", flat, chance(1, "t", "s"), teacher="t")
    assert ranking.ranks == {"a": 1, "b": 2, "c": 2}


def test_a_wrong_name_of_a_label_that_is_not_shown_is_a_near_one() -> None:
    rankings = many(4000, "rest", "domain", label_error=0.2)
    assert {ranking.kind for ranking in rankings} == {"none_right"}
    names = [ranking.right_label for ranking in rankings]
    assert set(names) == {"t", "band"}, "the nearest label on no card; `domain` is on one"
    assert names.count("band") / 4000 == pytest.approx(0.2, abs=0.03)
    assert nearest_label(slate("rest", "domain", "band"), "t", TAXONOMY, chance(1, "t", "s")) == "far", "all nearer ones are shown"


def test_an_error_that_all_share_is_the_nearest_wrong_card() -> None:
    assert mistaken_label(slate("rest", "t", "domain", "band"), "t", TAXONOMY, chance(1, "shared", "s")) == "band"
    assert mistaken_label(slate("rest", "domain"), "t", TAXONOMY, chance(1, "shared", "s")) == "domain"
    drawn = {mistaken_label(slate("rest", "t", "far"), "t", TAXONOMY, chance(1, "shared", f"s{i}")) for i in range(50)}
    assert drawn == {"rest", "far"}


def test_the_first_card_is_favored_only_where_a_teacher_is_unsure() -> None:
    sure = many(1000, "rest", "t", "domain", position_bias=0.3)
    assert all(ranking.ranks["t"] == 1 for ranking in sure), "no card of the same groups, and no error"
    unsure = many(4000, "rest", "t", "band", position_bias=0.3)
    first = [ranking.ranks for ranking in unsure if ranking.ranks["rest"] == 1]
    assert len(first) / 4000 == pytest.approx(0.3, abs=0.03)
    assert all(ranks == {"rest": 1, "t": 2, "band": 3} for ranks in first)
    wrong = many(4000, "rest", "t", "domain", error_rate=0.5, position_bias=1.0)
    assert sum(ranking.ranks["rest"] == 1 for ranking in wrong) / 4000 == pytest.approx(0.5, abs=0.03), "every wrong judgment"
    turned = slate("rest", "t", "band").model_copy(update={"order": (2, 0, 1)})
    assert judge(turned, "t", TAXONOMY, chance(1, "t", "s"), teacher="t", position_bias=1.0).ranks["band"] == 1, "the first shown"


def test_a_copycat_gives_the_models_order() -> None:
    labels, chances = ("rest", "t", "far", "band"), (0.4, 0.3, 0.1, 0.1)
    candidates = tuple(Candidate(id=x, answer=Answer(label=x), probability=p, adapter="r") for x, p in zip(labels, chances, strict=True))
    of_model = slate(*labels).model_copy(update={"candidates": candidates})
    given = [judge(of_model, "t", TAXONOMY, chance(1, "t", f"s{i}"), teacher="t", copying=0.7).ranks for i in range(4000)]
    assert given.count({"rest": 1, "t": 2, "far": 3, "band": 3}) / 4000 == pytest.approx(0.7, abs=0.03)
    assert given.count({"rest": 3, "t": 1, "far": 3, "band": 2}) / 4000 == pytest.approx(0.3, abs=0.03)

"""What a majority of teachers finds, by hand."""

from __future__ import annotations

from prefopt.rankings.majority_label import GoldVotes, found_right, gold_votes, most_probable
from tests.unit.rankings_cases import discarded, none_right, ranked, slate

TOP = {"1": "123", "tie": "112", "other": "213", "tied others": "211"}


def verdict(*rankings) -> bool | None:
    return found_right([slate("s")], rankings)["s"]


def test_the_most_probable_label_is_that_of_the_adapter_whatever_the_order():
    assert most_probable(slate("s", order=(2, 1, 0))).answer.label == "a"


def test_one_teacher_says_right_or_wrong():
    assert verdict(ranked("s", "kim", TOP["1"])) is True
    assert verdict(ranked("s", "kim", TOP["other"])) is False
    assert verdict(ranked("s", "kim", TOP["tied others"])) is False
    assert verdict(none_right("s", "kim", "z")) is False
    assert verdict(none_right("s", "kim")) is False
    assert verdict(none_right("s", "kim", "a")) is True  # names the label that is shown


def test_what_says_nothing_gives_no_majority():
    assert verdict() is None
    assert verdict(discarded("s", "kim")) is None
    assert verdict(ranked("s", "kim", TOP["tie"])) is None


def test_the_majority_decides_and_an_even_split_does_not():
    yes, no, other = ranked("s", "kim", TOP["1"]), ranked("s", "lee", TOP["other"]), none_right("s", "park", "z")
    assert verdict(yes, no) is None
    assert verdict(yes, no, other) is False  # they differ on the label, and agree that it is not this one
    assert verdict(yes, no, ranked("s", "choi", TOP["1"])) is True
    assert verdict(yes, discarded("s", "lee")) is True


def test_votes_on_known_labels():
    slates = [slate("g", gold="a"), slate("h", gold="z"), slate("s")]
    rankings = [
        ranked("g", "kim", "123"),
        ranked("g", "lee", "213"),
        none_right("g", "park"),
        none_right("h", "kim"),  # the known label is not shown: this says nothing of it
        none_right("h", "lee", "z"),
        ranked("s", "kim", "123"),
    ]
    assert gold_votes(slates, rankings) == [GoldVotes("a", ("a", "b", "not named by park")), GoldVotes("z", ("z",))]


def test_what_most_teachers_name():
    assert GoldVotes("a", ("a", "a", "b")).differs is False
    assert GoldVotes("a", ("b", "b", "a")).differs is True
    assert GoldVotes("a", ("a", "b")).differs is None

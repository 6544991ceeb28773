"""Numbers about the teachers of a round, worked by hand, and their pace."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from prefopt.cli.rankings_words import summary_lines
from prefopt.rankings.copying import Following
from prefopt.rankings.pace import pace
from prefopt.rankings.summary import Proportion, median_seconds, summarize
from prefopt.report.teacher_rows import person_lines, teacher_lines
from prefopt.report.wording.say import both
from prefopt.report.wording.teachers_section import WORDS
from prefopt.taxonomy import parse_taxonomy
from tests.unit.rankings_cases import discarded, none_right, ranked, slate

TAXONOMY = parse_taxonomy("code,name,domain\na,A,numbers\nb,B,numbers\nc,C,shapes\nd,D,shapes\n", source="t.csv")


def row(found, name):
    return next(t for t in found.teachers if t.name == name)


def test_gold_slates_count_the_known_label_on_top_or_named():
    slates = [slate("s", gold="b"), slate("t", gold="d"), slate("u", gold="d"), slate("v", gold="a")]
    given = [ranked("s", "kim", "213"), ranked("s", "lee", "113"), none_right("t", "kim", "d"), none_right("t", "lee", "c")]
    given += [none_right("u", "kim"), discarded("u", "lee"), none_right("v", "kim")]
    found = summarize(slates, given, TAXONOMY)
    assert row(found, "kim").gold == Proportion(3, 4)  # "none is right" is right for u, where d is on no card, and wrong for v
    assert row(found, "lee").gold == Proportion(0, 2)  # a tie does not find it
    assert found.gold == Proportion(3, 6)


def test_repeats_count_only_where_one_teacher_answered_twice_and_nowhere_else():
    slates = [slate("s"), slate("r", order=(2, 1, 0), again="s"), slate("t"), slate("q", order=(1, 0, 2), again="t")]
    given = [ranked("s", "kim", "113"), ranked("r", "kim", "113"), ranked("t", "kim", "123"), ranked("q", "kim", "213")]
    given += [ranked("s", "lee", "123"), ranked("q", "park", "123")]
    found = summarize(slates, given, TAXONOMY)
    assert row(found, "kim").repeats == Proportion(1, 2)
    assert row(found, "lee").repeats == Proportion(0, 0)
    assert found.repeats == Proportion(1, 2)
    assert found.alpha is not None
    assert found.alpha.slates == 1, "the second showing is no second opinion"


def test_teachers_disagreement_is_listed_with_names_and_comments():
    slates = [slate("s"), slate("t"), slate("u")]
    given = [ranked("s", "kim", "123"), ranked("s", "lee", "321", comment="도형 문제"), ranked("s", "park", "123")]
    given += [ranked("t", "kim", "123"), ranked("t", "lee", "132"), ranked("u", "kim", "123"), none_right("u", "lee", "d")]
    found = summarize(slates, given, TAXONOMY)
    assert [d.slate_id for d in found.disputed] == ["u", "s"]
    disputed = found.disputed[1]
    assert dict(disputed.teachers_by_label) == {"a": ("kim", "park"), "c": ("lee",)}
    assert dict(disputed.comments) == {"lee": "도형 문제"}
    assert row(found, "kim").same_label == Proportion(2, 4)
    assert [g.group for g in found.groups] == ["numbers"]
    json.dumps(found.plain())


def test_one_teacher_alone_has_no_agreement():
    found = summarize([slate("s")], [ranked("s", "kim", "123")], TAXONOMY)
    assert (found.alpha, found.groups, found.level, found.disputed) == (None, (), None, ())
    assert (row(found, "kim").alpha, row(found, "kim").trust) == (None, None)


def test_the_median_time_needs_half_of_the_times():
    given = [ranked("s", "kim", "123", seconds=s) for s in (10.0, 30.0, None, None)]
    assert median_seconds(given) == 20
    assert median_seconds([*given, ranked("s", "kim", "123")]) is None
    assert median_seconds([]) is None


def test_missing_answers_and_the_time_they_take():
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    given = [ranked("s", "kim", "123", seconds=20, submitted_at=at), ranked("s", "lee", "123", seconds=40), discarded("t", "kim")]
    two = dict.fromkeys("stu", 2)
    found = pace(two, given, two, names=["park"])
    assert {t.name: (t.answers, t.left) for t in found.teachers} == {"kim": (2, 1), "lee": (1, 2), "park": (0, 2)}
    assert (found.missing, found.seconds_left) == (3, pytest.approx(90))
    assert found.teachers[0].last == at
    assert pace({"s": 1}, [], {"s": 1}).seconds_left is None


def test_errors_that_all_share_and_following_the_model_are_figures_of_the_summary():
    slates = [slate("g", gold="b"), slate("h", gold="b"), slate("s")]
    given = [ranked("g", who, "123") for who in ("kim", "lee")] + [ranked("h", who, "213") for who in ("kim", "lee")]
    given += [ranked("s", "kim", "123"), ranked("s", "lee", "213"), ranked("s", "park", "213")]
    found = summarize(slates, given, TAXONOMY)
    assert found.shared_errors == Proportion(1, 2)
    assert row(found, "kim").follows == Following(1, 1, pytest.approx(1 / 3), 1.0)
    assert row(found, "lee").follows.hits == 0
    assert summarize(slates[2:], given[4:], TAXONOMY).shared_errors is None
    json.dumps(found.plain())


def test_the_terminal_and_the_report_name_shared_errors_and_who_follows_the_model():
    slates = [slate("g", gold="b")] + [slate(f"s{i}") for i in range(12)]
    given = [ranked("g", who, "123") for who in ("kim", "lee")]
    given += [ranked(f"s{i}", who, "123" if who == "kim" else "213") for i in range(12) for who in ("kim", "lee", "park")]
    found = summarize(slates, given, TAXONOMY)
    lines = list(summary_lines(1, True, found))
    assert "all agreed and were wrong  1 of 1" in "\n".join(lines)
    assert [line for line in lines if "follows the model (p = 0.000)" in line and "  kim: " in line]
    assert not [line for line in lines if "follows the model" in line and "  kim: " not in line]
    figures = {line.name: line.value for line in teacher_lines(found)}
    assert figures[WORDS["copies"]] == both("kim")
    assert figures[WORDS["shared"]].en.startswith("1 / 1")
    cells = {cells[0]: cells[8] for cells in person_lines(found)}
    assert cells == {"kim": "12 / 12 (p = 0.000)", "lee": "0 / 12", "park": "0 / 12"}

"""How many teachers a slate wants, and what agreement is measured on; the probabilities worked by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import adaptive_overlap
from feedback.file import FileConfig
from feedback.record_overlap import TEACHERS, teachers_changed
from feedback.sheet_words import asked_again
from prefopt.domain import DomainSettings
from prefopt.errors import ConfigError
from prefopt.project.project import open_project
from prefopt.project.resolve import load_config
from prefopt.rankings.label_agreement import agreement
from prefopt.rankings.overlap import Overlap
from prefopt.rankings.pace import pace
from prefopt.rankings.reliability import reliability
from prefopt.rankings.summary import summarize
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.rounds.frozen import check_source
from prefopt.taxonomy import parse_taxonomy
from tests.unit.rankings_cases import discarded, none_right, ranked
from tests.unit.rankings_cases import slate as simple_slate

TAXONOMY = parse_taxonomy("code,name\na,A\nb,B\nc,C\nd,D\ne,E\n", source="t.csv")
ADAPTIVE = Overlap("adaptive")


def slate(name: str, probabilities: str = "70 18 8 2", **more: object) -> Slate:
    """Cards a, b, c, d with these probabilities in percent."""
    cards = tuple(
        Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=int(p) / 100, adapter="0")
        for x, p in zip("abcd", probabilities.split(), strict=True)
    )
    fields = {"purpose": "margin", "top2_gap": 0.5, "order": (0, 1, 2, 3)} | more
    return Slate.model_validate({"id": name, "problem": Problem(id=f"p-{name}", text=name, label="a"), "candidates": cards, **fields})


def first(label: str, teacher: str = "kim", name: str = "s", **more: object) -> Ranking:
    """A ranking with that card first and the others level."""
    return ranked(name, teacher, "".join("1" if x == label else "2" for x in "abcd"), "abcd", **more)


LEVEL = ranked("s", "kim", "1122", "abcd")


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (first("a"), 1),  # the model's own
        (first("b"), 2),  # 0.18 is below 1/5
        (first("d"), 2),
        (LEVEL, 2),
        (none_right("s", "kim"), 2),
        (none_right("s", "kim", "a"), 1),  # it names a card
        (none_right("s", "kim", "e"), 2),  # the cards leave 0.02
        (discarded("s", "kim"), 2),
        (first("a", comment="글자가 틀렸습니다"), 1),  # a comment alone asks for nobody
    ],
)
def test_a_second_teacher_where_the_first_is_unsure_or_against_a_confident_model(answer: Ranking, wanted: int) -> None:
    assert ADAPTIVE.wanted(slate("s"), []) == 1
    assert ADAPTIVE.wanted(slate("s"), [answer]) == wanted


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([first("d"), first("d", "lee")], 2),  # two agree against the model
        ([first("d"), first("a", "lee")], 3),
        ([first("b"), none_right("s", "lee", "e")], 3),
        ([LEVEL, first("a", "lee")], 2),
        ([LEVEL, first("d", "lee")], 3),
        ([LEVEL, discarded("s", "lee")], 2),  # both unsure
        ([first("d"), first("a", "lee"), first("b", "park")], 3),  # never more
    ],
)
def test_a_third_where_two_disagree(answers: list[Ranking], wanted: int) -> None:
    assert ADAPTIVE.wanted(slate("s"), answers) == wanted
    assert ADAPTIVE.wanted(slate("s"), answers[::-1]) == wanted


def test_none_is_right_has_what_the_cards_leave() -> None:
    unsure = slate("s", "30 20 8 2")
    assert ADAPTIVE.wanted(unsure, [none_right("s", "kim", "e")]) == 1
    assert ADAPTIVE.wanted(unsure, [none_right("s", "kim")]) == 2
    assert ADAPTIVE.wanted(unsure, [first("c")]) == 2


@pytest.mark.parametrize("error", [0.02, 0.1, 0.3])
def test_an_even_share_is_where_an_answer_is_as_likely_wrong_as_any(error: float) -> None:
    """Whatever the error rate is: Bayes' rule with four cards, the three others and "none is right" are given alike by mistake."""

    def wrong(p: float) -> float:
        return (1 - p) * error / 4 / (p * (1 - error) + (1 - p) * error / 4)

    assert wrong(0.2) == pytest.approx(error)
    for p in (0.05, 0.19, 0.21, 0.9):
        shown = slate("s", f"{round(100 * p)} 2 2 1")
        assert ADAPTIVE.is_doubtful(shown, "a") == (wrong(p) > error) == (p < 0.2)


def test_slates_that_measure_teachers_want_one_and_a_set_number_is_kept() -> None:
    gold, again = slate("s", purpose="gold"), slate("s", purpose="repeat", repeat_of="r")
    assert [ADAPTIVE.wanted(found, [LEVEL]) for found in (gold, again)] == [1, 1]
    assert Overlap.of([gold, again, slate("t")], "adaptive", 1.0).drawn == {"t"}
    assert [Overlap(2).wanted(slate("s"), given) for given in ([], [first("a")], [LEVEL] * 2)] == [2, 2, 2]
    assert (Overlap(2).most, ADAPTIVE.most) == (2, 3)


def test_a_share_drawn_at_random_is_judged_twice_in_any_case() -> None:
    slates = [slate(f"s{n}") for n in range(40)]
    drawn = Overlap.of(slates, "adaptive", 0.2).drawn
    assert len(drawn) == 8
    assert drawn == Overlap.of(slates[::-1], "adaptive", 0.2).drawn, "the order of the slates does not matter"
    assert Overlap.of(slates, 2, 0.2).drawn == frozenset()
    one = Overlap("adaptive", frozenset({"s"}))
    assert [one.wanted(slate("s"), given) for given in ([], [first("a")], [first("a"), first("a", "lee")])] == [2, 2, 2]
    assert one.wanted(slate("s"), [first("a"), first("b", "lee")]) == 3


def _school(timed: bool) -> tuple[list[Slate], list[Ranking], Overlap]:
    """Forty slates with one answer that agrees with the model; ten in doubt on which the second differs and a third decides; ten drawn, on
    nine of which two agree, and on one two differ and a third agrees with the first."""
    slates = [slate(f"s{n:02d}") for n in range(60)]
    given: list[Ranking] = []

    def add(n: int, *labels: str) -> None:
        for i, label in enumerate(labels):
            time = {"submitted_at": datetime(2026, 3, 2, 9, i, tzinfo=UTC)} if timed else {}
            given.append(first(label, ("park", "lee", "kim")[i], f"s{n:02d}", **time))

    for n in range(40):
        add(n, "a")
    for n in range(40, 50):
        add(n, "b", "a", "a")
    for n in range(50, 59):
        add(n, "a", "a")
    add(59, "a", "b", "a")
    return slates, given, Overlap("adaptive", frozenset(f"s{n}" for n in range(50, 60)))


@pytest.mark.parametrize("timed", [True, False])
def test_agreement_is_that_of_two_teachers_who_were_not_chosen_by_their_answers(timed: bool) -> None:
    slates, given, overlap = _school(timed)
    everyone = agreement(slates, given)
    assert everyone is not None
    assert everyone.same == pytest.approx((9 + 1 / 3 + 10 / 3) / 20), "disagreement was sought out"
    fair = agreement(slates, overlap.unselected(slates, given))
    assert fair is not None
    assert (fair.slates, fair.same) == (10, 0.9)
    found = summarize(slates, given, TAXONOMY, overlap=overlap)
    assert found.drawn == 10
    assert found.alpha is not None
    assert found.alpha.slates == 10
    assert found.disputed_slates == 11, "all slates on which teachers differ are to be discussed"
    assert summarize(slates, given, TAXONOMY).drawn is None


def test_where_no_slate_has_one_answer_all_answers_count() -> None:
    slates, given, overlap = _school(timed=True)
    both = [*given, *(first("a", "choi", f"s{n:02d}") for n in range(40))]
    assert len(overlap.unselected(slates, both)) == len(both)
    assert len(Overlap(1).unselected(slates, given)) == len(given)


def test_reliability_is_estimated_from_the_draw_and_from_known_labels() -> None:
    slates, given, overlap = _school(timed=True)
    found, selected = reliability(slates, given, overlap=overlap), reliability(slates, given)
    assert found is not None
    assert selected is not None
    assert found.teachers["park"].right > selected.teachers["park"].right + 0.1, "the first is contradicted where answers are in doubt"
    assert set(found.pairs) == set(selected.pairs), "all votes are weighed"
    single = Overlap("adaptive")
    assert reliability(slates, [a for a in given if a.slate_id < "s40"], overlap=single) is None, "single votes show nothing"
    known = [simple_slate(f"g{n}", gold="b") for n in range(8)]
    right = [ranked(s.id, "park", "213") for s in known]
    measured = reliability([*slates, *known], [*given, *right], overlap=single)
    assert measured is not None
    assert measured.teachers["park"].votes > 8
    assert measured.net("s00", "s00-a", "s00-b") > 0.5, "a single vote has the weight that known labels show"


class Mute:
    """A source that shows every slate to the same number of teachers."""

    name = "mute"
    Config = FileConfig


def test_a_source_that_asks_all_slates_alike_is_refused_before_anything_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "prefopt.toml"
    settings.write_text('[feedback]\nsource = "mute"\noverlap = "adaptive"\n', encoding="utf-8")
    monkeypatch.setattr("prefopt.plugins.find_source", lambda name, folder: Mute)
    with pytest.raises(ConfigError, match="'mute' cannot show single slates to more teachers") as error:
        check_source(open_project(tmp_path))
    assert error.value.hint == "set overlap = 1 under [feedback]"
    settings.write_text('[feedback]\nsource = "mute"\noverlap = 1\n', encoding="utf-8")
    check_source(open_project(tmp_path))


@pytest.mark.parametrize("value", ["0", "1001", "true", "1.5", '"adaptiv"', '"3"'])
def test_another_overlap_is_refused_in_one_line(tmp_path: Path, value: str) -> None:
    (tmp_path / "prefopt.toml").write_text(f"[feedback]\noverlap = {value}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r':2: feedback.overlap = .*: must be a whole number from 1 to 1000, or "adaptive"\n'):
        load_config(tmp_path / "prefopt.toml")


def test_a_record_is_open_until_enough_teachers_have_given_an_answer_that_counts() -> None:
    def record(held: int, *statuses: str) -> dict[str, object]:
        return {"external_id": "s", "metadata": {TEACHERS: held}, "responses": [{"status": status} for status in statuses]}

    def wanted(found: dict[str, object], missing: int) -> list[int]:
        return [change["metadata"][TEACHERS] for change in teachers_changed([found], [slate("s")], {"s": missing} if missing else {}, 1)]

    assert wanted(record(1, "submitted"), 1) == [2]
    assert wanted(record(1, "submitted", "draft", "discarded"), 1) == [2]
    assert wanted(record(2, "submitted"), 1) == [], "as it is"
    assert wanted(record(2, "submitted"), 0) == [1], "the first teacher has changed the answer"
    assert wanted(record(2, "submitted", "submitted"), 2) == [4], '"yes" without an order is no answer'
    assert teachers_changed([record(1, "submitted")], [slate("t")], {"t": 1}, 1) == [], "not of this round"


def test_the_list_of_slates_that_want_another_teacher_has_the_words_of_the_project() -> None:
    asked = {"kim": [("s1", "Who?")], "lee": []}
    english, korean = (asked_again(asked, DomainSettings(language=code, item="사료")) for code in ("en", "ko"))
    assert english.endswith("\nkim\n  s1  Who?\n")
    assert not re.search("[가-힣]", english)
    assert "이름 아래의 사료를" in korean


def test_the_benchmark_counts_judgments_and_right_labels(tmp_path: Path) -> None:
    slates = [slate(f"s{n}") for n in range(30)]
    asked = adaptive_overlap.Asked(slates, {s.problem.id: "abcd"[n % 6 == 0] for n, s in enumerate(slates)}, TAXONOMY)
    rows = {row["way"]: row for row in adaptive_overlap.accuracy(asked, 0.2, 4)}
    assert (rows["1"]["judgments"], rows["3"]["judgments"], rows["3"]["against"]["3"]["value"]) == (1, 3, 0)
    assert 1 < rows["adaptive"]["judgments"] == rows["as many at random"]["judgments"] < 2
    assert rows["adaptive"]["right"]["value"] > rows["1"]["right"]["value"]
    found = adaptive_overlap.measured(asked, 0.0, 1)
    assert found["same_label"]["overlap 2"]["value"] == 1


def test_the_pace_expects_second_answers_at_the_rate_of_the_slates_that_have_one() -> None:
    least = dict.fromkeys("stuvw", 1)
    given = [first("a", name=n, seconds=30) for n in "stu"] + [first("d", name="v", seconds=30)]
    found = pace(least | {"v": 2}, given, least)
    assert (found.missing, found.expected) == (2, pytest.approx(0.25))
    assert found.seconds_left == pytest.approx(2.25 * 30)
    assert pace(dict.fromkeys("st", 2), given[:1], dict.fromkeys("st", 2)).expected == 0

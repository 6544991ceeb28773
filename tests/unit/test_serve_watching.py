"""What is watched while answers are served: who counts in the audit, what an alarm does, and how a person lifts it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from prefopt.inuse.drift import step_of_share
from prefopt.inuse.records import Adapter, SecondAnswer, Started, begin
from prefopt.serve.arms import Arms
from prefopt.serve.journal import Journal
from prefopt.serve.queue import queue_csv, to_review
from prefopt.serve.records import Correction, Lifted
from prefopt.serve.watching import Held, Watch
from tests.unit.test_serve_records import AT, answer, fixed_id

ADAPTER = "f49382404713"
NAMES = {"a": "더하기", "b": "빼기"}
STEPS = {"confidence": [step_of_share(0.3 + 0.006 * i) for i in range(100)], "coverage": [step_of_share(0.98)] * 100, "set_size": [1] * 100}
HELD = Held(labels={"a": 90, "b": 10, "c": 0}, steps=STEPS)


def watch(folder: Path) -> Watch:
    return Watch(folder, ADAPTER, agreed=0.05, alpha=0.05, held=HELD)


def word(number: int, prediction: str, *, right: bool, seen: bool = False, by: str = "kim") -> Correction:
    at = AT + timedelta(minutes=number)
    return Correction(prediction=prediction, at=at, label="a" if right else "b", by=by, seen=seen, right=right)


@pytest.fixture
def log(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "serve")


def test_only_blind_words_on_confident_audited_answers_count(log):
    rows = [
        answer(0, audit=True),
        answer(1, audit=True, confident=False),
        answer(2),
        answer(3, audit=True, adapter="other"),
        answer(4, audit=True),
    ]
    log.add_predictions(rows)
    found = watch(log.folder)
    for number, row in enumerate(rows):
        found.corrected(word(number, row.prediction, right=False, seen=number == 4))
    assert (found.error.count, found.error.wrong) == (1, 1)
    found.corrected(word(9, rows[0].prediction, right=True))  # the last word counts
    assert (found.error.count, found.error.wrong) == (1, 0)
    assert sum(found.labels.counts.values()) == 4


def test_a_text_counts_once_and_a_number_that_moves_is_seen(log):
    rows = [answer(i, confidence=0.3 + 0.006 * (i * 37 % 100), coverage=0.98) for i in range(200)]
    rows += [
        row.model_copy(update={"prediction": fixed_id(AT.timestamp() + 300, i), "confidence": 0.1}) for i, row in enumerate(rows)
    ]  # texts again
    log.add_predictions(rows)
    found = watch(log.folder)
    assert found.labels.count == 200
    assert [(name, test.count, test.alarm) for name, test in found.drift.items()] == [
        ("confidence", 200, False),
        ("coverage", 200, False),
        ("set_size", 200, False),
    ]
    low = [answer(1000 + i, confidence=0.31, coverage=0.98) for i in range(60)]
    log.add_predictions(low)
    found.answered(low)
    assert {name for name, test in found.drift.items() if test.alarm} == {"confidence"}
    again = watch(log.folder)
    assert {name: test.e for name, test in again.drift.items()} == {name: test.e for name, test in found.drift.items()}


def test_an_alarm_stops_acceptance_is_the_same_after_a_restart_and_ends_by_a_person(log):
    rows = [answer(i, audit=True) for i in range(6)]
    log.add_predictions(rows)
    running = watch(log.folder)
    assert running.accepting
    for number, row in enumerate(rows):
        said = word(number, row.prediction, right=False)
        log.add_correction(said)
        running.corrected(said)
    assert not running.accepting
    assert not Watch(log.folder, ADAPTER, agreed=0.05, alpha=0.05, held=None).accepting  # with the hold-out's file damaged, too
    again = watch(log.folder)
    assert again.error.e == running.error.e > 20
    log.add_lifted(Lifted(at=AT + timedelta(hours=1), adapter="another one", because="x"))
    running.reread()
    assert not running.accepting
    log.add_lifted(Lifted(at=AT + timedelta(hours=1), adapter=ADAPTER, because="the pictures were missing"))
    running.reread()
    assert running.accepting
    assert running.error.count == watch(log.folder).error.count == 0
    fresh = [answer(100 + i, audit=True) for i in range(6)]
    log.add_predictions(fresh)
    running.answered(fresh)
    for number, row in enumerate(fresh):
        running.corrected(word(100 + number, row.prediction, right=False))
    assert not running.accepting


def test_the_queue_shows_audits_blind_then_the_hardest_and_nothing_that_was_judged(log):
    day = 86_400 * 400  # within the last days, whenever the test runs
    rows = [
        answer(day, decision="review", confidence=0.4),
        answer(day + 1, decision="review", confidence=0.2, text="=1+1"),
        answer(day + 2, audit=True, confidence=0.99),
        answer(day + 3),
        answer(day + 4, decision="review", confidence=0.1),
    ]
    log.add_predictions(rows)
    log.add_correction(word(0, rows[4].prediction, right=True))
    assert [row.id for row in to_review(log.folder, 1000, {})] == [f"p{day + 2}", f"p{day + 1}", f"p{day}"]
    lines = queue_csv(log.folder, 1000, NAMES).removeprefix("\ufeff").splitlines()
    assert lines[0] == "prediction,id,problem,client,at,why,label,name,confidence,set,right_label"
    assert lines[1].endswith(",audit,,,,,")
    assert ",'=1+1," in lines[2]
    assert lines[3].endswith(",review,a,A,0.4000,a,")


@pytest.mark.parametrize(("mode", "unit"), [("paired", "problem"), ("split", "problem"), ("split", "client")])
def test_who_answers_in_a_comparison(mode, unit):
    arms = Arms(started(mode, unit), {}, "b")
    drawn = {(text, client): arms.of(f"{text} + 1은?", client) for text in range(60) for client in ("", "x", "y", "z")}
    if mode == "paired":
        assert set(drawn.values()) == {"b"}
    elif unit == "problem":
        assert {drawn[text, "x"] == drawn[text, "y"] for text in range(60)} == {True}
        assert 15 < sum(drawn[text, ""] == "a" for text in range(60)) < 45
    else:
        assert all(len({drawn[text, client] for text in range(60)}) == 1 for client in ("x", "y", "z"))
        assert {drawn[text, ""] for text in range(60)} == {"b"}  # nobody to draw: the adapter in use


def test_where_two_adapters_differ_both_labels_are_shown_without_names(log):
    begin(log.folder, started("paired", "problem"))
    rows = [answer(86_400 * 400 + i) for i in range(40)]
    log.add_predictions(rows)
    more = {"at": AT, "arm": "b", "probability": 0.5, "adapter": "bbb", "round": 2}
    log.add_seconds([SecondAnswer(prediction=row.prediction, label="a" if i < 5 else "b", **more) for i, row in enumerate(rows)])
    lines = queue_csv(log.folder, 1000, NAMES).splitlines()[1:]
    assert len(lines) == 35
    shown = {tuple(line.split(",")[5:8]) for line in lines}
    assert shown == {("compare", "a | b", "더하기 | 빼기"), ("compare", "b | a", "빼기 | 더하기")}


def started(mode: str, unit: str) -> Started:
    a, b = (Adapter(round=i, adapter=name) for i, name in enumerate((ADAPTER, "bbb"), 1))
    return Started(id="c1", at=AT, a=a, b=b, mode=mode, unit=unit, alpha=0.05, because="x")

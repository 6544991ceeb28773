"""Why an answer that was read is not on an Argilla any more: by the bundled server's log, and without a log by what is still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feedback.survey import Comparison, Survey
from prefopt.protocols import Absence, Held, Why
from prefopt.records import Ranking, Receipt

START = datetime(2026, 11, 27, 9, tzinfo=UTC)
RECEIPTS = [Receipt(slate_id=f"s-{n}", source="argilla", dataset="d", record=f"r-{n}") for n in range(3)]
NAMES = {"u-kim": "kim", "u-lee": "lee"}


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def answer(slate: int, teacher: str, minute: float, first: int = 1) -> Ranking:
    ranks = {"a": first, "b": 3 - first}
    return Ranking(slate_id=f"s-{slate}", teacher=teacher, kind="ranked", ranks=ranks, submitted_at=at(minute))


def compared(
    held: Sequence[Ranking],
    given: Sequence[Ranking],
    *,
    drafts: Sequence[Ranking] = (),
    names: Mapping[str, str] = NAMES,
    history: Mapping[str, Any] | None = None,
    seen: Mapping[str, Any] | None = None,
    active: float = 90,
    **known: Any,
) -> Comparison:
    """A reading of a server; its last activity in the dataset was at the minute `active`."""
    ids = {name: id for id, name in names.items()}
    records = {
        r.slate_id: {
            "id": r.record,
            "responses": [
                {"user_id": ids[g.teacher], "status": status, "updated_at": g.submitted_at and g.submitted_at.isoformat()}
                for status, rows in (("submitted", given), ("draft", drafts))
                for g in rows
                if g.slate_id == r.slate_id
            ],
        }
        for r in RECEIPTS
    }
    dataset = {"id": "d-1", "last_activity_at": at(active).isoformat()}
    before = {"dataset": "d-1", "last_activity_at": at(60).isoformat(), "accounts": NAMES} if seen is None else seen
    return Comparison(Survey(RECEIPTS, dataset, records, names, history), given, Held(held, seen=before, **known))


def log(*gone: tuple[int, str, str, float], goes_on: bool | None = True, since: float = 0) -> dict[str, Any]:
    """The log of a bundled server: (slate, teacher, what, minute) of each answer that was taken away."""
    rows = [{"record": f"r-{n}", "user": f"u-{name}", "what": what, "at": at(m).isoformat(), "by": ""} for n, name, what, m in gone]
    return {"since": at(since).isoformat(), "number": 9, "mark": "m", "epoch": "e", "restored_at": None, "goes_on": goes_on, "gone": rows}


LOGGED = {"number": 5, "mark": "k", "accounts": NAMES}


def whys(found: Comparison) -> dict[tuple[str, str], Why]:
    return {key: absence.why for key, absence in found.absent.items()}


@pytest.mark.parametrize(
    ("history", "seen", "why"),
    [
        (log((0, "kim", "deleted", 70)), LOGGED, "taken_back"),
        (log((0, "kim", "deleted", -900)), LOGGED, "taken_back"),  # the clock was moved back: the log says what came last
        (log((0, "kim", "deleted", 10), goes_on=False), LOGGED, "lost"),  # of an earlier answer
        (log((0, "kim", "deleted", 10)), {**LOGGED, "older": True}, "lost"),  # as above, at the next reading
        (log((0, "kim", "deleted", 70), goes_on=False), LOGGED, "taken_back"),  # after the restore
        (log((0, "kim", "account", 70)), LOGGED, "account_deleted"),  # and another one of that name was made
        (log(), LOGGED, "lost"),
        (log(goes_on=None, since=10), {}, "lost"),  # the first reading with a log that has seen the answer
        (log(goes_on=None, since=40), {}, "unknown"),
    ],
)
def test_what_the_log_proves(history: dict[str, Any], seen: dict[str, Any], why: Why) -> None:
    assert whys(compared([answer(0, "kim", 20)], [], history=history, seen=seen)) == {("s-0", "kim"): why}


def test_an_earlier_version_never_replaces_the_one_that_was_read() -> None:
    held, earlier = answer(0, "kim", 20), answer(0, "kim", 10, first=2)
    for history, seen in ((None, {}), (log(goes_on=False), LOGGED), (log(), {**LOGGED, "older": True})):
        found = compared([held], [earlier], history=history, seen=seen)
        assert (found.rankings, whys(found), found.is_lacking) == ([], {("s-0", "kim"): "lost"}, True)
    moved_clock = compared([held], [earlier], history=log(), seen=LOGGED)
    assert (moved_clock.rankings, moved_clock.absent, moved_clock.is_older) == ([earlier], {}, False)


def test_an_answer_that_was_taken_back_does_not_return_with_an_older_server() -> None:
    gone = answer(0, "kim", 20)
    found = compared([], [gone], history=log(goes_on=False), seen=LOGGED, taken_back={("s-0", "kim"): gone})
    assert (found.rankings, found.is_older) == ([], True)
    again = answer(0, "kim", 95)
    assert compared([], [again], history=log(), seen={**LOGGED, "older": True}, taken_back={("s-0", "kim"): gone}).rankings == [again]


def test_without_a_log_a_later_answer_that_was_read_is_the_proof() -> None:
    held = [answer(0, "kim", 20), answer(1, "lee", 30), answer(2, "lee", 40)]
    assert whys(compared(held, [held[1], held[2]])) == {("s-0", "kim"): "taken_back"}
    new = answer(0, "lee", 80)
    assert whys(compared(held, [held[0], new], active=80)) == {("s-1", "lee"): "unknown", ("s-2", "lee"): "unknown"}
    absent = {("s-2", "lee"): Absence("unknown")}
    later = compared([held[0], held[2], new], [held[0], new], active=80, absent=absent)
    assert whys(later) == {("s-2", "lee"): "unknown"}, "what came after its loss proves nothing"


def test_without_a_log_a_deletion_may_be_the_last_thing_that_happened() -> None:
    held = [answer(0, "kim", 20), answer(1, "lee", 30)]
    assert whys(compared(held[:1], [])) == {("s-0", "kim"): "taken_back"}
    assert whys(compared(held[:1], [], active=60)) == {("s-0", "kim"): "unknown"}, "nothing happened since the last reading"
    assert whys(compared(held, [])) == {("s-0", "kim"): "unknown", ("s-1", "lee"): "unknown"}, "of several teachers at once"
    assert not compared(held[:1], []).absent["s-0", "kim"].certain


def test_without_a_log_an_earlier_last_activity_is_an_older_server() -> None:
    held = [answer(0, "kim", 20), answer(1, "lee", 30)]
    found = compared(held, [held[0]], active=25)
    assert (whys(found), found.is_lacking, found.seen["older"]) == ({("s-1", "lee"): "lost"}, True, True)


@pytest.mark.parametrize(("minute", "why"), [(70, "taken_back"), (10, "lost")])
def test_a_draft_takes_an_answer_back_only_if_it_is_later(minute: float, why: Why) -> None:
    held, draft = answer(0, "kim", 20), answer(0, "kim", minute)
    assert whys(compared([held], [], drafts=[draft])) == {("s-0", "kim"): why}


def test_accounts_that_are_gone_made_again_or_renamed() -> None:
    held = [answer(0, "kim", 20)]
    assert whys(compared(held, [], names={"u-lee": "lee"})) == {("s-0", "kim"): "account_deleted"}
    assert whys(compared(held, [], names={"u-new": "kim"})) == {("s-0", "kim"): "account_deleted"}
    renamed = compared(held, [answer(0, "kim2", 20)], names={"u-kim": "kim2"})
    assert renamed.absent == {("s-0", "kim"): Absence("renamed", by="kim2")}


def test_a_slate_that_was_deleted_and_published_again_keeps_its_answers() -> None:
    receipts = [Receipt(slate_id="s-0", source="argilla", dataset="d", record="an-earlier-record")]
    survey = Survey(receipts, {"id": "d-1"}, {"s-0": {"id": "r-0", "responses": []}}, NAMES)
    found = Comparison(survey, [], Held([answer(0, "kim", 20)]))
    assert whys(found) == {("s-0", "kim"): "slate_deleted"}

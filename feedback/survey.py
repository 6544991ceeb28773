"""Everything that one reading of Argilla's dataset finds, and what it says of answers that were read before and are not there now.

The bundled server keeps a log of its answers (feedback/server/history.py): there an answer was taken back if the log says so, and is lost
otherwise. Another server has no log. What it still shows of the time before then decides: an answer that was read later than a missing one
and is still there proves that the server was not put back to a state before either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from feedback.mapping import aware, record_id
from prefopt.protocols import Absence, AnswerKey, Held
from prefopt.records import Ranking, Receipt

NAMELESS = "user-"
"""Begins the name of an account that the server no longer lists."""


@dataclass(frozen=True)
class Survey:
    """A dataset with its records and responses, the accounts, and the server's log of answers where it has one."""

    receipts: Sequence[Receipt]
    dataset: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    """By external id."""
    names: Mapping[str, str]
    """User id -> user name."""
    history: Mapping[str, Any] | None = None
    """As feedback/server/history.py answers; None where the server keeps no log."""

    @cached_property
    def deleted(self) -> tuple[str, ...]:
        """Ids of the published slates whose records are gone."""
        return tuple(receipt.slate_id for receipt in self.receipts if record_id(receipt.slate_id) not in self.records)

    def responses(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(slate id, teacher, response) of every response to the published slates."""
        for receipt in self.receipts:
            for response in (self.records.get(record_id(receipt.slate_id)) or {}).get("responses") or []:
                user = str(response["user_id"])
                yield receipt.slate_id, self.names.get(user, f"{NAMELESS}{user[:8]}"), response

    @property
    def seen(self) -> dict[str, Any]:
        """What the next reading needs to know of this one."""
        marks = {key: self.history[key] for key in ("number", "mark", "epoch")} if self.history else {}
        return {
            "dataset": str(self.dataset["id"]),
            "last_activity_at": self.dataset.get("last_activity_at"),
            "accounts": dict(self.names),
            "taken_back": [row for row in (self.history or {}).get("gone", ()) if row["what"] != "account"],
            **marks,
        }


class Comparison:
    """One reading against what was read before.

    Args:
        survey: the reading.
        rankings: its answers.
        held: what was read before.
    """

    def __init__(self, survey: Survey, rankings: Sequence[Ranking], held: Held) -> None:
        self._survey, self._held = survey, held
        self._given = {(r.slate_id, r.teacher): r for r in rankings}
        self._known = {(r.slate_id, r.teacher): r for r in held.answers}
        self._receipts = {receipt.slate_id: receipt for receipt in survey.receipts}
        self._ids = {name: id for id, name in survey.names.items()}
        self._responses = {(slate_id, teacher): response for slate_id, teacher, response in survey.responses()}

    @cached_property
    def is_older(self) -> bool:
        """Whether the server is known to be in an earlier state than one that was read, now or at an earlier reading."""
        history, seen = self._survey.history, self._held.seen
        if seen.get("older") or self._returned:
            return True
        if history is not None and history["goes_on"] is not None:
            return not history["goes_on"]
        before, after = aware(seen.get("last_activity_at")), aware(self._survey.dataset.get("last_activity_at"))
        same = seen.get("dataset") == str(self._survey.dataset["id"])
        return bool(same and before and after and after < before) or any(
            self._is_earlier(key) for key in self._given.keys() & self._known.keys()
        )

    @property
    def is_lacking(self) -> bool:
        """Whether it is to be said that the server is older: when that is found, and as long as it lacks an answer."""
        return self.is_older and (not self._held.seen.get("older") or any(absence.why == "lost" for absence in self.absent.values()))

    @property
    def restored_at(self) -> datetime | None:
        """When a backup was last restored, where the server knows it."""
        return aware((self._survey.history or {}).get("restored_at"))

    @cached_property
    def rankings(self) -> list[Ranking]:
        """The answers that are there, without earlier versions of those that are held and without those that were taken back later."""
        dropped = {*self._returned, *self._earlier}
        return [ranking for key, ranking in self._given.items() if key not in dropped]

    @cached_property
    def absent(self) -> dict[AnswerKey, Absence]:
        """Why answers that are held are not among `rankings`."""
        missing = {key: self._why(key, ranking) for key, ranking in self._known.items() if key not in self._given}
        return missing | {key: Absence("lost") for key in self._earlier}

    @property
    def seen(self) -> dict[str, Any]:
        """What the next reading needs to know."""
        seen = self._survey.seen
        lost = [row for row in self._held.seen.get("taken_back", ()) if self._key_of(row) in self._returned]
        return seen | {"taken_back": [*seen["taken_back"], *lost]} | ({"older": True} if self.is_older else {})

    @cached_property
    def _returned(self) -> list[AnswerKey]:
        """Answers that were taken back and are there again as they were: only an earlier state of the server has them."""
        known = [key for key, gone in self._held.taken_back.items() if key in self._given and _same_submission(gone, self._given[key])]
        logged = {self._key_of(row): aware(row["at"]) for row in self._held.seen.get("taken_back", ())}
        return [*known, *(key for key, at in logged.items() if key not in known and key in self._given and self._was_before(key, at))]

    def _was_before(self, key: AnswerKey, at: datetime | None) -> bool:
        """Whether an answer that is there was saved before a moment, and the log does not go on to that moment."""
        saved = self._given[key].submitted_at
        return saved is not None and at is not None and saved < at and not self._is_continuous

    def _key_of(self, row: Mapping[str, Any]) -> AnswerKey:
        """Slate and teacher of a row of the log; of a slate or an account that is gone, its id."""
        return self._slates.get(row["record"], str(row["record"])), self._survey.names.get(row["user"], str(row["user"]))

    @cached_property
    def _slates(self) -> dict[str, str]:
        """Record id -> slate id."""
        return {receipt.record: receipt.slate_id for receipt in self._survey.receipts}

    @cached_property
    def _earlier(self) -> list[AnswerKey]:
        """Answers of which an earlier version than the one that was read is there."""
        return [key for key in self._given.keys() & self._known.keys() if self.is_older and self._is_earlier(key)]

    def _is_earlier(self, key: AnswerKey) -> bool:
        """Whether the server's answer was saved before the one that was read. Where the log goes on, the clock was moved instead."""
        now, before = self._given[key].submitted_at, self._known[key].submitted_at
        return not self._is_continuous and now is not None and before is not None and now < before

    def _why(self, key: AnswerKey, ranking: Ranking) -> Absence:
        slate_id, teacher = key
        record, receipt = self._survey.records.get(record_id(slate_id)), self._receipts.get(slate_id)
        if record is None or receipt is None or str(record["id"]) != receipt.record:  # deleted, or deleted and made again
            return Absence("slate_deleted")
        before = {name: id for id, name in dict(self._held.seen.get("accounts", {})).items()}.get(teacher)
        account = self._ids.get(teacher)
        rows = [self._logged.get((str(record["id"]), str(id))) for id in (account, before)]
        logged = [row for row in rows if row is not None and self._is_about(row, ranking)]
        if any(row["what"] != "account" for row in logged):
            return next(Absence("taken_back", aware(row["at"]), str(row["by"])) for row in logged if row["what"] != "account")
        if logged or account is None or (before is not None and before != account):
            name = self._survey.names.get(before, teacher) if before is not None else teacher
            return Absence("account_deleted") if name == teacher else Absence("renamed", by=name)
        if key in self._held.absent and self._held.absent[key].why in ("lost", "unknown"):
            return self._held.absent[key]
        return Absence("lost") if self._is_logged(ranking) else self._guessed(key, ranking)

    @cached_property
    def _logged(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """(record id, user id) -> what the log says of an answer that was taken away."""
        return {(row["record"], row["user"]): row for row in (self._survey.history or {}).get("gone", ())}

    def _is_about(self, row: Mapping[str, Any], ranking: Ranking) -> bool:
        """Whether a row of the log is about this answer, and not about one that was given and taken back before it."""
        at, saved = aware(row["at"]), ranking.submitted_at
        return self._is_continuous or at is None or saved is None or saved <= at

    @cached_property
    def _is_continuous(self) -> bool:
        """Whether the log goes on from all that was read: then what it says is later than that, whatever the clock says."""
        return bool((self._survey.history or {}).get("goes_on")) and not self._held.seen.get("older")

    def _is_logged(self, ranking: Ranking) -> bool:
        """Whether the log goes back to a time when the answer was there."""
        if self._survey.history is None:
            return False
        since = aware(self._survey.history["since"])
        return "number" in self._held.seen or bool(since and ranking.submitted_at and since <= ranking.submitted_at)

    def _guessed(self, key: AnswerKey, ranking: Ranking) -> Absence:
        """What can be known without a log."""
        draft, saved = self._responses.get(key), ranking.submitted_at
        if draft is not None:  # in its place: saved later, it is the same teacher's last word
            moment = aware(draft.get("updated_at") or draft.get("inserted_at"))
            later = moment is None or saved is None or moment >= saved
            return Absence("taken_back", moment) if later and not self.is_older else Absence("lost")
        if self.is_older:
            return Absence("lost")
        if saved is not None and self._witness is not None and saved < self._witness:
            return Absence("taken_back", certain=False)
        return Absence("taken_back", certain=False) if self._was_deleted_last and self._vanished == {key[1]} else Absence("unknown")

    @cached_property
    def _witness(self) -> datetime | None:
        """When the last of the answers was saved that was read before and is there unchanged."""
        kept = (r.submitted_at for key, r in self._known.items() if key in self._given and _same_submission(r, self._given[key]))
        return max((moment for moment in kept if moment is not None), default=None)

    @cached_property
    def _was_deleted_last(self) -> bool:
        """Whether the last thing that happened in the dataset since the reading before left no response: somebody deleted one."""
        before, last = aware(self._held.seen.get("last_activity_at")), aware(self._survey.dataset.get("last_activity_at"))
        if before is None or last is None or last <= before:
            return False
        moments = [aware(response.get("updated_at") or response.get("inserted_at")) for response in self._responses.values()]
        return all(moment is None or (last - moment).total_seconds() > 1 for moment in moments)

    @cached_property
    def _vanished(self) -> set[str]:
        """Teachers of whom answers are missing since the reading before."""
        return {key[1] for key in self._known.keys() - self._given.keys() if key not in self._held.absent}


def _same_submission(first: Ranking, second: Ranking) -> bool:
    return first.submitted_at is not None and first.submitted_at == second.submitted_at and first.ranks == second.ranks

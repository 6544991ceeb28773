"""Repair the bundled server's database: keep every row that is as it was written, and find the others again where that can be done.

A digest (feedback/server/digests.py) says what each row was, so a row counts as found exactly if it has that digest: with one bit flipped
back, or from a backup. An answer or a record that is found nowhere exactly is taken from the files of its round; anything else as it was in
the newest backup. The result is a new database; the damaged one is kept.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feedback.repair_log import replay
from feedback.repair_schema import readable
from feedback.repair_sources import BackupRows, Kept, Values, flipped_back, read_definitions, record_of, response_of, salvage, text
from feedback.server import digests
from prefopt.errors import FeedbackError

LAST = ("records", "responses")
"""Tables that are put right after all others: a response is named by its record and its user."""


@dataclass(frozen=True)
class Fix:
    """One row that was damaged."""

    what: str
    """e.g. "answer of kim to s-001"."""
    how: str
    """Where it was found; empty if it is lost."""
    exact: bool = False
    """Whether its digest proves that it is what was written."""
    table: str = ""
    key: str = ""


@dataclass
class Plan:
    """What a repair finds and what it will do."""

    damages: list[digests.Damage]
    definitions: dict[str, Values] = field(default_factory=dict)
    """(type, name, table, SQL), by "type/name"."""
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, dict[str, Values]] = field(default_factory=dict)
    """Table -> key -> values."""
    fixes: list[Fix] = field(default_factory=list)

    @property
    def lost(self) -> list[Fix]:
        """Rows that are found nowhere; they are left out."""
        return [fix for fix in self.fixes if not fix.how]

    @property
    def lines(self) -> list[str]:
        """What was found, in words: the damage, then each row with where it is from."""
        counts = Counter("lost" if not fix.how else "exact" if fix.exact else "not proven" for fix in self.fixes)
        shown = [f"damaged: {digests.in_words(self.damages)}"]
        shown += [f"  {fix.what}: {fix.how or 'LOST, it is left out'}{', exact' if fix.exact else ''}" for fix in self.fixes]
        if not self.fixes:
            return [*shown, "every row that can be read is kept; the indices are made again"]
        return [*shown, f"rows: {counts['exact']} exact, {counts['not proven']} not proven to be what was written, {counts['lost']} lost"]

    @property
    def is_exact(self) -> bool:
        """Whether every row of the result is proven to be what was written."""
        return all(fix.exact for fix in self.fixes)

    def named(self, table: str, key: str) -> dict[str, Any]:
        """A row of the result by column; {} if there is none."""
        return dict(zip(self.columns.get(table, ()), self.rows.get(table, {}).get(key, ()), strict=False))

    def name_of(self, table: str, key: str, values: Values | None) -> str:
        """A row in words."""
        if table == digests.SCHEMA:
            return f"definition of the {key.replace('/', ' ')}"
        row = dict(zip(self.columns.get(table, ()), values or (), strict=False))
        if table == "responses" and row:
            return f"answer of {self._cell('users', row.get('user_id'), 'username')} to {self._slate(row.get('record_id'))}"
        shown = {"records": "external_id", "users": "username"}.get(table, "name")
        return f"{table.rstrip('s')} {text(row[shown])}" if row.get(shown) else f"{table.rstrip('s')} {key}"

    def _slate(self, record: Any) -> str:
        return self._cell("records", record, "external_id")

    def _cell(self, table: str, key: Any, column: str) -> str:
        row = self.named(table, text(key))
        return text(row[column]) if row.get(column) is not None else f"{text(key)}, which is lost"


def plan(database: Path, backups: BackupRows, rounds: Sequence[Kept]) -> Plan:
    """Read what can be read of a database, and find the rest.

    Args:
        database: a copy that may be changed, with its log beside it; no other process has it open.
        backups: of the same server.
        rounds: of the project.

    Raises:
        FeedbackError: neither the database nor a backup says which tables there are.
    """
    log = database.with_name(f"{database.name}-wal")
    of_log = [digests.Damage(fault)] if (fault := digests.log_fault(log)) else []
    if of_log:
        replay(database, log)
    result = Plan([*of_log, *digests.inspect(database)])
    try:
        aside = readable(database, backups)
        with closing(digests.connect(database)) as connection:
            _fill(result, connection, aside, backups, rounds)
    except digests.UNREADABLE as error:
        raise FeedbackError(
            f"{database.name} cannot be repaired: {error}",
            hint="`prefopt argilla restore` lists the backups; rounds keep what they collected",
        ) from None
    return result


def _fill(result: Plan, connection: sqlite3.Connection, aside: dict[str, Values], backups: BackupRows, rounds: Sequence[Kept]) -> None:
    stored: dict[tuple[str, str], bytes] | None = None
    if digests.is_sealed(connection):
        try:
            stored = digests.expected(connection)
        except digests.UNREADABLE:
            result.fixes.append(Fix("the digests of all rows", "computed again: nothing proves that the rows are what was written"))

    def wanted(table: str) -> dict[str, bytes] | None:
        if stored is None:
            return None
        kinds = {
            kind for kind, _ in stored if kind == table or _bits_between(kind.encode(), table.encode()) == 1
        }  # a damaged name of the kind
        return {key: value for (kind, key), value in stored.items() if kind in kinds}

    _Table(result, digests.SCHEMA, wanted(digests.SCHEMA), backups, rounds).settle(
        {**aside, **read_definitions(connection)}, result.definitions
    )
    for key, row in aside.items():
        if stored is not None and stored.get((digests.SCHEMA, key)) == digests.digest(digests.SCHEMA, *row):
            result.fixes.append(Fix(result.name_of(digests.SCHEMA, key, row), "put back as it was", True, digests.SCHEMA, key))
    names = digests.tables(connection)
    for table in sorted(names, key=lambda name: LAST.index(name) if name in LAST else -1):
        result.columns[table], names_of_key = digests.columns(connection, table)
        known = wanted(table)
        found, is_whole = salvage(connection, table, names_of_key, list(known or ()))
        _Table(result, table, known, backups, rounds).settle(found, result.rows.setdefault(table, {}), is_whole)
    if stored is None or any(fix.table == "responses" for fix in result.lost):
        _add_answers(result, rounds)
    for table in digests.own_tables(connection):
        result.columns[table], names_of_key = digests.columns(connection, table)
        result.rows[table] = salvage(connection, table, names_of_key, [])[0]


def _add_answers(result: Plan, rounds: Sequence[Kept]) -> None:
    """Add the answers that rounds have read and no row holds: their rows are beyond reading, or no digest says which rows there were."""
    users = {text(dict(zip(result.columns["users"], row, strict=True))["username"]): key for key, row in result.rows["users"].items()}
    rows = result.rows["responses"]
    present = {(row["record_id"], row["user_id"]) for row in (result.named("responses", key) for key in rows)}
    unnamed = [fix for fix in result.lost if fix.table == "responses" and fix.key and fix.what.endswith(fix.key)]
    for kept in rounds:
        for (record, teacher), ranking in kept.answers.items():
            user = users.get(teacher)
            place = (digests.Text(record.encode()), digests.Text((user or "").encode()))
            if user is None or record not in result.rows["records"] or place in present:
                continue
            moment = (ranking.submitted_at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            gone = unnamed.pop() if unnamed else None
            if gone is not None:
                result.fixes.remove(gone)
            row = {"id": gone.key if gone else uuid.uuid4().hex, "record_id": record, "user_id": user, "inserted_at": moment}
            row |= {"updated_at": moment} | (response_of(kept, record, teacher) or {})
            values = tuple(_stored(row.get(name)) for name in result.columns["responses"])
            rows[str(row["id"])] = values
            how = f"from the files of round {kept.name}"
            result.fixes.append(Fix(result.name_of("responses", str(row["id"]), values), how, table="responses"))


@dataclass
class _Table:
    """Puts the rows of one table right."""

    result: Plan
    table: str
    wanted: dict[str, bytes] | None
    """Key -> digest of each row that there should be; None if that is not known."""
    backups: BackupRows
    rounds: Sequence[Kept]

    def settle(self, found: dict[str, Values], rows: dict[str, Values], is_whole: bool = True) -> None:
        """Fill `rows` from the rows as they read now."""
        if self.wanted is None:
            self._without_digests(found, rows, is_whole)
            return
        doubtful: dict[str, Values] = {}
        missing = dict(self.wanted)
        for key, values in found.items():
            if missing.get(key) == digests.digest(self.table, *values):
                rows[key] = values
                del missing[key]
            elif key in missing or self.table != digests.SCHEMA:
                doubtful[key] = values
            else:
                rows[key] = values  # a definition that was added since the last start
        self._prove(doubtful, missing, rows)
        for key, wanted in missing.items():
            self._replace(key, wanted, doubtful.pop(key, None), rows)
        for key, values in doubtful.items():
            self._say(key, values, "")  # nobody wrote it: the rest of another row

    def _prove(self, doubtful: dict[str, Values], missing: dict[str, bytes], rows: dict[str, Values]) -> None:
        """Move rows that one flipped bit explains to `rows`."""
        for key, values in list(doubtful.items()):
            by_digest = {value: name for name, value in missing.items()}
            now = digests.digest(self.table, *values)
            if now in by_digest or (key in missing and _bits_between(now, missing[key]) == 1):
                right_key, right, how = by_digest.get(now, key), values, "its digest was damaged, not the row"
            elif (hit := flipped_back(self.table, values, by_digest)) is not None:
                right_key, right, how = by_digest[hit[0]], hit[1], "one bit had been flipped"
            else:
                continue
            rows[right_key] = right
            del doubtful[key], missing[right_key]
            self._say(right_key, right, how, exact=True)

    def _replace(self, key: str, wanted: bytes, read: Values | None, rows: dict[str, Values]) -> None:
        """Find a row that is not what it was: in a backup, in the round's files, as it was in an older backup, or as it reads."""
        if (exact := self.backups.exact(self.table, key, wanted)) is not None:
            rows[key] = exact[1]
            self._say(key, exact[1], f"from the backup {exact[0]}", exact=True)
            return
        older = self.backups.newest(self.table, key)
        base = read if read is not None and _fits(self.result, self.table, read) else older[1] if older else None
        for name, values in _from_rounds(self.result, self.table, key, base, self.rounds, is_older=base is not read):
            rows[key] = values
            proven = digests.digest(self.table, *values) == wanted
            self._say(key, values, f"from the files of round {name}", exact=proven)
            return
        if self.table == digests.SCHEMA:
            if not key.partition("/")[2].startswith("prefopt_"):  # the server adds those at its next start
                self._say(key, None, "")
        elif older is not None:
            rows[key] = older[1]
            self._say(key, older[1], f"as it was in the backup {older[0]}")
        elif read is not None and self.table not in LAST and _fits(self.result, self.table, read):
            rows[key] = read
            self._say(key, read, "as it reads now, which is not what was written: look at it")
        else:
            self._say(key, read, "")

    def _without_digests(self, found: dict[str, Values], rows: dict[str, Values], is_whole: bool) -> None:
        """Nothing says which rows there should be: what reads is kept, and rows of the newest backup that do not read are added."""
        rows.update(found)
        for key in self.backups.keys(self.table) if not is_whole else ():
            older = self.backups.newest(self.table, key)
            if key not in rows and older is not None:
                rows[key] = older[1]
                self._say(key, older[1], f"as it was in the backup {older[0]}")

    def _say(self, key: str, values: Values | None, how: str, *, exact: bool = False) -> None:
        self.result.fixes.append(Fix(self.result.name_of(self.table, key, values), how, exact, self.table, key))


def _from_rounds(
    result: Plan, table: str, key: str, base: Values | None, rounds: Sequence[Kept], *, is_older: bool
) -> Iterator[tuple[str, Values]]:
    """(round, values) of a row that a round's files give, on top of what is known of it: as it reads now, or from an older backup."""
    for kept in rounds:
        row = dict(zip(result.columns[table], base or (), strict=False))
        known = None
        if table == "records" and not row:  # all records of a round are of one dataset
            row = next((result.named(table, other) for other in kept.slates if other in result.rows[table]), {})
        if table == "records" and row:
            known = record_of(kept, key)
        elif table == "responses" and row:
            user = result.named("users", text(row["user_id"]))
            known = response_of(kept, text(row["record_id"]), text(user.get("username", "")))
        if known is not None:
            if table == "responses" and not is_older and _is_time(row.get("updated_at")):
                known.pop("updated_at", None)  # the row's own time is finer
            row |= known | {"id": key}
            yield kept.name, tuple(_stored(row[name]) for name in result.columns[table])


def _fits(result: Plan, table: str, values: Values) -> bool:
    """Whether a row that is not what was written can still be used as a whole: its texts are texts, and JSON is JSON."""
    for name, value in zip(result.columns.get(table, ()), values, strict=False):
        try:
            shown = value.decode() if isinstance(value, bytes) else value
            if name.endswith("_at") and not _is_time(value):
                return False
            if name in ("settings", "distribution", "allowed_roles") and isinstance(shown, str):
                json.loads(shown)
        except ValueError:
            return False
    return True


def _is_time(value: Any) -> bool:
    try:
        return bool(datetime.fromisoformat(text(value)))
    except ValueError:
        return False


def _stored(value: Any) -> Any:
    return digests.Text(value.encode()) if isinstance(value, str) else value


def _bits_between(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count() if len(one) == len(other) else 8 * len(one)

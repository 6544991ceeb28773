"""Where a repair of the bundled server's database finds rows again: the damaged row itself, verified backups, and the rounds' own files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from feedback.backups import DATABASE, fault, list_backups
from feedback.mapping import record_fields, record_id, record_metadata, response_values
from feedback.server import digests
from prefopt.domain import DomainSettings
from prefopt.errors import PrefoptError
from prefopt.io.jsonl import read_rows
from prefopt.io.sealed import read_sealed_lines
from prefopt.project.project import Project, Round
from prefopt.protocols import Question
from prefopt.records import Ranking, Receipt, Slate
from prefopt.taxonomy import Taxonomy, read_taxonomy

Values = tuple[Any, ...]
LONGEST = 200_000
"""Bytes of a row in which a flipped bit is looked for: about ten seconds at most."""


@dataclass(frozen=True)
class Kept:
    """What a round's files say about its dataset."""

    name: str
    """Of the round."""
    taxonomy: Taxonomy
    slates: Mapping[str, Slate]
    """Key of the record -> slate."""
    answers: Mapping[tuple[str, str], Ranking] = field(default_factory=dict)
    """(key of the record, user name) -> the last answer that the round read."""
    question: Question = "ranking"
    """What its teachers are asked."""
    domain: DomainSettings = DomainSettings()  # noqa: RUF009 - frozen
    card_fields: tuple[str, ...] = ()
    says_unknown: bool = True
    """Whether its form has an option to say that the right label is not known; forms of earlier versions have not."""


def kept_by_rounds(project: Project) -> list[Kept]:
    """What the rounds of a project published and read from Argilla; rounds whose files cannot be read are left out."""
    kept = []
    for rnd in project.rounds():
        try:
            if (found := _kept(rnd)) is not None:
                kept.append(found)
        except PrefoptError:
            continue
    return kept


def _kept(rnd: Round) -> Kept | None:
    published, shown = rnd.stage("publish") / "receipts.jsonl", rnd.stage("sample") / "slates.jsonl"
    if not published.exists() or not shown.exists():
        return None
    slates = {slate.id: slate for slate in read_rows(shown, Slate)}
    receipts = [receipt for receipt in read_rows(published, Receipt) if receipt.source == "argilla" and receipt.slate_id in slates]
    keys = {receipt.slate_id: receipt.record.replace("-", "") for receipt in receipts}
    answers: dict[tuple[str, str], Ranking] = {}
    log = rnd.folder / "answers.jsonl"
    for row in read_sealed_lines(log) if log.exists() else ():
        if not isinstance(row.values.get("answer"), dict):
            continue
        ranking = Ranking.model_validate(row.values["answer"])
        if ranking.slate_id in keys:
            place = (keys[ranking.slate_id], ranking.teacher)
            answers.pop(place, None)
            if row.values.get("what") in ("new", "changed"):
                answers[place] = ranking
    taxonomy = read_taxonomy(rnd.data_file("taxonomy"), rnd.config.read.options())
    shows, config = {key: slates[slate] for slate, key in keys.items()}, rnd.config
    return Kept(
        name=rnd.name,
        taxonomy=taxonomy,
        slates=shows,
        answers=answers,
        question=config.feedback.question,
        domain=config.domain,
        card_fields=config.feedback.card_fields,
        says_unknown="domain" in rnd.frozen,
    )


class BackupRows:
    """The rows of the verified backups of a home, newest first; read when they are first asked for."""

    def __init__(self, databases: Sequence[tuple[str, Path]]) -> None:
        self._databases = databases
        self._tables: dict[tuple[str, str], dict[str, Values]] = {}

    @classmethod
    def of(cls, home: Path) -> BackupRows:
        """Of all intact backups below a home."""
        return cls([(backup.folder.name, backup.folder / DATABASE) for backup in list_backups(home) if not fault(backup)])

    def exact(self, table: str, key: str, wanted: bytes) -> tuple[str, Values] | None:
        """The backup whose row has a digest, and the row."""
        for name, _ in self._databases:
            values = self._table(name, table).get(key)
            if values is not None and digests.digest(table, *values) == wanted:
                return name, values
        return None

    def newest(self, table: str, key: str) -> tuple[str, Values] | None:
        """The newest backup that has a row, and the row as it was then."""
        return next(((name, row) for name, _ in self._databases if (row := self._table(name, table).get(key)) is not None), None)

    def keys(self, table: str) -> Collection[str]:
        """Keys of a table in the newest backup."""
        return self._table(self._databases[0][0], table) if self._databases else ()

    def definitions(self) -> dict[str, Values]:
        """Definitions of tables, indices and triggers in the newest backup, by "type/name"."""
        if not self._databases:
            return {}
        with closing(digests.connect(self._databases[0][1], "ro&immutable=1")) as connection:
            return read_definitions(connection)

    def _table(self, name: str, table: str) -> dict[str, Values]:
        if (name, table) not in self._tables:
            with closing(digests.connect(dict(self._databases)[name], "ro&immutable=1")) as connection:
                known = table in digests.tables(connection)
                self._tables[name, table] = dict(digests.rows(connection, table)) if known else {}
        return self._tables[name, table]


def read_definitions(connection: sqlite3.Connection) -> dict[str, Values]:
    """(type, name, table, SQL) of each table, index and trigger, by "type/name". Raises sqlite3.Error."""
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    return {f"{text(row[0])}/{text(row[1])}": tuple(row) for row in found}


def flipped_back(table: str, values: Values, wanted: Collection[bytes]) -> tuple[bytes, Values] | None:
    """The row before one of its bits was flipped, if that gives one of the wanted digests; and that digest.

    Args:
        table: name of the table, a part of the digest.
        values: as they read now.
        wanted: digests of rows that are missing.
    """
    buffer = bytearray(digests.encoded((table, *values)))
    if len(buffer) > LONGEST:
        return None
    start = len(digests.encoded((table,)))
    for number, value in enumerate(values):
        part = digests.encoded((value,))
        if isinstance(value, bytes):
            first = start + len(part) - len(value)
            for bit in range(len(value) * 8):
                buffer[first + bit // 8] ^= 1 << bit % 8
                if (found := digests.hashed(buffer)) in wanted:
                    right = type(value)(buffer[first : first + len(value)])
                    return found, (*values[:number], right, *values[number + 1 :])
                buffer[first + bit // 8] ^= 1 << bit % 8
        elif isinstance(value, int):
            for bit in range(64):
                changed = (*values[:number], value ^ 1 << bit, *values[number + 1 :])
                if (found := digests.digest(table, *changed)) in wanted:
                    return found, changed
        start += len(part)
    return None


def response_of(kept: Kept, record: str, teacher: str) -> dict[str, Any] | None:
    """The columns of a response that a round's answer gives; None without an answer."""
    ranking = kept.answers.get((record, teacher))
    if ranking is None:
        return None
    values = response_values(kept.slates[record], ranking, kept.question, says_unknown=kept.says_unknown)
    columns: dict[str, Any] = {"status": "discarded" if ranking.kind == "discarded" else "submitted"}
    columns["values"] = json.dumps(values) if values else None
    if ranking.submitted_at is not None:
        columns["updated_at"] = ranking.submitted_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return columns


def record_of(kept: Kept, record: str) -> dict[str, Any] | None:
    """The columns of a record that a round's slate gives; None if the round did not publish it."""
    slate = kept.slates.get(record)
    if slate is None:
        return None
    fields, metadata = record_fields(slate, kept.taxonomy, kept.domain, kept.card_fields), record_metadata(slate)
    return {"fields": json.dumps(fields), "metadata": json.dumps(metadata), "external_id": record_id(slate.id)}


def salvage(connection: sqlite3.Connection, table: str, key: Sequence[str], known: Sequence[str]) -> tuple[dict[str, Values], bool]:
    """The rows of a table that can be read, and whether none is unreadable.

    Args:
        connection: of the damaged database.
        table: its name.
        key: columns of its primary key.
        known: keys of rows that there should be. They are looked up one by one where a page cannot be read.
    """
    found: dict[str, Values] = {}
    for clause in ("", "NOT INDEXED ORDER BY rowid", "NOT INDEXED ORDER BY rowid DESC"):
        try:
            for name, row in digests.rows(connection, table, clause):
                found[name] = row
        except digests.UNREADABLE:
            continue
        return found, True
    clause = "WHERE " + " AND ".join(f'"{name}" = ?' for name in key)
    for name in set(known) - set(found):
        try:
            found.update(digests.rows(connection, table, clause, name.split("/")))
        except digests.UNREADABLE:
            continue
    return found, False


def plain(values: Values) -> Values:
    """Values as they are given to SQLite."""
    return tuple(text(value) if isinstance(value, digests.Text) else value for value in values)


def text(value: Any) -> str:
    """A name or a definition as str; damaged text with replacement characters."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

"""Searching texts on the bundled server finds what a plain comparison finds, for words of any length, after changes and deletions."""

from __future__ import annotations

import json
import random
import sqlite3
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedback import bundled
from feedback.client import ArgillaClient, find_server
from feedback.environment import server_python

FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
LETTERS = "abABzZ가각수é%_\\'<3 "


class Texts:
    """A dataset of random texts, and what a search of it should find."""

    def __init__(self, owner: ArgillaClient, workspace: str) -> None:
        self.owner, self.chance = owner, random.Random(5)
        self.dataset = str(owner.request("POST", "/datasets", json={"name": "texts", "workspace_id": workspace})["id"])
        for name, kind in (("b", "text"), ("a", "custom"), ("c", "text")):
            settings = {"type": kind, **({"template": "x"} if kind == "custom" else {"use_markdown": False})}
            body = {"name": name, "title": name, "required": name == "b", "settings": settings}
            owner.request("POST", f"/datasets/{self.dataset}/fields", json=body)
        question = {"name": "q", "title": "q", "required": True, "settings": {"type": "text"}}
        owner.request("POST", f"/datasets/{self.dataset}/questions", json=question)
        owner.request("PUT", f"/datasets/{self.dataset}/publish")
        self.fields: dict[str, dict[str, Any]] = {}
        self.put({f"r{number}": self.some_fields() for number in range(60)})

    def some_text(self, most: int = 12) -> str:
        return "".join(self.chance.choices(LETTERS, k=self.chance.randint(1, most))).strip() or "가"

    def some_fields(self) -> dict[str, Any]:
        nested = {
            "cards": [
                {"name": self.some_text(), "rank": self.chance.randint(0, 40)},
                {"name": self.some_text(), "role": "가가가", "image": "가가가"},
            ]
        }
        fields = {"b": self.some_text(), "a": nested, "c": self.some_text()}
        return fields if self.chance.random() < 0.7 else {"b": fields["b"]}

    def put(self, fields: dict[str, dict[str, Any]]) -> None:
        items = [{"external_id": name, "fields": each} for name, each in fields.items()]
        self.owner.request("PUT", f"/datasets/{self.dataset}/records/bulk", json={"items": items})
        self.fields |= fields

    def drop(self, names: list[str]) -> None:
        ids = {record["external_id"]: record["id"] for record in self.owner.records(self.dataset)}
        self.owner.request("DELETE", f"/datasets/{self.dataset}/records", params={"ids": ",".join(str(ids[name]) for name in names)})
        for name in names:
            del self.fields[name]

    def found(self, words: str, field: str | None, offset: int = 0, limit: int = 100) -> tuple[list[str], int]:
        body = {"query": {"text": {"q": words, **({"field": field} if field else {})}}}
        reply = self.owner.request(
            "POST", f"/datasets/{self.dataset}/records/search", params={"limit": limit, "offset": offset}, json=body, repeatable=True
        )
        return sorted(item["record"]["external_id"] for item in reply["items"]), reply["total"]

    def expected(self, wanted: list[str], unwanted: list[str], field: str | None) -> list[str]:
        return sorted(
            name
            for name, fields in self.fields.items()
            if all(self.has(fields, word, field) for word in wanted) and not any(self.has(fields, word, field) for word in unwanted)
        )

    def has(self, fields: dict[str, Any], word: str, field: str | None) -> bool:
        searched = [fields.get(field)] if field else list(fields.values())
        return any(word.translate(FOLD) in leaf.translate(FOLD) for value in searched for leaf in leaves(value))


def leaves(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif value is not None and key not in ("role", "image"):
        yield str(value)


@pytest.fixture(scope="module")
def texts(argilla_project: Path) -> Iterator[Texts]:
    url, key = find_server(argilla_project)
    owner = ArgillaClient(url, key=key)
    made = Texts(owner, owner.ensure_workspace("prefopt"))
    yield made
    owner.request("DELETE", f"/datasets/{made.dataset}")


def test_words_of_any_length_in_any_field_before_and_after_changes(texts: Texts) -> None:
    for change in (None, "update", "delete"):
        if change == "update":
            texts.put({f"r{number}": texts.some_fields() for number in range(0, 60, 3)})
        if change == "delete":
            texts.drop([f"r{number}" for number in range(1, 60, 7)])
        for _ in range(25):
            words = [word for word in (texts.some_text(3).replace(" ", "") for _ in range(texts.chance.randint(1, 3))) if word]
            signs = [texts.chance.random() < 0.25 for _ in words]
            field = texts.chance.choice([None, None, "a", "b", "c"])
            query = " ".join(f'{"-" if minus else ""}"{word}"' for word, minus in zip(words, signs, strict=True))
            wanted = [word for word, minus in zip(words, signs, strict=True) if not minus]
            unwanted = [word for word, minus in zip(words, signs, strict=True) if minus]
            expected = texts.expected(wanted, unwanted, field)
            assert texts.found(query, field) == (expected, len(expected)), (change, query, field)


def test_the_number_found_is_right_on_every_page(texts: Texts) -> None:
    everything = texts.expected(["가"], [], None)
    pages = [texts.found("가", None, offset, 7) for offset in range(0, len(everything) + 8, 7)]
    assert sorted(name for page, _ in pages for name in page) == everything
    assert {total for _, total in pages} == {len(everything)}


def test_names_of_fields_and_marks_between_texts_are_not_found(texts: Texts) -> None:
    for word in ("cards", "rank", "가가가가", "\U0010fffe", "\U0010ffff", "x\U0010fffe"):
        assert texts.found(word, None)[1] == len(texts.expected([word], [], None))


def test_texts_that_are_out_of_step_are_made_again_at_the_start(argilla_project: Path, tmp_path: Path) -> None:
    """As after a version without them, or after a repair that renumbered the rows."""
    source = bundled.default_home(argilla_project) / "argilla.db"
    copy = tmp_path / "argilla.db"
    with sqlite3.connect(source) as read, sqlite3.connect(copy) as written:
        read.backup(written)
    ask = (
        "import json, sqlite3, sys, search_texts; c = sqlite3.connect(sys.argv[1]); print(json.dumps(search_texts.prepare(c))); c.commit()"
    )

    def prepare() -> bool:
        done = subprocess.run(
            [server_python(), "-c", ask, copy], cwd=bundled.SERVER, capture_output=True, text=True, check=True, env={"PYTHONPATH": "."}
        )
        return bool(json.loads(done.stdout))

    def content() -> list[Any]:
        with sqlite3.connect(copy) as db:
            return db.execute("SELECT * FROM prefopt_texts ORDER BY id").fetchall()

    assert not prepare(), "in step"
    whole = content()
    damages = ("DELETE FROM prefopt_texts WHERE id % 2", "UPDATE prefopt_texts SET record_id = 'x'", "DROP TABLE prefopt_texts")
    for damage in damages:
        with sqlite3.connect(copy) as db:
            db.execute(damage)
        assert prepare()
        assert content() == whole

"""Nothing that the server answers to a teacher depends on which card the model prefers.

The same slates are published twice, with the same cards in the same places, but with two different orders of preference. Every route that
the server describes, and searches with every scope that Argilla defines, are asked for both; the answers must be the same.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from feedback.client import ArgillaClient, find_server
from prefopt.records import Receipt, Slate
from tests.contract.desks import ArgillaDesk, make_slates

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")
ORDERS = ["".join(order) for order in itertools.permutations("0123")]
TEXTS = ("얼마입니까", "1+3", "0.97", "base", "세 자리 수", "각도")


def preferring(slates: list[Slate], turned: int) -> list[Slate]:
    """The same cards in the same places; the model's order of them is turned by so many places."""
    changed = []
    for slate in slates:
        shown = list(slate.shown)
        ranked = [shown[(i + turned) % len(shown)] for i in (2, 0, 3, 1)]
        ranked = [card.model_copy(update={"id": f"c{i}", "probability": (0.97, 0.01, 0.01, 0.01)[i]}) for i, card in enumerate(ranked)]
        labels = [card.answer.label for card in ranked]
        order = tuple(labels.index(card.answer.label) for card in shown)
        changed.append(slate.model_copy(update={"candidates": tuple(ranked), "order": order}))
    assert [[card.answer for card in slate.shown] for slate in changed] == [[card.answer for card in slate.shown] for slate in slates]
    return changed


class Server:
    """One teacher's view of one dataset, with ids, times and names replaced: what differs is what the dataset tells."""

    def __init__(self, desk: ArgillaDesk, name: str, slates: list[Slate], older: bool) -> None:
        desk.name = name
        self.name, self.slates = name, slates
        self.receipts: list[Receipt] = desk.source().publish(slates)
        url, key = find_server(desk.project)
        self.owner = ArgillaClient(url, key=key)
        workspace = self.owner.ensure_workspace("prefopt")
        dataset = self.owner.dataset(name, workspace)
        assert dataset is not None
        self.dataset = str(dataset["id"])
        if older:
            self._as_an_older_version_published_it()
        desk.rank("kim", slates[0], self.receipts[0], "1234")
        desk.none_right("kim", slates[1], self.receipts[1], "[6수04-01]")
        desk.rank("lee", slates[0], self.receipts[0], "4321")
        kim = desk.teachers["kim"]
        self.asks = httpx.Client(base_url=f"{url}/api/v1", headers=dict(kim._http.headers), timeout=60, trust_env=False)
        me = str(kim.get("/me")["id"])
        mine = kim.request("POST", f"/me/datasets/{self.dataset}/records/search?include=responses", json={})["items"]
        self.known = {
            "dataset_id": [self.dataset],
            "record_id": [receipt.record for receipt in self.receipts],
            "workspace_id": [workspace],
            "user_id": [me, *(id for id, user in self.owner.usernames().items() if user == "lee")],
            "metadata_property_id": [str(each["id"]) for each in self._of_owner("metadata-properties", "/me")],
            "field_id": [str(each["id"]) for each in self._of_owner("fields")],
            "question_id": [str(each["id"]) for each in self._of_owner("questions")],
            "response_id": [str(answer["id"]) for item in mine for answer in item["record"].get("responses") or []],
        }

    def _of_owner(self, what: str, prefix: str = "") -> list[dict[str, Any]]:
        return list(self.owner.get(f"{prefix}/datasets/{self.dataset}/{what}")["items"])

    def _as_an_older_version_published_it(self) -> None:
        """With the order of the cards as metadata that annotators are not shown."""
        settings = {"name": "order", "title": "order", "settings": {"type": "terms"}, "visible_for_annotators": False}
        self.owner.request("POST", f"/datasets/{self.dataset}/metadata-properties", json=settings)
        items = [
            {"id": receipt.record, "metadata": {"slate": slate.id, "order": "".join(map(str, slate.order))}}
            for slate, receipt in zip(self.slates, self.receipts, strict=True)
        ]
        found = {record["external_id"]: record for record in self.owner.records(self.dataset)}
        for item, slate in zip(items, self.slates, strict=True):
            item |= {"external_id": slate.id, "fields": found[slate.id]["fields"]}
        self.owner.request("PUT", f"/datasets/{self.dataset}/records/bulk", json={"items": items})
        assert all(record["metadata"]["order"] for record in self.owner.records(self.dataset))

    def ask(self, method: str, path: str, sequence: bool = False, **options: Any) -> tuple[int, str]:
        """Status and canonical text of a reply; `sequence`: the order of its records counts."""
        reply = self.asks.request(method, path, **options)
        text = reply.text
        if reply.headers.get("content-type", "").startswith("application/json"):
            value = reply.json()
            if not sequence and isinstance(value, dict) and isinstance(value.get("items"), list):
                value["items"].sort(key=lambda item: json.dumps(item.get("record", item).get("external_id") or item.get("name") or ""))
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        numbers: dict[str, str] = {}
        text = ID.sub(lambda match: numbers.setdefault(match[0], f"id-{len(numbers)}"), text.replace(self.name, "NAME"))
        return reply.status_code, TIME.sub("TIME", text)

    def paths(self, template: str) -> list[str]:
        """The path for every known value of its parameters; an unknown parameter gets a value that nothing has."""
        names = re.findall(r"\{(\w+)\}", template)
        values = [self.known.get(name, ["00000000-0000-4000-8000-000000000000"]) for name in names]
        return [template.format(**dict(zip(names, chosen, strict=True))) for chosen in itertools.product(*values)]


@pytest.fixture(params=["published now", "published by an older version"], scope="module")
def two(request: pytest.FixtureRequest, argilla_project: Path, teachers: dict[str, ArgillaClient]) -> Iterator[tuple[Server, Server]]:
    """The same pages; the model prefers other cards."""
    older = request.param != "published now"
    desk = ArgillaDesk(argilla_project, "blind", teachers)
    slates = make_slates(4)
    servers = [Server(desk, f"blind-{int(older)}-{turned}", preferring(slates, turned), older) for turned in (0, 1)]
    yield servers[0], servers[1]
    for server in servers:
        server.asks.close()
        server.owner.request("DELETE", f"/datasets/{server.dataset}")


def test_every_page_that_can_be_read_is_the_same(two: tuple[Server, Server]) -> None:
    description = two[0].owner.get("/openapi.json")["paths"]
    templates = [path for path, methods in description.items() if "get" in methods]
    assert len(templates) >= 20, "the server describes itself"
    # lists of everything name both datasets at once
    for template in (path for path in templates if path != "/me/datasets"):
        for suffix in ("", "?include=responses&include=suggestions&include=vectors", "?limit=2&offset=1"):
            first, second = ([server.ask("GET", path + suffix) for path in server.paths(template)] for server in two)
            assert first == second, template + suffix


def scopes() -> Iterator[dict[str, Any]]:
    for name in ("id", "external_id", "status", "inserted_at", "updated_at"):
        yield {"entity": "record", "property": name}
    for name in ("order", "slate", "unknown"):
        yield {"entity": "metadata", "metadata_property": name}
    yield {"entity": "response", "property": "status"}
    for question in ("verdict", "ranking", "right_label", "comment"):
        yield {"entity": "response", "question": question}
        for name in ("value", "score", "agent", "type"):
            yield {"entity": "suggestion", "question": question, "property": name}


VALUES = ["s-000", "s-002", "some", "none", "pending", "submitted", "completed", "a", "model", "base", "[6수04-01]"]


def searches(scope: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Filters and orders by one scope."""
    single = ORDERS[::4] if scope["entity"] == "metadata" else []
    for values in (*([value] for value in single), VALUES[:5], VALUES[5:], ORDERS[:12]):
        yield {"filters": {"and": [{"type": "terms", "scope": scope, "values": values}]}}
    if scope.get("property") != "id":  # ids are drawn by chance, so a range of them has records by chance
        yield {"filters": {"and": [{"type": "range", "scope": scope, "ge": 0.5, "le": 1.0}]}}
    for way in ("asc", "desc"):
        yield {"sort": [{"scope": scope, "order": way}]}


def test_every_filter_and_order_finds_the_same(two: tuple[Server, Server]) -> None:
    for scope in scopes():
        by_time = scope.get("property") in ("inserted_at", "updated_at") or scope["entity"] == "metadata"
        for body in searches(scope):
            path = "/me/datasets/{}/records/search?include=responses&include=suggestions"
            first, second = (server.ask("POST", path.format(server.dataset), by_time and "sort" in body, json=body) for server in two)
            assert first == second, body
            if scope["entity"] == "metadata":
                assert first[0] in (403, 422), "hidden from a teacher, so neither filtered nor sorted by"


def test_every_text_and_other_ways_to_search(two: tuple[Server, Server]) -> None:
    bodies: list[dict[str, Any]] = [{"query": {"text": {"q": text}}} for text in (*TEXTS, *ORDERS[:4])]
    bodies += [{"query": {"text": {"q": text, "field": field}}} for text in TEXTS for field in ("problem", "candidates", "order")]
    bodies += [{"query": {"vector": {"name": "v", "value": [0.1]}}}, {}]
    for body in bodies:
        for path in ("/me/datasets/{}/records/search", "/datasets/{}/records/search"):
            assert two[0].ask("POST", path.format(two[0].dataset), json=body) == two[1].ask("POST", path.format(two[1].dataset), json=body)


def test_a_record_shows_a_teacher_neither_hidden_metadata_nor_the_answers_of_others(two: tuple[Server, Server]) -> None:
    server = two[0]
    record = server.asks.get(f"/records/{server.receipts[0].record}").json()
    assert record["metadata"] == {}
    me = server.asks.get("/me").json()["id"]
    assert [answer["user_id"] for answer in record["responses"]] == [me]
    assert len(server.owner.get(f"/records/{server.receipts[0].record}")["responses"]) == 2, "the owner sees them all"


def test_the_queue_comes_in_the_order_of_publishing_which_is_drawn_by_chance(two: tuple[Server, Server]) -> None:
    body = {"sort": [{"scope": {"entity": "record", "property": "inserted_at"}, "order": "asc"}]}
    for server in two:
        reply = server.asks.post(f"/me/datasets/{server.dataset}/records/search", json=body).json()
        assert [item["record"]["external_id"] for item in reply["items"]] == [slate.id for slate in server.slates]

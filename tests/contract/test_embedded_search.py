"""The bundled server's own search engine, asked over the same requests as the page's: queues, words, filters, orders and progress."""

from __future__ import annotations

from typing import Any

import pytest
from desks import ArgillaDesk, make_slates

from feedback.client import ArgillaClient, find_server
from prefopt.records import Receipt, Slate


@pytest.fixture
def asked(argilla_desk: ArgillaDesk) -> tuple[list[Slate], list[Receipt], str]:
    """Twelve published slates, and the id of their dataset."""
    slates = make_slates(12)
    receipts = argilla_desk.source(overlap=2).publish(slates)
    url, key = find_server(argilla_desk.project)
    owner = ArgillaClient(url, key=key)
    dataset = owner.dataset(argilla_desk.name, owner.ensure_workspace("prefopt"))
    assert dataset is not None
    return slates, receipts, str(dataset["id"])


def search(teacher: ArgillaClient, dataset: str, limit: int = 50, offset: int = 0, **body: Any) -> tuple[list[str], int]:
    """Our ids of the records found, in the order given, and their total number."""
    path = f"/me/datasets/{dataset}/records/search"
    reply = teacher.request("POST", path, params={"limit": limit, "offset": offset}, json=body)
    return [item["record"]["external_id"] for item in reply["items"]], reply["total"]


def where(entity: str, name: str, *values: str, question: str | None = None) -> dict[str, Any]:
    scope = {"entity": entity, "question": question} if question else {"entity": entity, "property": name}
    return {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(values)}]}}


def test_a_teachers_queue_holds_what_they_have_not_answered(
    argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]
) -> None:
    slates, receipts, dataset = asked
    kim, lee = argilla_desk.teachers["kim"], argilla_desk.teachers["lee"]
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    argilla_desk.discard("kim", slates[1], receipts[1])
    argilla_desk.draft("kim", slates[2], receipts[2])
    assert sorted(search(kim, dataset, **where("response", "status", "pending"))[0]) == [slate.id for slate in slates[3:]]
    assert search(kim, dataset, **where("response", "status", "draft"))[0] == ["s-002"]
    assert sorted(search(kim, dataset, **where("response", "status", "submitted", "discarded"))[0]) == ["s-000", "s-001"]
    assert search(lee, dataset, **where("response", "status", "pending"))[1] == 12


def test_pages_of_a_queue_hold_every_record_once_in_an_order_of_the_teachers_own(
    argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]
) -> None:
    slates, _, dataset = asked
    orders = []
    for teacher in (argilla_desk.teachers["kim"], argilla_desk.teachers["lee"]):
        pages = [search(teacher, dataset, limit=5, offset=offset)[0] for offset in (0, 5, 10)]
        order = [name for page in pages for name in page]
        assert sorted(order) == [slate.id for slate in slates]
        assert order == search(teacher, dataset)[0], "the order stays"
        orders.append(order)
    assert orders[0] != [slate.id for slate in slates] or orders[1] != [slate.id for slate in slates], "shuffled"


def test_words_phrases_and_words_that_must_not_occur(argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]) -> None:
    _, _, dataset = asked
    kim = argilla_desk.teachers["kim"]

    def found(words: str, field: str | None = None) -> list[str]:
        text = {"q": words} | ({"field": field} if field else {})
        return sorted(search(kim, dataset, query={"text": text})[0])

    assert found("1+11은") == ["s-011"]
    assert found('"1+11은 얼마입니까"') == ["s-011"]
    assert len(found("얼마입니까")) == 12
    assert len(found("얼마입니까 -11")) == 11
    assert found("100%_") == []
    assert len(found("이유", field="candidates")) == 12
    assert found("이유", field="problem") == []


def test_answers_can_be_filtered_by_and_sorted_by(argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]) -> None:
    slates, receipts, dataset = asked
    kim = argilla_desk.teachers["kim"]
    argilla_desk.none_right("kim", slates[4], receipts[4], "[4수03-02]")
    argilla_desk.rank("kim", slates[5], receipts[5], "1234")
    assert search(kim, dataset, **where("response", "", "none", question="verdict"))[0] == ["s-004"]
    assert search(kim, dataset, **where("response", "", "[4수03-02]", question="right_label"))[0] == ["s-004"]
    newest = [{"scope": {"entity": "record", "property": "inserted_at"}, "order": "desc"}]
    oldest = [{"scope": {"entity": "record", "property": "inserted_at"}, "order": "asc"}]
    assert search(kim, dataset, sort=newest)[0][::-1] == search(kim, dataset, sort=oldest)[0]


def test_progress_of_the_team_and_of_one_teacher(argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]) -> None:
    slates, receipts, dataset = asked
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    argilla_desk.rank("lee", slates[0], receipts[0], "4321")
    argilla_desk.rank("kim", slates[1], receipts[1], "1111")
    kim = argilla_desk.teachers["kim"]
    team = kim.get(f"/datasets/{dataset}/progress")
    assert (team["total"], team["completed"], team["pending"]) == (12, 1, 11)
    mine = kim.get(f"/me/datasets/{dataset}/metrics")["responses"]
    assert (mine["total"], mine["submitted"], mine["pending"]) == (12, 2, 10)

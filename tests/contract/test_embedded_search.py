"""The bundled server's own search engine, queried as the page does: queues, words, filters, orders and progress."""

from __future__ import annotations

import unicodedata
import warnings
from collections import Counter
from typing import Any

import pytest

from feedback.client import ArgillaClient, find_server
from prefopt.records import Receipt, Slate
from tests.contract.desks import ArgillaDesk, make_slates


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
    """External ids of the records found, in order, and their total number."""
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


def test_korean_words_in_part_decomposed_and_in_angle_brackets(
    argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]
) -> None:
    _, _, dataset = asked
    kim = argilla_desk.teachers["kim"]

    def found(words: str) -> int:
        return search(kim, dataset, query={"text": {"q": words}})[1]

    assert found("얼마입") == 12, "a part of a word: Korean words carry their particles"
    assert found(unicodedata.normalize("NFD", "얼마입니까")) == 12, "as a Mac may write it"
    assert found("<b>$&</b>") == 12, "as written in the problem, not as it is stored"
    assert found("얼마였습니까") == 0
    assert found("'); DROP TABLE records; --") == 0
    assert found("_") == found("%얼마") == found("얼마%") == 0, "no wildcards"


def test_metadata_ids_statuses_and_times(argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]) -> None:
    slates, receipts, dataset = asked
    url, key = find_server(argilla_desk.project)
    owner = ArgillaClient(url, key=key)

    def found(scope: dict[str, str], *values: str) -> list[str]:
        body = {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(values)}]}}
        return sorted(search(owner, dataset, **body)[0])

    assert found({"entity": "metadata", "metadata_property": "slate"}, "s-003", "s-007") == ["s-003", "s-007"]
    assert found({"entity": "record", "property": "id"}, receipts[4].record) == ["s-004"]
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    argilla_desk.rank("lee", slates[0], receipts[0], "1234")
    assert found({"entity": "record", "property": "status"}, "completed") == ["s-000"]
    later = {"type": "range", "scope": {"entity": "record", "property": "inserted_at"}, "ge": "2099-01-01T00:00:00"}
    assert search(owner, dataset, filters={"and": [later]})[1] == 0
    assert search(owner, dataset, filters={"and": [later | {"ge": "2020-01-01T00:00:00"}]})[1] == 12
    by_slate = [{"scope": {"entity": "metadata", "metadata_property": "slate"}, "order": "desc"}]
    assert search(owner, dataset, sort=by_slate)[0] == sorted((slate.id for slate in slates), reverse=True)


def test_metrics_of_metadata_and_progress_of_each_teacher(argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]) -> None:
    slates, receipts, dataset = asked
    url, key = find_server(argilla_desk.project)
    owner = ArgillaClient(url, key=key)
    (hidden,) = owner.get(f"/me/datasets/{dataset}/metadata-properties")["items"]
    metrics = owner.get(f"/metadata-properties/{hidden['id']}/metrics")
    assert {item["term"]: item["count"] for item in metrics["values"]} == {slate.id: 1 for slate in slates}
    assert metrics["total"] == 12
    assert argilla_desk.teachers["kim"].get(f"/me/datasets/{dataset}/metadata-properties")["items"] == [], "hidden from teachers"
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    argilla_desk.rank("lee", slates[0], receipts[0], "1234")
    argilla_desk.discard("lee", slates[1], receipts[1])
    argilla_desk.draft("kim", slates[2], receipts[2])
    users = {user["username"]: user for user in owner.get(f"/datasets/{dataset}/users/progress")["users"]}
    counts = {name: Counter(user["completed"]) + Counter(user["pending"]) for name, user in users.items()}
    assert counts["kim"] == {"submitted": 1, "draft": 1}
    assert counts["lee"] == {"submitted": 1, "discarded": 1}
    seen_by_kim = argilla_desk.teachers["kim"].get(f"/datasets/{dataset}/users/progress")["users"]
    assert seen_by_kim == [users["kim"]], "a teacher sees neither the names nor the counts of others"
    suggested = owner.get(f"/datasets/{dataset}/records/search/suggestions/options")["items"]
    assert [item["agents"] for item in suggested] == [[]] * 4, "four questions, and nothing is ever suggested"


def test_an_answer_can_be_edited_and_withdrawn_as_on_the_page(
    argilla_desk: ArgillaDesk, asked: tuple[list[Slate], list[Receipt], str]
) -> None:
    slates, receipts, dataset = asked
    kim = argilla_desk.teachers["kim"]
    for name in ("kim", "lee"):
        argilla_desk.rank(name, slates[0], receipts[0], "1234")
    (found,) = kim.request(
        "POST", f"/me/datasets/{dataset}/records/search", params={"include": "responses"}, json=where("response", "status", "submitted")
    )["items"]
    (response,) = found["record"]["responses"]
    body = {"status": "submitted", "values": {"verdict": {"value": "none"}}}
    assert kim.request("PUT", f"/responses/{response['id']}", json=body)["values"] == body["values"]
    assert search(kim, dataset, **where("response", "", "none", question="verdict"))[0] == ["s-000"]
    assert kim.get(f"/datasets/{dataset}/progress")["completed"] == 1
    kim.request("DELETE", f"/responses/{response['id']}")
    assert search(kim, dataset, **where("response", "status", "pending"))[1] == 12
    assert kim.get(f"/datasets/{dataset}/progress")["completed"] == 0


def test_a_dataset_made_with_the_sdk_works(argilla_desk: ArgillaDesk) -> None:
    """Numbers, suggestions and vectors are not used by a round; they work for users of Argilla's SDK."""
    import argilla as rg

    url, key = find_server(argilla_desk.project)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = rg.Argilla(api_url=url, api_key=key)
    made = rg.Dataset(
        name=argilla_desk.name,
        workspace="prefopt",
        client=client,
        settings=rg.Settings(
            fields=[rg.TextField(name="text")],
            questions=[rg.LabelQuestion(name="kind", labels=["합", "차"])],
            metadata=[rg.FloatMetadataProperty(name="margin"), rg.IntegerMetadataProperty(name="length")],
            vectors=[rg.VectorField(name="place", dimensions=2)],
        ),
    ).create()
    rows = [("3 더하기 4", 0.1, 5, "합", [1.0, 0.0]), ("9 빼기 2", 0.5, 3, "차", [0.0, 1.0]), ("1 더하기 1", 0.9, 4, "합", [0.8, 0.6])]
    made.records.log(
        [
            rg.Record(
                id=f"r{number}",
                fields={"text": text},
                metadata={"margin": margin, "length": length},
                suggestions=[rg.Suggestion("kind", kind, score=margin, agent="rule")],
                vectors={"place": place},
            )
            for number, (text, margin, length, kind, place) in enumerate(rows)
        ]
    )

    def found(**query: Any) -> list[str]:
        return [record.id for record in made.records(rg.Query(**query))]

    assert sorted(found(query="더하기")) == ["r0", "r2"]
    assert sorted(found(filter=rg.Filter([("metadata.margin", ">=", 0.5)]))) == ["r1", "r2"]
    assert sorted(found(filter=rg.Filter([("kind.suggestion", "==", "차")]))) == ["r1"]
    assert sorted(found(filter=rg.Filter([("metadata.length", "in", [3, 4]), ("kind.suggestion", "==", "합")]))) == ["r2"]
    near = [(record.id, round(score, 3)) for record, score in made.records(rg.Query(similar=rg.Similar("place", [1.0, 0.0])))]
    assert near == [("r0", 1.0), ("r2", 0.9), ("r1", 0.5)], "cosine, from [-1, 1] to [0, 1]"
    bounds = {item["name"]: item for item in ArgillaClient(url, key=key).get(f"/me/datasets/{made.id}/metadata-properties")["items"]}
    metrics = ArgillaClient(url, key=key).get(f"/metadata-properties/{bounds['margin']['id']}/metrics")
    assert (metrics["type"], metrics["min"], metrics["max"]) == ("float", 0.1, 0.9)
    assert made.progress()["total"] == 3
    made.delete()

"""`prefopt serve` as a real process: answers and their records, what it refuses, and another adapter while it answers."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from prefopt.deploy.predictor import Predictor
from prefopt.io.jsonl import read_rows
from prefopt.records import Problem
from prefopt.serve.journal import read_corrections, read_predictions
from tests.e2e.serving import Clients, Serving, serving, until
from tests.e2e.small import run

ANY = "0.0.0.0"  # noqa: S104  # that it needs a key is what is tested


@pytest.fixture(scope="module")
def promoted(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first adapter is in use."""
    folder = Path(shutil.copytree(_trained, tmp_path_factory.mktemp("serve") / "small"))
    run(folder, "round", "decide", "0", "--promote", "--because", "the only one", "--json")
    return folder


@pytest.fixture(scope="module")
def server(promoted: Path) -> Iterator[Serving]:
    with serving(promoted) as found:
        yield found


@pytest.fixture(scope="module")
def problems(promoted: Path) -> list[tuple[str, str]]:
    return [(p.id, p.text) for p in read_rows(promoted / "data" / "pool.jsonl", Problem)[:24]]


@pytest.fixture
def project(promoted: Path, tmp_path: Path) -> Path:
    """A copy to change, with no records yet."""
    folder = Path(shutil.copytree(promoted, tmp_path / "small"))
    shutil.rmtree(folder / "serve", ignore_errors=True)
    return folder


def test_answers_are_those_of_predict_and_each_has_its_line(promoted, server, problems):
    found: list[dict[str, object]] = []

    def ask(part: list[tuple[str, str]]) -> None:
        reply = server.classify(part, client="school-17")
        assert reply.status_code == 200, reply.text
        found.extend(reply.json()["predictions"])

    threads = [threading.Thread(target=ask, args=(problems[i::6],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {p.id: p for p in Predictor.open(promoted).predict([Problem(id=name, text=text) for name, text in problems])}
    assert {str(row["id"]) for row in found} == set(expected)
    for row in found:
        own = expected[str(row["id"])]
        assert (row["label"], row["decision"], row["adapter"], row["round"]) == (own.label, own.decision, own.adapter, 0)
        assert row["confidence"] == pytest.approx(own.confidence, abs=1e-5)
        assert row["set"] == list(own.set)
    lines = {row.prediction: row for row in read_predictions(promoted / "serve")}
    assert all(lines[str(row["prediction"])].text == dict(problems)[str(row["id"])] for row in found)
    assert {lines[str(row["prediction"])].client for row in found} == {"school-17"}


@pytest.mark.parametrize(
    ("body", "field", "problem", "words"),
    [
        ({"problems": [{"id": "p", "text": " "}]}, "problems.0.text", "p", "is empty"),
        ({"problems": [{"id": "p", "text": "1"}, {"id": "p", "text": "2"}]}, "problems.1.id", "p", "twice"),
        ({"problems": [{"id": "p", "text": "1"}, {"id": "q", "text": "가" * 20_001}]}, "problems.1.text", "q", "20000"),
        ({"problems": [{"id": "p", "text": "1"}, {"id": "q", "text": "가나다라 " * 2000}]}, "problems.1.text", "q", "max_tokens"),
        ({"problems": [{"id": str(i), "text": "1"} for i in range(257)]}, "problems", None, "257 problems; a request has at most 256"),
        ({"problems": [{"id": "p", "text": "1", "label": "x"}]}, "problems.0.label", "p", "not permitted"),
        ({"problems": []}, "problems", None, "at least 1"),
    ],
)
def test_what_cannot_be_asked_names_field_and_problem_and_leaves_no_record(promoted, server, body, field, problem, words):
    before = len(list(read_predictions(promoted / "serve")))
    reply = server.client.post("/v1/classify", json=body)
    fault = reply.json()["error"]
    assert (reply.status_code, fault["param"], fault["problem"]) == (422, field, problem)
    assert words in fault["message"]
    assert len(list(read_predictions(promoted / "serve"))) == before


def test_words_of_teachers_and_what_is_made_of_them(promoted, server, problems, tmp_path):
    row = server.classify(problems[:1]).json()["predictions"][0]
    other = next(label for label in ("[2수01-01]", "[4수01-01]") if label != row["label"])

    def say(label: str | None, **more: object) -> tuple[int, dict[str, object]]:
        reply = server.client.post("/v1/corrections", json={"prediction": row["prediction"], "label": label, "by": "kim", **more})
        return reply.status_code, reply.json()

    assert say(row["label"])[0] == 201
    assert say(row["label"])[0] == 200
    status, said = say(other.strip("[]"))  # as a person types it
    assert (status, said["label"], said["right"]) == (201, other, False)
    assert say(None)[0] == 201
    status, said = say("[2수01-99]")
    assert (status, said["error"]["param"]) == (422, "label")  # type: ignore[index]  # an object
    assert "[2수01-01]" in said["error"]["hint"]  # type: ignore[index]  # as above
    assert say(None, prediction="01ARZ3NDEKTSV4RRFFQ69G5FAV")[0] == 404
    words = [word for word in read_corrections(promoted / "serve") if word.prediction == row["prediction"]]
    assert [word.label for word in words] == [row["label"], other, None]

    folder = Path(shutil.copytree(promoted, tmp_path / "small"))
    (folder / "kept.html").write_text("precious", encoding="utf-8")
    assert "kept.html exists already" in run(folder, "serve", "report", "--out", "kept.html", expect=1).stderr
    assert (folder / "kept.html").read_text(encoding="utf-8") == "precious"
    found = json.loads(run(folder, "serve", "report", "--out", "kept.html", "--force", "--json").stdout)
    assert "<html" in (folder / "kept.html").read_text(encoding="utf-8")
    found = json.loads(run(folder, "serve", "report", "--json").stdout)
    assert (found["round"], found["all"]["none_right"], found["all"]["answers"] >= 1) == (0, 1, True)
    assert "아직 판단하기에 이릅니다" in (folder / "serve" / "report.html").read_text(encoding="utf-8")
    assert "answers read" in run(folder, "serve", "collect").stdout
    assert "is not a day" in run(folder, "serve", "collect", "--since", "yesterday", expect=1).stderr
    assert "the audit has raised no alarm" in run(folder, "serve", "accept", "--because", "looked into", expect=1).stderr


def test_a_client_of_openai_gets_the_answer_as_the_model_writes_it(server, problems):
    models = [model["id"] for model in server.client.get("/v1/models").json()["data"]]
    assert models[0] == "small"
    asked = {"model": models[1], "messages": [{"role": "user", "content": problems[0][1]}], "temperature": 0}
    reply = server.client.post("/v1/chat/completions", json=asked).json()
    expected = server.classify(problems[:1]).json()["predictions"][0]
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"standard": expected["label"]}
    assert (reply["prefopt"]["label"], reply["ignored"]) == (expected["label"], ["temperature"])
    parts = [{"type": "text", "text": problems[0][1]}]
    with server.client.stream(
        "POST", "/v1/chat/completions", json=asked | {"stream": True, "messages": [{"role": "user", "content": parts}]}
    ) as streamed:
        lines = [line.removeprefix("data: ") for line in streamed.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    assert json.loads(lines[0])["choices"][0]["delta"]["content"] == reply["choices"][0]["message"]["content"]
    assert server.client.post("/v1/chat/completions", json=asked | {"model": "gpt"}).json()["error"]["code"] == "model_not_found"
    assert server.client.post("/v1/chat/completions", json=asked | {"messages": [{"role": "system", "content": "x"}]}).status_code == 422
    metrics = server.client.get("/metrics").text
    assert 'prefopt_requests_total{path="/v1/chat/completions",status="422"} 1.0' in metrics


def test_with_keys_every_door_that_says_something_needs_one_and_any_of_them_opens_it(project, problems):
    refused = run(project, "serve", "--host", ANY, "--port", "0", expect=1)
    assert "0.0.0.0 can be reached by other machines, and there is no key" in refused.stderr
    with serving(project, "--host", ANY, env={"PREFOPT_SERVE_KEY": "old-key,new-key"}) as found:
        for header, status in (("Bearer old-key", 200), ("Bearer new-key", 200), ("Bearer old", 401), ("", 401)):
            replies = [
                found.client.get(path, headers={"Authorization": header})
                for path in ("/v1/models", "/metrics", "/queue.csv", "/openapi.json")
            ]
            assert [reply.status_code for reply in replies] == [status] * 4
        assert found.client.get("/healthz", headers={"Authorization": ""}).status_code == 200
        the_client_of_openai_is_content(found, problems[0][1])
        assert "another process serves this project" in run(project, "serve", "--port", "0", expect=1).stderr
        assert found.end() == 0


def the_client_of_openai_is_content(found: Serving, text: str) -> None:
    def client(key: str) -> openai.OpenAI:
        web = openai.DefaultHttpxClient(trust_env=False)
        return openai.OpenAI(base_url=str(found.client.base_url.join("/v1")), api_key=key, http_client=web)

    with client("new-key") as asking:
        assert next(model.id for model in asking.models.list()) == "small"
        asked = {"model": "small", "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": text}]}
        reply = asking.chat.completions.create(**asked, temperature=0, user="school-17")
        label = json.loads(reply.choices[0].message.content)["standard"]
        assert (reply.choices[0].finish_reason, reply.model_extra["prefopt"]["label"]) == ("stop", label)
        pieces = [chunk.choices[0].delta.content or "" for chunk in asking.chat.completions.create(**asked, stream=True)]
        assert "".join(pieces) == reply.choices[0].message.content
        with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-5'"):
            asking.chat.completions.create(**asked | {"model": "gpt-5"})
        with pytest.raises(openai.UnprocessableEntityError, match="empty or longer"):
            asking.chat.completions.create(model="small", messages=[{"role": "user", "content": " "}])
    with client("old") as stranger, pytest.raises(openai.AuthenticationError, match="the key is wrong"):
        stranger.models.list()


def test_killed_under_load_every_answer_has_its_line_and_none_has_two(project, problems):
    given, words = list[str](), list[tuple[str, str]]()
    for _ in range(2):
        found = Serving(project)
        clients = Clients(found, problems, mixed=True)
        until(lambda clients=clients: len(clients.replies) >= 32, found.said)
        assert found.end(signal.SIGKILL) == -9
        clients.stop()
        given += clients.predictions()
        words += [(said["prediction"], said["by"]) for reply in clients.replies if reply.status_code == 201 for said in [reply.json()]]
        assert {reply.status_code for reply in clients.replies} == {200, 201}
    with serving(project):
        lines = [row.prediction for row in read_predictions(project / "serve")]
    said = [(word.prediction, word.by) for word in read_corrections(project / "serve")]
    assert len(given) >= 64
    assert set(given) <= set(lines)
    assert len(set(lines)) == len(lines)
    assert set(words) <= set(said)
    assert len(set(said)) == len(said) >= 4


def test_a_full_disk_gives_no_answer_and_a_full_queue_says_when_to_come_again(project, problems):
    settings = project / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n[serve]\nqueue = 4\nkeep_texts = false\n", encoding="utf-8")
    with serving(project) as found:
        assert found.classify(problems[:1]).status_code == 200
        assert [row.text for row in read_predictions(project / "serve")] == [None]
        size = sum(path.stat().st_size for path in (project / "serve").glob("predictions-*"))
        limits = resource.prlimit(found.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
        reply = found.classify(problems[:2])
        assert (reply.status_code, reply.json()["error"]["code"]) == (507, "not_recorded")
        assert len(list(read_predictions(project / "serve"))) == 1
        resource.prlimit(found.pid, resource.RLIMIT_FSIZE, limits)
        assert found.classify(problems[:2]).status_code == 200

        many = [(f"{i}-{name}", text) for i in range(10) for name, text in problems]
        large = threading.Thread(target=lambda: found.classify(many))
        large.start()
        until(lambda: "prefopt_queue_problems 0.0" not in found.client.get("/metrics").text, found.said)
        reply = found.classify(problems[:1])
        large.join()
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) >= 1


def test_on_a_full_disk_nothing_is_answered_and_no_part_of_a_line_stays(project, problems):
    small = project / "serve"
    small.mkdir(mode=0o700)
    try:
        found = Serving(project, module="tests.e2e.small_disk")
    except AssertionError:
        if why := [line for line in (project / ".serve-err").read_text().splitlines() if line.startswith("no ")]:
            pytest.skip(why[0])
        raise
    disk = Path(f"/proc/{found.pid}", "root", small.relative_to("/"))
    try:
        assert found.classify(problems[:1]).status_code == 200
        free = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(bytes(free - (16 << 10)))
        replies = [found.classify(problems[:8]) for _ in range(6)]
        assert {reply.status_code for reply in replies} == {200, 507}
        assert replies[-1].json()["error"]["code"] == "not_recorded"
        assert "No space left on device" in replies[-1].json()["error"]["message"]
        given = [row["prediction"] for reply in replies if reply.status_code == 200 for row in reply.json()["predictions"]]
        assert [row.prediction for row in read_predictions(disk)][1:] == given
        with (disk / "ballast").open("ab") as file, pytest.raises(OSError, match="No space"):
            file.write(bytes(64 << 10))
        word = {"prediction": given[0], "label": None, "by": "kim"}
        assert found.client.post("/v1/corrections", json=word).status_code == 507
        assert list(read_corrections(disk)) == []
        (disk / "ballast").unlink()
        assert found.client.post("/v1/corrections", json=word).status_code == 201
        assert found.classify(problems[:8]).status_code == 200
        assert len(list(read_predictions(disk))) == len(given) + 9
    finally:
        found.end()
    assert not list(small.iterdir())


def test_another_adapter_takes_over_under_load_and_a_changed_taxonomy_is_said(project, problems):
    with serving(project) as found:
        taxonomy = project / "taxonomy.csv"
        kept = taxonomy.read_text(encoding="utf-8")
        taxonomy.write_text(kept.replace("초등 1~2학년", "저학년"), encoding="utf-8")
        until(lambda: found.client.get("/readyz").status_code == 503, found.said)
        assert "its thresholds are about other labels" in found.client.get("/readyz").json()["why"]
        assert found.classify(problems[:1]).status_code == 200
        assert "its thresholds are about other labels" in run(project, "predict", "data/pool.jsonl", "--out", "x.jsonl", expect=1).stderr
        taxonomy.write_text(kept, encoding="utf-8")
        until(lambda: found.client.get("/readyz").status_code == 200, found.said)

        before = found.client.get("/readyz").json()["adapter"]
        settings = project / "prefopt.toml"
        settings.write_text(
            settings.read_text(encoding="utf-8").replace("learning_rate = 6e-3", "learning_rate = 5e-3", 1), encoding="utf-8"
        )
        clients = Clients(found, problems, 2)
        run(project, "sft", "--again")
        run(project, "round", "decide", "0", "--promote", "--because", "trained again")
        until(lambda: found.client.get("/readyz").json().get("adapter", before) != before, found.said)
        until(lambda: clients.replies[-1].json()["predictions"][0]["adapter"] != before, found.said)
        clients.stop()
        assert {reply.status_code for reply in clients.replies} == {200}
        assert len({reply.json()["predictions"][0]["adapter"] for reply in clients.replies}) == 2
        metrics = found.client.get("/metrics").text
        assert "prefopt_swaps_total 1.0" in metrics
        assert "prefopt_swap_failed 0.0" in metrics
        own = {p.id: p for p in Predictor.open(project).predict([Problem(id=name, text=text) for name, text in problems[:4]])}
        for row in found.classify(problems[:4]).json()["predictions"]:
            assert row["confidence"] == pytest.approx(own[row["id"]].confidence, abs=1e-5)


def test_an_adapter_that_answers_otherwise_than_it_was_judged_answers_nobody(project):
    import numpy as np

    from prefopt.calibration.posteriors import read_posteriors, write_posteriors
    from prefopt.io.hashing import hash_path
    from prefopt.io.sealed import write_sealed
    from prefopt.io.stage_folders import MANIFEST, read_manifest

    folder = project / "rounds" / "000" / "calibrate"
    path = folder / "posteriors.parquet"
    stored = read_posteriors(path)
    write_posteriors(path, type(stored)(**{**vars(stored), "log_probs": np.roll(stored.log_probs, 1, axis=1)}))
    manifest = read_manifest(folder)
    record = manifest.outputs[path.name].model_copy(update={"sha256": hash_path(path)})
    write_sealed(folder / MANIFEST, manifest.model_copy(update={"outputs": {**manifest.outputs, path.name: record}}))
    refused = run(project, "serve", "--port", "0", expect=1)
    assert "the adapter of round 000 answers otherwise than it was judged" in refused.stderr

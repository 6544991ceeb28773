"""The doors of `prefopt serve` before an adapter is loaded: what is open, what needs a key, and what the interface promises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from prefopt.errors import ConfigError
from prefopt.project.project import open_project
from prefopt.serve.app import LARGEST, make_app
from prefopt.serve.metrics import Metrics
from prefopt.serve.server import KEY, serve, serve_keys
from prefopt.serve.service import Service
from tests.command_line import CommandLine

GOLDEN = Path(__file__).with_name("files") / "serve-openapi.json"
ASKED = {"problems": [{"id": "p1", "text": "12 + 9는?"}]}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "prefopt.toml").write_text("", encoding="utf-8")
    found = Service(open_project(tmp_path), Metrics())
    yield found
    found.close()


def ask(service: Service, method: str, path: str, *, keys: tuple[str, ...] = (), host: str = "127.0.0.1", **more: object) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=make_app(service, keys, "127.0.0.1"))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **more)  # type: ignore[arg-type]  # as httpx takes them

    return asyncio.run(one())


def test_while_the_model_is_loading_only_the_process_is_healthy(service):
    assert ask(service, "GET", "/healthz").json() == {"status": "ok"}
    ready = ask(service, "GET", "/readyz")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "why": "the model is loading"})
    for path, body in (
        ("/v1/classify", ASKED),
        ("/v1/chat/completions", {"model": "mathclass", "messages": [{"role": "user", "content": "1"}]}),
        ("/v1/corrections", {"prediction": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "label": None, "by": "kim"}),
    ):
        reply = ask(service, "POST", path, json=body)
        assert (reply.status_code, reply.headers["retry-after"], reply.json()["error"]["message"]) == (503, "5", "the model is loading")
    assert "prefopt_ready 0.0" in ask(service, "GET", "/metrics").text


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/queue.csv", "/openapi.json"])
def test_with_a_key_nothing_is_said_to_those_without(service, path):
    keys = ("key-one", "key-two")
    for header, status in ({}, 401), ({"Authorization": "Bearer key-two"}, 200), ({"Authorization": "Bearer key-3"}, 401):
        reply = ask(service, "GET", path, keys=keys, headers=header, host="school.example")
        assert reply.status_code == status
        if status == 401:
            assert reply.json()["error"]["hint"] == "send the header Authorization: Bearer KEY"


def test_without_a_key_it_answers_to_names_of_this_machine_alone(service):
    assert ask(service, "GET", "/v1/models").status_code == 200
    assert ask(service, "GET", "/v1/models", host="[::1]").status_code == 200
    refused = ask(service, "GET", "/v1/models", host="attacker.example")
    assert (refused.status_code, refused.json()["error"]["hint"]) == (400, "set PREFOPT_SERVE_KEY on the server")
    assert ask(service, "GET", "/v1/models", host="attacker.example", keys=("k",), headers={"Authorization": "Bearer k"}).status_code == 200


def test_what_is_too_large_or_no_json_is_refused(service):
    reply = ask(service, "POST", "/v1/classify", content=b"x", headers={"Content-Length": str(LARGEST + 1)})
    assert reply.status_code == 413
    reply = ask(service, "POST", "/v1/classify", content=b'{"problems":', headers={"Content-Type": "application/json"})
    assert reply.json()["error"]["message"].startswith("the body is not JSON")
    as_form = {"Content-Type": "application/x-www-form-urlencoded"}  # curl without a header
    form = ask(service, "POST", "/v1/classify", content=json.dumps(ASKED).encode(), headers=as_form)
    assert (form.status_code, "Content-Type: application/json" in form.json()["error"]["hint"]) == (422, True)
    wrong = ask(service, "POST", "/v1/corrections", json={"prediction": "x", "label": None, "by": "kim"}).json()["error"]
    assert (wrong["message"], wrong["param"]) == ("prediction: 'x' is not the id of an answer", "prediction")
    assert ask(service, "GET", "/queue.csv?days=x").json()["error"]["param"] == "days"
    assert ask(service, "GET", "/nowhere").json()["error"]["message"] == "GET /nowhere: Not Found"


def test_the_interface_is_the_one_that_clients_were_made_for(service):
    """To change it: write what this test finds to the file, and say so in the changelog."""
    found = ask(service, "GET", "/openapi.json").json()
    del found["info"], found["openapi"]
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "school.example"])  # noqa: S104  # they need a key
def test_other_machines_need_a_key(service, monkeypatch, host):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(ConfigError, match="there is no key"):
        serve(service.project, host, 0, on_listen=lambda *_: None, say=print)


def test_an_address_is_not_for_the_other_commands(tmp_path, monkeypatch, capsys):
    line = CommandLine(tmp_path, monkeypatch, capsys)
    line("serve", "--port", "1", "collect", code=1)
    assert "--engine and --engine-adapter are not for `prefopt serve collect`" in line.errors


def test_keys_of_the_environment(monkeypatch):
    monkeypatch.setenv(KEY, " one, two,")
    assert serve_keys() == ("one", "two")
    monkeypatch.setenv(KEY, "on e")
    with pytest.raises(ConfigError, match="characters"):
        serve_keys()

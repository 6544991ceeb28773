"""Permissions on the bundled server, who can reach it, and where passwords and keys must not appear."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from feedback import bundled
from feedback.argilla_commands import argilla
from feedback.bundled import Address
from feedback.client import KEY_VARIABLE, ArgillaClient, RefusedError, find_server, sign_in
from prefopt.errors import FeedbackError
from prefopt.records import Receipt
from tests.contract.desks import ArgillaDesk, make_slates

EVERYWHERE = "0.0.0.0"  # noqa: S104 - only printed: nothing listens there


@pytest.fixture
def published(argilla_desk: ArgillaDesk) -> tuple[ArgillaDesk, list[Receipt], str]:
    receipts = argilla_desk.source().publish(make_slates(2))
    url, key = find_server(argilla_desk.project)
    owner = ArgillaClient(url, key=key)
    dataset = owner.dataset(argilla_desk.name, owner.ensure_workspace("prefopt"))
    assert dataset is not None
    return argilla_desk, receipts, str(dataset["id"])


@pytest.fixture
def outsider(argilla_project: Path) -> Iterator[ArgillaClient]:
    """A teacher of another workspace."""
    url, key = find_server(argilla_project)
    owner = ArgillaClient(url, key=key)
    owner.add_teacher("outsider", "outsider", owner.ensure_workspace("elsewhere"), "teacher-pass-1")
    yield sign_in(url, "outsider", "teacher-pass-1")
    ids = {name: id for id, name in owner.usernames().items()}
    owner.request("DELETE", f"/users/{ids['outsider']}")


def refused(client: ArgillaClient, method: str, path: str, **options: object) -> int:
    with pytest.raises(RefusedError) as error:
        client.request(method, path, **options)
    assert "Argilla at" in str(error.value)
    return error.value.status


def test_a_teacher_can_rank_and_nothing_else(published: tuple[ArgillaDesk, list[Receipt], str]) -> None:
    desk, receipts, dataset = published
    kim, record = desk.teachers["kim"], receipts[0].record
    desk.rank("lee", make_slates(2)[0], receipts[0], "1234")
    others = [
        ("GET", f"/datasets/{dataset}/records?include=responses"),
        ("GET", "/users"),
        ("POST", "/users"),
        ("POST", "/workspaces"),
        ("POST", "/datasets"),
        ("DELETE", f"/datasets/{dataset}"),
        ("DELETE", f"/records/{record}"),
        ("PUT", f"/datasets/{dataset}/records/bulk"),
        ("PATCH", f"/datasets/{dataset}"),
        ("GET", "/webhooks"),
    ]
    bodies = {
        "/users": {"username": "x", "first_name": "x", "password": "long-enough-1", "role": "owner"},
        "/workspaces": {"name": "mine"},
        "/datasets": {"name": "mine", "workspace_id": kim.get("/me/workspaces")["items"][0]["id"]},
        f"/datasets/{dataset}/records/bulk": {"items": [{"fields": {"problem": "x", "candidates": {}}}]},
        f"/datasets/{dataset}": {"guidelines": "x"},
    }
    for method, path in others:
        body = {"json": bodies[path]} if method != "GET" and path in bodies and method != "DELETE" else {}
        assert refused(kim, method, path, **body) == 403, f"{method} {path}"
    found = kim.request("POST", f"/me/datasets/{dataset}/records/search", params={"include": "responses"}, json={})["items"]
    assert [item["record"].get("responses") for item in found] == [[], []], "lee's answer is not shown to kim"
    assert [item["record"].get("metadata") for item in found] in ([{}, {}], [None, None]), "nor what tells the order of the cards"


def test_another_workspace_is_closed(published: tuple[ArgillaDesk, list[Receipt], str], outsider: ArgillaClient) -> None:
    _, receipts, dataset = published
    assert [item for item in outsider.get("/me/datasets")["items"] if item["id"] == dataset] == []
    assert refused(outsider, "POST", f"/me/datasets/{dataset}/records/search", json={}) == 403
    assert refused(outsider, "GET", f"/records/{receipts[0].record}") == 403
    body = {"status": "submitted", "values": {"verdict": {"value": "none"}}}
    assert refused(outsider, "POST", f"/records/{receipts[0].record}/responses", json=body) == 403
    (item,) = outsider.request(
        "POST", "/me/responses/bulk", json={"items": [{"record_id": receipts[0].record, "status": "submitted", "values": body["values"]}]}
    )["items"]
    assert item["item"] is None
    assert item["error"]


def test_wrong_keys_and_passwords_are_refused_and_not_repeated(argilla_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    url, key = find_server(argilla_desk.project)
    wrong = key[:-4] + "AAAA"
    monkeypatch.setenv(KEY_VARIABLE, wrong)
    with pytest.raises(FeedbackError, match="does not know this API key or password") as error:
        argilla_desk.source().publish(make_slates(1))
    assert wrong not in str(error.value)
    with pytest.raises(FeedbackError, match="401") as error:
        sign_in(url, "kim", "not-the-password")
    assert "not-the-password" not in str(error.value)


def test_it_listens_on_this_machine_only_and_refuses_pages_of_other_sites(argilla_project: Path) -> None:
    address = bundled.last_address(bundled.default_home(argilla_project))
    assert address is not None
    assert address.host == "127.0.0.1"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"]
    assert [place.split(":")[0] for place in listening if place.endswith(f":{address.port:04X}")] == ["0100007F"]
    reply = httpx.get(f"{address.url}/api/v1/version", headers={"Origin": "https://elsewhere.example"}, trust_env=False)
    assert "access-control-allow-origin" not in reply.headers


def test_no_secret_in_a_command_line_an_environment_or_a_file_that_others_read(argilla_project: Path) -> None:
    home = bundled.default_home(argilla_project)
    pid = bundled.running_pid(home)
    url, key = find_server(argilla_project)
    users = [user["api_key"] for user in ArgillaClient(url, key=key).get("/users")["items"]]
    secrets = [*users, *bundled.passwords(home).values(), (home / "auth-secret").read_text(), "teacher-pass-1"]
    for name in ("cmdline", "environ"):
        text = Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], name
    assert Path(f"/proc/{pid}/environ").stat().st_mode & 0o077 == 0
    for path in (home, *(path for path in home.rglob("*") if home / "web" not in path.parents)):  # web/ holds Argilla's public pages
        assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
    log = (home / "server.log").read_text(encoding="utf-8")
    assert [secret for secret in secrets if secret in log] == []
    outside = [path for path in argilla_project.rglob("*") if path.is_file() and home not in path.parents]
    for path in outside:  # rounds with their receipts and stage.json, where tests have made some
        assert [secret for secret in secrets if secret.encode() in path.read_bytes()] == [], path


def test_receipts_and_the_repr_of_clients_hold_no_key(published: tuple[ArgillaDesk, list[Receipt], str]) -> None:
    desk, receipts, _ = published
    url, key = find_server(desk.project)
    shown = [repr(ArgillaClient(url, key=key)), repr(desk.source()), *(receipt.model_dump_json() for receipt in receipts)]
    assert [text for text in shown if key in text] == []


def test_a_directory_that_others_could_read_is_made_private_at_the_start(argilla_project: Path) -> None:
    home = bundled.default_home(argilla_project)
    assert os.stat(home).st_mode & 0o777 == 0o700


class TestNetwork:
    def started_at(self, host: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """What `prefopt argilla up` prints to stderr for a server at this address; none is started."""
        monkeypatch.setattr(bundled, "start", lambda *args, **options: (Address(host, 6900), 1))
        return CliRunner().invoke(argilla, ["up", "--home", str(home)]).stderr

    def test_an_address_for_other_machines_is_printed_with_a_warning(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        printed = self.started_at(EVERYWHERE, tmp_path, monkeypatch)
        assert "not encrypted" in printed
        assert "http://0.0.0.0" not in printed
        assert ":6900" in printed

    def test_an_address_of_this_machine_only_has_no_warning(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.started_at("127.0.0.1", tmp_path, monkeypatch) == ""

    def test_addresses_of_both_kinds(self) -> None:
        assert Address("::1", 6900).url == "http://[::1]:6900"
        assert Address(EVERYWHERE, 6900).url == "http://127.0.0.1:6900"
        assert Address("192.0.2.7", 6900).network_url == "http://192.0.2.7:6900"
        name = Address(EVERYWHERE, 6900).network_url.removeprefix("http://").removesuffix(":6900")
        assert name == socket.gethostname() or socket.inet_aton(name)

"""An Argilla other than the bundled one, known only by its address and an owner's key; stock_server.py starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from feedback import bundled
from feedback.client import KEY_VARIABLE, ArgillaClient, sign_in
from feedback.environment import server_python
from prefopt.errors import FeedbackError
from tests.contract.desks import ArgillaDesk, make_slates

KEY = "school.owners-key-of-the-test"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a stock server."""
    folder = tmp_path_factory.mktemp("stock")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [server_python(), "-s", Path(__file__).with_name("stock_server.py"), folder, str(port), KEY]
    environment = {**os.environ, "PYTHONPATH": str(bundled.SERVER)}  # instead of what it holds for another interpreter
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
        try:
            deadline = time.monotonic() + 120
            while not answers(port):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/version", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def teachers(stock: str) -> dict[str, ArgillaClient]:
    owner = ArgillaClient(stock, key=KEY)
    workspace = owner.ensure_workspace("prefopt")
    for name in ("kim", "lee"):
        owner.add_teacher(name, name, workspace, "teacher-pass-1")
    return {name: sign_in(stock, name, "teacher-pass-1") for name in ("kim", "lee")}


@pytest.fixture
def stock_desk(
    stock: str, teachers: dict[str, ArgillaClient], tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> ArgillaDesk:
    """A project that has no server of its own."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert bundled.last_address(bundled.default_home(tmp_path)) is None
    return ArgillaDesk(tmp_path, request.node.name.replace("_", "-"), teachers, url=stock)


def test_answers_are_collected_as_given(stock_desk: ArgillaDesk) -> None:
    slates = make_slates(130)
    receipts = stock_desk.source().publish(slates)
    stock_desk.rank("kim", slates[0], receipts[0], "3114", comment="까닭이 좋음")
    stock_desk.rank("lee", slates[0], receipts[0], "1234")
    stock_desk.none_right("kim", slates[1], receipts[1], "[6수04-01]")
    stock_desk.discard("lee", slates[1], receipts[1])
    stock_desk.draft("kim", slates[2], receipts[2])
    collected = [(r.slate_id, r.teacher, r.kind, r.ranks, r.right_label) for r in stock_desk.source().collect(slates, receipts)]
    assert collected == [
        ("s-000", "kim", "ranked", {"c0": 1, "c1": 4, "c2": 3, "c3": 1}, None),
        ("s-000", "lee", "ranked", {"c0": 2, "c1": 4, "c2": 1, "c3": 3}, None),
        ("s-001", "kim", "none_right", {}, "[6수04-01]"),
        ("s-001", "lee", "discarded", {}, None),
    ]
    assert stock_desk.source().publish(slates) == receipts
    assert stock_desk.source().progress(receipts).model_dump() == {"complete": 2, "published": 130, "rankings": {"kim": 2, "lee": 2}}


@pytest.mark.parametrize(("count", "ranks"), [(2, "21"), (3, "131")])
def test_two_and_three_candidates(stock_desk: ArgillaDesk, count: int, ranks: str) -> None:
    stock_desk.name = f"cards-{count}"
    slates = make_slates(1, candidates=count)
    receipts = stock_desk.source(overlap=1).publish(slates)
    stock_desk.rank("kim", slates[0], receipts[0], ranks)
    (ranking,) = stock_desk.source(overlap=1).collect(slates, receipts)
    assert [ranking.ranks[candidate.id] for candidate in slates[0].shown] == [int(rank) for rank in ranks]


def test_its_refusals_are_reported(stock_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    slates = make_slates(2)
    receipts = stock_desk.source().publish(slates)
    monkeypatch.setenv(KEY_VARIABLE, stock_desk.teachers["kim"].get("/me")["api_key"])
    with pytest.raises(FeedbackError, match="role is annotator, not owner"):
        stock_desk.source().collect(slates, receipts)
    monkeypatch.setenv(KEY_VARIABLE, "wrong.key")
    with pytest.raises(FeedbackError, match="does not know this API key"):
        stock_desk.source().collect(slates, receipts)
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(FeedbackError, match="no API key for Argilla") as error:
        stock_desk.source().collect(slates, receipts)
    assert KEY_VARIABLE in error.value.hint


def test_a_reset_that_ends_no_session_is_told(stock_desk: ArgillaDesk, stock: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unmodified Argilla keeps sessions and API keys; the bundled one ends them (test_argilla_sign_in.py)."""
    from feedback import accounts
    from feedback.teachers_commands import _warn_of

    project = stock_desk.project
    (project / "taxonomy.csv").write_text("code,name\na,A\nb,B\n", encoding="utf-8")
    (project / "prefopt.toml").write_text(f'[feedback]\nsource = "argilla"\n[feedback.options]\nurl = "{stock}"\n', encoding="utf-8")
    accounts.add_teachers(project, ["park"])
    old = sign_in(stock, "park", bundled.passwords(bundled.default_home(project))["park"])
    _, (account,) = accounts.reset_passwords(project, ["park"])
    assert old.get("/me")["username"] == "park"
    assert account.is_still_in
    assert accounts.remove_teachers(project, ["park"]) == ["park"]
    _warn_of(["park"])
    assert "does not end sessions: park" in capsys.readouterr().err

"""An Argilla other than the bundled one, known only by its address and an owner's key; stock_server.py starts it."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from feedback import bundled
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import KEY_VARIABLE, ArgillaClient, sign_in
from feedback.environment import server_python
from prefopt.errors import FeedbackError
from prefopt.rankings.overlap import Overlap
from prefopt.rounds.published import Published
from tests.contract.desks import ArgillaDesk, make_slates

KEY = "school.owners-key-of-the-test"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a stock server."""
    with serving(tmp_path_factory.mktemp("stock"), free_port()) as url:
        yield url


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """A stock server over the data of a folder."""
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


def make_teachers(url: str) -> dict[str, ArgillaClient]:
    owner = ArgillaClient(url, key=KEY)
    workspace = owner.ensure_workspace("prefopt")
    for name in ("kim", "lee"):
        owner.add_teacher(name, name, workspace, "teacher-pass-1")
    return {name: sign_in(url, name, "teacher-pass-1") for name in ("kim", "lee")}


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/version", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def teachers(stock: str) -> dict[str, ArgillaClient]:
    return make_teachers(stock)


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


def test_single_slates_cannot_be_shown_to_more_teachers_and_that_is_said_before_anything_is_published(stock_desk: ArgillaDesk) -> None:
    stock_desk.name = "adaptive"
    source = ArgillaSource(ArgillaConfig(url=stock_desk.url), replace(stock_desk.context(1), asks_more=True))
    with pytest.raises(FeedbackError, match=r'overlap = "adaptive", but the Argilla at .* cannot show single slates') as error:
        source.publish(make_slates(1))
    assert error.value.hint == "set overlap = 1 under [feedback], then prefopt round"
    assert stock_desk.source(overlap=1).publish(make_slates(1)), "the hint, followed"


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


def take_back(desk: ArgillaDesk, teacher: str, record: str) -> None:
    """As the page does it: the teacher's own response is deleted."""
    owner = ArgillaClient(desk.url, key=KEY)
    dataset = owner.dataset(desk.name, owner.ensure_workspace("prefopt"))
    assert dataset is not None
    ids = {name: id for id, name in owner.usernames().items()}
    (found,) = (each for each in owner.records(dataset["id"]) if each["id"] == record)
    response = next(each["id"] for each in found["responses"] if each["user_id"] == ids[teacher])
    desk.teachers[teacher].request("DELETE", f"/responses/{response}")


def test_what_is_taken_back_is_seen_without_a_log(stock_desk: ArgillaDesk, tmp_path: Path) -> None:
    slates = make_slates(4)
    receipts = stock_desk.source().publish(slates)
    published = Published("001", stock_desk.source(), slates, receipts, Overlap(2), tmp_path)
    stock_desk.rank("kim", slates[0], receipts[0], "1234")
    assert len(published.read().answers) == 1
    time.sleep(1.1)  # the server's last activity then has a moment of its own
    take_back(stock_desk, "kim", receipts[0].record)  # the only one, and the last thing that happened
    assert published.read().changes.withdrawn == (("s-000", "kim"),)
    for slate in (0, 1, 2):
        stock_desk.rank("kim", slates[slate], receipts[slate], "1234")
    stock_desk.rank("lee", slates[3], receipts[3], "1234")
    assert len(published.read().answers) == 4
    take_back(stock_desk, "kim", receipts[0].record)  # a later one that was read is still there
    stock_desk.draft("kim", slates[1], receipts[1])
    assert published.read().changes.withdrawn == (("s-000", "kim"), ("s-001", "kim"))
    time.sleep(1.1)
    take_back(stock_desk, "lee", receipts[3].record)
    stock_desk.rank("lee", slates[0], receipts[0], "1234")  # nothing shows any more what happened to the last one that was read
    found = published.read()
    assert [(r.slate_id, r.teacher) for r in found.answers] == [("s-000", "lee"), ("s-002", "kim"), ("s-003", "lee")]
    assert [row.kind for row in found.uncounted] == ["taken-back", "vanished"]
    assert "nothing shows that they were taken back: they count (s-003)" in found.uncounted[1].en
    stock_desk.discard("lee", slates[3], receipts[3])  # as the finding says
    assert [row.kind for row in published.read().uncounted] == ["taken-back"]


def test_an_older_server_without_a_log_takes_no_answer_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    folder, port, slates = tmp_path / "server", free_port(), make_slates(4)
    folder.mkdir()
    with serving(folder, port) as url:
        desk = ArgillaDesk(tmp_path, "older", make_teachers(url), url=url)
        receipts = desk.source().publish(slates)
        published = Published("001", desk.source(), slates, receipts, Overlap(2), tmp_path)
        for teacher in ("kim", "lee"):
            desk.rank(teacher, slates[0], receipts[0], "1234")
        with closing(sqlite3.connect(folder / "argilla.db")) as database, closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            database.backup(copy)
        desk.rank("kim", slates[0], receipts[0], "4321")
        desk.rank("kim", slates[1], receipts[1], "1324")
        desk.rank("lee", slates[2], receipts[2], "1324")
        before = published.read().answers
        assert len(before) == 4
    for left in folder.glob("argilla.db*"):
        left.unlink()
    (tmp_path / "copy.db").rename(folder / "argilla.db")
    with serving(folder, port) as url:
        desk.teachers = make_teachers(url)
        found = published.read()
        assert found.answers == before
        assert (found.absences.lost, [row.kind for row in found.uncounted]) == (3, ["older-source"])
        desk.rank("lee", slates[3], receipts[3], "1234")
        assert len(published.read().answers) == 5
        desk.draft("lee", slates[2], receipts[2])
        assert published.read().absences.lost == 3, "a draft of today takes nothing back that the server has lost"
        desk.rank("kim", slates[0], receipts[0], "2222")
        assert published.read().changes.changed == (("s-000", "kim"),)


def test_a_reset_that_ends_no_session_is_named(stock_desk: ArgillaDesk, stock: str, capsys: pytest.CaptureFixture[str]) -> None:
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

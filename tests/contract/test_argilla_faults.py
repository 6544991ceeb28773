"""Every failure between prefopt and Argilla has a message and a hint."""

from __future__ import annotations

import itertools
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedback import bundled
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import KEY_VARIABLE, ArgillaClient, find_server
from prefopt.errors import ConfigError, FeedbackError
from tests.contract.desks import ArgillaDesk, make_slates


def owner_of(project: Path) -> ArgillaClient:
    url, key = find_server(project)
    return ArgillaClient(url, key=key)


def with_config(desk: ArgillaDesk, **options: str) -> ArgillaSource:
    return ArgillaSource(ArgillaConfig(**options), desk.context())


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound, but on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_an_unreachable_server_is_reported(argilla_desk: ArgillaDesk, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "some.key")
    with pytest.raises(FeedbackError, match="cannot be reached") as error:
        with_config(argilla_desk, url=f"http://127.0.0.1:{closed_port}").publish(make_slates(1))
    assert "prefopt argilla up" in error.value.hint


def test_a_project_without_a_server_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(FeedbackError, match="no Argilla server") as error:
        find_server(tmp_path)
    assert "prefopt argilla up" in error.value.hint


def test_a_wrong_key_is_refused(argilla_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "wrong.key")
    with pytest.raises(FeedbackError, match="401"):
        argilla_desk.source().publish(make_slates(1))


def test_a_teachers_key_is_not_enough(argilla_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    url, key = find_server(argilla_desk.project)
    monkeypatch.setenv(KEY_VARIABLE, ArgillaClient(url, key=key).api_keys()["kim"])
    with pytest.raises(FeedbackError, match="role is annotator, not owner"):
        argilla_desk.source().publish(make_slates(1))


@pytest.mark.parametrize("key", ["two words", "한글"])
def test_a_malformed_key_is_refused(argilla_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    with pytest.raises(FeedbackError, match=KEY_VARIABLE):
        argilla_desk.source().publish(make_slates(1))


def test_the_bundled_servers_key_goes_to_no_other_server(argilla_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(FeedbackError, match=r"no API key for Argilla at https://argilla\.example"):
        find_server(argilla_desk.project, "https://argilla.example")


def test_localhost_is_the_bundled_server_too(argilla_desk: ArgillaDesk) -> None:
    url, key = find_server(argilla_desk.project)
    assert find_server(argilla_desk.project, url.replace("127.0.0.1", "localhost") + "/")[1] == key


def test_a_key_in_prefopt_toml_is_refused_and_not_printed() -> None:
    with pytest.raises(ConfigError, match="api_key") as error:
        ArgillaConfig.model_validate({"api_key": "owner.secret"})
    assert "owner.secret" not in str(error.value)
    assert KEY_VARIABLE in error.value.hint


def test_slates_of_several_sizes_are_refused(argilla_desk: ArgillaDesk) -> None:
    with pytest.raises(FeedbackError, match="same number of candidates; found 3 in t-000, 4 in s-000"):
        argilla_desk.source().publish([*make_slates(1), *make_slates(1, candidates=3, prefix="t")])


def test_a_missing_workspace_is_reported(argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(1)
    receipts = argilla_desk.source().publish(slates)
    with pytest.raises(FeedbackError, match="no workspace 'never-made'"):  # a name that no other test makes in the shared server
        with_config(argilla_desk, workspace="never-made").collect(slates, receipts)


def test_a_deleted_dataset_is_reported(argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(1)
    receipts = argilla_desk.source().publish(slates)
    delete_dataset(argilla_desk)
    with pytest.raises(FeedbackError, match=f"{argilla_desk.name!r} is not in the workspace"):
        argilla_desk.source().collect(slates, receipts)


def delete_dataset(desk: ArgillaDesk) -> None:
    owner = owner_of(desk.project)
    dataset = owner.dataset(desk.name, owner.ensure_workspace("prefopt"))
    assert dataset is not None
    owner.request("DELETE", f"/datasets/{dataset['id']}")


def test_records_deleted_on_the_server_are_named(argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(3)
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    owner_of(argilla_desk.project).request("DELETE", f"/records/{receipts[1].record}")
    source = argilla_desk.source()
    assert isinstance(source, ArgillaSource)
    rankings, (found,) = source.read(slates, receipts)
    assert ([r.slate_id for r in rankings], found.kind, found.slate_id) == (["s-000"], "slate-deleted", "s-001")
    assert source.progress(receipts).published == 2
    assert [receipt.slate_id for receipt in argilla_desk.source().publish(slates)] == ["s-000", "s-001", "s-002"]
    assert len(argilla_desk.source().collect(slates, receipts)) == 1, "publishing again brings the slate back and keeps the answers"


def test_a_dataset_with_another_form_is_refused(argilla_desk: ArgillaDesk) -> None:
    argilla_desk.source(overlap=2).publish(make_slates(1))
    with pytest.raises(FeedbackError, match="asks 2 teachers per slate instead of 3"):
        argilla_desk.source(overlap=3).publish(make_slates(1))
    with pytest.raises(FeedbackError, match="question 'ranking' has other options"):
        argilla_desk.source(overlap=2).publish(make_slates(1, candidates=3))


def test_a_draft_dataset_of_an_interrupted_run_is_replaced(argilla_desk: ArgillaDesk) -> None:
    owner = owner_of(argilla_desk.project)
    owner.request("POST", "/datasets", json={"name": argilla_desk.name, "workspace_id": owner.ensure_workspace("prefopt")})
    assert len(argilla_desk.source().publish(make_slates(2))) == 2


def test_answers_of_a_deleted_account_are_still_collected(argilla_desk: ArgillaDesk) -> None:
    from feedback.client import sign_in

    owner = owner_of(argilla_desk.project)
    workspace = owner.ensure_workspace("prefopt")
    owner.add_teacher("gone", "gone", workspace, "teacher-pass-1")
    argilla_desk.teachers["gone"] = sign_in(owner.url, "gone", "teacher-pass-1")
    slates = make_slates(1)
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    argilla_desk.rank("gone", slates[0], receipts[0], "1234")
    user = next(user["id"] for user in owner.get("/users")["items"] if user["username"] == "gone")
    owner.request("DELETE", f"/users/{user}")
    assert "kim" in {ranking.teacher for ranking in argilla_desk.source().collect(slates, receipts)}


def test_an_id_that_could_break_the_page_is_escaped(argilla_desk: ArgillaDesk) -> None:
    slates = [slate.model_copy(update={"id": f"</script>$&'{slate.id}"}) for slate in make_slates(2)]
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.rank("kim", slates[1], receipts[1], "1234")
    assert [ranking.slate_id for ranking in argilla_desk.source().collect(slates, receipts)] == [slates[1].id]


class TestBundledServer:
    def test_a_second_start_finds_the_first(self, argilla_project: Path) -> None:
        home = bundled.default_home(argilla_project)
        pid = bundled.running_pid(home)
        assert bundled.start(home, port=0) == (bundled.last_address(home), pid)

    def test_a_start_that_another_one_overtakes_finds_its_server(self, argilla_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        home = bundled.default_home(argilla_project)
        running, pid = bundled.last_address(home), bundled.running_pid(home)
        answers = itertools.chain([None], itertools.repeat(pid))  # no server runs when the second start looks, one does when it binds
        monkeypatch.setattr(bundled, "running_pid", lambda _: next(answers))
        assert bundled.start(home) == (running, pid)

    def test_a_port_that_is_released_in_a_moment_is_waited_for(self, tmp_path: Path) -> None:
        """As a server that was killed releases it: after its lock."""
        held = socket.create_server(("127.0.0.1", 0))
        threading.Timer(0.5, held.close).start()
        home = tmp_path / "home"
        try:
            address, _ = bundled.start(home, port=held.getsockname()[1])
            assert address == bundled.last_address(home)
        finally:
            bundled.stop(home)

    def test_a_taken_port_is_reported(self, argilla_project: Path, tmp_path: Path) -> None:
        address = bundled.last_address(bundled.default_home(argilla_project))
        assert address is not None
        with pytest.raises(FeedbackError, match=f"cannot listen on 127.0.0.1:{address.port}") as error:
            bundled.start(tmp_path / "home", port=address.port)
        assert "--port" in error.value.hint
        assert not (tmp_path / "home").exists()

    def test_files_of_a_dead_server_do_not_look_alive(self, tmp_path: Path) -> None:
        (tmp_path / "server.lock").write_text(str(os.getpid()))  # a living process, and not a server
        assert bundled.running_pid(tmp_path) is None
        assert bundled.stop(tmp_path) is False

    def test_secrets_are_private_and_in_no_command_line(self, argilla_project: Path) -> None:
        home = bundled.default_home(argilla_project)
        for name in ("owner-key", "accounts.json", "auth-secret", "server.json", "server.log", "argilla.db"):
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o600, name
        secrets = [bundled.owner_key(home) or "?", bundled.passwords(home)["owner"], (home / "auth-secret").read_text()]
        shown = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(bundled.running_pid(home))], capture_output=True, text=True, check=True
        )
        assert "start_server.py" in shown.stdout
        for secret in secrets:
            assert secret not in shown.stdout
            assert secret not in (home / "server.log").read_text()
            assert secret not in repr(ArgillaClient("http://x", key=secret))

    def test_answers_and_sessions_survive_a_restart(self, tmp_path: Path) -> None:
        from feedback.client import sign_in

        home = bundled.default_home(tmp_path)
        try:
            first, _ = bundled.start(home, port=0)
            owner = owner_of(tmp_path)
            owner.add_teacher("kim", "kim", owner.ensure_workspace("prefopt"), "teacher-pass-1")
            teacher = sign_in(first.url, "kim", "teacher-pass-1")
            assert bundled.stop(home)
            assert bundled.running_pid(home) is None
            second, _ = bundled.start(home)
            assert second == first, "the same port, or every link and session is lost"
            assert teacher.get("/me")["username"] == "kim"
        finally:
            bundled.stop(home)


def test_the_server_and_the_source_do_not_import_each_other() -> None:
    modules = "feedback.argilla_commands, feedback.teachers_commands, feedback.argilla, feedback.file"
    code = f"import {modules}, sys; print(sorted({{'argilla', 'argilla_server', 'torch'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"

"""Connections break and clients are killed during pushes and collection: exactly N records result, each answer once."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedback import client
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import KEY_VARIABLE, ArgillaClient, find_server
from prefopt.errors import FeedbackError
from tests.contract.breaking import BreakingProxy, breaking, page_of_records, push_of_records
from tests.contract.desks import ArgillaDesk, make_slates


@pytest.fixture
def proxy(argilla_project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingProxy]:
    url, key = find_server(argilla_project)
    monkeypatch.setenv(KEY_VARIABLE, key)
    monkeypatch.setattr(client, "FIRST_WAIT", 0.02)
    with breaking(url) as server:
        yield server


def source_behind(proxy: BreakingProxy, desk: ArgillaDesk) -> ArgillaSource:
    return ArgillaSource(ArgillaConfig(url=proxy.url), desk.context())


def records_of(desk: ArgillaDesk) -> list[str]:
    url, key = find_server(desk.project)
    owner = ArgillaClient(url, key=key)
    dataset = owner.dataset(desk.name, owner.ensure_workspace("prefopt"))
    return sorted(str(record["external_id"]) for record in owner.records(dataset["id"])) if dataset else []


def test_a_lost_reply_and_a_lost_request_are_repeated(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(150)
    proxy.breaks = ["after", "ok", "before", "ok"]
    receipts = source_behind(proxy, argilla_desk).publish(slates)
    assert proxy.seen == ["after", "ok", "before", "ok"]
    assert records_of(argilla_desk) == sorted(slate.id for slate in slates)
    assert len({receipt.record for receipt in receipts}) == 150


def test_a_broken_connection_is_reported_and_the_next_attempt_continues(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(150)
    proxy.breaks = ["ok", *["before"] * 20]
    with pytest.raises(FeedbackError, match="cannot be reached"):
        source_behind(proxy, argilla_desk).publish(slates)
    assert len(records_of(argilla_desk)) == 100
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    proxy.breaks, proxy.seen = [], []
    assert [receipt.record for receipt in source_behind(proxy, argilla_desk).publish(slates)] == [receipt.record for receipt in receipts]
    assert proxy.seen == [], "existing records are not pushed again"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stall counts as broken after seconds instead of a minute."""
    monkeypatch.setattr(client, "TIMEOUT", 2.0)


@pytest.mark.usefixtures("impatient")
def test_failures_during_a_push_and_its_verification_are_retried(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(150)
    proxy.matches = lambda method, path: push_of_records(method, path) or page_of_records(method, path)
    proxy.breaks = ["503", "before", "half", "ok", "half", "after", "503", "ok", "ok", "stall", "ok"]
    receipts = source_behind(proxy, argilla_desk).publish(slates)
    assert records_of(argilla_desk) == sorted(slate.id for slate in slates)
    argilla_desk.rank("kim", slates[3], receipts[3], "1224")
    argilla_desk.rank("lee", slates[3], receipts[3], "4321")
    for breaks in (["503", "half", "before"], ["after", "stall"]):
        proxy.breaks, proxy.seen = list(breaks), []
        rankings = source_behind(proxy, argilla_desk).collect(slates, receipts)
        assert proxy.seen[: len(breaks)] == breaks
        assert [(ranking.slate_id, ranking.teacher) for ranking in rankings] == [("s-003", "kim"), ("s-003", "lee")]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fate", ["before", "503", "half", "stall"])
def test_a_lasting_failure_is_reported_and_no_ranking_is_invented(
    proxy: BreakingProxy, argilla_desk: ArgillaDesk, fate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slates = make_slates(2)
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    proxy.matches = page_of_records
    proxy.breaks = [fate] * 8
    monkeypatch.setattr(client, "TIMEOUT", 0.4)
    with pytest.raises(FeedbackError, match=r"cannot store anything now .*not now" if fate == "503" else "cannot be reached") as error:
        source_behind(proxy, argilla_desk).collect(slates, receipts)
    assert error.value.hint
    monkeypatch.setattr(client, "TIMEOUT", 60)
    proxy.breaks = []
    assert len(source_behind(proxy, argilla_desk).collect(slates, receipts)) == 1


@pytest.mark.parametrize(
    ("step", "fate"),
    [(r"POST .*/datasets$", "before"), (r"POST .*/questions$", "after"), (r"PUT .*/publish$", "after"), (r"PUT .*/publish$", "503")],
)
def test_creating_the_dataset_can_fail_at_any_step_and_the_next_run_completes_it(
    proxy: BreakingProxy, argilla_desk: ArgillaDesk, step: str, fate: str
) -> None:
    slates = make_slates(2)
    proxy.matches = lambda method, path: re.search(step, f"{method} {path}") is not None
    proxy.breaks = [fate]
    with pytest.raises(FeedbackError):
        source_behind(proxy, argilla_desk).publish(slates)
    assert proxy.seen[0] == fate
    proxy.breaks = []
    assert len(source_behind(proxy, argilla_desk).publish(slates)) == 2
    assert records_of(argilla_desk) == ["s-000", "s-001"]


def test_a_teachers_submission_whose_reply_is_lost_counts_once(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(1)
    receipts = argilla_desk.source().publish(slates)
    url, key = find_server(argilla_desk.project)
    page = ArgillaClient(proxy.url, key=ArgillaClient(url, key=key).api_keys()["kim"])
    proxy.matches = lambda method, path: path.endswith("/responses")
    proxy.breaks = ["after"]
    values = {"verdict": {"value": "none"}}
    with pytest.raises(FeedbackError, match="cannot be reached"):
        page.request("POST", f"/records/{receipts[0].record}/responses", json={"status": "submitted", "values": values})
    with pytest.raises(FeedbackError, match="409"):  # it is there already
        page.request("POST", f"/records/{receipts[0].record}/responses", json={"status": "submitted", "values": values})
    (ranking,) = argilla_desk.source().collect(slates, receipts)
    assert ranking.kind == "none_right"


ROOT = Path(__file__).resolve().parents[2]
CLIENT = """
import sys
from pathlib import Path
from tests.contract.desks import FileDesk, make_slates
from feedback import client
from feedback.argilla import ArgillaConfig, ArgillaSource
source = ArgillaSource(ArgillaConfig(url={url!r}), FileDesk(Path({project!r}), {name!r}).context())
slates = make_slates(250)
receipts = source.publish(slates)
source.collect(slates, receipts)
"""


def test_a_client_killed_while_pushing_or_collecting_loses_nothing(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    code = CLIENT.format(url=proxy.url, project=str(argilla_desk.project), name=argilla_desk.name)
    slates = make_slates(250)

    def run_until_stalled() -> None:
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) as process:
            try:
                assert proxy.stalled.wait(60), process.poll()
            finally:
                process.kill()
        assert process.returncode == -signal.SIGKILL
        proxy.stalled.clear()

    proxy.breaks = ["ok", "stall"]
    run_until_stalled()
    assert len(records_of(argilla_desk)) == 100, "killed in the second of three batches"
    receipts = argilla_desk.source().publish(slates)
    assert records_of(argilla_desk) == sorted(slate.id for slate in slates)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    argilla_desk.discard("lee", slates[249], receipts[249])
    proxy.matches = page_of_records
    proxy.breaks = ["ok", "stall"]  # publish looks once, finds all; then collect reads
    run_until_stalled()
    assert [(r.slate_id, r.teacher) for r in argilla_desk.source().collect(slates, receipts)] == [("s-000", "kim"), ("s-249", "lee")]
    assert [receipt.record for receipt in argilla_desk.source().publish(slates)] == [receipt.record for receipt in receipts]

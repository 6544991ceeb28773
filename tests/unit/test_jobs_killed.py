"""A managed round killed before and after every write and every request: it goes on, and never has a second job."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training_service import KEY, Service, serve
from tests.unit.job_cases import advance, succeed

KILLED, WAITING, DONE = -9, 3, 0


class Runs:
    """Runs of `prefopt round`, each in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.unit.job_cases"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._answer() == "ready"

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(self, folder: Path, url: str, kill_at: int = 0) -> int:
        """Exit status of a run that is killed at a write or a request; 0 for none."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"folder": str(folder), "url": url, "kill_at": kill_at}) + "\n")
        self._process.stdin.flush()
        return int(self._answer())


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        found = Runs()
        yield found
        found.close()


def test_a_round_killed_at_every_step_has_one_job(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(Service(tmp_path)) as service:
        kills = 0
        for sent in (False, True):  # before there is a job; when it has ended
            for kill_at in range(1, 100):
                folder = tmp_path / f"{sent}-{kill_at}"
                folder.mkdir()
                service.jobs.clear()
                service.files.clear()
                service.events.clear()
                if sent:
                    assert runs.run(folder, service.url) == WAITING
                    succeed(service, "ftjob-1")
                status = runs.run(folder, service.url, kill_at)
                if status != KILLED:  # fewer steps than that
                    assert status == (DONE if sent else WAITING)
                    break
                kills += 1
                if not sent:
                    assert runs.run(folder, service.url) == WAITING
                    succeed(service, "ftjob-1")
                assert runs.run(folder, service.url) == DONE
                assert len(service.jobs) == 1, f"killed at {kill_at}"
                assert sum(file["purpose"] == "fine-tune" for file in service.files.values()) == 1
                assert (folder / "stage/.fetched/adapter_model.safetensors").read_bytes() == b"weights"
    assert kills > 20


def test_two_copies_of_a_project_share_one_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefopt.errors import WaitingError

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(Service(tmp_path)) as service:
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            with pytest.raises(WaitingError, match="ftjob-1"):
                advance(tmp_path / name, service.url)
        assert len(service.jobs) == 1

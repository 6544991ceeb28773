"""The training service of the tests speaks OpenAI's interface as the official SDK reads it, and our requests are those of its types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.job_create_params import JobCreateParams
from pydantic import TypeAdapter

from prefopt.errors import WaitingError
from tests.training_service import KEY, Service, serve
from tests.unit.job_cases import advance, succeed


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(Service(tmp_path)) as found:
        yield found


def client_of(service: Service, key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0)


def checked(found: Any, kind: type[Any]) -> Any:
    """An answer of the SDK, which it reads without validation, validated."""
    return kind.model_validate(found.to_dict(), strict=True)


def test_the_official_sdk_is_content_with_the_service(service: Service) -> None:
    with client_of(service) as client:
        file = client.files.create(file=("rows.jsonl", b'{"messages": []}\n'), purpose="fine-tune")
        checked(file, openai.types.FileObject)
        method: Any = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 1}}}
        for suffix in ("one", "two", "three"):
            asked: Any = {"model": "tiny", "training_file": file.id, "suffix": suffix, "seed": 7, "metadata": {"prefopt": "x"}}
            checked(client.fine_tuning.jobs.create(method=method, **asked), FineTuningJob)
        listed = [checked(job, FineTuningJob) for job in client.fine_tuning.jobs.list(limit=1)]  # page after page, newest first
        assert [job.user_provided_suffix for job in listed] == ["three", "two", "one"]
        assert [job.id for job in client.files.list(purpose="fine-tune")] == [file.id]
        succeed(service, "ftjob-1")
        done = checked(client.fine_tuning.jobs.retrieve("ftjob-1"), FineTuningJob)
        assert (done.status, done.fine_tuned_model) == ("succeeded", "ft-ftjob-1")
        assert client.files.content(done.result_files[0]).read().startswith(b"step,train_loss")
        events = [checked(event, FineTuningJobEvent) for event in client.fine_tuning.jobs.list_events("ftjob-1", limit=1)]
        assert [event.message for event in events] == ["The job has successfully completed", "Created fine-tuning job"]
        service.end("ftjob-2", error="row 2 has no answer")
        failed = checked(client.fine_tuning.jobs.retrieve("ftjob-2"), FineTuningJob)
        assert failed.error.message == "row 2 has no answer"
        assert client.fine_tuning.jobs.cancel("ftjob-3").status == "cancelled"
        with pytest.raises(openai.BadRequestError, match="the job has ended"):
            client.fine_tuning.jobs.cancel("ftjob-1")
        with pytest.raises(openai.NotFoundError):
            client.fine_tuning.jobs.retrieve("ftjob-9")
    with client_of(service, "sk-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.files.list()


def test_our_request_is_one_of_the_sdks_types(service: Service, tmp_path: Path) -> None:
    with pytest.raises(WaitingError):
        advance(tmp_path, service.url, batch_size=8, learning_rate_multiplier=0.5)
    (asked,) = service.asked
    assert TypeAdapter(JobCreateParams).validate_python(asked, strict=True) == asked
    with client_of(service) as client:
        (job,) = client.fine_tuning.jobs.list()
        assert job.method is not None
        assert job.method.dpo is not None
        assert job.method.dpo.hyperparameters is not None
        assert (job.method.dpo.hyperparameters.beta, job.method.dpo.hyperparameters.batch_size) == (0.1, 8)

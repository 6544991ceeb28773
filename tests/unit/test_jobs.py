"""Jobs at a training service: what leaves, what is asked, and what every answer of the service leads to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefopt.errors import ConfigError, DataError, PrefoptError, TrainingError, WaitingError
from prefopt.jobs import client, run
from prefopt.jobs.record import read_record
from prefopt.jobs.rows import TIE, UNSURE, example_rows
from prefopt.jobs.service import UnansweredError
from prefopt.records import Problem
from recipes.openai import recipe as openai
from tests.training_service import KEY, Service, serve
from tests.unit.job_cases import PAIRS, advance, config, job_in, opened, pair, succeed

CREATED = ("POST", "/v1/fine_tuning/jobs")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for module in (client, run):
        monkeypatch.setattr(module, "FIRST_WAIT", 0.001)
    with serve(Service(tmp_path)) as found:
        yield found


def wait(folder: Path, service: Service, **options: object) -> str:
    with pytest.raises(WaitingError) as found:
        advance(folder, service.url, **options)
    return found.value.message


def test_texts_alone_leave(service: Service, tmp_path: Path) -> None:
    _, order = opened(tmp_path, service.url)
    rows = [json.loads(line) for line in order.content.decode().splitlines()]
    assert rows[0] == {
        "input": {
            "messages": [
                {"role": "system", "content": "수학 문제를 읽고 2022 개정 교육과정의 성취기준 하나로 분류한다. 답은 JSON으로만 쓴다."},
                {"role": "user", "content": "12+9는 얼마인가"},  # as prompts are read here
            ]
        },
        "preferred_output": [{"role": "assistant", "content": '{"standard":"add","level":"B"}'}],
        "non_preferred_output": [{"role": "assistant", "content": '{"standard":"sub","level":"B"}'}],
    }
    assert len(rows) == 2
    assert "slate" not in order.content.decode()
    assert wait(tmp_path, service) == "ftjob-1 (queued)"
    assert service.contents["file-1"] == order.content == (tmp_path / "stage/sent.jsonl").read_bytes()
    record = read_record(tmp_path / "stage")
    assert record is not None
    assert record.left_out == {TIE: 1, UNSURE: 1}
    assert (record.suffix, record.rows) == ("prefopt-mathclass-round-003", 2)
    asked = service.jobs["ftjob-1"]
    assert (asked["model"], asked["user_provided_suffix"]) == ("ft-parent", "prefopt-mathclass-round-003")
    assert asked["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1, "beta": 0.1}}}


def test_an_answer_with_a_label_alone_does_not_stand_beside_one_with_fields(service: Service, tmp_path: Path) -> None:
    asked = config(service.url)
    named = pair("5", "add", "sub").model_copy(update={"chosen": PAIRS[0].chosen.model_copy(update={"level": None})})
    order, _ = openai.order(job_in(tmp_path, service.url, (named,)), asked, openai.service(asked))
    assert [json.loads(order.content)[key][0]["content"] for key in ("preferred_output", "non_preferred_output")] == [
        '{"standard":"add"}',
        '{"standard":"sub"}',
    ]


def test_personal_data_stay(service: Service, tmp_path: Path) -> None:
    told = pair("5", "add", "sub")
    told = told.model_copy(update={"problem": told.problem.model_copy(update={"text": "김민수 학생(010-1234-5678)의 사과는 몇 개인가?"})})
    asked = config(service.url)
    with pytest.raises(DataError, match=r"nothing was sent to openai at http.*: personal data in problem '5': person-name, phone") as found:
        openai.order(job_in(tmp_path, service.url, (*PAIRS, told)), asked, openai.service(asked))
    assert "1234" not in str(found.value)
    assert not service.requests


def test_labeled_problems_leave_with_their_reasons(service: Service, tmp_path: Path) -> None:
    job = job_in(tmp_path, service.url)
    problem = Problem(id="g1", text="2 × 3", label="mul", reason="곱셈이다.")
    object.__setattr__(job, "data", (problem,))
    assert [row.chosen for row in example_rows(job, "a service", explain=True).rows] == ['{"standard":"mul"}', "곱셈이다."]
    assert [row.chosen for row in example_rows(job, "a service", explain=False).rows] == ['{"standard":"mul"}']


def test_a_job_is_asked_for_until_it_has_ended(service: Service, tmp_path: Path) -> None:
    wait(tmp_path, service)
    service.jobs["ftjob-1"]["status"] = "running"
    service.say("ftjob-1", "Step 1/2: training loss=0.70")
    assert wait(tmp_path, service) == "ftjob-1 (running, Step 1/2: training loss=0.70)"
    succeed(service, "ftjob-1")
    record = advance(tmp_path, service.url)
    assert [seen.state for seen in record.states] == ["queued", "running", "succeeded"]
    assert (record.model, record.updates, record.metrics) == ("ft-ftjob-1", 2, {"loss": 0.5})
    assert sorted(path.name for path in (tmp_path / "stage/.fetched").iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    fetched = len(service.requests)
    advance(tmp_path, service.url)
    assert len(service.requests) == fetched  # what was fetched is not fetched again


@pytest.mark.parametrize("status", [429, 500, 503, 0])
@pytest.mark.parametrize("request_", [("GET", "/v1/files"), ("POST", "/v1/files"), ("GET", "/v1/fine_tuning/jobs"), ("GET", "/ftjob-1")])
def test_a_fault_of_the_service_is_tried_again(service: Service, tmp_path: Path, request_: tuple[str, str], status: int) -> None:
    service.faults = [(*request_, status, False)]
    assert wait(tmp_path, service) == "ftjob-1 (queued)" or request_[1] == "/ftjob-1"
    assert not service.faults
    assert len(service.jobs) == 1


def test_a_refusal_for_too_many_requests_creates_the_job_later(service: Service, tmp_path: Path) -> None:
    service.faults = [(*CREATED, 429, False)]
    assert wait(tmp_path, service) == "ftjob-1 (queued)"
    assert len(service.jobs) == 1


@pytest.mark.parametrize("status", [500, 0])
def test_a_creation_without_an_answer_is_looked_for(service: Service, tmp_path: Path, status: int) -> None:
    service.faults = [(*CREATED, status, True)]
    assert wait(tmp_path, service) == "ftjob-1 (queued)"
    assert len(service.jobs) == 1


@pytest.mark.parametrize("status", [500, 0])
def test_a_creation_that_did_not_happen_is_not_repeated_at_once(service: Service, tmp_path: Path, status: int) -> None:
    service.faults = [(*CREATED, status, False)]
    with pytest.raises(UnansweredError, match="nothing is paid twice"):
        advance(tmp_path, service.url)
    assert not service.jobs
    assert wait(tmp_path, service) == "ftjob-1 (queued)"
    assert service.requests.count(CREATED) == 2
    assert len(service.jobs) == 1


def test_a_file_that_expired_is_uploaded_again(service: Service, tmp_path: Path) -> None:
    service.faults = [(*CREATED, 500, False)]
    with pytest.raises(UnansweredError):
        advance(tmp_path, service.url)
    service.files["file-1"]["status"] = "expired"
    assert wait(tmp_path, service) == "ftjob-1 (queued)"
    assert service.jobs["ftjob-1"]["training_file"] == "file-2"


def test_a_failed_job_says_why_and_leaves_the_round_open(service: Service, tmp_path: Path) -> None:
    wait(tmp_path, service)
    service.end("ftjob-1", error="row 2 has no answer")
    with pytest.raises(TrainingError, match=r"ftjob-1 at .* failed: row 2 has no answer\n  → to send a new job: prefopt round;"):
        advance(tmp_path, service.url)
    assert wait(tmp_path, service) == "ftjob-2 (queued)"
    record = read_record(tmp_path / "stage")
    assert record is not None
    assert [(a.id, a.state, a.error) for a in record.attempts] == [("ftjob-1", "failed", "row 2 has no answer")]
    assert len(service.files) == 1  # the rows are there already


def test_a_job_that_was_cancelled_elsewhere_is_not_waited_for(service: Service, tmp_path: Path) -> None:
    wait(tmp_path, service)
    service.jobs["ftjob-1"]["status"] = "cancelled"
    with pytest.raises(TrainingError, match=r"ftjob-1 .* was cancelled"):
        advance(tmp_path, service.url)


def test_cancelling_and_giving_up(service: Service, tmp_path: Path) -> None:
    wait(tmp_path, service)
    with pytest.raises(TrainingError, match=r"other settings than those of now: options\n.*prefopt round cancel, then prefopt round"):
        advance(tmp_path, service.url, beta=0.3)
    assert len(service.jobs) == 1
    asked = config(service.url, beta=0.3)
    record = run.cancel(openai.service(asked), tmp_path / "stage")
    assert service.jobs["ftjob-1"]["status"] == "cancelled"
    assert [attempt.state for attempt in record.attempts] == ["cancelled"]
    assert wait(tmp_path, service, beta=0.3) == "ftjob-2 (queued)"
    succeed(service, "ftjob-2")  # what has ended is given up, and never found again
    assert run.cancel(openai.service(asked), tmp_path / "stage").attempts[-1].state == "succeeded"
    assert wait(tmp_path, service, beta=0.3) == "ftjob-3 (queued)"


def test_a_refused_request_can_be_changed(service: Service, tmp_path: Path) -> None:
    service.faults = [(*CREATED, 400, False)]
    with pytest.raises(TrainingError, match="the server has a fault"):
        advance(tmp_path, service.url, batch_size=3)
    assert wait(tmp_path, service, batch_size=4) == "ftjob-1 (queued)"
    assert len(service.files) == 1


def test_a_job_at_another_service_is_not_cancelled_here(service: Service, tmp_path: Path) -> None:
    wait(tmp_path, service)
    other = openai.service(config("http://127.0.0.1:9"))
    with pytest.raises(
        TrainingError, match=r"the job of this round is at openai at http.*, and openai at http://127\.0\.0\.1:9 cannot cancel it"
    ):
        run.cancel(other, tmp_path / "stage")
    assert service.jobs["ftjob-1"]["status"] == "queued"


def test_a_job_whose_creation_was_interrupted_can_be_cancelled(service: Service, tmp_path: Path) -> None:
    service.faults = [(*CREATED, 500, False)]
    with pytest.raises(UnansweredError):
        advance(tmp_path, service.url)
    there, order = opened(tmp_path, service.url)
    there.create(order, "file-1")  # it arrived late
    run.cancel(there, tmp_path / "stage")
    assert service.jobs["ftjob-1"]["status"] == "cancelled"


def test_the_price_is_compared_before_anything_leaves(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefopt.jobs.recipe._counter", lambda *_: lambda: 1_000_000)
    with pytest.raises(
        TrainingError, match=r"would cost up to 60\.00 US dollars, and max_cost is 20\.00; nothing was sent\n  → set max_cost = 60 "
    ):
        advance(tmp_path, service.url, price=20.0, epochs=3, max_cost=20.0)
    with pytest.raises(TrainingError, match="set price = 0 under the recipe's name"):
        advance(tmp_path, service.url, price=None)
    assert not service.requests
    wait(tmp_path, service, price=20.0, epochs=3, max_cost=60.0)
    service.jobs["ftjob-1"]["trained_tokens"] = 900_000
    service.jobs["ftjob-1"]["status"] = "running"
    wait(tmp_path, service, price=20.0, epochs=3, max_cost=60.0)
    record = read_record(tmp_path / "stage")
    assert record is not None
    assert (record.price, record.cost) == (60.0, 18.0)


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://school.openai.azure.com/openai/v1"])
def test_a_service_that_gives_no_weights_gets_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(TrainingError, match="gives no weights back"):
        advance(tmp_path, url.removesuffix("/v1"))


def test_a_model_id_alone_is_no_adapter(service: Service, tmp_path: Path) -> None:
    wait(tmp_path, service)
    service.end("ftjob-1", model="ft:gpt")
    with pytest.raises(TrainingError, match=r"ftjob-1 trained ft:gpt at .*, which gives no weights back"):
        advance(tmp_path, service.url)


def test_a_parent_that_was_trained_here_is_refused(service: Service, tmp_path: Path) -> None:
    job = job_in(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(TrainingError, match=r"the parent adapter was trained at openai at http://127\.0\.0\.1:1 on school/tiny"):
        openai.order(job, config(service.url), openai.service(config(service.url)))
    assert not service.requests


def test_keys_and_addresses(monkeypatch: pytest.MonkeyPatch, service: Service, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(TrainingError, match="the key is refused: Incorrect API key") as found:
        advance(tmp_path, service.url)
    assert "sk-wrong" not in str(found.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    for url, why in (("https://gpu.school.kr/v1", "OPENAI_API_KEY is not set"), ("", "the server is not named")):
        with pytest.raises(ConfigError, match=why):
            openai.service(config(url))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(PrefoptError, match="is not encrypted"):
        openai.service(config("http://gpu.school.kr/v1"))

"""Jobs at Together: the requests are those of its official SDK, nothing is paid twice, and what comes back computes what it sent."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from prefopt.errors import PrefoptError, TrainingError, WaitingError
from prefopt.jobs import archives, together
from prefopt.jobs.record import read_record
from prefopt.jobs.run import cancel
from prefopt.jobs.service import Job, Order, UnansweredError
from prefopt.jobs.together import TogetherJobs, short
from prefopt.model.adapter_card import Managed, adapter_id, read_card
from prefopt.model.adapters import load_adapter
from prefopt.model.load import load_base
from prefopt.protocols import TrainingJob
from recipes.together import recipe as dpo
from recipes.together_sft import recipe as sft
from tests.gptoss import dequantized
from tests.recipes.recipe_cases import MakeJob, pair, problem
from tests.returned_adapters import add_by_hand, make_returned
from tests.together_service import KEY, Service, serve, tar_of
from tools.together_requests import NAME, ROWS

SENT: dict[str, list[Any]] = json.loads((Path(__file__).parent / "data" / "together-requests.json").read_text())
"""What the official SDK sends: tools/together_requests.py."""
ADAPTER = {"rank": 16, "alpha": 32, "targets": "attention", "experts": "auto"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    monkeypatch.setattr(together, "FIRST_LOOK", 0.001)
    monkeypatch.setattr("prefopt.jobs.client.FIRST_WAIT", 0.001)
    monkeypatch.setattr("prefopt.jobs.run.FIRST_WAIT", 0.001)
    with serve(Service()) as found:
        yield found


def order(method: Any, parent: Managed | None = None, epochs: int = 1, **options: float) -> Order:
    return Order(
        suffix="prefopt-mathclass-round-001",
        method=method,
        model="openai/gpt-oss-20b",
        parent=parent,
        options={"learning_rate": 1e-5, "warmup_ratio": 0.0, "batch_size": "max", "adapter": ADAPTER}
        | {"training_method": together.training_method(method, **options)},
        rows=(),
        content=ROWS,
        sha256=hashlib.sha256(ROWS).hexdigest(),
        tokens=lambda: 10,
        epochs=epochs,
        seed=7,
    )


def test_requests_are_those_of_the_official_sdk(service: Service, tmp_path: Path) -> None:
    jobs = TogetherJobs(service.url, 1.0, 5.0)
    found: dict[str, list[Any]] = {}

    def kept(step: str, result: Any) -> Any:
        found[step] = [list(request) for request in service.asked]
        service.asked.clear()
        return result

    assert kept("upload", jobs._client.put_file(NAME, ROWS)) == "file-1"
    first = kept("sft", jobs.create(order("sft", epochs=2), "file-1"))
    service.end(first.id)
    parent = Managed(service=jobs.name, base="openai/gpt-oss-20b", model="", job=first.id)
    second = kept("dpo", jobs.create(order("dpo", parent, dpo_beta=0.2, rpo_alpha=0.5), "file-1"))
    kept("list", jobs.find("prefopt-mathclass-round-001", "", "file-1"))
    kept("files", jobs.find_file(order("sft")))
    kept("job", jobs.job(second.id))
    kept("events", jobs.events(second.id))
    kept("cancel", jobs.cancel(second.id))
    make_files(tmp_path / "source")
    service.adapter = tar_of(tmp_path / "source")
    (tmp_path / "out").mkdir()
    fetched = kept("download", jobs.fetch(first, tmp_path / "out"))
    assert (fetched.steps, fetched.metrics) == (12, {"loss": 0.41})
    found["download"], found["metrics"] = found["download"][:1], found["download"][1:]
    limits = ["GET", "/v1/fine-tunes/models/limits"]
    for step, theirs in SENT.items():
        ours = found[step]
        if step in ("sft", "dpo"):  # what a model can be trained with is asked earlier or later than the SDK does
            ours, theirs = ([request for request in rows if request[:2] != limits] for rows in (ours, theirs))
        if step == "cancel":  # the state before and after
            ours = ours[1:2]
        assert ours == theirs, step
    assert service.keys == {"/storage/file-1": None, "/storage/adapter": None}, "the key goes to the service alone"


def make_files(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names or ("adapter_config.json", "adapter_model.safetensors"):
        (folder / name).write_bytes(b"{}")
    return folder


OPTIONS = {"price": 2.0, "max_cost": 5.0}


def a_round(make_job: MakeJob, folder: Path, parent: Path | None = None) -> TrainingJob:
    rows = [problem(i) for i in range(6)] if parent is None else [pair(i) for i in range(6)]
    folder.mkdir()
    return make_job(folder, rows, parent=parent)


def returned(service: Service, base: Path, folder: Path, layout: Any = "together", compression: str = "zstd", **said: Any) -> Path:
    """Have the service send an adapter."""
    source = make_returned(folder, layout, dequantized(base), **{"rank": 4, "alpha": 8, **said})
    service.adapter = tar_of(source, compression)
    return source


@torch.no_grad()
def test_a_round_trained_there_continues_one_trained_there(service: Service, base_path: Path, make_job: MakeJob, tmp_path: Path) -> None:
    options = {"url": service.url, **OPTIONS}
    base = a_round(make_job, tmp_path / "base")
    service.unchecked = 100
    with pytest.raises(WaitingError, match=r"file-1 .*checks the rows; nothing is ordered yet"):
        sft.train(base, sft.Config(**options))
    assert service.jobs == {}
    service.unchecked = 2
    for status in ("pending", "running"):
        with pytest.raises(WaitingError, match=r"ft-1 \((queued|running)"):
            sft.train(base, sft.Config(**options))
        service.jobs["ft-1"].update(status=status, steps_completed=3, total_steps=12)
    service.end("ft-1")
    source = returned(service, base_path, tmp_path / "source")
    done = sft.train(base, sft.Config(**options))
    assert (done.steps, done.examples, len(service.jobs), len(service.contents)) == (12, 12, 1, 1)
    assert service.jobs["ft-1"]["training_type"]["lora_trainable_modules"] == "k_proj,o_proj,q_proj,v_proj,w_gate,w_up,w_down"
    record, card = read_record(base.folder), read_card(done.path)
    assert record is not None
    assert (record.price <= 5.0, record.cost) == (True, 1.25)
    assert card.managed == Managed(service=f"together at {service.url}", base="openai/gpt-oss-20b", model=record.model, job="ft-1")
    assert (card.recipe, card.rank, card.alpha, card.experts, card.parent) == ("together-sft", 4, 8, True, None)

    ids = torch.randint(3, 200, (2, 30), generator=torch.Generator().manual_seed(0))
    expected = add_by_hand(dequantized(base_path), source).eval()(ids).logits
    ours = load_adapter(load_base(base.model), done.path, trainable=True).eval()(ids).logits
    assert (ours - expected).abs().max() <= 1e-4

    later = a_round(make_job, tmp_path / "later", done.path)
    with pytest.raises(WaitingError):
        dpo.train(later, dpo.Config(**options, beta=0.3))
    assert service.jobs["ft-2"]["from_checkpoint"] == "ft-1"
    assert "model" not in service.jobs["ft-2"]
    assert service.jobs["ft-2"]["training_method"]["dpo_beta"] == 0.3
    (row, *_) = (json.loads(line) for line in service.contents["file-2"].splitlines())
    assert set(row) == {"input", "preferred_output", "non_preferred_output"}
    service.end("ft-2")
    returned(service, base_path, tmp_path / "again", layout="tinker", compression="gzip")
    assert read_card(dpo.train(later, dpo.Config(**options, beta=0.3)).path).parent == adapter_id(done.path)


@pytest.mark.parametrize(
    "fault",
    [
        ("POST", "/v1/fine-tunes", 0, True),
        ("POST", "/v1/fine-tunes", 500, True),
        ("POST", "/v1/fine-tunes", 500, False),
        ("POST", "/v1/files", 0, True),
        ("PUT", "/storage/file-1", 0, False),
        ("PUT", "/storage/file-1", 503, False),
        ("POST", "/preprocess", 500, True),
        ("POST", "/estimate-price", 0, True),
        ("GET", "/limits", 429, False),
    ],
)
def test_nothing_is_ordered_twice(service: Service, make_job: MakeJob, tmp_path: Path, fault: Any) -> None:
    job, config = a_round(make_job, tmp_path / "job"), sft.Config(url=service.url, **OPTIONS)
    service.faults = [fault]
    for _ in range(3):
        with pytest.raises((WaitingError, UnansweredError)):
            sft.train(job, config)
    assert service.faults == []
    assert len(service.jobs) == 1
    assert service.contents[service.jobs["ft-1"]["training_file"]].count(b"\n") == 12


def test_a_job_in_a_state_that_is_not_known_stays_the_job_of_the_round(service: Service, make_job: MakeJob, tmp_path: Path) -> None:
    job, config = a_round(make_job, tmp_path / "job"), sft.Config(url=service.url, **OPTIONS)
    service.status = "reserved"
    for _ in range(2):
        with pytest.raises(UnansweredError, match="'reserved', which prefopt does not know"):
            sft.train(job, config)
    record = read_record(job.folder)
    assert record is not None
    assert record.is_open
    service.jobs["ft-1"]["status"] = "running"
    with pytest.raises(WaitingError, match="ft-1"):
        sft.train(job, config)
    assert len(service.jobs) == 1


def test_an_upload_without_a_place_for_the_rows_is_an_error_in_words(service: Service, make_job: MakeJob, tmp_path: Path) -> None:
    service.no_place = True
    with pytest.raises(TrainingError, match="no place for the rows"):
        sft.train(a_round(make_job, tmp_path / "job"), sft.Config(url=service.url, **OPTIONS))
    assert not service.jobs


def test_an_expired_file_is_uploaded_again(service: Service, make_job: MakeJob, tmp_path: Path) -> None:
    job, config = a_round(make_job, tmp_path / "job"), sft.Config(url=service.url, **OPTIONS)
    service.unchecked = 100
    with pytest.raises(WaitingError):
        sft.train(job, config)
    service.unchecked = 0
    service.contents.clear()
    with pytest.raises(WaitingError, match="ft-1"):
        sft.train(job, config)
    assert service.jobs["ft-1"]["training_file"] == "file-2"


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        ({"price": 5.5}, {}, r"estimates 5\.50 US dollars, and max_cost is 5\.00; no job was ordered"),
        ({"estimate": {"estimation_available": True, "allowed_to_proceed": False}}, {}, "more than the account has .100"),
        ({"estimate": {"estimation_available": False, "unavailable_reason": "train_file_invalid"}}, {}, "cannot use the rows: train_file"),
        ({}, {"model": "openai/gpt-oss-7b"}, r"openai/gpt-oss-7b is not available"),
        ({}, {"price": None}, "does not say what a job costs"),
        ({}, {"price": 1e5}, r"the job would cost up to \d+"),
        ({}, {"epochs": 21}, "with epochs from 1 to 20, not 21"),
        ({}, {"learning_rate": 0.5}, r"with learning_rate from 1e-08 to 0\.01, not 0\.5"),
        ({"limits": {"max_rank": 2}}, {}, "with rank from 1 to 2, not 4"),
        ({"limits": {"target_modules": ["q_proj"]}}, {"experts": True}, "adapts q_proj of openai/gpt-oss-20b, and not experts"),
    ],
)
def test_what_must_not_be_paid_for_is_refused(
    service: Service, make_job: MakeJob, tmp_path: Path, changed: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    job = a_round(make_job, tmp_path / "job")
    if options.pop("experts", False):
        object.__setattr__(job, "adapter", job.adapter.model_copy(update={"experts": True}))
    service.limits["lora_training"].update(changed.pop("limits", {}))
    for name, value in changed.items():
        setattr(service, name, value)
    with pytest.raises(PrefoptError, match=message) as caught:
        sft.train(job, sft.Config(**{"url": service.url, **OPTIONS, **options}))
    assert caught.value.hint
    assert service.jobs == {}


def test_a_variant_that_is_not_trained_there_is_refused(service: Service, make_job: MakeJob, tmp_path: Path) -> None:
    job = a_round(make_job, tmp_path / "job")
    object.__setattr__(job, "adapter", job.adapter.model_copy(update={"variant": "rslora"}))
    with pytest.raises(TrainingError, match="trains plain LoRA alone"):
        sft.train(job, sft.Config(url=service.url, **OPTIONS))
    assert service.asked == []
    object.__setattr__(job, "adapter", job.adapter.model_copy(update={"variant": "lora"}))
    with pytest.raises(WaitingError):
        sft.train(job, sft.Config(url=service.url, **OPTIONS))


def test_a_job_that_fails_says_why_and_can_be_sent_again(service: Service, make_job: MakeJob, tmp_path: Path) -> None:
    job, config = a_round(make_job, tmp_path / "job"), sft.Config(url=service.url, **OPTIONS)
    with pytest.raises(WaitingError):
        sft.train(job, config)
    service.end("ft-1", "error", "out of memory on node 3")
    with pytest.raises(TrainingError, match=r"ft-1 .* failed: out of memory on node 3"):
        sft.train(job, config)
    with pytest.raises(WaitingError, match="ft-2"):
        sft.train(job, config)
    assert cancel(sft.service(config), job.folder).attempts[-1].state == "cancelled"
    assert service.jobs["ft-2"]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not an archive", "is not a readable archive"),
        (b"\x28\xb5\x2f\xfd damaged", "is not a readable archive"),
        (("adapter_config.json",), "has 0 files called adapter_model.safetensors"),
        (("adapter_config.json", "adapter_model.bin"), "has 0 files called adapter_model.safetensors"),
    ],
)
def test_an_archive_without_an_adapter_is_refused(service: Service, tmp_path: Path, content: Any, message: str) -> None:
    service.jobs["ft-1"] = {"id": "ft-1", "status": "completed"}
    service.adapter = content if isinstance(content, bytes) else tar_of(make_files(tmp_path / "source", *content))
    (tmp_path / "out").mkdir()
    with pytest.raises(TrainingError, match=message):
        TogetherJobs(service.url, 1.0, 5.0).fetch(Job("ft-1", "succeeded"), tmp_path / "out")


def test_a_download_larger_than_an_adapter_is_refused(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service.jobs["ft-1"] = {"id": "ft-1", "status": "completed"}
    service.adapter = bytes(10_000)
    monkeypatch.setitem(archives.MOST_BYTES, "adapter_model.safetensors", 100)
    with pytest.raises(TrainingError, match="more than an adapter can have"):
        TogetherJobs(service.url, 1.0, 5.0).fetch(Job("ft-1", "succeeded"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_larger_than_an_adapter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(archives.MOST_BYTES, "adapter_model.safetensors", 1)
    (tmp_path / "a.tar").write_bytes(tar_of(make_files(tmp_path / "source")))
    with pytest.raises(TrainingError, match="more than 1 bytes, which no adapter has"):
        archives.unpack_adapter(tmp_path / "a.tar", tmp_path, what="the adapter of ft-1")
    monkeypatch.setitem(archives.MOST_BYTES, "adapter_model.safetensors", 2)
    twice = shutil.copytree(tmp_path / "source", tmp_path / "twice")
    shutil.copytree(tmp_path / "source", twice / "nested")
    (tmp_path / "b.tar").write_bytes(tar_of(twice))
    with pytest.raises(TrainingError, match=r"has 2 files called adapter_config\.json"):
        archives.unpack_adapter(tmp_path / "b.tar", tmp_path, what="the adapter of ft-1")


def test_long_names_of_projects_stay_different() -> None:
    a, b = (short(f"prefopt-{'mathclass' * 4}-{end}-round-003") for end in ("north", "south"))
    assert a != b
    assert max(len(a), len(b)) <= 40
    assert short("prefopt-mathclass-round-001") == "prefopt-mathclass-round-001"

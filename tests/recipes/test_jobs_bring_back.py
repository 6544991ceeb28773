"""The adapter of a job becomes one of ours: base, shape and change are checked, and the card says where it was trained."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefopt.config import AdapterSettings
from prefopt.errors import TrainingError, WaitingError
from prefopt.model.adapter_card import adapter_id, read_card
from prefopt.protocols import TrainedAdapter, TrainingJob
from recipes.openai import OpenAiConfig
from recipes.openai import recipe as openai
from recipes.openai_sft import OpenAiSftConfig
from recipes.openai_sft import recipe as openai_sft
from tests.recipes.recipe_cases import MakeJob, pair, problem
from tests.training_service import KEY, Service, serve
from tests.unit.job_cases import succeed


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(Service(tmp_path)) as found:
        yield found


def files_of(adapter: Path, base: str | None) -> dict[str, bytes]:
    """An adapter as a service packs it, with the name of its base."""
    said = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
    weights = (adapter / "adapter_model.safetensors").read_bytes()
    return {"adapter_config.json": json.dumps(said).encode(), "adapter_model.safetensors": weights}


def trained_there(job: TrainingJob, service: Service, adapter: Path, base: str | None = "school/tiny") -> TrainedAdapter:
    """Round 000, sent and fetched."""
    options = OpenAiSftConfig(url=service.url, model="school/tiny", price=0.0)
    with pytest.raises(WaitingError):
        openai_sft.train(job, options)
    succeed(service, "ftjob-1", files_of(adapter, base))
    return openai_sft.train(job, options)


def test_an_adapter_comes_back_with_a_card(service: Service, make_job: MakeJob, parent: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "sft", [problem(i) for i in range(4)], round=0, project="mathclass")
    done = trained_there(job, service, parent)
    assert (done.steps, done.metrics["loss"]) == (2, 0.5)
    assert adapter_id(done.path) == adapter_id(parent)
    card = read_card(done.path)
    assert (card.recipe, card.parent, card.rank, card.base) == ("openai-sft", None, 4, read_card(parent).base)
    assert card.managed is not None
    assert (card.managed.base, card.managed.model, card.managed.job) == ("school/tiny", "ft-ftjob-1", "ftjob-1")
    again = openai_sft.train(job, OpenAiSftConfig(url=service.url, model="school/tiny", price=0.0))  # interrupted before the stage ended
    assert adapter_id(again.path) == adapter_id(parent)
    assert len(service.jobs) == 1

    child = make_job(tmp_path / "dpo", [pair(i) for i in range(4)], done.path, round=1, project="mathclass")
    options = OpenAiConfig(url=service.url, model="school/tiny", price=0.0)
    with pytest.raises(WaitingError):
        openai.train(child, options)
    assert service.asked[-1]["model"] == "ft-ftjob-1"
    succeed(service, "ftjob-2", files_of(parent, None))
    with pytest.raises(TrainingError, match=r"ftjob-2 at .* has learned nothing: every weight of the adapter is the parent's"):
        openai.train(child, options)


def test_the_hint_for_another_shape_needs_no_new_job(service: Service, make_job: MakeJob, parent: Path, tmp_path: Path) -> None:
    rows = [problem(i) for i in range(4)]
    with pytest.raises(TrainingError, match=r"another shape than \[adapter\] .*rank 4 \(set: 8\)") as found:
        trained_there(make_job(tmp_path / "sft", rows, adapter=AdapterSettings(rank=8, alpha=8)), service, parent)
    said = tomllib.loads(found.value.hint.partition("\n")[2])
    job = make_job(tmp_path / "sft", rows, adapter=AdapterSettings(**said["adapter"]))
    assert openai_sft.train(job, OpenAiSftConfig(url=service.url, model="school/tiny", price=0.0)).path.is_dir()
    assert len(service.jobs) == 1


def test_an_adapter_of_another_base_is_refused(service: Service, make_job: MakeJob, parent: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="was trained on the base someone/else, and the job was to train"):
        trained_there(make_job(tmp_path / "sft", [problem(i) for i in range(4)]), service, parent, base="someone/else")

"""The reference's log-probabilities: cached, checked when used again, refused when they are not the adapter's."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from prefopt.config import ModelSettings
from prefopt.errors import TrainingError
from recipes import dpo, kto, reference
from recipes.invariants import check_zero_rewards
from tests.recipes.recipe_cases import SMALL, MakeJob, judged, pair


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each batch that was scored under the reference."""
    sizes: list[int] = []
    real = reference.score

    def score(model: Any, batch: Any, **options: Any) -> Any:
        sizes.append(len(batch["input_ids"]))
        return real(model, batch, **options)

    monkeypatch.setattr(reference, "score", score)
    return sizes


def train(make_job: MakeJob, folder: Path, parent: Path, cache: Path | None, **options: Any) -> bytes:
    job = make_job(folder, [pair(i) for i in range(12)], parent, cache=cache)
    return (dpo.recipe.train(job, dpo.recipe.Config(**SMALL | options)).path / "adapter_model.safetensors").read_bytes()


def test_a_cached_reference_is_used_again_and_changes_no_bit(tmp_path: Path, make_job: MakeJob, parent: Path, scored: list[int]) -> None:
    first = train(make_job, tmp_path / "a", parent, tmp_path / "cache")
    assert scored == [4, 4, 4]
    assert len(list((tmp_path / "cache" / "reference").iterdir())) == 1
    assert train(make_job, tmp_path / "b", parent, tmp_path / "cache") == first
    assert scored == [4, 4, 4, 4], "only the first batch is computed, to check the cached file"
    train(make_job, tmp_path / "c", parent, tmp_path / "cache", beta=0.3)
    assert scored == [4, 4, 4, 4, 4], "other losses have the same reference"
    train(make_job, tmp_path / "d", parent, tmp_path / "cache", batch_size=6)
    assert scored[5:] == [6, 6], "other batches are computed again: their rewards start at exactly 0 too"
    assert train(make_job, tmp_path / "e", parent, None) == first
    assert not (tmp_path / "e" / "checkpoints").exists()


def test_another_parent_has_another_reference(tmp_path: Path, make_job: MakeJob, parent: Path, scored: list[int]) -> None:
    train(make_job, tmp_path / "a", parent, tmp_path / "cache")
    train(make_job, tmp_path / "b", tmp_path / "a" / "adapter", tmp_path / "cache")
    assert scored == [4] * 6
    assert len(list((tmp_path / "cache" / "reference").iterdir())) == 2


def test_a_cached_reference_that_was_changed_is_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    train(make_job, tmp_path / "a", parent, tmp_path / "cache")
    (path,) = (tmp_path / "cache" / "reference").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(TrainingError, match=r"cannot be read[\s\S]*delete .* computed again"):
        train(make_job, tmp_path / "b", parent, tmp_path / "cache")
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(TrainingError, match="not what was written"):
        train(make_job, tmp_path / "c", parent, tmp_path / "cache")
    values = load_file(path)["log_probs"] + 0.01
    digest = hashlib.sha256(values.contiguous().numpy().tobytes()).hexdigest()
    save_file({"log_probs": values}, path, metadata={"key": path.stem, "sha256": digest})
    with pytest.raises(TrainingError, match=r"differs by 0\.01\d* nats on average from what the adapter computes now"):
        train(make_job, tmp_path / "d", parent, tmp_path / "cache")


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_the_base_as_reference_is_an_error(
    name: str, tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the adapter switched off while the reference is computed, the run stops before its first update."""
    real = reference.score

    def without_adapter(model: Any, batch: Any, **options: Any) -> Any:
        with model.disable_adapter():
            return real(model, batch, **options)

    monkeypatch.setattr(reference, "score", without_adapter)
    data = [pair(i) for i in range(4)] if name == "dpo" else [judged(i, desirable=i % 2 == 0) for i in range(4)]
    recipe = (dpo if name == "dpo" else kto).recipe
    job = make_job(tmp_path / "job", data, parent)
    with pytest.raises(TrainingError, match="rewards are not 0"):
        recipe.train(job, recipe.Config(**SMALL))
    assert not (job.folder / "adapter").exists()


def test_the_model_holds_no_second_adapter(tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[list[str]] = []
    real = dpo.prompt_sharing_trainer

    def make(opened: Any, *rest: Any, **named: Any) -> Any:
        trainer = real(opened, *rest, **named)
        held.append(list(trainer.model.peft_config))
        return trainer

    monkeypatch.setattr(dpo, "prompt_sharing_trainer", make)
    train(make_job, tmp_path / "a", parent, None)
    assert held == [["default"]]


def test_a_policy_in_bfloat16_starts_at_its_reference_to_the_bit(tmp_path: Path, make_job: MakeJob, base_path: Path, parent: Path) -> None:
    model = ModelSettings(path=str(base_path), device="cpu", dtype="bfloat16")
    job = make_job(tmp_path, [pair(i) for i in range(8)], parent, model=model)
    assert dpo.recipe.train(job, dpo.recipe.Config(**SMALL)).steps == 2  # the guard allows no difference on a CPU


def test_where_kernels_may_round_differently_the_mean_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.invariants._SAME", {})
    check_zero_rewards(torch.tensor([0.15, -0.01, 0.0, 0.0]))
    for wrong in ([0.3, 0.0, 0.0, 0.0], [0.06, -0.06], [float("nan"), 0.0]):
        with pytest.raises(TrainingError, match=r"rewards are not 0 \(log-probabilities differ by"):
            check_zero_rewards(torch.tensor(wrong))

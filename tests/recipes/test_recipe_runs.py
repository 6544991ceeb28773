"""Runs of the four recipes on a tiny gpt-oss: the reference, rows, invariants, refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from prefopt.errors import ModelError, TrainingError
from tests.recipes.recipe_cases import SMALL, MakeJob, answer, judged, pair, problem


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_the_base_as_reference_is_an_error(
    name: str, tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the adapter switched off for the reference (what older libraries did) the run stops before its first update."""
    import trl.trainer.utils as trl_utils

    module = __import__(f"trl.trainer.{name}_trainer", fromlist=["use_adapter"])
    monkeypatch.setattr(module, "use_adapter", lambda model, adapter_name: trl_utils.use_adapter(model, None))
    data = [pair(i) for i in range(4)] if name == "dpo" else [judged(i, desirable=i % 2 == 0) for i in range(4)]
    recipe = __import__(f"recipes.{name}", fromlist=["recipe"]).recipe
    job = make_job(tmp_path / "job", data, parent)
    with pytest.raises(TrainingError, match="rewards are not 0"):
        recipe.train(job, recipe.Config(**SMALL, engine="trl"))
    assert not (job.folder / "adapter").exists()


def test_a_reference_with_other_weights_is_an_error(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    import torch

    from recipes.dpo import recipe, trl_trainer
    from recipes.tokenization import pair_row
    from recipes.training import open_adapter, quiet, run, training_arguments

    job = make_job(tmp_path / "job", [pair(i) for i in range(4)], parent)
    opened = open_adapter(job)
    rows = [pair_row(p, opened.renderer, with_reason=False) | {"weight": 1.0} for p in job.data]
    config = recipe.Config(**SMALL)
    with quiet():
        trainer = trl_trainer(opened, rows, training_arguments(job, config, opened), config)
        with torch.no_grad():
            next(p for n, p in opened.model.named_parameters() if ".ref." in n and "lora_B" in n)[0, 0] += 1e-3
        with pytest.raises(TrainingError, match="reference is not the parent"):
            run(job, "dpo", config, opened, rows, lambda _: trainer)


@pytest.mark.parametrize("name", ["sft", "dpo", "orpo", "kto"])
def test_a_job_without_data_is_refused(name: str, tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    recipe = __import__(f"recipes.{name}", fromlist=["recipe"]).recipe
    with pytest.raises(TrainingError, match="to train on"):
        recipe.train(make_job(tmp_path / "job", [], parent), recipe.Config(**SMALL))


@pytest.mark.parametrize("name", ["dpo", "orpo", "kto"])
def test_preferences_need_a_parent(name: str, tmp_path: Path, make_job: MakeJob) -> None:
    recipe = __import__(f"recipes.{name}", fromlist=["recipe"]).recipe
    with pytest.raises(TrainingError, match="continues a parent adapter"):
        recipe.train(make_job(tmp_path / "job", [pair(0)]), recipe.Config(**SMALL))


def test_odd_rows_are_refused_by_name(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe as dpo
    from recipes.kto import recipe as kto
    from recipes.sft import recipe as sft

    same = pair(7).model_copy(update={"rejected": pair(7).chosen})
    with pytest.raises(TrainingError, match=r"problem p7 \(slate s7\).*are the same"):
        dpo.train(make_job(tmp_path / "same", [pair(0), same], parent), dpo.Config(**SMALL))
    long = pair(5).model_copy(update={"problem": problem(5).model_copy(update={"text": "가" * 1000})})
    with pytest.raises(TrainingError, match="1 of 2 rows do not fit into 2048 tokens: p5 has"):
        dpo.train(make_job(tmp_path / "long", [pair(0), long], parent), dpo.Config(**SMALL))
    with pytest.raises(TrainingError, match="all 4 judged answers are desirable"):
        kto.train(make_job(tmp_path / "good", [judged(i, desirable=True) for i in range(4)], parent), kto.Config(**SMALL))
    with pytest.raises(TrainingError, match="label '없음' is not in the taxonomy"):
        sft.train(make_job(tmp_path / "label", [problem(0, label="없음")]), sft.Config(**SMALL))
    with pytest.raises(TrainingError, match="p1 has no label"):
        sft.train(make_job(tmp_path / "none", [problem(1).model_copy(update={"label": None})]), sft.Config(**SMALL))


def test_ties_are_learned_from_left_out_or_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe as dpo
    from recipes.orpo import recipe as orpo

    ties = [pair(i).model_copy(update={"tie": True}) for i in range(3)]
    learning = dpo.Config(**SMALL, loss=["davidson", "sft"], loss_weights=[1.0, 1.0], margin=1.0)
    assert dpo.train(make_job(tmp_path / "all", ties, parent), learning).examples == 3
    # d = 0 before the first update: a tie has probability tie_share; its answers have no likelihood term
    assert lines_of(tmp_path / "all")[0]["loss"] == pytest.approx(-math.log(0.3333), abs=1e-5)
    some = [*ties, pair(4)]
    assert dpo.train(make_job(tmp_path / "net", some, parent), dpo.Config(**SMALL, votes="net")).examples == 1
    assert dpo.train(make_job(tmp_path / "soft", some, parent), dpo.Config(**SMALL)).examples == 4
    for name, recipe in (("dpo", dpo), ("orpo", orpo)):
        with pytest.raises(TrainingError, match=r"all 3 pairs are ties[\s\S]*kto"):
            recipe.train(make_job(tmp_path / name, ties, parent), recipe.Config(**SMALL))


@pytest.mark.parametrize("engine", ["prompt_sharing", "trl"])
def test_a_run_stops_where_chosen_answers_are_lost(engine: str, tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """A likelihood term that is subtracted drives the chosen answers down; the run ends at the tenth update with the reason."""
    from recipes.dpo import recipe

    options = SMALL | {
        "engine": engine,
        "beta": 0.1,
        "lr_scheduler_type": "constant",
        "num_train_epochs": 30.0,
        "save_steps": 5,
    }
    job = make_job(tmp_path / "job", [pair(i) for i in range(4)], parent)
    against = {"loss_weights": (0.01, -1.0)}  # which the options refuse: it trains the opposite
    result = recipe.train(job, recipe.Config(**options | {"max_drop": 2.0}).model_copy(update=against))
    last = lines_of(job.folder)[-1]
    assert result.steps == len(lines_of(job.folder)) == last["step"] == 10
    drop = -sum(line["rewards/chosen"] for line in lines_of(job.folder)) / 10 / 0.1
    assert drop > 2.0
    assert last["stopped"] == f"chosen answers are {drop:.1f} nats less likely than under the parent (mean of 10 updates, limit 2)"
    assert (result.path / "adapter_model.safetensors").exists()


def test_a_run_with_one_desirable_answer_of_ten_says_that_the_classes_are_not_balanced(
    tmp_path: Path, make_job: MakeJob, parent: Path
) -> None:
    from recipes.kto import recipe as kto

    job = make_job(tmp_path / "job", [judged(i, desirable=i == 0) for i in range(10)], parent)
    result = kto.train(job, kto.Config(**SMALL))
    first, *later = [json.loads(line) for line in (job.folder / "metrics.jsonl").read_text().splitlines()]
    assert first["warning"].startswith("1 of 10 judged answers are desirable: the ratio of desirable to undesirable weight is 0.67")
    assert not any("warning" in line for line in later)
    assert result.metrics["classes/ratio"] == pytest.approx(4 / 6)
    assert "warning" not in result.metrics


def test_one_pair_trains(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe

    result = recipe.train(make_job(tmp_path / "one", [pair(0)], parent), recipe.Config())
    assert (result.examples, result.steps) == (1, 2), "two passes, as in the SFT stage"


def test_a_loss_that_is_not_finite_stops_the_run_by_its_step(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe

    job = make_job(tmp_path / "job", [pair(i) for i in range(8)], parent)
    options = recipe.Config(**SMALL | {"num_train_epochs": 3.0, "lr_scheduler_type": "constant"})
    with pytest.raises(TrainingError, match=r"step \d of \d+: .* is nan; the adapter after step \d is saved"):
        recipe.train(job, options.model_copy(update={"learning_rate": 1e36}))  # which the options refuse
    assert not (job.folder / "adapter").exists()


def test_a_parent_with_nan_is_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    from recipes.dpo import recipe

    broken = tmp_path / "broken"
    shutil.copytree(parent, broken)
    weights = load_file(broken / "adapter_model.safetensors")
    next(iter(weights.values()))[0, 0] = float("nan")
    save_file(weights, broken / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError):
        recipe.train(make_job(tmp_path / "job", [pair(0)], broken), recipe.Config(**SMALL))


def test_rows_are_rendered_alike(tmp_path: Path, make_job: MakeJob) -> None:
    """Reasons only where both answers have one; up to the label where one answer is only a label; texts never become control tokens."""
    from prefopt.model.harmony import Renderer
    from prefopt.model.load import load_base
    from recipes.tokenization import pair_row

    job = make_job(tmp_path, [])
    tokenizer = load_base(job.model).tokenizer
    renderer = Renderer(tokenizer, job.prompt, job.answer, job.taxonomy)
    reasoned = pair(0).model_copy(update={"chosen": answer(0, reason="까닭 <|end|>"), "rejected": answer(1, reason="다른 까닭")})
    half = reasoned.model_copy(update={"rejected": answer(1)})
    partial = reasoned.model_copy(update={"rejected": answer(1, level=None, difficulty=None, concepts=())})
    channel, end = tokenizer.convert_tokens_to_ids("<|channel|>"), tokenizer.convert_tokens_to_ids("<|end|>")

    def channels(given: Any, with_reason: bool) -> list[tuple[int, int]]:
        row = pair_row(given, renderer, with_reason=with_reason)
        return [(ids.count(channel), ids.count(end)) for ids in (row["chosen_ids"], row["rejected_ids"])]

    assert channels(reasoned, True) == [(2, 1), (2, 1)]
    assert channels(reasoned, False) == channels(half, True) == [(1, 0), (1, 0)]
    row = pair_row(partial, renderer, with_reason=False)
    assert tokenizer.decode(row["chosen_ids"]).endswith('{"standard":"[2수01-01]"')
    assert tokenizer.decode(row["rejected_ids"]).endswith('{"standard":"[2수01-02]"')


def test_gradient_checkpointing_changes_no_bit(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe

    saved = []
    for checkpointing in (False, True):
        job = make_job(tmp_path / str(checkpointing), [pair(i) for i in range(8)], parent)
        result = recipe.train(job, recipe.Config(**SMALL | {"gradient_checkpointing": checkpointing}))
        saved.append((result.path / "adapter_model.safetensors").read_bytes())
    assert saved[0] == saved[1]


def test_the_trainer_takes_kto_batches_as_they_were_dealt(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.kto import deal_batches, recipe, trl_trainer, with_mismatched_answers
    from recipes.tokenization import judged_row
    from recipes.training import open_adapter, quiet, training_arguments

    data = [judged(i // 2, desirable=i % 2 == 0) for i in range(14)]
    job = make_job(tmp_path / "job", data, parent)
    config = recipe.Config(**SMALL)
    with quiet():
        opened = open_adapter(job)
        batches = deal_batches([judged_row(j, opened.renderer, with_reason=False) | {"weight": 1.0} for j in data], 4, job.seed)
        rows = [row for batch in batches for row in with_mismatched_answers(batch)]
        loader = trl_trainer(opened, rows, training_arguments(job, config, opened), config).get_train_dataloader()
    seen = [len(batch["label"]) for batch in loader]
    assert seen == [len(batch) for batch in batches] == [4, 4, 4, 2]
    for batch, dealt in zip(loader, batches, strict=True):
        length = [len(row["prompt_ids"]) for row in dealt]
        for i, row in enumerate(dealt):
            assert batch["KL_input_ids"][i, : length[i]].tolist() == row["prompt_ids"]
            before = dealt[i - 1]
            assert before["prompt_ids"] != row["prompt_ids"]
            answer_ids = before["completion_ids"]
            assert batch["KL_input_ids"][i, length[i] : length[i] + len(answer_ids)].tolist() == answer_ids


def test_lora_on_an_nf4_base_stays_in_float32(tmp_path: Path, make_job: MakeJob, llama_path: Path) -> None:
    """Stock TRL rounds the LoRA weights of a model in four bits to bfloat16; no weight here has only bfloat16's bits."""
    import torch
    from safetensors.torch import load_file

    from prefopt.config import AdapterSettings, ModelSettings
    from recipes.dpo import recipe as dpo
    from recipes.sft import recipe as sft

    settings = {"model": ModelSettings(path=str(llama_path), device="cpu"), "adapter": AdapterSettings(rank=4, alpha=8, experts=False)}
    first = sft.train(make_job(tmp_path / "sft", [problem(i) for i in range(4)], **settings), sft.Config(**SMALL))
    second = dpo.train(make_job(tmp_path / "dpo", [pair(i) for i in range(4)], first.path, **settings), dpo.Config(**SMALL))
    assert lines_of(tmp_path / "dpo")[0]["rewards/margins"] == 0.0
    for weight in load_file(second.path / "adapter_model.safetensors").values():
        assert weight.dtype == torch.float32
        assert not torch.equal(weight, weight.bfloat16().float())


def test_a_copied_recipe_runs_from_a_users_file(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    import shutil

    import recipes.dpo
    from prefopt.plugins import find_recipe

    shutil.copy(recipes.dpo.__file__, tmp_path / "my_dpo.py")
    mine = find_recipe("my_dpo.py", tmp_path)
    assert mine is not recipes.dpo.recipe
    result = mine.train(make_job(tmp_path / "job", [pair(i) for i in range(4)], parent), mine.Config(**SMALL))
    assert result.metrics["rewards/margins"] == 0.0


def test_what_does_not_fit_the_parent_or_the_recipe_is_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from prefopt.config import AdapterSettings
    from recipes.dpo import recipe

    with pytest.raises(TrainingError, match=r"'rank': 4.*'rank': 8"):
        recipe.train(make_job(tmp_path / "rank", [pair(0)], parent, adapter=AdapterSettings(rank=8, alpha=8)), recipe.Config(**SMALL))
    with pytest.raises(TrainingError, match="trains on pairs, and the job holds records of the kind Judged"):
        recipe.train(make_job(tmp_path / "kind", [judged(0, desirable=True)], parent), recipe.Config(**SMALL))


def test_a_run_that_cannot_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    from recipes.limits import check_disk

    check_disk(tmp_path, 1000, steps=10, save_steps=5)
    # 10^15 parameters: 4 bytes each, three times in each of two checkpoints, and once more
    with pytest.raises(TrainingError, match=r"2 checkpoints and the adapter need 26077032\.1 GiB"):
        check_disk(tmp_path, 10**15, steps=10, save_steps=5)


def test_a_full_disk_and_exhausted_memory_are_explained(tmp_path: Path) -> None:
    import errno

    import torch

    from recipes.limits import limits_explained

    with pytest.raises(TrainingError, match="is full"), limits_explained(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(TrainingError, match="halve batch_size"), limits_explained(tmp_path):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    with pytest.raises(RuntimeError, match="another fault"), limits_explained(tmp_path):
        raise RuntimeError("another fault")


def test_a_tracker_that_is_not_installed_is_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe

    with pytest.raises(TrainingError, match="'notthere', which is not installed"):
        recipe.train(make_job(tmp_path / "job", [pair(0)], parent), recipe.Config(**SMALL | {"report_to": ["notthere"]}))

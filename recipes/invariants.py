"""What must hold before, during and after a run. A violation raises TrainingError: the adapter would not be what its card states."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from prefopt.errors import TrainingError
from recipes.options import TrainingOptions

_SAME = {"cpu": 0.0}
_SAME_ELSEWHERE = 0.05
"""Mean difference, in nats a completion, of log-probabilities that were computed twice. In the same batches the same kernels run; on a CPU
they give the same bits, and on CUDA no kernel of a forward pass adds up in an order that varies. Measured on a CPU in bfloat16, with 48
answers of 51 tokens by the tiny model: 0 in the same batches, up to 0.008 in other ones (0.2 for a single answer), 0.16 where B of the
adapter is 1 % larger, 1.6 without the adapter. Not measured on a GPU."""

_NO_GRADIENT = 1e-8
"""Norm of a gradient that AdamW, which adds 1e-8 to what it divides by, does not make up for."""


def check_trainable(model: Any) -> int:
    """Check that exactly the LoRA parameters of the adapter "default" are trained, in float32 (bfloat16 rounds small updates to 0).

    Returns:
        The number of trained parameters.

    Raises:
        TrainingError: another parameter is trained, one is not, or one is not float32.
    """
    trained = 0
    for name, parameter in model.named_parameters():
        ours = "lora_" in name and ".default." in name
        if parameter.requires_grad != ours:
            state = "is frozen" if ours else "would be trained"
            raise TrainingError(f"parameter {name} {state}; exactly the LoRA weights of the adapter 'default' are trained")
        if ours and parameter.dtype != torch.float32:
            raise TrainingError(f"parameter {name} is {parameter.dtype}: LoRA weights are trained in float32")
        trained += parameter.numel() if ours else 0
    if not trained:
        raise TrainingError("the model has no LoRA weights to train", hint="check [adapter] in prefopt.toml")
    return trained


def adapter_digest(model: Any, adapter: str) -> str:
    """sha256 of an adapter's weights in the loaded model, by name and value; equal for "default" and its copy "ref"."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if f".{adapter}." in name and "lora_" in name:
            digest.update(name.replace(f".{adapter}.", ".").encode())
            digest.update(parameter.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_updates(planned: int, made: int) -> None:
    """Check that a run makes the updates of its plan, on which the learning rate of each depends. Raises TrainingError."""
    if made != planned:
        raise TrainingError(
            f"the trainer makes {made} updates, and {planned} were planned",
            hint="a recipe with batches of its own overrides updates_per_epoch in its Config (recipes/kto.py does)",
        )


def nothing_learned(recipe: str, options: TrainingOptions, history: Sequence[dict[str, Any]]) -> TrainingError:
    """The error of a run after which every weight of the adapter is what it was before.

    Args:
        recipe: its name.
        options: of the run.
        history: the trainer's log, with the gradient's norm of each update.
    """
    norms = [float(line["grad_norm"]) for line in history if "grad_norm" in line]
    what = f"{recipe} made {len(norms)} updates, and every weight of the adapter is what it was before"
    if norms and max(norms) < _NO_GRADIENT:
        return TrainingError(
            f"{what}: the gradient was 0 in all of them (largest norm {max(norms):.2g})",
            hint=f"under [recipes.{recipe}] in prefopt.toml, {options.without_gradient}; or collect more rankings",
        )
    usual = type(options).model_fields["learning_rate"].default
    return TrainingError(
        f"{what}: updates at learning_rate = {options.learning_rate:g} are lost to rounding",
        hint=f"raise learning_rate under [recipes.{recipe}] in prefopt.toml; its default is {usual:g}",
    )


def check_reference(model: Any, parent: str) -> None:
    """Check that the frozen reference holds the parent's weights, bit by bit.

    Args:
        model: the model in training, with the adapters "default" and "ref".
        parent: adapter_digest of the parent when it was loaded.

    Raises:
        TrainingError: there is no reference adapter, or it is not the parent.
    """
    if "ref" not in model.peft_config:
        raise TrainingError("there is no reference adapter: rewards would be measured against the base model", hint="pip install -U peft")
    if adapter_digest(model, "ref") != parent:
        raise TrainingError("the reference is not the parent adapter: its weights differ")


def refuse_sharded(trainer: Any) -> None:
    """TrainingError where weights would be sharded over several devices (FSDP, DeepSpeed): the checks here need whole weights."""
    kind = trainer.accelerator.distributed_type
    if kind not in ("NO", "MULTI_CPU", "MULTI_GPU"):
        raise TrainingError(
            f"accelerate is set to {kind}: recipes train a whole copy of the adapter on each device, not shards of it",
            hint="set distributed_type: MULTI_GPU in the file that accelerate_config under [train] names",
        )


@contextmanager
def zero_rewards_checked(trainer: Any) -> Iterator[None]:
    """Around TRL's loss of a batch: before the first update every reward, β·(log π − log π_ref), is 0 for every row.

    TRL computes the log-probabilities of all rows first by the policy, then by the reference; both calls are recorded. It does nothing
    after the first update, when rewards are no longer 0.

    Raises:
        TrainingError: one is not 0; names the largest.
    """
    if trainer.state.global_step > 0:
        yield
        return
    log_probs: list[torch.Tensor] = []
    hook = trainer.model.register_forward_hook(lambda _model, _inputs, outputs: log_probs.append(outputs.log_probs.detach().sum(dim=1)))
    try:
        yield
    finally:
        hook.remove()
    half = len(log_probs) // 2
    if half == 0 or len(log_probs) % 2:
        raise TrainingError(f"the loss called the model {len(log_probs)} times; expected once for the policy and once for the reference")
    check_zero_rewards(torch.cat(log_probs[:half]) - torch.cat(log_probs[half:]))


def tolerance(device: torch.device) -> float:
    """Largest mean difference between two computations of the same completions' log-probabilities, in nats."""
    return _SAME.get(device.type, _SAME_ELSEWHERE)


def check_policy_is_parent(log_probs: torch.Tensor, batch: dict[str, torch.Tensor]) -> None:
    """Check before the first update that the policy is the parent: rewards against the parent are 0. Where the reference is another
    adapter, the rewards that are trained on are not 0, and those against the parent ("start") are checked.

    Raises:
        TrainingError: they are not.
    """
    check_zero_rewards(log_probs.detach() - batch.get("start", batch["reference"]))


def check_zero_rewards(log_ratios: torch.Tensor) -> None:
    """Check that rewards before the first update, beta times these log-ratios in nats, are 0. Raises TrainingError with their mean."""
    apart = log_ratios.abs().mean().item()
    if not apart <= tolerance(log_ratios.device):
        raise TrainingError(
            f"before the first update the rewards are not 0 (log-probabilities differ by {apart:.3g} nats on average): the reference is "
            "not the parent adapter",
            hint="train with prefopt's recipes, or check what your own recipe does with the adapter 'ref'",
        )

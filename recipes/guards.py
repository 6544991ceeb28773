"""What must hold before, while and after a run. A broken one raises TrainingError: the adapter would not be what it is called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from prefopt.errors import TrainingError

# Largest |reward| before the first update. On a CPU the policy and its copy compute the same bits. On CUDA the experts' outputs are
# added up in no fixed order, which moves a log-probability in bfloat16 by a few hundredths.
_ZERO = {"cpu": 0.0}
_ZERO_ELSEWHERE = 0.05


def check_trainable(model: Any) -> int:
    """Exactly the LoRA parameters of the adapter "default" are trained, in float32 (bfloat16 swallows updates of a small learning rate).

    Returns:
        Count of trained parameters.

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


def check_reference(model: Any, parent: str) -> None:
    """The frozen reference holds the parent's weights, bit by bit.

    Args:
        model: the model in training, with the adapters "default" and "ref".
        parent: adapter_digest of the parent as it was loaded.

    Raises:
        TrainingError: there is no reference adapter, or it is not the parent.
    """
    if "ref" not in model.peft_config:
        raise TrainingError("there is no reference adapter: rewards would be measured against the base model", hint="pip install -U peft")
    if adapter_digest(model, "ref") != parent:
        raise TrainingError("the reference is not the parent adapter: its weights differ")


def refuse_sharded(trainer: Any) -> None:
    """TrainingError where weights would be cut into pieces for several devices (FSDP, DeepSpeed): none of the checks here knows such."""
    kind = trainer.accelerator.distributed_type
    if kind not in ("NO", "MULTI_CPU", "MULTI_GPU"):
        raise TrainingError(
            f"accelerate was set to {kind}: whole copies of the adapter on each device are trained here, not pieces of it",
            hint="set distributed_type: MULTI_GPU in the file that accelerate_config under [train] names",
        )


@contextmanager
def zero_rewards(trainer: Any) -> Iterator[None]:
    """Around TRL's loss of a batch: before the first update every reward, β·(log π − log π_ref), is 0 for every row.

    TRL computes the log-probabilities of all rows first by the policy, then by the reference; both calls are watched. It does nothing
    after the first update, when rewards are no longer 0.

    Raises:
        TrainingError: with the largest reward seen.
    """
    if trainer.state.global_step > 0:
        yield
        return
    seen: list[torch.Tensor] = []
    hook = trainer.model.register_forward_hook(lambda _model, _inputs, outputs: seen.append(outputs.log_probs.detach().sum(dim=1)))
    try:
        yield
    finally:
        hook.remove()
    half = len(seen) // 2
    if half == 0 or len(seen) % 2:
        raise TrainingError(f"the loss called the model {len(seen)} times: once by the policy and once by the reference is expected")
    refuse_rewards(trainer.beta * (torch.cat(seen[:half]) - torch.cat(seen[half:])))


def tolerance(device: torch.device) -> float:
    """How far two computations of the same log-probabilities may lie apart."""
    return _ZERO.get(device.type, _ZERO_ELSEWHERE)


def refuse_moved(log_probs: torch.Tensor, batch: dict[str, torch.Tensor], beta: float) -> None:
    """Before the first update the policy is the parent: rewards against the parent are 0. Where the reference is another adapter, the
    rewards that are trained on are not 0, and those against the parent ("start") are checked. Raises TrainingError with the largest one.
    """
    refuse_rewards(beta * (log_probs.detach() - batch.get("start", batch["reference"])))


def refuse_rewards(rewards: torch.Tensor) -> None:
    """Rewards before the first update are 0. Raises TrainingError with the largest one."""
    largest = rewards.abs().max().item()
    if not largest <= tolerance(rewards.device):
        raise TrainingError(
            f"before the first update the rewards are not 0 (largest {largest:.3g}): the reference is not the parent adapter",
            hint="train through this project's recipes, or check what your own recipe does with the adapter 'ref'",
        )

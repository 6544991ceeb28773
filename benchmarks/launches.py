"""Kernels that one SFT step of gpt-oss launches on a CUDA device, counted on tensors without data: no GPU and no checkpoint is needed.

    python benchmarks/launches.py [--model gpt-oss-20b] [--tokens 2048] [--rank 8] [--json]

The step runs on the device "meta" with the code of a CUDA device: one row, forward, recomputation under gradient checkpointing, backward,
clipping, and the optimizer's update with the operators that the Trainer's AdamW uses on a CUDA device (foreach). It is the second step: in
the first, AdamW makes its moments. Counted is every operator that torch dispatches to a kernel, with copies, fills and values that the host
waits for; views, shapes and allocations are not, nor are operators on numbers in main memory (AdamW's counters of steps). An operator may
launch more than one kernel (a sort, a grouped product), so the true number is somewhat higher. Our own kernels count one each.

With --json the last line is one object: launches_20b (LoRA on attention and experts), launches_20b_attention (attention alone), and the ten
operators that are launched most.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.model.adapters import fresh_adapter
from prefopt.model.plan_bytes import empty_base

NO_KERNEL = {
    "view", "_unsafe_view", "reshape", "transpose", "t", "permute", "expand", "unsqueeze", "squeeze", "select", "slice", "alias", "detach",
    "split", "split_with_sizes", "unbind", "as_strided", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided",
    "unflatten", "narrow", "lift_fresh", "resize_", "set_", "is_same_size", "_reshape_alias", "diagonal",
    "_record_function_enter_new", "_record_function_exit",
}  # fmt: skip


class Launches(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch declares its __init_subclass__ untyped
    """Context that counts the operators that launch a kernel."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.by_name: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        in_main_memory = bool(tensors) and all(tensor.device.type == "cpu" for tensor in tensors)
        if name not in NO_KERNEL and not in_main_memory:
            self.by_name[name] += 1
        return result


def _clip(gradients: list[torch.Tensor]) -> None:
    """clip_grad_norm_ as it runs on a CUDA device; torch's own refuses foreach for tensors without data."""
    total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, torch.clamp(1 / (total + 1e-6), max=1.0))


def launches(model: str, tokens: int, rank: int, *, experts: bool) -> Counter[str]:
    """Operators of one step by name."""
    base = empty_base(ModelSettings(path=model), device="cuda")
    peft = fresh_adapter(base, AdapterSettings(rank=rank, alpha=2 * rank, experts=experts), 0).train()
    peft.gradient_checkpointing_enable({"use_reentrant": False})
    trained = [p for p in peft.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, foreach=True)
    lm: Any = peft.get_base_model()
    ids = torch.zeros(1, tokens, dtype=torch.long, device="meta")
    for _ in range(2):
        with Launches() as counted:
            hidden = lm.get_decoder()(
                input_ids=ids, attention_mask=torch.ones_like(ids), position_ids=ids, use_cache=False
            ).last_hidden_state
            logits = lm.lm_head(hidden[0, -64:])
            torch.nn.functional.cross_entropy(logits.float(), ids[0, -64:]).backward()
            _clip([parameter.grad for parameter in trained if parameter.grad is not None])
            optimizer.step()
            optimizer.zero_grad()
    return counted.by_name


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="gpt-oss-20b")
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    options = parser.parse_args()
    name = "launches_" + options.model.removeprefix("gpt-oss-")
    result: dict[str, Any] = {}
    for key, experts in ((name, True), (f"{name}_attention", False)):
        counted = launches(options.model, options.tokens, options.rank, experts=experts)
        result[key] = counted.total()
        result[f"{key}_most"] = dict(counted.most_common(10))
        print(f"{key:<24} {counted.total():>7,}   " + ", ".join(f"{n:,} {op}" for op, n in counted.most_common(10)))
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()

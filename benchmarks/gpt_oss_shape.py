"""SFT and DPO steps on a model with the shape of gpt-oss and random MXFP4 experts, and on stock bfloat16 experts, without a download.

    python benchmarks/gpt_oss_shape.py [--shape 20b] [--tokens 2048] [--steps 5] [--rank 8] [--attention-only] [--json]

    peak_gib          peak memory of the SFT and DPO steps: model, adapter, gradients, AdamW's state and activations
    tokens_per_s      tokens of the SFT steps divided by their wall time, without the first step
    mfu               model FLOP use of the SFT steps: operations of a forward pass and of the gradients of activations (frozen weights need
                      no others; what is computed again does not count), divided by what a large product in bfloat16 reaches (matmul_tflops)
    launches          kernels of one further SFT step, by torch's profiler; on a CPU, operators
    stock_*           the same for PEFT's target_parameters (attention only, with --attention-only) on bfloat16 experts and eager attention
    planned_gib       the memory plan of the DPO run, without its reserve

A DPO step has two rows with gradients, and the same rows without gradients under the reference. Here the reference is the model with its
adapter disabled, whose activations take as much memory as those of a frozen copy. The loss covers the last 256 positions of a row (answers
are short), in float32. On CUDA the peak is torch's own count; on a CPU (only --shape small) it is the growth of resident memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SHAPES: dict[str, dict[str, int]] = {
    "20b": {"num_hidden_layers": 24, "num_local_experts": 32},
    "120b": {"num_hidden_layers": 36, "num_local_experts": 128},
    "small": {
        "num_hidden_layers": 4,
        "num_local_experts": 8,
        "hidden_size": 256,
        "intermediate_size": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "vocab_size": 4096,
    },
}
SCORED = 256  # positions of a row in the loss
BETA = 0.1


def main() -> None:
    """Run both models in processes of their own and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="20b")
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--attention-only", action="store_true", help="LoRA on attention only, with attention in NF4")
    parser.add_argument("--no-stock", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=("prefopt", "stock"))
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(work(options)))
        return
    ours = start(options, "prefopt")
    result = {
        **ours,
        "shape": options.shape,
        "tokens": options.tokens,
        "adapter": "attention" if options.attention_only else "attention + experts",
    }
    if not options.no_stock:
        stock = start(options, "stock")
        result |= {f"stock_{name}": stock[name] for name in ("peak_gib", "tokens_per_s", "mfu", "launches") if name in stock}
    print(json.dumps(result) if options.json else "\n".join(f"{key:<20} {value}" for key, value in result.items()))


def start(options: argparse.Namespace, worker: str) -> dict[str, Any]:
    """Measure one model in a process of its own, so that the other leaves nothing in its memory."""
    arguments = [f"--{name}={getattr(options, name)}" for name in ("shape", "tokens", "steps", "rank")]
    flags = ["--attention-only"] if options.attention_only else []
    done = subprocess.run([sys.executable, __file__, *arguments, *flags, f"--worker={worker}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        if worker == "stock" and "out of memory" in done.stderr.lower():
            return {"peak_gib": reason, "tokens_per_s": 0.0}
        sys.exit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def work(options: argparse.Namespace) -> dict[str, Any]:
    """Build a model, train some steps and return the measurements."""
    import warnings

    warnings.simplefilter("ignore")
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and options.shape != "small":
        sys.exit("no CUDA device: on a CPU, use --shape small")
    torch.manual_seed(0)

    before = resident("VmRSS:")
    model = ours(options, device) if options.worker == "prefopt" else stock(options, device)
    model.train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5)
    ids = torch.randint(0, model.config.vocab_size, (2, options.tokens), device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    sft = [timed(lambda: sft_loss(model, ids[:1]), optimizer, device) for _ in range(options.steps)]
    dpo = [timed(lambda: dpo_loss(model, ids), optimizer, device) for _ in range(options.steps)]
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else resident("VmHWM:") - before
    later = sft[1:] or sft
    rate, speed = matmul_tflops(device), options.tokens * len(later) / sum(seconds for seconds, _ in later)
    return {
        "peak_gib": round(peak / 2**30, 3),
        "tokens_per_s": round(speed, 1),
        "mfu": round(2 * flops_per_token(model.config) * speed / 1e12 / rate, 4),
        "matmul_tflops": round(rate, 3),
        "launches": launches(lambda: timed(lambda: sft_loss(model, ids[:1]), optimizer, device), device),
        "dpo_tokens_per_s": round(2 * options.tokens * len(dpo[1:] or dpo) / sum(seconds for seconds, _ in (dpo[1:] or dpo)), 1),
        "sft_loss": round(sft[0][1], 4),
        "dpo_loss": round(dpo[0][1], 4),
        "planned_gib": planned(options, device) if options.worker == "prefopt" else None,
        "attention": model.config._attn_implementation,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }


def flops_per_token(config: Any) -> float:
    """Operations of a forward pass of the layers, without attention's products of queries and keys: two for each weight that is used."""
    heads, width = config.num_attention_heads + config.num_key_value_heads, config.hidden_size
    attention = 2 * heads * config.head_dim * width  # q and o, k and v
    experts = 3 * width * config.intermediate_size * config.num_experts_per_tok
    return float(2 * config.num_hidden_layers * (attention + experts))


def matmul_tflops(device: Any) -> float:
    """10^12 operations a second of a product of square matrices in bfloat16, large ones on a GPU: the best of five."""
    import torch

    size = 8192 if device.type == "cuda" else 256
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    spent = []
    for _ in range(6):
        if device.type == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - begin)
    return 2 * size**3 / 1e12 / min(spent[1:])


def launches(step: Any, device: Any) -> int:
    """Kernels that a step launches; on a CPU, operators that it calls."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    on_gpu = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as seen:
        step()
        if on_gpu:
            torch.cuda.synchronize()
    begun = ("cudaLaunchKernel", "cuLaunchKernel") if on_gpu else ("aten::",)
    return sum(event.count for event in seen.key_averages() if event.key.startswith(begun))


def timed(loss_of: Any, optimizer: Any, device: Any) -> tuple[float, float]:
    """Seconds and loss of one optimizer step."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    loss = loss_of()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    value = float(loss.detach())
    return time.perf_counter() - begin, value


def log_probabilities(model: Any, ids: Any) -> Any:
    """Sum over the last SCORED tokens of each row: ids [rows, T] -> [rows]."""
    import torch

    scored = min(SCORED, ids.shape[1] - 1)
    logits = model(ids, use_cache=False, logits_to_keep=scored + 1).logits[:, :-1].float()
    return -torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, -scored:].flatten(), reduction="none").view(len(ids), -1).sum(1)


def sft_loss(model: Any, ids: Any) -> Any:
    """Mean negative log-likelihood of the scored tokens."""
    return -log_probabilities(model, ids).mean() / min(SCORED, ids.shape[1] - 1)


def dpo_loss(model: Any, ids: Any) -> Any:
    """DPO's loss with the first row as chosen, the second as rejected, and the base as reference."""
    import torch

    with torch.no_grad(), model.disable_adapter():
        reference = log_probabilities(model, ids)
    margin = log_probabilities(model, ids) - reference
    return -torch.nn.functional.logsigmoid(BETA * (margin[0] - margin[1]))


def config_of(options: argparse.Namespace) -> Any:
    """The configuration of a shape."""
    from transformers import GptOssConfig

    return GptOssConfig(**SHAPES[options.shape], output_router_logits=False)


def ours(options: argparse.Namespace, device: Any) -> Any:
    """Our model, filled with random tensors one after the other on their device."""
    import torch

    from prefopt.config import AdapterSettings
    from prefopt.model.adapters import fresh_adapter
    from prefopt.model.attention import register_fused_sinks
    from prefopt.model.gptoss import empty_gpt_oss, put_tensor
    from prefopt.model.head import keep_logits_in_float32
    from prefopt.model.load import Base, bytes_by_dtype, compute_on_cuda

    attention = register_fused_sinks() if device.type == "cuda" else "eager"
    model = empty_gpt_oss(config_of(options), device, torch.bfloat16, nf4_attention=options.attention_only, attention=attention)
    slots = {**dict(model.named_parameters()), **{name: b for name, b in model.named_buffers() if ".experts." in name}}
    for name, slot in slots.items():
        put_tensor(model, name, drawn(name, slot, device))
    model.requires_grad_(False)
    model.eval()
    if device.type == "cuda":
        compute_on_cuda(model)
    keep_logits_in_float32(model)
    base = Base(model, None, Path(options.shape), "", bytes_by_dtype(model))
    return fresh_adapter(base, AdapterSettings(rank=options.rank, alpha=2 * options.rank, experts=not options.attention_only), 0)


def drawn(name: str, slot: Any, device: Any) -> Any:
    """A random tensor for a parameter: MXFP4 bytes of weights near 2 ** -6, ones for norms, or normal floats."""
    import torch

    if name.endswith(".scales"):
        return torch.randint(117, 121, slot.shape, dtype=torch.uint8, device=device)
    if slot.dtype == torch.uint8:
        return torch.randint(0, 256, slot.shape, dtype=torch.uint8, device=device)
    if name.endswith("norm.weight"):
        return torch.ones(slot.shape, dtype=torch.bfloat16, device=device)
    return torch.empty(slot.shape, dtype=torch.bfloat16, device=device).normal_(std=0.02)


def stock(options: argparse.Namespace, device: Any) -> Any:
    """transformers' model in bfloat16 with stock PEFT."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import GptOssForCausalLM

    config = config_of(options)
    config._attn_implementation = "eager"  # transformers' other implementations lack sinks or do not train
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = GptOssForCausalLM(config)
    torch.set_default_dtype(default)
    stacks = None if options.attention_only else ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return get_peft_model(
        model, LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=attention, target_parameters=stacks)
    )


def planned(options: argparse.Namespace, device: Any) -> float | None:
    """Planned GiB of a DPO step without a frozen copy of the adapter; None for a shape that the plan does not know."""
    from prefopt.config import AdapterSettings, ModelSettings
    from prefopt.model.plan import Machine, Run, make_plan

    if options.shape == "small":
        return None
    settings = ModelSettings(path=f"gpt-oss-{options.shape}", nf4_attention=options.attention_only)
    adapter = AdapterSettings(rank=options.rank, alpha=2 * options.rank, experts=not options.attention_only)
    plan = make_plan(Run(settings, adapter, options.tokens, 1, "orpo"), Machine("here", device.type, 2**40))
    return round((plan.total - plan.parts["reserve"]) / 2**30, 3)


def resident(field: str) -> int:
    """Resident memory ("VmRSS:") or its peak ("VmHWM:") of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()

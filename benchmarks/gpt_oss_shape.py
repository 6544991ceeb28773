"""SFT and DPO steps on a model of the shape of gpt-oss with random MXFP4 experts, and on stock bfloat16 experts; nothing is downloaded.

    python benchmarks/gpt_oss_shape.py [--shape 20b] [--tokens 2048] [--steps 5] [--rank 8] [--attention-only] [--json]

    peak_gib          most that was allocated over the SFT and DPO steps: model, adapter, gradients, AdamW's state and activations
    tokens_per_s      tokens of the SFT steps over their wall time, the first one not counted
    stock_*           the same for PEFT's target_parameters (attention alone with --attention-only) on bfloat16 experts and plain attention
    planned_gib       what the memory plan says of the larger of the two runs, without its reserve

A DPO step is two rows with gradients, and the same rows without under the reference: here the adapter switched off, which costs what a
frozen copy costs in activations. The loss is taken on the last 256 positions of a row (answers are short), in float32. On CUDA the
peak is torch's own count; on the CPU (any --shape but 20b and 120b) it is resident memory above what the process had before.
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
SCORED = 256  # positions of a row that the loss is taken on
BETA = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="20b")
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--attention-only", action="store_true", help="LoRA on attention alone; attention in NF4")
    parser.add_argument("--no-stock", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=("prefopt", "stock"))
    asked = parser.parse_args()
    if asked.worker:
        print(json.dumps(work(asked)))
        return
    ours = start(asked, "prefopt")
    result = {
        **ours,
        "shape": asked.shape,
        "tokens": asked.tokens,
        "adapter": "attention" if asked.attention_only else "attention + experts",
    }
    if not asked.no_stock:
        stock = start(asked, "stock")
        result |= {"stock_peak_gib": stock["peak_gib"], "stock_tokens_per_s": stock["tokens_per_s"]}
    print(json.dumps(result) if asked.json else "\n".join(f"{key:<20} {value}" for key, value in result.items()))


def start(asked: argparse.Namespace, worker: str) -> dict[str, Any]:
    """One way in a process of its own: nothing of the other is left in its memory."""
    options = [f"--{name}={getattr(asked, name)}" for name in ("shape", "tokens", "steps", "rank")]
    flags = ["--attention-only"] if asked.attention_only else []
    done = subprocess.run([sys.executable, __file__, *options, *flags, f"--worker={worker}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        if worker == "stock" and "out of memory" in done.stderr.lower():
            return {"peak_gib": reason, "tokens_per_s": 0.0}
        sys.exit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def work(asked: argparse.Namespace) -> dict[str, Any]:
    """Build, train a little, and tell."""
    import warnings

    warnings.simplefilter("ignore")
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and asked.shape != "small":
        sys.exit("no CUDA device: on a CPU only --shape small is run")
    torch.manual_seed(0)

    before = resident("VmRSS:")
    model = ours(asked, device) if asked.worker == "prefopt" else stock(asked, device)
    model.train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5)
    ids = torch.randint(0, model.config.vocab_size, (2, asked.tokens), device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    sft = [timed(lambda: sft_loss(model, ids[:1]), optimizer, device) for _ in range(asked.steps)]
    dpo = [timed(lambda: dpo_loss(model, ids), optimizer, device) for _ in range(asked.steps)]
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else resident("VmHWM:") - before
    later = sft[1:] or sft
    return {
        "peak_gib": round(peak / 2**30, 3),
        "tokens_per_s": round(asked.tokens * len(later) / sum(seconds for seconds, _ in later), 1),
        "dpo_tokens_per_s": round(2 * asked.tokens * len(dpo[1:] or dpo) / sum(seconds for seconds, _ in (dpo[1:] or dpo)), 1),
        "sft_loss": round(sft[0][1], 4),
        "dpo_loss": round(dpo[0][1], 4),
        "planned_gib": planned(asked, device) if asked.worker == "prefopt" else None,
        "attention": model.config._attn_implementation,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }


def timed(loss_of: Any, optimizer: Any, device: Any) -> tuple[float, float]:
    """Seconds and loss of one update."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()
    start_ = time.perf_counter()
    loss = loss_of()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    value = float(loss.detach())
    return time.perf_counter() - start_, value


def log_probabilities(model: Any, ids: Any) -> Any:
    """Of the last SCORED tokens of each row, [rows]."""
    import torch

    scored = min(SCORED, ids.shape[1] - 1)
    logits = model(ids, use_cache=False, logits_to_keep=scored + 1).logits[:, :-1].float()
    return -torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, -scored:].flatten(), reduction="none").view(len(ids), -1).sum(1)


def sft_loss(model: Any, ids: Any) -> Any:
    return -log_probabilities(model, ids).mean() / min(SCORED, ids.shape[1] - 1)


def dpo_loss(model: Any, ids: Any) -> Any:
    """The first row is chosen, the second rejected; the reference is the base."""
    import torch

    with torch.no_grad(), model.disable_adapter():
        reference = log_probabilities(model, ids)
    margin = log_probabilities(model, ids) - reference
    return -torch.nn.functional.logsigmoid(BETA * (margin[0] - margin[1]))


def config_of(asked: argparse.Namespace) -> Any:
    from transformers import GptOssConfig

    return GptOssConfig(**SHAPES[asked.shape], output_router_logits=False)


def ours(asked: argparse.Namespace, device: Any) -> Any:
    """Our model, its tensors drawn where they stay, one after the other."""
    import torch

    from prefopt.config import AdapterSettings
    from prefopt.model.adapters import fresh_adapter
    from prefopt.model.attention import register_fused_sinks
    from prefopt.model.gptoss import empty_gpt_oss, put_tensor
    from prefopt.model.load import Base, bytes_by_dtype

    attention = register_fused_sinks() if device.type == "cuda" else "eager"
    model = empty_gpt_oss(config_of(asked), device, torch.bfloat16, nf4_attention=asked.attention_only, attention=attention)
    slots = {**dict(model.named_parameters()), **{name: b for name, b in model.named_buffers() if ".experts." in name}}
    for name, slot in slots.items():
        put_tensor(model, name, drawn(name, slot, device))
    model.requires_grad_(False)
    base = Base(model, None, Path(asked.shape), "", bytes_by_dtype(model))
    return fresh_adapter(base, AdapterSettings(rank=asked.rank, alpha=2 * asked.rank, experts=not asked.attention_only), 0)


def drawn(name: str, slot: Any, device: Any) -> Any:
    """Random bytes of weights near 2 ** -6, or random floats of the usual size."""
    import torch

    if name.endswith(".scales"):
        return torch.randint(117, 121, slot.shape, dtype=torch.uint8, device=device)
    if slot.dtype == torch.uint8:
        return torch.randint(0, 256, slot.shape, dtype=torch.uint8, device=device)
    if name.endswith("norm.weight"):
        return torch.ones(slot.shape, dtype=torch.bfloat16, device=device)
    return torch.empty(slot.shape, dtype=torch.bfloat16, device=device).normal_(std=0.02)


def stock(asked: argparse.Namespace, device: Any) -> Any:
    """transformers' model in bfloat16 under stock PEFT."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import GptOssForCausalLM

    config = config_of(asked)
    config._attn_implementation = "eager"  # the others either lack sinks or do not train
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = GptOssForCausalLM(config)
    torch.set_default_dtype(default)
    stacks = None if asked.attention_only else ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return get_peft_model(model, LoraConfig(r=asked.rank, lora_alpha=2 * asked.rank, target_modules=attention, target_parameters=stacks))


def planned(asked: argparse.Namespace, device: Any) -> float | None:
    """The plan's GiB of a DPO step without the frozen copy of the adapter, for these settings; None for a shape that it does not know."""
    from prefopt.config import AdapterSettings, ModelSettings
    from prefopt.model.plan import Machine, Run, make_plan

    if asked.shape == "small":
        return None
    settings = ModelSettings(path=f"gpt-oss-{asked.shape}", nf4_attention=asked.attention_only)
    adapter = AdapterSettings(rank=asked.rank, alpha=2 * asked.rank, experts=not asked.attention_only)
    plan = make_plan(Run(settings, adapter, asked.tokens, 1, "orpo"), Machine("here", device.type, 2**40))
    return round((plan.total - plan.parts["reserve"]) / 2**30, 3)


def resident(field: str) -> int:
    """VmRSS: or VmHWM: of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()

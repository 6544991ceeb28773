"""Experts that stay in MXFP4 under LoRA, against stock PEFT on bfloat16 experts, and against bitsandbytes' way to hold experts in 4 bits.

    python benchmarks/experts.py [--steps 9] [--tokens 512] [--checkpointing] [--json]

A random gpt-oss in the proportions of the 20b (32 experts, 4 of them per token, hidden = inner, attention 3 % of the weights; a small
vocabulary, so that experts are what is compared) is written in the hub's layout. Each way then loads and trains it in a process of its
own, on the CPU, in bfloat16, with a float32 LoRA of rank 8:

    prefopt, peft                on attention and experts; PEFT by target_parameters on bfloat16 stacks
    prefopt-attention, bnb       on attention alone; bnb has its stacks in NF4 with double quantization by bitsandbytes.nn.parametrize
    bnb-experts                  target_parameters on those stacks: it warns, runs, and puts no LoRA on them; only looked at

    static_vs_*   bytes of the frozen weights, ours / theirs
    peak_vs_*     highest resident memory over two steps, less what the process had before it loaded anything, ours / theirs. Measured in
                  processes of their own whose freed tensors go back to the system at once (MALLOC_MMAP_THRESHOLD_)
    step_vs_*     wall time of forward, backward and AdamW, ours / theirs. The processes take their steps in turns, so that a busy machine
                  slows all alike; the median over the steps taken side by side
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

RANK, ALPHA, VOCABULARY = 8, 16, 1024
PAIRS = {"peft": ("prefopt", "peft"), "bnb": ("prefopt-attention", "bnb")}
WAYS = [way for pair in PAIRS.values() for way in pair]
RETURN_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # of glibc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=[*WAYS, "bnb-experts"])
    parser.add_argument("--path", type=Path)
    asked = parser.parse_args()
    if asked.worker:
        work(asked)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint(Path(folder), asked.hidden, asked.layers)
        result = compare(asked, Path(folder))
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:<15} {value:.3f}" if isinstance(value, float) else f"{name:<15} {value}")


def make_checkpoint(path: Path, hidden: int, layers: int) -> None:
    """A random gpt-oss as the hub holds it."""
    import prefopt.model  # noqa: F401, I001  # sets how torch's threads wait, before torch is imported
    import torch
    from transformers import GptOssConfig, GptOssForCausalLM

    from prefopt.model.mxfp4 import write_shipped_layout

    torch.manual_seed(0)
    config = GptOssConfig(
        hidden_size=hidden,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_local_experts=32,
        num_experts_per_tok=4,
        num_attention_heads=hidden // 64,
        num_key_value_heads=max(1, hidden // 512),
        head_dim=64,
        vocab_size=VOCABULARY,
        sliding_window=128,
        dtype="bfloat16",
    )
    model = GptOssForCausalLM(config).to(torch.bfloat16)
    write_shipped_layout(model, path, max_shard_bytes=2**26)


def compare(asked: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Times with the processes of all ways at once, then memory with one after the other; what they tell, side by side."""
    options = [f"--tokens={asked.tokens}", f"--path={path}", *(["--checkpointing"] if asked.checkpointing else [])]
    workers = {way: Worker([*options, f"--worker={way}"]) for way in WAYS}
    started = {way: worker.hear() for way, worker in workers.items()}
    first = {way: worker.ask("step") for way, worker in workers.items()}  # before the first update: the frozen weights' own loss
    seconds = {way: [] for way in WAYS}
    for _ in range(asked.steps):
        for way, worker in workers.items():
            seconds[way].append(worker.ask("step")["seconds"])
    for worker in workers.values():
        worker.end()
    peaks = {way: peak(way, options) for way in WAYS}
    for way in WAYS:
        assert abs(first[way]["loss"] - first["peft"]["loss"]) < 0.02, first  # the same model to what the formats hold
    assert first["prefopt"]["gradient"] > 0
    assert first["peft"]["gradient"] > 0
    result: dict[str, Any] = {}
    for name, (ours, theirs) in PAIRS.items():
        steps = [mine / other for mine, other in zip(seconds[ours], seconds[theirs], strict=True)]
        result[f"static_vs_{name}"] = started[ours]["static"] / started[theirs]["static"]
        result[f"peak_vs_{name}"] = peaks[ours] / peaks[theirs]
        result[f"step_vs_{name}"] = statistics.median(steps)
    result["bnb_experts_gradient"] = gradient("bnb-experts", options)
    for way in WAYS:
        result[way] = {
            "static_mib": round(started[way]["static"] / 2**20, 1),
            "peak_mib": round(peaks[way] / 2**20, 1),
            "step_s": round(statistics.median(seconds[way]), 3),
            "first_loss": round(first[way]["loss"], 4),
        }
    return {**result, "versions": started["peft"]["versions"], "tokens": asked.tokens, "layers": asked.layers, "hidden": asked.hidden}


def peak(way: str, options: list[str]) -> int:
    """Highest resident bytes of two steps, above what the process had before it loaded."""
    worker = Worker([*options, f"--worker={way}"], RETURN_AT_ONCE)
    worker.hear()
    for _ in range(2):
        worker.ask("step")
    bytes_: int = worker.ask("peak")["bytes"]
    worker.end()
    return bytes_


def gradient(way: str, options: list[str]) -> float:
    """Sum of the absolute gradients of LoRA's B on the experts after one step."""
    worker = Worker([*options, f"--worker={way}"])
    worker.hear()
    found: float = worker.ask("step")["gradient"]
    worker.end()
    return found


class Worker:
    """A process of one way; it answers each line with a line of JSON."""

    def __init__(self, options: list[str], environment: Mapping[str, str] = MappingProxyType({})) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, __file__, *options]
        self._process = subprocess.Popen(command, **pipes, text=True, env={**os.environ, **environment})

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr
            sys.exit(self._process.stderr.read())
        told: dict[str, Any] = json.loads(line)
        return told

    def ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        self._process.communicate(timeout=60)


def work(asked: argparse.Namespace) -> None:
    """One way: load, then do as the lines on stdin say."""
    import warnings

    warnings.simplefilter("ignore")
    import prefopt.model  # noqa: I001  # sets how torch's threads wait, before torch is imported
    import bitsandbytes
    import peft
    import torch
    import transformers
    import transformers.models.gpt_oss.modeling_gpt_oss

    import prefopt.model.adapters  # noqa: F401  # all code is there before the first measurement

    transformers.logging.set_verbosity_error()
    before = resident("VmRSS:")
    experts = asked.worker not in ("prefopt-attention", "bnb")
    if asked.worker.startswith("prefopt"):
        model = ours(asked.path, experts=experts)
    else:
        model = stock(asked.path, experts=experts, four_bits=asked.worker.startswith("bnb"))
    model.train()
    if asked.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    on_experts = [p for name, p in trained.items() if ".experts." in name and ".lora_B." in name]
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-4)
    ids = torch.randint(0, VOCABULARY, (2, asked.tokens // 2), generator=torch.Generator().manual_seed(1))
    versions = f"torch {torch.__version__}, peft {peft.__version__}, bitsandbytes {bitsandbytes.__version__}"
    tell({"static": frozen_bytes(model), "versions": versions})
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak of loading
    for line in sys.stdin:
        if line.strip() == "peak":
            tell({"bytes": resident("VmHWM:") - before})
            continue
        start = time.perf_counter()
        loss = model(ids, labels=ids).loss
        loss.backward()
        gradient = sum(float(p.grad.abs().sum()) for p in on_experts)
        optimizer.step()
        optimizer.zero_grad()
        tell({"seconds": time.perf_counter() - start, "loss": float(loss.detach()), "gradient": gradient})


def stock(path: Path, *, experts: bool, four_bits: bool) -> Any:
    """transformers' dequantized model under PEFT's target_parameters, its stacks in bfloat16 or in bitsandbytes' NF4."""
    import torch
    from bitsandbytes.nn.parametrize import replace_parameter_4bit
    from peft import LoraConfig, get_peft_model
    from transformers import GptOssForCausalLM, Mxfp4Config

    quantization = Mxfp4Config(dequantize=True)
    model = GptOssForCausalLM.from_pretrained(path, dtype=torch.bfloat16, attn_implementation="eager", quantization_config=quantization)
    for layer in model.model.layers if four_bits else ():
        for name in ("gate_up_proj", "down_proj"):
            replace_parameter_4bit(layer.mlp.experts, name, compress_statistics=True, quant_type="nf4")
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    stacks = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] if experts else None
    return get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=attention, target_parameters=stacks))


def ours(path: Path, *, experts: bool) -> Any:
    """Our loader's model and adapter, without a tokenizer."""
    import torch
    from transformers import AutoConfig

    from prefopt.config import AdapterSettings
    from prefopt.model.adapters import fresh_adapter
    from prefopt.model.checkpoint import open_checkpoint
    from prefopt.model.gptoss import fill_gpt_oss
    from prefopt.model.load import Base, bytes_by_dtype

    model = fill_gpt_oss(open_checkpoint(path), AutoConfig.from_pretrained(path), [torch.device("cpu")], torch.bfloat16)
    model.requires_grad_(False)
    base = Base(model, None, path, "", bytes_by_dtype(model))  # type: ignore[arg-type]  # no text is read here
    return fresh_adapter(base, AdapterSettings(rank=RANK, alpha=ALPHA, experts=experts), 0)


def frozen_bytes(model: Any) -> int:
    """Bytes of everything that is stored and not trained, quantization constants included."""
    tensors = {id(t): t for t in (*model.parameters(), *model.buffers()) if not t.requires_grad}
    total = sum(t.nbytes for t in tensors.values())
    for module in model.modules():
        state = getattr(module, "quant_state", None)  # of bitsandbytes: its constants are no buffers
        for part in (state, getattr(state, "state2", None)):
            total += sum(t.nbytes for t in (getattr(part, "absmax", None), getattr(part, "code", None)) if t is not None)
    return int(total)


def resident(field: str) -> int:
    """VmRSS: or VmHWM: of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def tell(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

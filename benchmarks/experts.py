"""LoRA on experts in MXFP4, compared with stock PEFT on bfloat16 experts and with bitsandbytes' 4-bit experts.

    python benchmarks/experts.py [--steps 9] [--tokens 512] [--checkpointing] [--json]

A random gpt-oss in the proportions of the 20b (32 experts, 4 per token, hidden = inner, attention 3 % of the weights, a small vocabulary
so that the experts dominate) is written in the hub's layout. Each setup loads and trains it in a process of its own, on the CPU, in
bfloat16, with a float32 LoRA of rank 8:

    prefopt, peft                LoRA on attention and experts; PEFT with target_parameters on bfloat16 stacks
    prefopt-attention, bnb       LoRA on attention only; bnb has its stacks in NF4 with double quantization (bitsandbytes.nn.parametrize)
    bnb-experts                  target_parameters on these stacks: prints a warning and trains without LoRA on them; see its gradient

    static_vs_*   bytes of the frozen weights, ours / theirs
    peak_vs_*     growth of resident memory from before loading to the peak of two steps, ours / theirs. Measured in separate processes
                  that return freed memory to the system at once (MALLOC_MMAP_THRESHOLD_)
    step_vs_*     wall time of forward, backward and AdamW, ours / theirs: median over the steps. The processes take turns, so that load on
                  the machine slows all of them equally
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
SETUPS = [setup for pair in PAIRS.values() for setup in pair]
RETURN_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # of glibc


def main() -> None:
    """Compare all setups and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=[*SETUPS, "bnb-experts"])
    parser.add_argument("--path", type=Path)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint(Path(folder), options.hidden, options.layers)
        result = compare(options, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:<15} {value:.3f}" if isinstance(value, float) else f"{name:<15} {value}")


def make_checkpoint(path: Path, hidden: int, layers: int) -> None:
    """Write a random gpt-oss in the hub's layout."""
    import prefopt.model  # noqa: F401, I001  # must come before torch: sets how its threads wait
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


def compare(options: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Measure times with all processes at once, then memory with one process after the other, and compare."""
    arguments = [f"--tokens={options.tokens}", f"--path={path}", *(["--checkpointing"] if options.checkpointing else [])]
    workers = {setup: Worker([*arguments, f"--worker={setup}"]) for setup in SETUPS}
    started = {setup: worker.read() for setup, worker in workers.items()}
    # a first step's loss is taken before its update, so it is that of the frozen weights
    first = {setup: worker.run("step") for setup, worker in workers.items()}
    seconds = {setup: [] for setup in SETUPS}
    for _ in range(options.steps):
        for setup, worker in workers.items():
            seconds[setup].append(worker.run("step")["seconds"])
    for worker in workers.values():
        worker.end()
    peaks = {setup: peak(setup, arguments) for setup in SETUPS}
    for setup in SETUPS:
        assert abs(first[setup]["loss"] - first["peft"]["loss"]) < 0.02, first  # the same model up to the formats' precision
    assert first["prefopt"]["gradient"] > 0
    assert first["peft"]["gradient"] > 0
    result: dict[str, Any] = {}
    for name, (ours, theirs) in PAIRS.items():
        steps = [mine / other for mine, other in zip(seconds[ours], seconds[theirs], strict=True)]
        result[f"static_vs_{name}"] = started[ours]["static"] / started[theirs]["static"]
        result[f"peak_vs_{name}"] = peaks[ours] / peaks[theirs]
        result[f"step_vs_{name}"] = statistics.median(steps)
    result["bnb_experts_gradient"] = gradient("bnb-experts", arguments)
    for setup in SETUPS:
        result[setup] = {
            "static_mib": round(started[setup]["static"] / 2**20, 1),
            "peak_mib": round(peaks[setup] / 2**20, 1),
            "step_s": round(statistics.median(seconds[setup]), 3),
            "first_loss": round(first[setup]["loss"], 4),
        }
    return {**result, "versions": started["peft"]["versions"], "tokens": options.tokens, "layers": options.layers, "hidden": options.hidden}


def peak(setup: str, arguments: list[str]) -> int:
    """Peak resident bytes of two steps, minus those before loading."""
    worker = Worker([*arguments, f"--worker={setup}"], RETURN_AT_ONCE)
    worker.read()
    for _ in range(2):
        worker.run("step")
    bytes_: int = worker.run("peak")["bytes"]
    worker.end()
    return bytes_


def gradient(setup: str, arguments: list[str]) -> float:
    """Sum of the absolute gradients of LoRA's B on the experts after one step."""
    worker = Worker([*arguments, f"--worker={setup}"])
    worker.read()
    total: float = worker.run("step")["gradient"]
    worker.end()
    return total


class Worker:
    """A process with one setup, which answers each line of input with a line of JSON."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str] = MappingProxyType({})) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, __file__, *arguments]
        self._process = subprocess.Popen(command, **pipes, text=True, env={**os.environ, **environment})

    def read(self) -> dict[str, Any]:
        """The next line of output, parsed."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr
            sys.exit(self._process.stderr.read())
        content: dict[str, Any] = json.loads(line)
        return content

    def run(self, command: str) -> dict[str, Any]:
        """Send "step" or "peak" and read the answer."""
        assert self._process.stdin
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self.read()

    def end(self) -> None:
        """Close the input, which ends the process."""
        self._process.communicate(timeout=60)


def work(options: argparse.Namespace) -> None:
    """Load one setup, then run a step, or print the peak, for each line of stdin."""
    import warnings

    warnings.simplefilter("ignore")
    import prefopt.model  # noqa: I001  # must come before torch: sets how its threads wait
    import bitsandbytes
    import peft
    import torch
    import transformers
    import transformers.models.gpt_oss.modeling_gpt_oss

    import prefopt.model.adapters  # noqa: F401  # loads all code before the first measurement

    transformers.logging.set_verbosity_error()
    before = resident("VmRSS:")
    experts = options.worker not in ("prefopt-attention", "bnb")
    if options.worker.startswith("prefopt"):
        model = ours(options.path, experts=experts)
    else:
        model = stock(options.path, experts=experts, four_bits=options.worker.startswith("bnb"))
    model.train()
    if options.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    on_experts = [p for name, p in trained.items() if ".experts." in name and ".lora_B." in name]
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-4)
    ids = torch.randint(0, VOCABULARY, (2, options.tokens // 2), generator=torch.Generator().manual_seed(1))
    versions = f"torch {torch.__version__}, peft {peft.__version__}, bitsandbytes {bitsandbytes.__version__}"
    answer({"static": frozen_bytes(model), "versions": versions})
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak of loading
    for line in sys.stdin:
        if line.strip() == "peak":
            answer({"bytes": resident("VmHWM:") - before})
            continue
        start = time.perf_counter()
        loss = model(ids, labels=ids).loss
        loss.backward()
        gradient = sum(float(p.grad.abs().sum()) for p in on_experts)
        optimizer.step()
        optimizer.zero_grad()
        answer({"seconds": time.perf_counter() - start, "loss": float(loss.detach()), "gradient": gradient})


def stock(path: Path, *, experts: bool, four_bits: bool) -> Any:
    """transformers' dequantized model with PEFT's target_parameters; its stacks are in bfloat16 or in bitsandbytes' NF4."""
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
    """Our model and adapter, without a tokenizer."""
    import torch
    from transformers import AutoConfig

    from prefopt.config import AdapterSettings
    from prefopt.model.adapters import fresh_adapter
    from prefopt.model.checkpoint import open_checkpoint
    from prefopt.model.gptoss import fill_gpt_oss
    from prefopt.model.load import Base, bytes_by_dtype

    model = fill_gpt_oss(open_checkpoint(path), AutoConfig.from_pretrained(path), [torch.device("cpu")], torch.bfloat16)
    model.requires_grad_(False)
    base = Base(model, None, path, "", bytes_by_dtype(model))  # type: ignore[arg-type]  # no text is tokenized here
    return fresh_adapter(base, AdapterSettings(rank=RANK, alpha=ALPHA, experts=experts), 0)


def frozen_bytes(model: Any) -> int:
    """Bytes of all frozen tensors, including quantization constants."""
    tensors = {id(t): t for t in (*model.parameters(), *model.buffers()) if not t.requires_grad}
    total = sum(t.nbytes for t in tensors.values())
    for module in model.modules():
        state = getattr(module, "quant_state", None)  # bitsandbytes keeps its constants outside the buffers
        for part in (state, getattr(state, "state2", None)):
            total += sum(t.nbytes for t in (getattr(part, "absmax", None), getattr(part, "code", None)) if t is not None)
    return int(total)


def resident(field: str) -> int:
    """Resident memory ("VmRSS:") or its peak ("VmHWM:") of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def answer(content: dict[str, Any]) -> None:
    """Print one line of JSON for the parent process."""
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    main()

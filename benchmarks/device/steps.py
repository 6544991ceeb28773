"""The steps of check.py, each run in a process of its own:  python benchmarks/device/steps.py NAME SHAPE

What a step finds is printed as lines of JSON, each as soon as it is known.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpt_oss_shape

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("torch", "triton", "transformers", "peft", "accelerate", "trl", "bitsandbytes", "numpy")
LABELS, PROMPT, SHARED = 435, 600, 200
"""Labels, tokens of a prompt, and those of them that all prompts begin with."""


def tell(**found: Any) -> None:
    """Print a line of JSON."""
    print(json.dumps(found), flush=True)


def device() -> torch.device:
    """Where the steps run."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_gpu() -> bool:
    """Whether that is a GPU."""
    return device().type == "cuda"


def timed(call: Callable[[], Any], times: int = 5) -> float:
    """Median seconds of a call, after one to warm up."""
    wait = torch.cuda.synchronize if on_gpu() else (lambda: None)
    call()
    spent = []
    for _ in range(times):
        wait()
        begin = time.perf_counter()
        call()
        wait()
        spent.append(time.perf_counter() - begin)
    return sorted(spent)[len(spent) // 2]


def peak_gib() -> float | None:
    """Largest memory that was allocated on the GPU since the last reset."""
    return round(torch.cuda.max_memory_allocated() / 2**30, 3) if on_gpu() else None


def options(shape: str, worker: str = "prefopt") -> argparse.Namespace:
    """As benchmarks/gpt_oss_shape.py reads them."""
    tokens = 128 if shape == "small" else 2048
    return argparse.Namespace(shape=shape, tokens=tokens, steps=3, rank=8, attention_only=False, worker=worker)


def model(shape: str) -> Any:
    """The model at a shape, with an adapter and random weights."""
    return gpt_oss_shape.ours(options(shape), device())


def machine(_: str) -> None:
    """Versions, and the two ceilings: bytes and products a second."""
    installed = {}
    for name in VERSIONS:
        try:
            installed[name] = version(name)
        except ModuleNotFoundError:
            installed[name] = "not installed"
    tell(versions=installed, python=sys.version.split()[0], name=torch.cuda.get_device_name() if on_gpu() else "cpu")
    if on_gpu():
        tell(capability=torch.cuda.get_device_capability(), cudnn=torch.backends.cudnn.version())
    size = 2**30 if on_gpu() else 2**22
    source, target = (torch.zeros(size, dtype=torch.uint8, device=device()) for _ in range(2))
    rate = gpt_oss_shape.matmul_tflops(device())
    tell(copy_gb_per_s=round(2 * size / 1e9 / timed(lambda: target.copy_(source)), 1), matmul_tflops=round(rate, 3))


def tests(_: str) -> None:
    """The project's tests of a GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "--durations=12", "-p", "no:cacheprovider", "tests/gpu"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=ROOT)
    print(done.stdout, flush=True)
    tell(pytest=done.stdout.strip().splitlines()[-1], failures=[line for line in done.stdout.splitlines() if line.startswith("FAILED")])
    sys.exit(done.returncode)


def load(shape: str) -> None:
    """The frozen base with its adapter."""
    from prefopt.model.load import bytes_by_dtype

    begin = time.perf_counter()
    lm = model(shape)
    seconds = time.perf_counter() - begin
    allocated = round(torch.cuda.memory_allocated() / 2**30, 3) if on_gpu() else None
    tell(load_s=round(seconds, 2), bytes_by_dtype=bytes_by_dtype(lm), allocated_gib=allocated)


def train(shape: str) -> None:
    """SFT and DPO steps."""
    found = gpt_oss_shape.work(options(shape))
    ratio = {"peak_of_plan": round(found["peak_gib"] / found["planned_gib"], 3)} if found["planned_gib"] else {}
    tell(**found, **ratio)


def launches(shape: str) -> None:
    """Kernels of one SFT step, and where its time goes; on a CPU, operators take their place."""
    from torch.profiler import ProfilerActivity, profile

    lm = model(shape).train()
    lm.gradient_checkpointing_enable({"use_reentrant": False})
    ids = torch.randint(0, lm.config.vocab_size, (1, options(shape).tokens), device=device())

    def step() -> None:
        gpt_oss_shape.sft_loss(lm, ids).backward()
        lm.zero_grad()

    tell(step_ms=round(1000 * timed(step, 2), 1))
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu() else [])]) as seen:
        step()
        if on_gpu():
            torch.cuda.synchronize()
    events = seen.key_averages()
    key = "self_device_time_total" if on_gpu() else "self_cpu_time_total"
    most = sorted(events, key=lambda event: -getattr(event, key))[:12]
    begun = ("cudaLaunchKernel", "cuLaunchKernel") if on_gpu() else ("aten::",)
    tell(
        launches=sum(event.count for event in events if event.key.startswith(begun)),
        busy_ms=round(sum(getattr(event, key) for event in events) / 1000, 1),
        most=[[event.key[:60], event.count, round(getattr(event, key) / 1000, 2)] for event in most],
    )


def posterior(shape: str) -> None:
    """Problems scored a second, in batches of the largest size that fits."""
    from prefopt.model.out_of_memory import free_bytes
    from prefopt.model.posterior import LabelTree, label_log_likelihoods

    lm, draw = model(shape).eval(), random.Random(0)
    count, length, shared, labels = (4, 60, 20, 30) if shape == "small" else (64, PROMPT, SHARED, LABELS)
    beginning = [draw.randrange(3, 4000) for _ in range(shared)]
    prompts = [beginning + [draw.randrange(3, 4000) for _ in range(length - shared)] for _ in range(count)]
    tree = LabelTree([[10 + i // 50, 100 + i, *(300 + draw.randrange(9) for _ in range(i % 4)), 3] for i in range(labels)])
    for batch in (2, 4) if shape == "small" else (16, 32):
        if on_gpu():
            torch.cuda.reset_peak_memory_stats()
        how: dict[str, Any] = {"batch_size": batch, "free_bytes": free_bytes(lm)}
        label_log_likelihoods(lm, prompts[:2], tree, **how)
        begin = time.perf_counter()
        label_log_likelihoods(lm, prompts, tree, **how)
        tell(**{f"problems_per_s_{batch}": round(count / (time.perf_counter() - begin), 2), f"peak_gib_{batch}": peak_gib()})


def generate(shape: str) -> None:
    """Texts written in one batch; the second time shows what new lengths cost the first."""
    from prefopt.model.generation import SampledText, chance, write

    lm = model(shape).eval()
    requests, tokens, length = (2, 3, 20) if shape == "small" else (16, 24, 300)
    prompts = [torch.randint(0, lm.config.vocab_size, (length + 5 * i,)).tolist() for i in range(requests)]
    for turn in ("first", "second"):
        generators = [chance("device", i) for i in range(requests)]
        writer = SampledText(generators, temperature=1.0, ends=[], banned=list(range(1000)), max_tokens=tokens)
        begin = time.perf_counter()
        written = write(lm, prompts, writer, batch_size=requests)
        seconds = time.perf_counter() - begin
        assert sum(map(len, written)) == requests * tokens  # no text ends early, or the rate would be wrong
        tell(**{f"{turn}_tokens_per_s": round(requests * tokens / seconds, 1), f"{turn}_ms_per_token": round(1000 * seconds / tokens, 2)})


def stock(shape: str) -> None:
    """The peer; it has no memory plan."""
    found = gpt_oss_shape.work(options(shape, "stock"))
    tell(**{key: found[key] for key in ("peak_gib", "tokens_per_s", "dpo_tokens_per_s")})


NAMES: dict[str, Callable[[str], None]] = {
    "machine": machine,
    "tests": tests,
    "load": load,
    "train": train,
    "launches": launches,
    "posterior": posterior,
    "generate": generate,
    "stock": stock,
}

if __name__ == "__main__":
    torch.manual_seed(0)
    NAMES[sys.argv[1]](sys.argv[2])

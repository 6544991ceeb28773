"""One training step of the engine "prompt_sharing" against TRL, in one run: time and peak memory as ratios.

    python benchmarks/preference_step.py [--json] [--rounds 5] [--hidden 256] [--layers 6] [--experts 8] [--vocabulary 32000]
                                         [--prompt 384] [--completion 64] [--batch 4]

A random gpt-oss with the sizes given (float32, LoRA on attention and experts) takes steps forward and backward on random pairs whose two
completions share nothing but the prompt. Every engine is a process of its own, so that peak memory is its own; the engines take turns,
round after round, and a ratio is that of the fastest steps, which are the least disturbed by whatever else runs. The peers are stock TRL
trainers (only their tokenizing methods are replaced), given the same token ids, and for "completion only" the stock DPOTrainer
whose fused head drops prompt positions, as TRL does on a GPU. They run transformers' eager attention; ours is the one that
`load_base` chooses on a CPU. The experts in MXFP4 are ours on both sides.

The engine's time includes its share of the parent's log-probabilities: one pass without gradient over each batch, as in a run of one epoch.

Keys of --json: dpo_vs_trl, dpo_vs_trl_completion_only, orpo_vs_trl, kto_vs_trl (times of TRL divided by ours), peak_memory_vs_trl (ours
divided by TRL's, DPO, above the memory of the loaded model), milliseconds, peak_mib, trl (version), sizes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ENGINES = ("dpo:prompt_sharing", "dpo:trl", "dpo:trl_completion_only", "orpo:prompt_sharing", "orpo:trl", "kto:prompt_sharing", "kto:trl")


def make_model(sizes: dict[str, int], folder: Path, attention: str) -> Any:
    """A base, a random gpt-oss with experts in MXFP4, and a PeftModel on it."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import GptOssConfig, GptOssForCausalLM, PreTrainedTokenizerFast

    from prefopt.config import AdapterSettings
    from prefopt.model.adapters import fresh_adapter
    from prefopt.model.experts import quantize_experts
    from prefopt.model.load import Base

    torch.manual_seed(0)
    config = GptOssConfig(
        hidden_size=sizes["hidden"],
        intermediate_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_local_experts=sizes["experts"],
        num_experts_per_tok=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        vocab_size=sizes["vocabulary"],
        sliding_window=128,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 150000.0},
        router_aux_loss_coef=0.0,
        pad_token_id=0,
    )
    config._attn_implementation = attention
    model = quantize_experts(GptOssForCausalLM(config)).requires_grad_(False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE(vocab={"<pad>": 0, "<s>": 1, "</s>": 2}, merges=[])),
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
    )
    base = Base(model, tokenizer, folder, "benchmark", {})
    adapted = fresh_adapter(base, AdapterSettings(rank=8, alpha=16), seed=0).train()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.02)
    return base, adapted


def rows_of(sizes: dict[str, int]) -> list[dict[str, Any]]:
    """One batch of random pairs, with the columns of every recipe."""
    import random

    chance = random.Random(0)

    def tokens(count: int) -> list[int]:
        return [chance.randrange(3, sizes["vocabulary"]) for _ in range(count)]

    rows = [
        {
            "id": f"r{i}",
            "prompt_ids": tokens(sizes["prompt"]),
            "chosen_ids": tokens(sizes["completion"]),
            "rejected_ids": tokens(sizes["completion"]),
            "weight": 1.0,
        }
        for i in range(sizes["batch"])
    ]
    return [
        row | {"completion_ids": row["chosen_ids"], "label": i % 2 == 0, "KL_completion_ids": rows[i - 1]["chosen_ids"]}
        for i, row in enumerate(rows)
    ]


def make_trainer(engine: str, sizes: dict[str, int], folder: Path) -> Any:
    from importlib import import_module

    from prefopt.model.attention import register_fused_sinks
    from recipes.reference import Reference
    from recipes.training import Opened

    method, kind = engine.split(":")
    base, model = make_model(sizes, folder, register_fused_sinks() if kind == "prompt_sharing" else "eager")
    opened = Opened(base, model, None, "benchmark")  # type: ignore[arg-type]  # no renderer: the rows are tokens already
    settings = {
        "output_dir": str(folder / "out"),
        "per_device_train_batch_size": sizes["batch"],
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_steps": 1000,
    }
    rows = rows_of(sizes)
    recipe = import_module(f"recipes.{method}")
    if kind == "prompt_sharing":
        config = recipe.recipe.Config(engine="prompt_sharing")
        extra = () if method == "orpo" else (Reference(folder / "reference"),)
        return recipe.prompt_sharing_trainer(opened, rows, settings, config, *extra)
    return stock(method, opened, rows, settings, completion_only=kind == "trl_completion_only")


def stock(method: str, opened: Any, rows: list[dict[str, Any]], settings: dict[str, Any], *, completion_only: bool) -> Any:
    """TRL's own trainer on the same token ids."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    tokenizer, settings = opened.base.tokenizer, settings | {"max_length": None}

    class Untokenized:
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
            return {}

        def _send_telemetry(self) -> None:
            pass

    if method == "dpo":
        if completion_only:
            import trl.trainer.utils

            trl.trainer.utils._use_triton = lambda device: True  # the condition on which TRL drops prompt positions
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        data = Dataset.from_list([{name: row[name] for name in names} for row in rows])
        args = DPOConfig(**settings, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 1.0], router_aux_loss_coef=0.0)
        return type("Stock", (Untokenized, DPOTrainer), {})(model=opened.model, args=args, train_dataset=data, processing_class=tokenizer)
    if method == "kto":
        names = ("prompt_ids", "completion_ids", "KL_completion_ids", "label")
        data = Dataset.from_list([{name: row[name] for name in names} for row in rows])
        args = KTOConfig(**settings, router_aux_loss_coef=0.0)
        return type("Stock", (Untokenized, KTOTrainer), {})(model=opened.model, args=args, train_dataset=data, processing_class=tokenizer)
    from recipes.orpo import trl_columns

    data = Dataset.from_list([trl_columns(row) for row in rows])
    args = ORPOConfig(**settings | {"max_length": 4096})
    return type("Stock", (Untokenized, ORPOTrainer), {})(model=opened.model, args=args, train_dataset=data, processing_class=tokenizer)


def serve(engine: str, sizes: dict[str, int]) -> None:
    """Takes one step for each line on stdin; answers milliseconds and the peak memory so far, in MiB above the loaded model."""
    import warnings

    import torch
    import transformers

    import prefopt.model  # noqa: F401 - sets how torch's threads wait

    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        from recipes.training import quiet

        with quiet():
            trainer = make_trainer(engine, sizes, Path(name))
            rows = [trainer.train_dataset[i] for i in range(sizes["batch"])]
            step = stepper(trainer, rows, engine)
        resident = _resident()
        print(json.dumps({"ready": True}), flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            with quiet():
                step()
            taken = 1000 * (time.perf_counter() - start)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps({"ms": taken, "peak": peak - resident}), flush=True)


def stepper(trainer: Any, rows: list[dict[str, Any]], engine: str) -> Any:
    """A function that takes one step; the engine "prompt_sharing" also scores the batch under the reference, if its method has one."""
    import torch

    from recipes.prompt_sharing import score

    referenced = engine in ("dpo:prompt_sharing", "kto:prompt_sharing")

    def step() -> None:
        trainer.model.train()
        batch = trainer._prepare_inputs(trainer.data_collator(rows))
        if referenced:
            with torch.no_grad():
                score(trainer.model, batch, log_probs_only=True)
        trainer.model.zero_grad()
        trainer.compute_loss(trainer.model, batch).backward()

    return step


def _resident() -> float:
    """MiB in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Runner:
    """A process that takes steps of one engine."""

    def __init__(self, engine: str, sizes: dict[str, int]) -> None:
        command = [sys.executable, __file__, "--serve", engine, "--sizes", json.dumps(sizes)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def step(self) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a measuring process ended with {self._process.wait()}")
        found: dict[str, float] = json.loads(line)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    defaults = {"hidden": 256, "layers": 6, "experts": 8, "vocabulary": 32000, "prompt": 384, "completion": 64, "batch": 4}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--sizes", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, json.loads(given.sizes))
        return
    sizes = {name: getattr(given, name) for name in defaults}
    report(measure(sizes, given.rounds), sizes, as_json=given.json)


def measure(sizes: dict[str, int], rounds: int) -> dict[str, list[dict[str, float]]]:
    runners = {engine: Runner(engine, sizes) for engine in ENGINES}
    for runner in runners.values():
        runner.step()  # the first step includes one-time allocations
    found: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    for _ in range(rounds):
        for engine, runner in runners.items():
            found[engine].append(runner.step())
    for runner in runners.values():
        runner.close()
    return found


def report(found: dict[str, list[dict[str, float]]], sizes: dict[str, int], *, as_json: bool) -> None:
    import trl

    fastest = {engine: min(step["ms"] for step in steps) for engine, steps in found.items()}

    def ratio(peer: str, ours: str) -> float:
        return fastest[peer] / fastest[ours]

    peaks = {engine: steps[-1]["peak"] for engine, steps in found.items()}
    result = {
        "dpo_vs_trl": ratio("dpo:trl", "dpo:prompt_sharing"),
        "dpo_vs_trl_completion_only": ratio("dpo:trl_completion_only", "dpo:prompt_sharing"),
        "orpo_vs_trl": ratio("orpo:trl", "orpo:prompt_sharing"),
        "kto_vs_trl": ratio("kto:trl", "kto:prompt_sharing"),
        "peak_memory_vs_trl": peaks["dpo:prompt_sharing"] / peaks["dpo:trl"],
        "milliseconds": {engine: round(value) for engine, value in fastest.items()},
        "peak_mib": {engine: round(peak) for engine, peak in peaks.items()},
        "trl": trl.__version__,
        "sizes": sizes,
    }
    if as_json:
        print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}))
        return
    print(f"TRL {trl.__version__}, {sizes}")
    for engine in ENGINES:
        print(f"  {engine:26} {result['milliseconds'][engine]:7d} ms  peak {result['peak_mib'][engine]:6d} MiB above the model")
    for key in ("dpo_vs_trl", "dpo_vs_trl_completion_only", "orpo_vs_trl", "kto_vs_trl"):
        print(f"  {key:28} {result[key]:5.2f} x faster")
    print(f"  {'peak_memory_vs_trl':28} {result['peak_memory_vs_trl']:5.2f} of TRL's")


if __name__ == "__main__":
    main()

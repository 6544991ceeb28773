"""A random tiny gpt-oss with a byte-level Harmony tokenizer, a small taxonomy, and an adapter that is really trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.protocols import TrainingJob
from prefopt.records import Answer, Judged, Pair, Problem
from prefopt.taxonomy import Taxonomy, parse_taxonomy

HARMONY = [
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
]

LABELS = ("[2수01-01]", "[2수01-02]", "[4수02-01]", "[6수03-05]")


def write_tokenizer(path: Path) -> None:
    """256 bytes and the Harmony tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|startoftext|>", eos_token="<|return|>", pad_token="<|endoftext|>"
    )
    fast.add_special_tokens({"additional_special_tokens": HARMONY})
    fast.save_pretrained(path)


@pytest.fixture(scope="session")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random gpt-oss of two layers in the shipped layout."""
    import torch
    from transformers import GptOssConfig, GptOssForCausalLM

    import prefopt.model  # noqa: F401 - before torch
    from prefopt.model.mxfp4 import write_shipped_layout

    path = tmp_path_factory.mktemp("base")
    config = GptOssConfig(
        num_hidden_layers=2,
        hidden_size=64,
        intermediate_size=64,
        num_local_experts=4,
        num_experts_per_tok=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        vocab_size=256 + len(HARMONY),
        sliding_window=64,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        initializer_range=0.05,
        pad_token_id=256 + 1,
    )
    torch.manual_seed(0)
    write_shipped_layout(GptOssForCausalLM(config), path)
    write_tokenizer(path)
    return path


@pytest.fixture(scope="session")
def llama_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of another architecture, not quantised on disk."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    path = tmp_path_factory.mktemp("llama")
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=256 + len(HARMONY),
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    write_tokenizer(path)
    return path


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    rows = "\n".join(f"{label},이름 {i},A|B|C,1-2학년군" for i, label in enumerate(LABELS))
    return parse_taxonomy(f"code,name,levels,band\n{rows}\n", "labels.csv")


def problem(i: int, *, label: str | None = None, reason: str | None = "더하기이다.") -> Problem:
    return Problem(
        id=f"p{i}",
        text=f"{i} + {i + 1} = ?",
        label=label or LABELS[i % 4],
        reason=reason,
        level="B",
        difficulty=1 + i % 5,
        concepts=("덧셈",),
    )


def answer(i: int, *, reason: str | None = None, **fields: Any) -> Answer:
    return Answer(**({"label": LABELS[i % 4], "level": "B", "difficulty": 1, "concepts": ("덧셈",), "reason": reason} | fields))


def pair(i: int, *, weight: float = 1.0) -> Pair:
    return Pair(problem=problem(i), chosen=answer(i), rejected=answer(i + 1), weight=weight, slate_id=f"s{i}", origin="votes")


def judged(i: int, *, desirable: bool, weight: float = 1.0) -> Judged:
    return Judged(
        problem=problem(i), answer=answer(i if desirable else i + 2), desirable=desirable, weight=weight, slate_id=f"s{i}", origin="votes"
    )


MakeJob = Callable[..., TrainingJob]


@pytest.fixture(scope="session")
def make_job(base_path: Path, taxonomy: Taxonomy) -> MakeJob:
    def make(folder: Path, data: Any, parent: Path | None = None, **changes: Any) -> TrainingJob:
        folder.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "model": ModelSettings(path=str(base_path), device="cpu"),
            "adapter": AdapterSettings(rank=4, alpha=8),
            "prompt": PromptSettings(instructions="분류한다."),
            "answer": AnswerSettings(),
            "seed": 3,
        }
        return TrainingJob(folder=folder, data=data, parent=parent, taxonomy=taxonomy, **(settings | changes))

    return make


SMALL = {"batch_size": 4, "accumulate": 1, "gradient_checkpointing": False, "learning_rate": 5e-3, "warmup": 0.0, "epochs": 1.0}


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory, make_job: MakeJob) -> Path:
    """An adapter after a few SFT steps: its B matrices are not zero, so a reference that is the base would show."""
    from recipes.sft import recipe

    job = make_job(tmp_path_factory.mktemp("sft"), [problem(i) for i in range(8)])
    return recipe.train(job, recipe.Config(**SMALL)).path

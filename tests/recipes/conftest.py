"""A random tiny gpt-oss with a byte-level Harmony tokenizer, a small taxonomy, and an adapter that is really trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.protocols import TrainingJob
from prefopt.taxonomy import Taxonomy, parse_taxonomy
from tests.recipes.recipe_cases import LABELS, SMALL, MakeJob, problem, write_tokenizer
from tools.tiny_gpt_oss.train_tokenizer import CONTROL


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
        vocab_size=256 + len(CONTROL),
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
    """A random model of another architecture, not quantized on disk."""
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
        vocab_size=256 + len(CONTROL),
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
            "sft_options": {"reason_share": 0.0, "explain_share": 0.0},
        }
        return TrainingJob(folder=folder, data=data, parent=parent, taxonomy=taxonomy, **(settings | {"sft": parent} | changes))

    return make


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory, make_job: MakeJob) -> Path:
    """An adapter after a few SFT steps: its B matrices are not zero, so a reference that is the base would show."""
    from recipes.sft import recipe

    job = make_job(tmp_path_factory.mktemp("sft"), [problem(i) for i in range(8)])
    return recipe.train(job, recipe.Config(**SMALL)).path

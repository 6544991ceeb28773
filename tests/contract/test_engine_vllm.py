"""vLLM itself on a CPU against this process: posteriors, cards under a grammar, adapters switched from request to request, and faults.

`make engines-nightly` runs it. A GPU would add: gpt-oss with its MXFP4 weights and adapters of its experts, for which vLLM has no kernels
on a CPU, and the speed. The HTTP interface is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from prefopt.config import ModelSettings
from prefopt.model.adapter_card import adapter_id
from prefopt.model.export import export_adapter
from tests.contract.engine_cases import PROBLEMS, TINY, Engine, EngineCases, Side, apart, made_adapter
from tests.vllm_server import PYTHON, VllmServer
from tests.zoo.small import make_tokenizer

pytestmark = pytest.mark.skipif(
    not PYTHON,
    reason="needs vLLM: make engines-nightly; on a GPU it would show gpt-oss in MXFP4 with adapters of its experts too",
)
BFLOAT16 = 0.02
"""Total variation that bfloat16 makes: 0.009 in this process, 0.014 measured."""
TIE = 0.75
"""0.41 measured: two tokens with one probability where vLLM writes a text, and 0.375 nats apart where it scores it."""


def make_llama(folder: Path) -> ModelSettings:
    """A random Llama, with heads of a size that vLLM computes on a CPU. Its weights are of bfloat16, as vLLM reads them."""
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    sizes = {"hidden_size": 128, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=4096, initializer_range=0.1, **sizes, **ids)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelSettings(path=str(folder), device="cpu", quantized=False, dtype="float32")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("vllm")
    ours = made_adapter(folder / "first", 1), made_adapter(folder / "second", 2)
    exported = export_adapter(TINY, ours[0], folder / "merged", layout="bfloat16").path
    llama = make_llama(folder / "llama")
    dense = tuple(made_adapter(folder / f"dense-{seed}", seed, llama, experts=False) for seed in (1, 2))
    merged = VllmServer(exported, adapter_id(ours[0]), None, log=folder / "merged.log")
    try:
        beside = VllmServer(folder / "llama", "base", {adapter_id(dense[0]): dense[0]}, log=folder / "beside.log", context=2048)
    except BaseException:
        merged.kill()
        raise
    yield Engine(
        Side(TINY, ours, merged, BFLOAT16, TIE),
        Side(llama, (dense[0], dense[1]), beside, BFLOAT16, math.inf),
        {"path": "/v1/completions", "body": {"model": "nobody", "prompt": [1], "max_tokens": 1}, "status": 404},
        f"serves {adapter_id(ours[0])}, and not the adapter {adapter_id(ours[1])}; it does not load it either",
        f"--lora-modules {adapter_id(ours[1])}={ours[1]}",
        "maximum context length",
    )
    merged.kill()
    beside.kill()


class TestVllm(EngineCases):
    def test_an_adapter_is_loaded_and_unloaded_while_it_serves(self, engine: Engine) -> None:
        side = engine.beside
        second, url = side.adapters[1], side.server.url
        name = adapter_id(second)

        def served() -> list[str]:
            return [model["id"] for model in httpx.get(f"{url}/v1/models", timeout=60).json()["data"]]

        policy = side.there(second)
        before = policy.posterior(PROBLEMS[:1])
        assert name in served()
        httpx.post(f"{url}/v1/unload_lora_adapter", json={"lora_name": name}, timeout=60).raise_for_status()
        assert apart(policy.posterior(PROBLEMS[:1]), before) <= side.tolerance  # it was loaded again
        policy.close()
        assert name not in served()

"""llama.cpp's own server against this process: posteriors, cards under a grammar, adapters switched from request to request, and faults.

A GPU would add the speed, and kernels of its own for MXFP4; the HTTP interface is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import httpx
import pytest

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import adapter_id
from prefopt.model.export import export_adapter
from prefopt.model.mxfp4 import write_shipped_layout
from tests.contract.engine_cases import PROBLEMS, TINY, Engine, EngineCases, Side, apart, made_adapter, refuse_other_cards
from tests.gptoss import make_model
from tests.llama_server import LlamaServer
from tests.model.o200k import harmony_tokenizer, write_vocabulary

pytest.importorskip("xllamacpp", reason="needs llama.cpp's server: pip install xllamacpp")

BFLOAT16, FOUR_BITS = 0.01, 0.04
"""Total variation to float32 here, largest: 0.0035 measured with the merged model in bfloat16; 0.022 with MXFP4, whose products llama.cpp
computes with activations in eight bits, and 0.009 from one time to the next."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("gguf")
    first, second = made_adapter(folder / "first", 1), made_adapter(folder / "second", 2)
    base = export_adapter(TINY, first, folder / "base", layout="gguf-base").path / "base.gguf"
    merged = export_adapter(TINY, first, folder / "merged", layout="gguf").path / f"{adapter_id(first)}.gguf"
    files = [
        export_adapter(TINY, adapter, folder / f"lora-{adapter.name}", layout="gguf-lora").path / f"{adapter_id(adapter)}.gguf"
        for adapter in (first, second)
    ]
    servers = LlamaServer(merged, adapter_id(first)), LlamaServer(base, "base", files)
    yield Engine(
        Side(TINY, (first, second), servers[0], BFLOAT16, 0.1),
        Side(TINY, (first, second), servers[1], FOUR_BITS, 1.0),
        {"path": "/completion", "body": {"prompt": [1], "n_predict": 1, "lora": [{"id": 7, "scale": 1.0}]}, "status": 200},
        f"serves {adapter_id(first)}, and not the adapter {adapter_id(second)}",
        f"--lora {adapter_id(second)}.gguf",
        "exceeds the available context size",
    )
    for server in servers:
        server.kill()


class TestLlamaCpp(EngineCases):
    def test_adapters_that_get_other_numbers_at_a_restart_are_still_themselves(self, engine: Engine) -> None:
        side = engine.beside
        assert isinstance(side.server, LlamaServer)
        policy = side.there(side.adapters[1])
        before = policy.posterior(PROBLEMS[:1])
        side.server.kill()
        side.server.adapters.reverse()
        side.server.start()
        assert apart(policy.posterior(PROBLEMS[:1]), before) <= FOUR_BITS

    def test_an_adapter_that_a_restarted_server_has_no_more_is_said(self, engine: Engine) -> None:
        """llama.cpp ignores the number of an adapter that it does not have, and would answer with the base."""
        side = engine.beside
        assert isinstance(side.server, LlamaServer)
        policy, all_of_them = side.there(side.adapters[1]), side.server.adapters
        policy.posterior(PROBLEMS[:1])
        side.server.kill()
        side.server.adapters = [path for path in all_of_them if path.stem != adapter_id(side.adapters[1])]
        side.server.start()
        try:
            with pytest.raises(ModelError, match=f"not the adapter {adapter_id(side.adapters[1])}"):
                policy.posterior(PROBLEMS[:1])
        finally:
            side.server.kill()
            side.server.adapters = all_of_them
            side.server.start()


@pytest.fixture(scope="module")
def true_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A random gpt-oss of two layers with the 201,088 rows of gpt-oss, an adapter of it merged in and served."""
    folder = tmp_path_factory.mktemp("o200k")
    tokenizer = harmony_tokenizer(write_vocabulary(folder))
    write_shipped_layout(make_model(layers=2, vocab_size=201_088), folder / "base", max_shard_bytes=2**30)
    tokenizer.save_pretrained(folder / "base")
    base = ModelSettings(path=str(folder / "base"), device="cpu")
    adapter = made_adapter(folder / "adapter", 1, base)
    file = export_adapter(base, adapter, folder / "merged", layout="gguf").path / f"{adapter_id(adapter)}.gguf"
    server = LlamaServer(file, adapter_id(adapter), context=2048)
    yield Side(base, (adapter, adapter), server, BFLOAT16, math.inf)
    server.kill()


def test_chat_harmony_and_grammar_with_the_true_vocabulary(true_vocabulary: Side) -> None:
    side = true_vocabulary
    here, there = side.here(side.adapters[0]), side.there(side.adapters[0])
    renderer = here.renderer
    for problem in PROBLEMS:
        for ids in (renderer.prompt(problem, with_reason=True), renderer.explain_prompt(problem, problem.label or "")):
            body = {"content": renderer.decode(ids), "add_special": False, "parse_special": True}
            read = httpx.post(f"{side.server.url}/tokenize", json=body, timeout=60).json()["tokens"]
            assert read == ids  # a chat that llama.cpp reads as text has the tokens that we send
    assert apart(here.posterior(PROBLEMS[:1]), there.posterior(PROBLEMS[:1])) <= side.tolerance
    refuse_other_cards(here, there, side.tie)  # the server's text is one that the grammar allows
    ((card,),) = there.propose([(PROBLEMS[0], [PROBLEMS[0].label or ""])], reason_tokens=40)
    assert card.reason is None or "<|" not in card.reason

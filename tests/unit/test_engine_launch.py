"""Commands that start a server: what its options must reach, and names that a shell would split."""

from __future__ import annotations

import shlex

import pytest

from prefopt.model.adapter_card import AdapterCard
from prefopt.model.engine_launch import Adapter, launch_line, launch_of, widest

ADAPTERS = [Adapter("0123456789ab", "/a b/adapter", 24), Adapter("ba9876543210", "/c", 8)]


def value(line: str, option: str) -> str:
    words = shlex.split(line)
    return words[words.index(option) + 1]


@pytest.mark.parametrize(("rank", "reached"), [(1, "8"), (16, "16"), (17, "32"), (64, "64"), (300, "320")])
def test_vllm_gets_the_next_rank_that_it_knows(rank: int, reached: str) -> None:
    assert value(launch_line("vllm", "BASE", [Adapter("a", "b", rank)]), "--max-lora-rank") == reached
    assert value(launch_line("vllm", "BASE", rank=rank), "--max-lora-rank") == reached


def test_every_adapter_is_there_under_its_id_and_quoted_for_the_shell() -> None:
    vllm = shlex.split(launch_line("vllm", "org/base", ADAPTERS, revision="abc", context=3000))
    assert vllm[vllm.index("--lora-modules") + 1 :] == ["0123456789ab=/a b/adapter", "ba9876543210=/c"]
    assert vllm[vllm.index("serve") + 1 :][:3] == ["org/base", "--revision", "abc"]
    assert vllm[0] == "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
    sglang = launch_line("sglang", "org/base", ADAPTERS, context=3000)
    assert (value(sglang, "--max-lora-rank"), value(sglang, "--context-length")) == ("24", "3000")
    llama = shlex.split(launch_line("llamacpp", "base.gguf", ADAPTERS, context=3000))
    assert [llama[i + 1] for i, word in enumerate(llama) if word == "--lora"] == ["/a b/adapter", "/c"]
    assert value(shlex.join(llama), "--ctx-size") == "12000"  # divided among four slots
    assert llama[-1] == "--lora-init-without-apply"


def test_a_server_without_adapters_and_the_folders_of_an_export() -> None:
    assert "--lora" not in launch_line("llamacpp", "base.gguf")
    assert "--lora-modules" not in launch_line("vllm", "BASE")
    assert launch_of("bfloat16", "id", rank=8) == ""
    assert value(launch_of("gguf", "id", rank=8), "--alias") == "id"
    assert value(launch_of("gguf-lora", "id", rank=8), "--lora") == "id.gguf"


def test_the_widest_module_counts() -> None:
    card = AdapterCard(parent=None, base="", recipe="sft", round=0, seed=0, rank=8, alpha=8, experts=False, rank_pattern={"q": 40})
    assert widest(card) == 40

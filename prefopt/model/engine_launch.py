"""The commands that start an inference server with a base and its adapters, each under the name that prefopt asks for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prefopt.model.adapter_card import AdapterCard

Kind = Literal["vllm", "sglang", "llamacpp"]
KINDS: dict[Kind, str] = {"vllm": "vLLM", "sglang": "SGLang", "llamacpp": "llama.cpp"}
"""Words of the command line, and the names of the servers."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM takes for --max-lora-rank."""
SPARE = 512
"""Tokens for what is written after a prompt."""
CONTEXT = 2048 + SPARE
"""Tokens of both, with the default of prompt.max_tokens."""
SLOTS = 4
"""Requests that llama.cpp works on at once."""


@dataclass(frozen=True)
class Adapter:
    """An adapter on a server's command line."""

    id: str
    path: str
    """Folder in the PEFT layout; for llama.cpp its GGUF file."""
    rank: int


def widest(card: AdapterCard) -> int:
    """The largest rank of an adapter's modules."""
    return max([card.rank, *card.rank_pattern.values()])


def launch_line(
    kind: Kind, base: str, adapters: Sequence[Adapter] = (), *, rank: int = 0, context: int = CONTEXT, revision: str = ""
) -> str:
    """A command that starts a server; adapters that it is not started with can be loaded while it runs, but for llama.cpp.

    Args:
        kind: of server.
        base: model as the server finds it; for llama.cpp its GGUF file.
        adapters: to start it with.
        rank: largest rank of the adapters that are loaded later; 16 where nothing says another.
        context: most tokens of a prompt and what follows it.
        revision: commit of a base on the Hub.
    """
    pinned = f"--revision {shlex.quote(revision)}" if revision else ""
    most = max([rank, *(adapter.rank for adapter in adapters)]) or 16
    base = shlex.quote(base)
    if kind == "vllm":
        allowed = next((value for value in RANKS if value >= most), RANKS[-1])
        loaded = " ".join(["--lora-modules", *(shlex.quote(f"{a.id}={a.path}") for a in adapters)]) if adapters else ""
        return _line(
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve",
            base,
            pinned,
            "--served-model-name base --enable-lora",
            f"--max-lora-rank {allowed} --max-loras {max(4, len(adapters))} --max-logprobs 256 --max-model-len {context}",
            loaded,
        )
    if kind == "sglang":
        loaded = " ".join(["--lora-paths", *(shlex.quote(f"{a.id}={a.path}") for a in adapters)]) if adapters else ""
        return _line(
            "python -m sglang.launch_server --model-path",
            base,
            pinned,
            f"--served-model-name base --enable-lora --max-lora-rank {most} --context-length {context}",
            loaded,
        )
    loaded = " ".join(f"--lora {shlex.quote(a.path)}" for a in adapters)
    return _line(
        "llama-server --model",
        base,
        f"--alias base --parallel {SLOTS} --ctx-size {SLOTS * context}",
        f"{loaded} --lora-init-without-apply" if loaded else "",
    )


def launch_of(layout: str, name: str, *, rank: int) -> str:
    """The command for an exported folder, typed in it; empty for a layout that is served as any other checkpoint."""
    if layout == "peft":
        return launch_line("vllm", "BASE", [Adapter(name, ".", rank)])
    if layout == "gguf":
        return f"llama-server --model {name}.gguf --alias {name} --parallel {SLOTS} --ctx-size {SLOTS * CONTEXT}"
    if layout == "gguf-lora":
        return launch_line("llamacpp", "base.gguf", [Adapter(name, f"{name}.gguf", rank)])
    return launch_line("llamacpp", "base.gguf") if layout == "gguf-base" else ""


def _line(*parts: str) -> str:
    return " ".join(part for part in parts if part)

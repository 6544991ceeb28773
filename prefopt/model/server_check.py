"""What a server must show before its numbers are used: it takes token ids as they are, and returns the model's own log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from prefopt.errors import ModelError
from prefopt.io.openai_server import NoAnswerError, OpenAiServer, RefusedError
from prefopt.model.adapter_card import CARD, read_card
from prefopt.model.engine_answers import OWN
from prefopt.model.engine_launch import Adapter, Kind, launch_line, widest
from prefopt.model.engines import Engine, Sglang, Vllm
from prefopt.model.harmony import Renderer
from prefopt.model.llamacpp import LlamaCpp, is_llamacpp
from prefopt.model.tree_search import Next

CHOSEN = 128
"""Tokens that vLLM lets a request choose."""
TOP = 256
"""Most probable tokens that vLLM is asked for, where it allows so many."""
DIFFERENCE = 0.02
"""Largest difference of one probability, computed twice or in two ways: bfloat16 and other batches make some."""
NATS = 0.1
"""Largest mean difference of log-probabilities, as above: it shows what scales a text's less probable tokens."""
_LEAST = -50.0
_TEXT = "12 + 9 = 21, 3 x 4 = 12; 넷은 둘보다 크다."


def engine_at(server: OpenAiServer, adapter: str) -> Engine:
    """The kind of server that answers, by its own description. Raises NoAnswerError."""
    for path in ("/get_model_info", "/model_info"):  # SGLang's; newer ones have the second alone
        try:
            if "model_path" in server.ask("GET", path):
                return Sglang(server, adapter)
        except RefusedError:
            continue
    return LlamaCpp(server, adapter) if is_llamacpp(server) else Vllm(server, adapter)


def provide(engine: Engine, adapter: str, folder: Path | None) -> bool:
    """Make sure that a server serves an adapter under its id, which makes sure that the right adapter computes.

    Args:
        engine: the server.
        adapter: id of the adapter, or "base".
        folder: of the adapter, as the server sees it; None for the base alone.

    Returns:
        Whether the adapter was loaded now.

    Raises:
        ModelError: the server has no such model, and does not load it.
        NoAnswerError: it does not answer.
    """
    served = engine.served()
    if adapter in served:
        return False
    fault = ""
    if folder is not None:
        try:
            engine.load(adapter, folder)
        except (RefusedError, NoAnswerError) as error:  # vLLM answers with status 500 if it runs without LoRA
            if adapter in engine.served():  # another process loaded it in between
                return False
            fault = f"; it does not load it either: {error.message}"
        else:
            return True
    adapters = [] if folder is None else [_on_command_line(engine.kind, adapter, folder)]
    made = " (the GGUF files: prefopt export FOLDER --layout gguf-base, and gguf-lora)" if engine.kind == "llamacpp" else ""
    base = "base.gguf" if engine.kind == "llamacpp" else "BASE"
    raise ModelError(
        f"{engine.server.url} serves {', '.join(served) or 'nothing'}, and not the adapter {adapter}{fault}",
        hint=f"start it so (BASE: the model on its machine): {launch_line(engine.kind, base, adapters)}{made}",
    )


def _on_command_line(kind: Kind, adapter: str, folder: Path) -> Adapter:
    path = f"{adapter}.gguf" if kind == "llamacpp" else str(folder.resolve())
    return Adapter(adapter, path, widest(read_card(folder)) if (folder / CARD).is_file() else 0)


def check(engine: Engine, renderer: Renderer) -> None:
    """Ask for one text in two ways and twice.

    Raises:
        ModelError: tokens are added, or mean something else to the server; its log-probabilities are scaled, masked, not of a
            distribution, or differ from request to request.
    """
    url, ids = engine.server.url, [*renderer.encode(_TEXT), *renderer.label_opening]
    if isinstance(engine, Vllm):
        _widen(engine, ids)
    text = engine.text(ids)
    for token, theirs in zip(ids[1:], text.texts, strict=True):
        ours = renderer.decode([token])
        if theirs is not None and ours.isascii() and ours.isalnum() and theirs.strip(" \u0120\u2581") != ours:
            raise ModelError(
                f"{url}: token {token} is {ours!r} here and {theirs!r} there",
                hint="serve the same base as model.path, with its own tokenizer",
            )
    starts = range(2, len(ids), 3)
    contexts, tokens = [ids[:i] for i in starts], [ids[i] for i in starts]
    exact = [text.log_probs[i - 1] for i in starts]
    for _ in range(2):
        _refuse_differences(url, tokens, exact, engine.next_tokens(contexts, [[token] for token in tokens]))


def _refuse_differences(url: str, tokens: Sequence[int], exact: Sequence[float], found: Sequence[Next]) -> None:
    """Raise ModelError where next tokens have other log-probabilities than as parts of a prompt (`exact`)."""
    hint = f"start the server without a temperature, penalty or processed log-probabilities of its own, or {OWN}"
    apart = []
    for token, of_prompt, answer in zip(tokens, exact, found, strict=True):
        log_prob = answer.found.get(token, min(of_prompt, answer.rest))
        apart.append(abs(max(log_prob, _LEAST) - max(of_prompt, _LEAST)))
        if abs(math.exp(log_prob) - math.exp(of_prompt)) > DIFFERENCE:
            raise ModelError(
                f"{url}: the probability of token {token} is {math.exp(of_prompt):.4f} in the prompt and {math.exp(log_prob):.4f} as the "
                "next token: scaled, masked, or not repeatable",
                hint=hint,
            )
    if (mean := math.fsum(apart) / len(apart)) > NATS:
        raise ModelError(
            f"{url}: log-probabilities in the prompt and as the next token differ by {mean:.2f} nats: scaled, masked, or not repeatable",
            hint=hint,
        )


def _widen(engine: Vllm, ids: list[int]) -> None:
    """Ask for chosen tokens where the server can do that, and otherwise for as many of the most probable as it allows."""
    for chosen in (CHOSEN, 20):
        engine.chosen = chosen
        try:
            engine.next_tokens([ids], [range(chosen)])
        except ModelError as error:  # refused, or ignored as an unknown name
            if isinstance(error, NoAnswerError):
                raise
        else:
            return
    engine.chosen = 0
    for top in (TOP, 20, 5):
        engine.top = top
        try:
            engine.next_tokens([ids], [[ids[0]]])
        except RefusedError as error:
            refused = error
        else:
            return
    raise ModelError(f"{engine.server.url}: {refused.message}", hint=f"start the server with --max-logprobs {TOP}, or {OWN}")

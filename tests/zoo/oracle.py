"""The plain oracle: stock transformers, one row at a time, nothing of ours: no mask, no position, no cache."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM


def stock(path: Path, attention: str | None = None) -> Any:
    """The model in float32 as AutoModelForCausalLM loads it, with the default attention or the one named."""
    options = {} if attention is None else {"attn_implementation": attention}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, local_files_only=True, **options)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def log_probabilities(model: Any, tokens: Sequence[int]) -> torch.Tensor:
    """log P of every token given those before it: float64 [T, V], row t for the token after position t."""
    logits = model(input_ids=torch.tensor([list(tokens)])).logits[0]
    return torch.log_softmax(logits.double(), dim=-1)


def completion(model: Any, prompt: Sequence[int], tokens: Sequence[int]) -> float:
    """log P(tokens | prompt), summed over the tokens."""
    scores = log_probabilities(model, [*prompt, *tokens])
    return float(sum(scores[len(prompt) - 1 + i, token] for i, token in enumerate(tokens)))


def label_log_likelihoods(model: Any, prompts: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> np.ndarray:
    """log P(label | prompt) of each prompt and label: float64 [N, L]."""
    return np.array([[completion(model, prompt, label) for label in labels] for prompt in prompts])


def nats_per_token(model: Any, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """Mean negative log-likelihood of each text's tokens after its first: float64 [N]."""
    return np.array([-completion(model, text[:1], text[1:]) / (len(text) - 1) for text in texts])


def written(model: Any, prompt: Sequence[int], writer: Any, row: int) -> list[int]:
    """What a Writer writes after a prompt, every token from a forward pass over the whole text."""
    tokens: list[int] = []
    while not writer.finished(row):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*prompt, *tokens]])).logits[:, -1]
        (token,) = writer.choose([row], logits)
        if token is not None:
            tokens.append(token)
    return tokens


@torch.no_grad()
def looks_ahead(model: Any, tokens: Sequence[int]) -> float:
    """By how much a token's log-probability changes when the tokens after it are other ones: 0 for a causal model."""
    half = len(tokens) // 2
    other = [*tokens[:half], *reversed(tokens[half:])]
    return float((log_probabilities(model, tokens)[:half] - log_probabilities(model, other)[:half]).abs().max())

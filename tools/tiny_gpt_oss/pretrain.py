"""Rebuild the tiny gpt-oss: tokenizer, pretraining on generated conversations, experts to MXFP4.

    python -m tools.tiny_gpt_oss.pretrain --out tiny-gpt-oss

The shipped checkpoint took 39 minutes on one core (the time is printed at the end). During the last eighth of the training the experts are
frozen at their four-bit values, so that the other weights compensate for the rounding error.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import prefopt.model  # noqa: F401  sets thread policy before torch is imported

# isort: split
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GptOssConfig, GptOssForCausalLM
from transformers.models.gpt_oss.modeling_gpt_oss import load_balancing_loss_func

from prefopt.curricula.generator.problem_generator import covered_codes, generate_with_answers
from prefopt.model.mxfp4 import dequantize, quantize, write_shipped_layout
from prefopt.taxonomy import builtin_taxonomy
from tools.tiny_gpt_oss.conversations import Conversation, conversations
from tools.tiny_gpt_oss.train_tokenizer import STOPS, VOCABULARY, save_tokenizer, train_tokenizer

FIRST_SEED = 10_000  # of the pretraining problems; demo and tests use seeds below 1,000
YARN: dict[str, Any] = {"factor": 1.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False, "original_max_position_embeddings": 4096}
"""As gpt-oss has it, because vLLM reads no gpt-oss without it; a factor of 1 leaves the frequencies as they are, to the last bit."""
BALANCE = 0.01  # weight of the load-balancing loss while pretraining; 0 in the shipped config


def control_id(tokenizer: Tokenizer, token: str) -> int:
    """Id of a control token."""
    token_id: int | None = tokenizer.token_to_id(token)
    if token_id is None:
        raise KeyError(token)
    return token_id


def tiny_config(tokenizer: Tokenizer) -> GptOssConfig:
    """A gpt-oss of about 4 million weights with every part of the large model, including alternating attention and sinks."""
    stops = [control_id(tokenizer, token) for token in STOPS]
    return GptOssConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=32,
        num_local_experts=8,
        num_experts_per_tok=2,
        intermediate_size=128,
        sliding_window=64,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "yarn", "rope_theta": 150000.0, **YARN},
        router_aux_loss_coef=0.0,
        output_router_logits=False,
        eos_token_id=stops,
        pad_token_id=control_id(tokenizer, "<|endoftext|>"),
        bos_token_id=control_id(tokenizer, "<|startoftext|>"),
        attn_implementation="eager",
    )


def render(conversation: Conversation, tokenizer: Tokenizer) -> tuple[list[int], int]:
    """Token ids, and the number of leading ids (system and developer message) that carry no loss."""
    control = {name: control_id(tokenizer, f"<|{name}|>") for name in ("start", "message", "channel")}
    ids: list[int] = []
    skipped = 0
    for role, channel, content, close in conversation.messages():
        ids += [control["start"], *tokenizer.encode(role).ids]
        if channel:
            ids += [control["channel"], *tokenizer.encode(channel).ids]
        pieces = [token for piece in json_pieces(content) for token in tokenizer.encode(piece).ids]
        ids += [control["message"], *pieces, control_id(tokenizer, close)]
        if role == "developer":
            skipped = len(ids)
    return ids, skipped


def json_pieces(content: str) -> list[str]:
    """Split a final JSON as prefopt.model.harmony does: up to the label, the label, its closing quote, the rest. Keep other texts whole."""
    parts = re.fullmatch(r'(\{"standard":")([^"]+)(")(.*)', content)
    return list(parts.groups()) if parts else [content]


def batches(rows: Sequence[tuple[list[int], int]], tokens: int, rng: random.Random) -> Iterator[list[tuple[list[int], int]]]:
    """One pass over the rows in random order, in batches of similar lengths with at most `tokens` tokens including padding."""
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i][0]), rng.random()))
    batched: list[list[tuple[list[int], int]]] = [[]]
    for i in order:
        if batched[-1] and len(rows[i][0]) * (len(batched[-1]) + 1) > tokens:
            batched.append([])
        batched[-1].append(rows[i])
    rng.shuffle(batched)
    yield from batched


def loss_of(model: GptOssForCausalLM, batch: Sequence[tuple[list[int], int]], pad: int) -> Tensor:
    """Mean negative log-likelihood of the tokens that carry loss, plus the load-balancing loss of the routers (Fedus et al. 2021)."""
    width = max(len(ids) for ids, _ in batch)
    ids = torch.full((len(batch), width), pad)
    learned = torch.zeros((len(batch), width), dtype=torch.bool)
    for i, (row, skipped) in enumerate(batch):
        ids[i, : len(row)] = torch.tensor(row)
        learned[i, skipped : len(row)] = True
    out = model.model(input_ids=ids, output_router_logits=True, use_cache=False)
    hidden = out.last_hidden_state[:, :-1][learned[:, 1:]]
    nll: Tensor = cross_entropy(model.lm_head(hidden), ids[:, 1:][learned[:, 1:]])
    balance: Tensor = load_balancing_loss_func(out.router_logits, model.config.num_local_experts, model.config.num_experts_per_tok)
    return nll + BALANCE * balance


def freeze_experts_in_four_bits(model: GptOssForCausalLM) -> None:
    """Replace the expert weights by their MXFP4 values and exclude them from training."""
    for name, parameter in model.named_parameters():
        if name.endswith(("gate_up_proj", "down_proj")):
            parameter.data = dequantize(*quantize(parameter.data), torch.float32).contiguous()
            parameter.requires_grad_(False)


def train(model: GptOssForCausalLM, stream: Iterator[list[tuple[list[int], int]]], steps: int, rate: float, pad: int, log: Path) -> None:
    """Train with AdamW, linear warm-up and cosine decay to a tenth; the last eighth with the experts in four bits.

    Args:
        model: trained in place.
        stream: batches of (token ids, leading ids without loss).
        steps: optimizer steps.
        rate: largest learning rate.
        pad: id of the padding token.
        log: JSON Lines file for step and loss.

    Raises:
        FloatingPointError: the loss is NaN or infinite.
    """
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98)
    )
    warm = min(100, steps // 10)
    began = time.perf_counter()
    with log.open("w", encoding="utf-8") as lines:
        for step in range(1, steps + 1):
            if step == steps - steps // 8:
                freeze_experts_in_four_bits(model)
            factor = min(step / warm, 0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            loss = loss_of(model, next(stream), pad)
            if not torch.isfinite(loss):
                raise FloatingPointError(f"loss {loss.item()} at step {step}")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
            optimizer.step()
            if step % 25 == 0 or step == steps:
                minutes = (time.perf_counter() - began) / 60
                print(f"step {step}/{steps}  loss {loss.item():.3f}  {minutes:.1f} min", flush=True)
                lines.write(json.dumps({"step": step, "loss": round(loss.item(), 4)}) + "\n")


def endless(rows: Sequence[tuple[list[int], int]], tokens: int, seed: int) -> Iterator[list[tuple[list[int], int]]]:
    """Batches of endless passes, each in a new order."""
    rng = random.Random(seed)  # noqa: S311  order of training data
    while True:
        yield from batches(rows, tokens, rng)


def save(model: GptOssForCausalLM, tokenizer: Tokenizer, out: Path) -> None:
    """Write the checkpoint in the shipped layout, the tokenizer and generation_config.json."""
    write_shipped_layout(model, out)
    save_tokenizer(tokenizer, out)
    config = model.config
    generation = {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_id,
        "pad_token_id": config.pad_token_id,
        "do_sample": True,
    }
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run the rebuild as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--steps", type=int, default=2000, help="optimizer steps")
    parser.add_argument("--per-standard", type=int, default=80, help="problems of each standard")
    parser.add_argument("--tokens", type=int, default=2048, help="tokens a step, padding included")
    parser.add_argument("--rate", type=float, default=3e-3, help="largest learning rate")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    options = parser.parse_args()
    began = time.perf_counter()
    torch.set_num_threads(options.threads)
    torch.manual_seed(FIRST_SEED)
    taxonomy = builtin_taxonomy()
    problems = generate_with_answers(options.per_standard, FIRST_SEED)
    talks = conversations(problems, taxonomy, FIRST_SEED)
    texts = [
        part for talk in talks for role, channel, content, _ in talk.messages() for part in (role, channel, *json_pieces(content)) if part
    ]
    tokenizer = train_tokenizer(texts)
    rows = [render(talk, tokenizer) for talk in talks]
    print(
        f"{len(covered_codes())} standards, {len(problems)} problems, {len(rows)} conversations, {sum(len(r) for r, _ in rows)} tokens",
        flush=True,
    )
    model = GptOssForCausalLM(tiny_config(tokenizer))
    options.out.mkdir(parents=True, exist_ok=True)
    pad = control_id(tokenizer, "<|endoftext|>")
    train(model, endless(rows, options.tokens, FIRST_SEED), options.steps, options.rate, pad, options.out / "pretraining.jsonl")
    save(model, tokenizer, options.out)
    size = sum(f.stat().st_size for f in options.out.iterdir())
    print(f"{options.out}: {size / 1e6:.1f} MB, {(time.perf_counter() - began) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()

"""What gpt-oss can reach on a GPU, by arithmetic: nothing is measured, no GPU and no checkpoint is needed.

    python benchmarks/gpu_arithmetic.py [--card H100] [--tokens 2048] [--fused-rate 0.25] [--json]

Times are those of the slower of memory and products, at the rates that large kernels reach (below, about 0.9 and 0.4 of the data sheets),
summed over kernels that follow one another, and of the host's launches where they take longer. So they are what good kernels can give: a
measured time may be longer. Launches are counted by benchmarks/launches.py. "fused" multiplies at a share of the full rate, since four bits
are decoded at the same time (--fused-rate).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

BF16, MXFP4 = 2.0, 17 / 32  # bytes of a weight; of 32 in MXFP4, 16 bytes of codes and one of a scale
LAUNCH = 6e-6  # seconds of the host for one kernel
WAIT = 30e-6  # seconds of the host for one value of the device


@dataclass(frozen=True)
class Card:
    """Rates that large kernels reach."""

    bandwidth: float
    """Bytes a second."""
    rate: float
    """Operations of products in bfloat16 a second."""
    gib: int


CARDS = {
    "RTX 4090": Card(0.9e12, 130e12, 24),
    "L40S": Card(0.78e12, 200e12, 48),
    "A100": Card(1.8e12, 220e12, 80),
    "H100": Card(3.0e12, 400e12, 80),
    "H200": Card(4.3e12, 400e12, 141),
}


@dataclass(frozen=True)
class Shape:
    """Sizes of gpt-oss."""

    layers: int
    experts: int
    launches: int
    """Of one training step with LoRA on attention and experts (benchmarks/launches.py)."""
    hidden: int = 2880
    inner: int = 2880
    chosen: int = 4
    attention: int = 2 * (64 + 8) * 64 * 2880
    """Weights of q, k, v and o in a layer."""
    vocabulary: int = 201_088

    @property
    def expert(self) -> int:
        """Weights of one expert."""
        return 3 * self.hidden * self.inner

    @property
    def of_experts(self) -> int:
        """Weights of all experts of a layer."""
        return self.experts * self.expert


SHAPES = {"20b": Shape(24, 32, 3_698), "120b": Shape(36, 128, 7_670)}


def experts_hit(shape: Shape, tokens: int) -> float:
    """Experts of a layer that tokens choose on average, if they choose evenly."""
    return shape.experts * (1 - (1 - shape.chosen / shape.experts) ** tokens)


def product(card: Card, shape: Shape, tokens: int, way: str, fused_rate: float) -> float:
    """Seconds of the products of a layer's experts, in one direction: grouped, fused or the floor (both at full rate, bytes read once)."""
    operations = 2.0 * tokens * shape.chosen * shape.expert
    rows = tokens * shape.chosen
    activations = BF16 * rows * (shape.hidden + 3 * shape.inner + shape.hidden)
    if way == "grouped":
        write = (MXFP4 + BF16) * shape.of_experts / card.bandwidth
        return write + max((BF16 * shape.of_experts + activations) / card.bandwidth, operations / card.rate)
    read = (MXFP4 * experts_hit(shape, tokens) * shape.expert + activations) / card.bandwidth
    return max(read, operations / (card.rate * (fused_rate if way == "fused" else 1)))


def attention(card: Card, shape: Shape, tokens: int) -> float:
    """Seconds of a layer's projections and products of queries and keys (half of them, under a causal mask), in one direction."""
    operations = 2.0 * tokens * shape.attention + 2.0 * 2 * 64 * 64 * tokens * tokens / 2
    return max((BF16 * shape.attention + 6 * BF16 * tokens * shape.hidden) / card.bandwidth, operations / card.rate)


def small(card: Card, shape: Shape, tokens: int) -> float:
    """Seconds of a layer's order of rows, SwiGLU, sum and norms: bytes alone."""
    rows = tokens * shape.chosen
    return BF16 * (rows * (2 * shape.hidden + 3 * shape.inner) + 10 * tokens * shape.hidden) / card.bandwidth


def step(card: Card, shape: Shape, tokens: int, way: str, *, fused_rate: float, checkpointing: bool = True) -> float:
    """Seconds of a training step of one row: forward, again under checkpointing, and backward (gradients of activations, of LoRA few)."""
    layer = product(card, shape, tokens, way, fused_rate) + attention(card, shape, tokens) + small(card, shape, tokens)
    passes = 3 if checkpointing else 2
    extra = attention(card, shape, tokens) + small(card, shape, tokens)  # the backward pass of both takes twice a forward pass
    host = shape.launches * LAUNCH * (1 if checkpointing else 0.7) if way != "floor" else 0.0
    return max(shape.layers * (passes * layer + extra), host)


def scored(card: Card, shape: Shape, tokens: int, way: str, fused_rate: float) -> float:
    """Seconds of a forward pass over tokens, as labels are scored."""
    return shape.layers * (product(card, shape, tokens, way, fused_rate) + attention(card, shape, tokens) + small(card, shape, tokens))


def token(card: Card, shape: Shape, texts: int, way: str, fused_rate: float) -> float:
    """Seconds of one more token of each of several texts: weights are read once, kernels are launched for each layer."""
    rest = (BF16 * shape.attention * shape.layers + BF16 * shape.vocabulary * shape.hidden) / card.bandwidth
    host = shape.launches / 3.2 * LAUNCH + shape.layers * WAIT * (way == "grouped" and shape.experts > 32)
    return max(shape.layers * product(card, shape, texts, way, fused_rate) + rest, host)


def crossover(card: Card, shape: Shape, fused_rate: float) -> int:
    """Rows up to which decoding while multiplying is faster."""
    for tokens in range(1, 1 << 16):
        if product(card, shape, tokens, "fused", fused_rate) > product(card, shape, tokens, "grouped", fused_rate):
            return (tokens - 1) * shape.chosen
    return 1 << 18


def sharded(shape: Shape, cards: int, tokens: int, card: Card, link: float) -> dict[str, float]:
    """What FSDP2 over cards would need for experts that are parameters of uint8: bytes of each card, bytes gathered, and seconds."""
    experts = MXFP4 * shape.of_experts * shape.layers
    gathered = (cards - 1) / cards * experts
    computed = step(card, shape, tokens, "grouped", fused_rate=0.25)
    return {
        "experts_gib_a_card": experts / cards / 2**30,
        "layer_gathered_gib": MXFP4 * shape.of_experts / 2**30,
        "all_gather_gib_a_pass": gathered / 2**30,
        "all_gather_s_a_step": 3 * gathered / link,  # forward, again, backward
        "compute_s_a_step": computed,
    }


def report(options: argparse.Namespace) -> dict[str, Any]:
    """All numbers of a card."""
    card, result = CARDS[options.card], {"card": options.card, "tokens": options.tokens, "fused_rate": options.fused_rate}
    for name, shape in SHAPES.items():
        rates = {}
        for way in ("grouped", "fused", "floor"):
            for checkpointing in (True, False):
                seconds = step(card, shape, options.tokens, way, fused_rate=options.fused_rate, checkpointing=checkpointing)
                rates[f"train_{way}{'' if checkpointing else '_without_checkpointing'}"] = options.tokens / seconds
            rates[f"score_{way}"] = 16_384 / scored(card, shape, 16_384, way, options.fused_rate)
            for texts in (1, 16, 64):
                rates[f"write_{texts}_{way}"] = texts / token(card, shape, texts, way, options.fused_rate)
        result[name] = {f"{key}_tokens_per_s": round(rate) for key, rate in rates.items()}
        result[name]["crossover_rows"] = crossover(card, shape, options.fused_rate)
    result["120b_sharded_over_8"] = {key: round(value, 3) for key, value in sharded(SHAPES["120b"], 8, options.tokens, card, 300e9).items()}
    return result


def main() -> None:
    """Print the table of a card."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--card", choices=CARDS, default="H100")
    parser.add_argument("--tokens", type=int, default=2048, help="of a row that is trained on")
    parser.add_argument("--fused-rate", type=float, default=0.25, help="share of the full rate that products reach while they decode")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = report(options)
    if options.json:
        print(json.dumps(found))
        return
    card = CARDS[options.card]
    print(f"{options.card}: {card.bandwidth / 1e12:g} TB/s, {card.rate / 1e12:g} TFLOP/s, {card.gib} GiB; arithmetic, not measured")
    for name in SHAPES:
        print(f"\n{name}, tokens/s")
        for key, value in found[name].items():
            print(f"  {key.removesuffix('_tokens_per_s'):<36} {value:>10,}")
    print("\n120b, experts sharded over 8 cards (300 GB/s)")
    for key, value in found["120b_sharded_over_8"].items():
        print(f"  {key:<36} {value:>10}")


if __name__ == "__main__":
    main()

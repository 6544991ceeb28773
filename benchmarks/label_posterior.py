"""Speed of the exact label posterior, as ratios measured in one run on one model.

    python benchmarks/label_posterior.py [--lm-eval DIR] [--problems 100] [--json]

Against lm-eval-harness 0.4.13 (its Hugging Face backend, which scores every label by a full forward, in batches of 16) and against a
scorer that keeps the prompt's keys and values and scores all labels as one batch after it. Prompts are of 384 tokens, labels are the 181
codes of grades 1 to 9, and 435 with made-up high-school codes of the same shape. Then 100 problems under an instruction prefix of 2,000
tokens: all of them with the prefix computed once, and every tenth with the prefix in every prompt, times ten.

lm-eval-harness is not a dependency. Install it elsewhere and pass the directory:  pip install --target DIR lm_eval==0.4.13

With --json the last line of stdout is one object: vs_lm_eval_181, vs_lm_eval_435, vs_prefix_cached_181, vs_prefix_cached_435,
shared_prefix_gain (ratios of wall time, null where it could not be measured), max_difference (largest difference of a log-likelihood
between any two ways), seconds, missing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import prefopt.model  # noqa: F401  # before torch: it sets what torch reads at import

# isort: split
import torch

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.model.harmony import Renderer
from prefopt.model.load import load_base
from prefopt.model.posterior import LabelTree, label_log_likelihoods
from prefopt.model.posterior_masks import attention_masks
from prefopt.model.posterior_prefix import SharedPrefix
from prefopt.taxonomy import builtin_taxonomy

PEER = "0.4.13"
PROMPT, PREFIX, REST = 384, 2000, 100
COURSES = ("공수1", "공수2", "대수", "미적1", "확통", "미적2", "기하", "경수", "인수", "직수", "수문", "실통", "수과", "전수", "이수")


def label_ids(renderer: Renderer, count: int) -> list[list[int]]:
    """Tokens of 181 codes, or of 435 with high-school codes of the same shape; each closed by the quote of the JSON string."""
    codes = list(builtin_taxonomy().ids)
    codes += [f"[12{course}{part:02d}-{i:02d}]" for course in COURSES for part in (1, 2, 3) for i in range(1, 8)]
    return [[*renderer.encode(code), *renderer.encode('"')] for code in codes[:count]]


def made_prompt(length: int, chance: random.Random) -> list[int]:
    """Random tokens: the time does not depend on the text."""
    return [chance.randrange(100, 1500) for _ in range(length)]


@torch.no_grad()
def prefix_cached(model: Any, prompts: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> np.ndarray:
    """The peer that caches a prompt's keys and values: the prompt once, then all labels as rows of one batch."""
    longest = max(map(len, labels))
    ids = torch.tensor([[*label, *([0] * (longest - len(label)))] for label in labels])
    found = np.empty((len(prompts), len(labels)))
    for row, prompt in enumerate(prompts):
        before = SharedPrefix(model.get_decoder(), prompt[:-1])
        fed = torch.cat([torch.full((len(labels), 1), prompt[-1]), ids[:, :-1]], dim=1)
        positions = torch.arange(len(before), len(before) + longest).expand(len(labels), -1)
        keys = torch.arange(len(before) + longest).expand(len(labels), -1)
        hidden = model.get_decoder()(
            input_ids=fed,
            position_ids=positions,
            attention_mask=attention_masks(model.get_decoder(), keys[:, None, :] <= positions[:, :, None], positions, keys),
            past_key_values=before.cache(),
            use_cache=False,
        ).last_hidden_state
        logits = model.get_output_embeddings()(hidden).float()
        chosen = logits.gather(2, ids[:, :, None])[:, :, 0] - logits.logsumexp(dim=2)
        for column, label in enumerate(labels):
            found[row, column] = float(chosen[column, : len(label)].double().sum())
    return found


def lm_eval_scorer(folder: str | None, model: Any, tokenizer: Any) -> Callable[..., np.ndarray] | str:
    """The peer's own scoring of (context, continuation) pairs given as tokens, or why it cannot be had."""
    if folder:
        sys.path.append(folder)  # last, so that every package that both have is ours
    try:
        version = importlib.metadata.version("lm_eval")
        from lm_eval.models.huggingface import HFLM
    except ImportError as error:
        return f"lm-eval-harness {PEER}: {error}; pip install --target DIR lm_eval=={PEER}, then --lm-eval DIR"
    if version != PEER:
        return f"lm-eval-harness {PEER}: version {version} is installed"
    peer = HFLM(pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=16, max_length=4096)

    def scored(prompts: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> np.ndarray:
        requests = [((f"{row}", f"{column}"), list(p), list(x)) for row, p in enumerate(prompts) for column, x in enumerate(labels)]
        found = peer._loglikelihood_tokens(requests, disable_tqdm=True)
        return np.array([value for value, _ in found]).reshape(len(prompts), len(labels))

    return scored


def timed(work: Callable[[], np.ndarray], repeats: int = 1) -> tuple[float, np.ndarray]:
    """Least wall time of some repeats, and the result."""
    best, found = float("inf"), np.empty(0)
    for _ in range(repeats):
        start = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - start)
    return best, found


def compare(count: int, problems: int, model: Any, renderer: Renderer, peer: Callable[..., np.ndarray] | str) -> dict[str, Any]:
    """Ratios for one number of labels, over the same prompts, and the largest difference."""
    labels, chance = label_ids(renderer, count), random.Random(count)
    tree, prompts = LabelTree(labels), [made_prompt(PROMPT, chance) for _ in range(problems)]
    label_log_likelihoods(model, prompts[:1], tree, batch_size=1)  # warm
    ours, expected = timed(lambda: label_log_likelihoods(model, prompts, tree, batch_size=16), 3)
    cached, other = timed(lambda: prefix_cached(model, prompts, labels), 2)
    row: dict[str, Any] = {"labels": count, "tree": len(tree.inner), "seconds": ours, "vs_prefix_cached": cached / ours}
    differences = [float(np.abs(expected - other).max())]
    if not isinstance(peer, str):
        theirs, other = timed(lambda: peer(prompts, labels))
        row["vs_lm_eval"] = theirs / ours
        differences.append(float(np.abs(expected - other).max()))
    row["max_difference"] = max(differences)
    return row


def shared_prefix(problems: int, model: Any, renderer: Renderer) -> tuple[float, float, float]:
    """Gain in wall time of computing the prefix once, the largest difference, and the seconds with it."""
    chance = random.Random(9)
    start, tree = made_prompt(PREFIX, chance), LabelTree(label_ids(renderer, 181))
    prompts = [start + made_prompt(REST - chance.randrange(40), chance) for _ in range(problems)]
    some = prompts[:: min(10, problems)]
    once, on = timed(lambda: label_log_likelihoods(model, prompts, tree, batch_size=16))
    each, off = timed(lambda: label_log_likelihoods(model, some, tree, batch_size=16, share_prefix=False))
    return each * problems / len(some) / once, float(np.abs(on[:: min(10, problems)] - off).max()), once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lm-eval", metavar="DIR", help="directory with lm-eval-harness")
    parser.add_argument("--problems", type=int, default=100, help="problems under the shared prefix")
    parser.add_argument("--model", default="tiny", help="checkpoint directory; default: the tiny gpt-oss of the package")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    began = time.perf_counter()
    base = load_base(ModelSettings(path=options.model, device="cpu"))
    renderer = Renderer(base.tokenizer, PromptSettings(), AnswerSettings(), builtin_taxonomy())
    peer = lm_eval_scorer(options.lm_eval, base.model, base.tokenizer)
    rows = {count: compare(count, problems, base.model, renderer, peer) for count, problems in ((181, 2), (435, 1))}
    for row in rows.values():
        print("  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    gain, difference, seconds = shared_prefix(options.problems, base.model, renderer)
    print(f"prefix of {PREFIX} tokens, {options.problems} problems: {gain:.2f}x ({seconds:.1f} s), difference {difference:.1e}")
    if isinstance(peer, str):
        print(f"missing: {peer}")
    if options.json:
        figures = {
            **{f"vs_lm_eval_{count}": row.get("vs_lm_eval") for count, row in rows.items()},
            **{f"vs_prefix_cached_{count}": row["vs_prefix_cached"] for count, row in rows.items()},
            "shared_prefix_gain": gain,
            "max_difference": max(difference, *(row["max_difference"] for row in rows.values())),
            "seconds": time.perf_counter() - began,
            "missing": [peer] if isinstance(peer, str) else [],
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""Check a rebuilt tiny gpt-oss: a short SFT of a LoRA adapter, then its accuracy on families of problems that it was not trained on.

    python -m tools.tiny_gpt_oss.probe tiny-gpt-oss

Prints the accuracy by standard, domain and grade band, next to chance.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from collections.abc import Sequence
from pathlib import Path

import prefopt.model  # noqa: F401  sets thread policy before torch is imported

# isort: split
import torch
from torch.nn.functional import cross_entropy

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.model.adapters import fresh_adapter
from prefopt.model.harmony import Renderer
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Taxonomy, builtin_taxonomy

HELD_OUT = 0.3


def held_out(problem: Problem) -> bool:
    """Whether a problem is held out: by hash of its family, so that no wording of the hold-out is trained on."""
    digest = hashlib.sha256((problem.family or problem.id).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT


def sft(policy: Policy, problems: Sequence[Problem], *, epochs: int, rate: float, batch: int, explain: bool) -> None:
    """Train the adapter on the final answers, with loss on the completions alone.

    Args:
        policy: the model with an untrained adapter; trained in place.
        problems: labeled problems.
        epochs: passes over them.
        rate: largest learning rate; linear decay.
        batch: rows of an update.
        explain: also train on the reasons.
    """
    rows: list[tuple[list[int], list[int]]] = []
    for p in problems:
        answer = Answer(label=str(p.label), level=p.level, difficulty=p.difficulty, concepts=p.concepts)
        rows.append((policy.renderer.prompt(p, with_reason=False), policy.renderer.completion(answer, with_reason=False)))
        if explain and p.reason:
            rows.append((policy.renderer.explain_prompt(p, str(p.label)), policy.renderer.explain_completion(p.reason)))
    parameters = [p for p in policy.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    steps = epochs * -(-len(rows) // batch)
    rng, done = random.Random(0), 0  # noqa: S311  order of training data
    policy.model.train()
    for _ in range(epochs):
        rng.shuffle(rows)
        for start in range(0, len(rows), batch):
            loss = completion_loss(policy, rows[start : start + batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (done + 1) / 10) * (1 - done / steps)
            optimizer.step()
            done += 1
            if done % 20 == 0:
                print(f"  step {done}/{steps}  loss {loss.item():.3f}", flush=True)
    policy.model.eval()


def completion_loss(policy: Policy, rows: Sequence[tuple[list[int], list[int]]]) -> torch.Tensor:
    """Mean negative log-likelihood of the completion tokens."""
    width = max(len(p) + len(c) for p, c in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    targets = torch.full((len(rows), width), -100)
    for i, (prompt, completion) in enumerate(rows):
        ids[i, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        targets[i, len(prompt) : len(prompt) + len(completion)] = torch.tensor(completion)
    logits = policy.model(input_ids=ids, use_cache=False).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1).float(), targets[:, 1:].flatten())


def open_policy(path: Path, taxonomy: Taxonomy, rank: int) -> Policy:
    """The checkpoint with an untrained adapter on attention and experts."""
    base = load_base(ModelSettings(path=str(path), dtype="float32"))
    model = fresh_adapter(base, AdapterSettings(rank=rank, alpha=2 * rank), seed=0)
    return Policy(base, model, Renderer(base.tokenizer, PromptSettings(), AnswerSettings(), taxonomy), "probe")


def main() -> None:
    """Run the probe as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--per-standard", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--explain", action="store_true", help="train on the reasons too")
    parser.add_argument("--codes", default="", help="only standards that begin so, e.g. 2수")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    taxonomy = builtin_taxonomy()
    problems = [p for p in generate(options.per_standard, seed=7) if str(p.label)[1:].startswith(options.codes)]
    train, test = [p for p in problems if not held_out(p)], [p for p in problems if held_out(p)]
    policy = open_policy(options.checkpoint, taxonomy, options.rank)
    began = time.perf_counter()
    sft(policy, train, epochs=options.epochs, rate=options.rate, batch=options.batch, explain=options.explain)
    print(f"trained on {len(train)} problems in {time.perf_counter() - began:.0f} s")
    posteriors = policy.posterior(test, analyses=0, batch_size=16, seed=0)
    guesses = [taxonomy.labels[i] for i in posteriors.log_probs.argmax(axis=1)]
    right = [taxonomy[str(p.label)] for p in test]
    chance = 1 / len({p.label for p in problems})
    print(f"held out: {len(test)} problems of unseen families; chance {chance:.3f}; label mass {posteriors.label_mass.mean():.3f}")
    print(f"standard {sum(g == r for g, r in zip(guesses, right, strict=True)) / len(test):.3f}")
    for position, group in enumerate(taxonomy.group_names):
        print(f"{group} {sum(g.groups[position] == r.groups[position] for g, r in zip(guesses, right, strict=True)) / len(test):.3f}")


if __name__ == "__main__":
    main()

"""What prefopt's forward passes differ by from a model's own on random tokens, and what the comparison costs.

    python benchmarks/forward_passes.py [FOLDER] [--dtype float32|bfloat16] [--tokens 128 700] [--draws 3] [--json]

For each length of rows, in nats: the largest difference in float32, the mean one in bfloat16; the worst of the draws. At a limit of
prefopt.model.support_probe a pass is not used; the limits grow with the log-probabilities (`largest_log_prob`).

    exchanged        log-probabilities of a prompt, when the tokens after it are exchanged
    leak             of an answer, when the answer before it in the row is exchanged
    by_length        of a prompt, when three tokens are appended to the row
    packed, prefix   several answers in one row against rows of their own, without and with a prefix from a cache
    generated        token by token, padded and with a cache, against the whole row
    seconds          of the comparison that runs before rows of this length, first at load (128 tokens), then before longer ones

FOLDER is a checkpoint without quantization, by default the tiny gpt-oss.
"""

from __future__ import annotations

import argparse
import json
import time

import prefopt.model  # noqa: F401 - sets the environment before torch is imported
from prefopt.config import ModelSettings
from prefopt.model import load
from prefopt.model.support import quiet_model, support_of
from prefopt.model.support_probe import SHARED, Probe


def main() -> None:
    """Load a model, time the comparison, and print what it compares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default="tiny")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--tokens", type=int, nargs="+", default=[128, 700])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load.keep_support = lambda lm, base: None  # measured here, whatever the user's cache holds
    load.support_of = lambda lm: None
    settings = ModelSettings(path=options.folder, device="cpu", dtype=options.dtype, quantized=options.folder == "tiny")
    base = load.load_base(settings)
    rows = []
    for tokens in options.tokens:
        start = time.monotonic()
        support = support_of(base.model, tokens)
        seconds = time.monotonic() - start
        decoder, head = support.parts
        with quiet_model(base.model):
            probes = [Probe(base.model, decoder, tokens, seed) for seed in range(options.draws)]
            found = {
                "exchanged": max(probe.lookahead() for probe in probes),
                "leak": max(probe.leak(head) for probe in probes),
                "by_length": max(probe.by_length() for probe in probes),
                "packed": max(probe.packed(head, shared=0) for probe in probes),
                "prefix": max(probe.packed(head, shared=SHARED) for probe in probes),
                "generated": max(probe.continued("batched") for probe in probes),
                "largest_log_prob": max(probe.magnitude for probe in probes),
            }
        rows.append({"tokens": tokens, **found, "quick": not support.packed, "seconds": seconds})
    parameters = sum(parameter.numel() for parameter in base.model.parameters())
    report = {"model": base.path.name, "parameters": parameters, "dtype": options.dtype, "rows": rows}
    if options.json:
        print(json.dumps(report))
        return
    print(f"{report['model']}: {parameters:,} parameters, {options.dtype}")
    for row in rows:
        print(", ".join(f"{name} {value:.2g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()

"""Compare the product with stock transformers on every architecture: python -m tests.zoo [--json] [--eager] [--only NAME]."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import transformers

import prefopt.model  # noqa: F401 - sets the environment before torch is imported
from tests.zoo.checks import PARTS, check
from tests.zoo.oracle import stock
from tests.zoo.shrink import names
from tests.zoo.small import make_checkpoint
from tests.zoo.variants import VARIANTS


def main(arguments: list[str]) -> int:
    """Print one finding after the other, and how many there are of each kind. 1 where any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON, one a line")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this architecture; may be given several times")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="compare these alone")
    parser.add_argument("--eager", action="store_true", help='compare with model.attention = "eager"')
    options = parser.parse_args(arguments)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    kinds: Counter[str] = Counter()
    for name in options.only or [*names(), *VARIANTS]:
        model_type, changes = VARIANTS.get(name, (name, {}))
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = make_checkpoint(Path(folder) / "checkpoint", model_type, **changes)
                stock(path)
            except Exception as error:  # any: what cannot be built small is listed with the reason
                words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                print(
                    json.dumps({"name": name, "kind": "not built", "words": words}) if options.json else f"{name}: not built: {words}",
                    flush=True,
                )
                kinds["not built"] += 1
                continue
            findings = check(name, path, Path(folder), options.parts, "eager" if options.eager else "auto")
        kinds[findings.kind] += 1
        seconds = time.monotonic() - start
        print(json.dumps(findings.as_json() | {"seconds": round(seconds, 2)}, ensure_ascii=False) if options.json else findings, flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())), file=sys.stderr)
    return 1 if kinds["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Count the runs whose plans need no torch:  python -m tools.count_plans  writes prefopt/model/counted.json.

They are those of `prefopt plan gpt-oss-20b --gpu N`, for every recipe and usual GPUs, with the default settings and, where those do not
fit, with the ever smaller ones that the hint looks at; and the tiny model in main memory. Runs that are in the file stay as they are:
delete it to count all again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from prefopt.config import ModelSettings, ProjectConfig
from prefopt.io.files import write_text
from prefopt.model.counted import SHIPPED, digest
from prefopt.model.plan import ROWS_PER_EXAMPLE, Machine, Run, card, count, key_of_run, smaller_runs

MODEL = "gpt-oss-20b"
CARDS = {80: False, 48: False, 24: True, 16: True}
"""Memory of a GPU in GiB -> whether smaller runs are counted too."""


def runs() -> Iterator[tuple[Run, Machine]]:
    """Every run that a plan with default settings may count."""
    config = ProjectConfig()
    for gib, with_smaller in CARDS.items():
        for recipe in ("sft", "dpo"):  # others have as many rows as one of them
            first = Run(ModelSettings(path=MODEL), config.adapter, config.prompt.max_tokens, 1, recipe)
            for run in (first, *(smaller_runs(first) if with_smaller else ())):
                yield run, card(gib)
    for recipe in ROWS_PER_EXAMPLE:
        yield Run(ModelSettings(), config.adapter, config.prompt.max_tokens, 1, recipe), Machine("main memory", "cpu", 1 << 36)


def main() -> None:
    """Add what is missing to the file."""
    known = json.loads(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.exists() else {}
    wanted = {digest(str(key_of_run(run, machine))): (run, machine) for run, machine in runs()}
    found = {name: known[name] for name in wanted if name in known}
    for name, (run, machine) in wanted.items():
        if name not in found:
            found[name] = count(run, machine).model_dump(mode="json")
            lines = (f"{json.dumps(n)}:{json.dumps(v, sort_keys=True, separators=(',', ':'))}" for n, v in sorted(found.items()))
            write_text(SHIPPED, "{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()

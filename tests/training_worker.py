"""What tests/training_service.py runs for a job: `python -m tests.training_worker ORDER`. It knows only what was uploaded."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def train(order_file: Path) -> None:
    """Train one job on the tiny gpt-oss, by the recipe of its method, from the texts of its rows alone."""
    from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
    from prefopt.protocols import TrainingJob
    from prefopt.records import Answer, Pair, Problem
    from prefopt.taxonomy import parse_taxonomy
    from recipes.dpo import DpoConfig
    from recipes.dpo import recipe as dpo
    from recipes.sft import SftConfig
    from recipes.sft import recipe as sft

    order = json.loads(order_file.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (order_file.parent / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    kind = order["method"]["type"]
    asked = order["method"][kind]["hyperparameters"]

    def problem(number: int, messages: list[dict[str, str]]) -> Problem:
        return Problem(id=f"row-{number}", text=messages[1]["content"])

    def answer(content: str) -> Answer:
        values = json.loads(content)
        return Answer(label=values.pop("standard"), **values)

    common = {"num_train_epochs": asked["n_epochs"], "gradient_accumulation_steps": 1, "gradient_checkpointing": False}
    data: list[Any] = []
    if kind == "dpo":
        for number, row in enumerate(rows):
            chosen, rejected = (answer(row[key][0]["content"]) for key in ("preferred_output", "non_preferred_output"))
            asks = problem(number, row["input"]["messages"])
            data.append(Pair(problem=asks, chosen=chosen, rejected=rejected, weight=1, share=1, slate_id=f"s{number}", origin="votes"))
        labels = {a.label for pair in data for a in (pair.chosen, pair.rejected)}
        alone = {"start": "parent", "rehearse_examples": 0, "rehearse_preferences": 0}
        options: Any = DpoConfig(beta=asked["beta"], learning_rate=1e-3, batch_size=4, **common, **alone)
    else:
        for number, row in enumerate(rows):
            if row["messages"][-1]["content"].startswith('{"standard":'):
                given = answer(row["messages"][-1]["content"]).model_dump(exclude={"reason"})
                data.append(Problem.model_validate(problem(number, row["messages"]).model_dump() | given))
        labels = {row.label for row in data}
        options = SftConfig(learning_rate=6e-3, batch_size=16, reason_share=0, explain_share=0, **common)
    system = (rows[0]["messages"] if kind != "dpo" else rows[0]["input"]["messages"])[0]["content"]
    job = TrainingJob(
        folder=order_file.parent,
        model=ModelSettings(),
        adapter=AdapterSettings(),
        prompt=PromptSettings(instructions=system, spelling="as written"),
        answer=AnswerSettings(),
        taxonomy=parse_taxonomy("code,name\n" + "".join(f"{name},{name}\n" for name in sorted(labels)), "rows"),
        parent=Path(order["parent"]) if kind == "dpo" else None,
        data=data,
        seed=order["seed"],
    )
    (dpo if kind == "dpo" else sft).train(job, options)


if __name__ == "__main__":
    train(Path(sys.argv[1]))

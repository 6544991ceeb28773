"""A process that imports once, then runs each job in a fork, which a test may kill.

Reads one JSON object a line: {"run": {...}} starts a job and answers its pid; {"wait": pid} answers its exit status (-9 for SIGKILL).
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.protocols import TrainingJob
from prefopt.records import Judged, Pair, Problem
from prefopt.taxonomy import parse_taxonomy

KINDS = {"examples": Problem, "pairs": Pair, "judged": Judged}


def run(order: dict[str, Any]) -> None:
    recipe = import_module(f"recipes.{order['recipe']}").recipe
    job = TrainingJob(
        folder=Path(order["folder"]),
        model=ModelSettings(path=order["base"], device="cpu"),
        adapter=AdapterSettings(rank=4, alpha=8),
        prompt=PromptSettings(instructions="분류한다."),
        answer=AnswerSettings(),
        taxonomy=parse_taxonomy(order["taxonomy"], "labels.csv"),
        parent=Path(order["parent"]) if order["parent"] else None,
        sft=Path(order["parent"]) if order["parent"] else None,
        data=[KINDS[recipe.needs].model_validate(row) for row in order["data"]],
        seed=3,
        on_step=lambda done, total, note: time.sleep(300) if done == order.get("pause_at") else None,  # until it is killed
    )
    recipe.train(job, recipe.Config.model_validate(order["options"]))


def serve() -> None:
    import torch
    import trl.experimental.orpo  # noqa: F401 - imported before forking, as are the next ones
    from trl import DPOTrainer, KTOTrainer, SFTTrainer  # noqa: F401 - as above

    import recipes.training

    torch.set_num_threads(1)  # a process that has no thread pool can be forked
    assert recipes.training
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                run(order["run"])
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        print(pid, flush=True)


if __name__ == "__main__":
    serve()

"""One process of a run that torchrun starts several times: one update of the engine "shared"; its loss and gradients go to a file.

torchrun --nproc-per-node 2 two_processes.py dpo FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch

import prefopt.model  # noqa: F401 - sets how torch's threads wait

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_shared_engine import Keep, make_one, make_rows

from recipes.training import quiet


def main(name: str, folder: Path) -> None:
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    rows = [row | {"weight": 0.5 + i / 7} for i, row in enumerate(make_rows(4) + make_rows(5)[1:])]
    keep = Keep()
    torch.set_num_threads(1)
    with quiet():
        trainer = make_one(name, folder / str(world), rows, per_device_train_batch_size=4, gradient_accumulation_steps=2 // world)
        trainer.add_callback(keep)
        trainer.train()
    if rank == 0:
        gradients = {key.removeprefix("module."): value.double().sum().item() for key, value in keep.gradients.items()}
        norms = {key.removeprefix("module."): value.double().norm().item() for key, value in keep.gradients.items()}
        logged = {"loss": trainer.state.log_history[0]["loss"], "sums": gradients, "norms": norms}
        (folder / f"{world}.json").write_text(json.dumps(logged))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

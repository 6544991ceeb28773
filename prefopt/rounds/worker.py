"""One process of a training run in several: `python -m prefopt.rounds.worker PROJECT ROUND FOLDER`, started by training/launch.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from prefopt.controls import guard_output
from prefopt.project.project import open_project
from prefopt.protocols import OnStep, TrainedAdapter
from prefopt.rounds.jobs import round_job
from prefopt.training.launch import work


def main(root: Path, number: int, out: Path) -> int:
    """Train this process's share of a round. Returns the exit status."""

    def prepare(on_step: OnStep) -> tuple[Callable[[], TrainedAdapter], int]:
        rnd = open_project(root).round(number)
        recipe, options, job = round_job(rnd, out, on_step=on_step)
        return lambda: recipe.train(job, options), rnd.config.train.processes

    return work(prepare, out)


if __name__ == "__main__":
    from prefopt.model.processes import end_process  # torch: not for those who only import this module

    guard_output()
    end_process(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))

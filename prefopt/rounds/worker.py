"""One process of a training run in several: `python -m prefopt.rounds.worker PROJECT ROUND FOLDER`, started by training/launch.py."""

from __future__ import annotations

import sys
from pathlib import Path

from prefopt.controls import guard_output
from prefopt.project.project import open_project
from prefopt.protocols import OnStep, TrainedAdapter
from prefopt.rounds.jobs import round_job
from prefopt.training.launch import work


def main(root: Path, number: int, out: Path) -> int:
    """Train this process's share of a round. Returns the exit status."""
    rnd = open_project(root).round(number)

    def share(on_step: OnStep) -> TrainedAdapter:
        recipe, options, job = round_job(rnd, out, on_step=on_step)
        return recipe.train(job, options)

    return work(share, rnd.config.train.processes, out)


if __name__ == "__main__":
    guard_output()
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))

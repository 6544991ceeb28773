"""Start round 000 from an adapter that stock PEFT trained: its `train` stage reads the adapter instead of training one."""

from __future__ import annotations

from pathlib import Path

from prefopt.errors import ProjectError
from prefopt.model.adapter_card import refuse_other_shape
from prefopt.project.project import Project, Round, locked
from prefopt.project.round_toml import freeze_round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.frozen import pinned_model
from prefopt.rounds.machine import StageDone, Watch, run_stage
from prefopt.rounds.reading import is_done
from prefopt.training.importing import NAME

STAGE = "train"


def import_base(project: Project, folder: Path, *, verify: bool = True, watch: Watch | None = None) -> StageDone:
    """Start round 000 with the adapter in a folder, and run its `train` stage. `prefopt sft` runs the others.

    A first try that failed is repeated with today's settings.

    Args:
        project: without a round, or with a round 000 whose import did not finish.
        folder: of the adapter, as stock PEFT saved it.
        verify: see model.adapter_import.import_adapter.
        watch: gives the stage its progress display.

    Raises:
        ProjectError: a round has been started.
        ModelError: see import_adapter.
        TrainingError: the adapter's shape is not that of [adapter] in prefopt.toml.
    """
    from prefopt.model.adapter_import import read_stock_adapter

    _refuse_started(project)
    folder = folder.resolve()
    reading = read_stock_adapter(project.config.model, folder)
    refuse_other_shape(project.config.adapter, reading.card, folder)
    rnd = Round(project, 0)
    rnd.folder.parent.mkdir(exist_ok=True)
    rnd.folder.mkdir(mode=0o700, exist_ok=True)
    with locked(rnd):
        rnd = freeze_round(project, 0, {"round": 0, "recipe": NAME, "folder": str(folder), "verify": verify, **pinned_model(project)})
        on_step: OnStep = ignore_steps if watch is None else watch(rnd, STAGE)
        return run_stage(rnd, STAGE, on_step)


def _refuse_started(project: Project) -> None:
    rounds = project.rounds()
    if not rounds or (len(rounds) == 1 and rounds[0].recipe == NAME and not is_done(rounds[0], STAGE)):
        return
    raise ProjectError(
        f"round {rounds[-1].name} has been started in {project.root}, and an imported adapter becomes that of round 000",
        hint="import it in a new project (prefopt init FOLDER), or only convert it: prefopt adapter import FOLDER --out DIR",
    )

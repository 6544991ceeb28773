"""Start round 000 from an adapter that was trained elsewhere: its `train` stage holds that adapter instead of training one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from prefopt.errors import ProjectError
from prefopt.io.files import write_text
from prefopt.io.stage_folders import Manifest, finish, machine, now, record_of, start, versions
from prefopt.model.adapter_card import refuse_other_shape
from prefopt.project.project import Project, Round, locked
from prefopt.project.round_toml import freeze_round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.artifacts import ADAPTER, METRICS, PUBLISHED
from prefopt.rounds.frozen import hash_of_settings, pinned_model
from prefopt.rounds.machine import StageDone, Watch, run_stage
from prefopt.rounds.promotion import use_taken
from prefopt.rounds.reading import hashes_of, is_done
from prefopt.rounds.stages.train import TrainOutcome
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


def take_published(
    project: Project, *, adapter: Mapping[str, Path], beside: Mapping[str, Path], source: str, base: str, because: str
) -> None:
    """Make a published adapter that of round 000, byte for byte, and put it into use. `prefopt sft` judges it on problems of the project.

    Args:
        project: new.
        adapter: name -> file of the adapter's folder, all checked.
        beside: name -> file of what was published with it.
        source: hub:OWNER/NAME@COMMIT.
        base: id of its base model.
        because: why it is in use, for the record.

    Raises:
        ProjectError: a round has been started.
        ModelError: the base is on the Hub and cannot be resolved.
    """
    _refuse_started(project)
    rnd, began = Round(project, 0), now()
    rnd.folder.parent.mkdir(exist_ok=True)
    rnd.folder.mkdir(mode=0o700, exist_ok=True)
    with locked(rnd):
        rnd = freeze_round(project, 0, {"round": 0, "recipe": NAME, "folder": source, "verify": False, **pinned_model(project)})
        out = start(rnd.stage(STAGE))
        for artifact, files in ((ADAPTER, adapter), (PUBLISHED, beside)):
            (out / artifact.file).mkdir()
            for name, path in files.items():
                shutil.copyfile(path, out / artifact.file / name)
        write_text(out / METRICS.file, "")  # nothing was trained
        hashes = hashes_of(project)
        outcome = TrainOutcome(recipe=NAME, examples=0, steps=0, metrics={}, base=base, source=source)
        manifest = Manifest(
            stage=STAGE,
            round=0,
            seed=rnd.seed,
            config_hash=hash_of_settings(rnd, STAGE),
            inputs={"taxonomy": record_of(rnd.data_file("taxonomy"), project.root, hashes)},
            outputs={artifact.file: record_of(out / artifact.file, out, hashes) for artifact in (ADAPTER, METRICS, PUBLISHED)},
            outcome=outcome.model_dump(mode="json"),
            versions=versions(),
            machine=machine(),
            started=began,
            ended=now(),
        )
        finish(rnd.stage(STAGE), manifest)
        use_taken(project, because)


def _refuse_started(project: Project) -> None:
    rounds = project.rounds()
    if not rounds or (len(rounds) == 1 and rounds[0].recipe == NAME and not is_done(rounds[0], STAGE)):
        return
    raise ProjectError(
        f"round {rounds[-1].name} has been started in {project.root}, and an imported adapter becomes that of round 000",
        hint="import it in a new project (prefopt init FOLDER), or only convert it: prefopt adapter import FOLDER --out DIR",
    )

"""A person accepts confident answers again after an alarm."""

from __future__ import annotations

from pathlib import Path

from prefopt.deploy.predictor import Predictor
from prefopt.errors import ProjectError
from prefopt.inuse.records import running
from prefopt.io.stage_folders import now
from prefopt.model.adapter_card import adapter_id
from prefopt.project.project import Project
from prefopt.rounds.promotion import promoted_round
from prefopt.serve.journal import FOLDER, Journal
from prefopt.serve.records import Lifted
from prefopt.serve.watching import Watch


def lift(project: Project, because: str) -> list[str]:
    """Record that answers are accepted again; a running server reads it within a second.

    Returns:
        ids of the adapters with an alarm: of the one in use, and of the other one while two are compared.

    Raises:
        ProjectError: no reason is given, nothing was served yet, no adapter is in use, or none of them has an alarm.
        CalibrationError, DataError: as Predictor.of, or a record is damaged.
    """
    if not because.strip():
        raise ProjectError("to accept again after an alarm needs a reason: it is kept in the record", hint='--because "…"')
    folder, in_use = project.root / FOLDER, promoted_round(project)
    if not folder.is_dir():
        raise ProjectError(f"{folder} does not exist: nothing was served yet", hint="prefopt serve")
    started = running(folder)
    numbers = {in_use.number, *((started.a.round, started.b.round) if started is not None else ())}
    predictors = [Predictor.of(project.round(number)) for number in sorted(numbers)]
    alarmed = [adapter_id(found.adapter) for found in predictors if not watch_of(found, folder).accepting]
    if not alarmed:
        raise ProjectError(
            f"answers of round {in_use.name} are accepted: the audit has raised no alarm, and to lift it would forget what it has found",
            hint='leave it as it is; /readyz says "accepting": false while there is an alarm',
        )
    log = Journal(folder, whole=False)
    for adapter in alarmed:
        log.add_lifted(Lifted(at=now(), adapter=adapter, because=because.strip()))
    return alarmed


def watch_of(predictor: Predictor, folder: Path) -> Watch:
    """The audit of an adapter, without the test of the labels' shares."""
    agreed = predictor.calibration.in_use.acceptance.agreed_error
    return Watch(folder, adapter_id(predictor.adapter), agreed, predictor.round.config.decide.alpha, None)

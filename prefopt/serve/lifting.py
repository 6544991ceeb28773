"""A person accepts confident answers again after an alarm."""

from __future__ import annotations

from prefopt.errors import ProjectError
from prefopt.io.stage_folders import now
from prefopt.model.adapter_card import adapter_id
from prefopt.project.project import Project
from prefopt.rounds.artifacts import ADAPTER
from prefopt.rounds.promotion import promoted_round
from prefopt.rounds.reading import locate
from prefopt.serve.journal import FOLDER, Journal
from prefopt.serve.records import Lifted


def lift(project: Project, because: str) -> str:
    """Record that answers of the adapter in use are accepted again; a running server reads it within a second. Returns the adapter's id.

    Raises:
        ProjectError: no reason is given, nothing was served yet, or no adapter is in use.
    """
    if not because.strip():
        raise ProjectError("to accept again after an alarm needs a reason: it is kept in the record", hint='--because "…"')
    folder = project.root / FOLDER
    if not folder.is_dir():
        raise ProjectError(f"{folder} does not exist: nothing was served yet", hint="prefopt serve")
    adapter = adapter_id(locate(promoted_round(project), ADAPTER))
    Journal(folder, whole=False).add_lifted(Lifted(at=now(), adapter=adapter, because=because.strip()))
    return adapter

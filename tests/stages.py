"""Finished stages without running them: artifacts in a stage folder, with the stage.json that the machine would write."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefopt.io.hashing import Hashes
from prefopt.io.stage_folders import Manifest, finish, record_of, start
from prefopt.project.project import Round
from prefopt.rounds.artifacts import Artifact, Written

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def finish_stage(
    rnd: Round, values: Mapping[Artifact[Any], Any], *, outcome: Mapping[str, Any] | None = None, inputs: Mapping[str, Path] | None = None
) -> None:
    """Write the artifacts of one stage and finish it. A `Written` artifact is given as a text, or as a path that is copied."""
    (stage,) = {artifact.stage for artifact in values}
    out = start(rnd.stage(stage))
    for artifact, value in values.items():
        target = out / artifact.file
        if not isinstance(artifact, Written):
            artifact.store(target, value)
        elif isinstance(value, str):
            target.write_text(value, encoding="utf-8")
        else:
            shutil.copytree(value, target) if value.is_dir() else shutil.copy(value, target)
    hashes = Hashes()
    manifest = Manifest(
        stage=stage,
        round=rnd.number,
        seed=rnd.seed,
        config_hash="",
        inputs={name: record_of(path, rnd.project.root, hashes) for name, path in (inputs or {}).items()},
        outputs={artifact.file: record_of(out / artifact.file, out, hashes) for artifact in values},
        outcome=dict(outcome or {}),
        versions={},
        machine="",
        started=NOON,
        ended=NOON,
    )
    finish(rnd.stage(stage), manifest)

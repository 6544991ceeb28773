"""decide: promote, hold or reject the round's adapter by the written rule (docs/decision.md)."""

from __future__ import annotations

from pathlib import Path

from prefopt.io.stage_folders import write_text
from prefopt.project.project import Round
from prefopt.rounds.stages import Facts, StageContext

NAME = "decide"


def inputs(rnd: Round) -> dict[str, Path]:
    return {"calibration": rnd.stage("calibrate") / "calibration.json"}


def run(context: StageContext) -> Facts:
    """Writes decision.json."""
    from prefopt.calibration import Calibration, decide
    from prefopt.report.wording.grounds import closing_sentence

    rnd = context.round
    calibration = Calibration.model_validate_json((rnd.stage("calibrate") / "calibration.json").read_text(encoding="utf-8"))
    decision = decide(calibration, rnd.config.decide, first=rnd.parent is None)
    write_text(context.out / "decision.json", decision.model_dump_json(indent=2) + "\n")
    return {"outcome": decision.outcome, "reason": closing_sentence(decision).en}

"""report: one HTML file that a curriculum lead reads, and every number of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prefopt.calibration.posteriors import read_posteriors
from prefopt.io.spreadsheet import write_csv
from prefopt.io.stage_folders import read_manifest, read_rows, versions
from prefopt.project.project import ProjectData, Round
from prefopt.project.promotion import FILE, Promotions, promotions
from prefopt.rankings.label_agreement import agreement
from prefopt.rankings.rationales import reason_quality
from prefopt.rankings.summary import median_seconds, summarize
from prefopt.records import SIMULATED, Ranking, Slate
from prefopt.rounds.stages import Facts, StageContext
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.calibration import Calibration
    from prefopt.calibration.baseline import Baseline
    from prefopt.report import Disputed, FeedbackFacts, HistoryRow, ReportFacts, StageCost

NAME = "report"


def inputs(rnd: Round) -> dict[str, Path]:
    files = {"posteriors": rnd.stage("calibrate") / "posteriors.parquet"}
    for r in _decided(rnd):
        files[f"calibration {r.name}"] = r.stage("calibrate") / "calibration.json"
        files[f"decision {r.name}"] = r.stage("decide") / "decision.json"
    if rnd.parent is not None:
        files["slates"] = rnd.stage("sample") / "candidates.jsonl"
        files["rankings"] = rnd.stage("collect") / "rankings.jsonl"
    if (moved := rnd.project.rounds_folder / FILE).exists():
        files["promoted"] = moved
    return {**rnd.data_files, **files}


def run(context: StageContext) -> Facts:
    """Writes report.html and report.json."""
    from prefopt.report import ReportFacts, write_report

    rnd = context.round
    data = rnd.load()
    known = promotions(rnd.project)
    history = tuple(_row(r, known) for r in _decided(rnd))
    texts = {p.id: p.text for p in data.holdout}
    disputed = disputed_problems(rnd)
    shown = {name for confusion in history[-1].calibration.confusions for name in confusion.examples} | {d.problem_id for d in disputed}
    facts = ReportFacts(
        project=rnd.config.project.name,
        language=rnd.config.project.language,
        round=rnd.number,
        recipe=rnd.recipe,
        taxonomy=data.taxonomy,
        history=history,
        feedback=None if rnd.parent is None else _feedback(rnd, data.taxonomy),
        examples={name: text for name, text in texts.items() if name in shown},
        disputed=disputed,
        costs=tuple(_costs(rnd)),
        provenance=_provenance(rnd),
        baseline=_baseline(rnd, data),
        in_use=known.promoted,
    )
    write_report(facts, context.out)
    write_review(context.out / "review.csv", facts)
    return {"path": str(rnd.stage(NAME) / "report.html")}


def _baseline(rnd: Round, data: ProjectData) -> Baseline:
    """What a classical classifier reaches with the same labeled problems. A report that is written anew keeps what it had."""
    from prefopt.calibration.baseline import Baseline, tfidf_baseline

    earlier = rnd.stage(NAME) / "report.json"
    if earlier.exists() and (known := json.loads(earlier.read_text(encoding="utf-8"))["baseline"]):
        return Baseline.model_validate(known)

    train, held = ([(p.text, str(p.label)) for p in part] for part in (data.train, data.holdout))
    return tfidf_baseline([t for t, _ in train], [x for _, x in train], [t for t, _ in held], [x for _, x in held])


def disputed_problems(rnd: Round) -> tuple[Disputed, ...]:
    """Hold-out problems on which adapter and expert differ, the adapter's most confident answers first."""
    from prefopt.report import Disputed

    known = read_posteriors(rnd.stage("calibrate") / "posteriors.parquet")
    probs, rows = np.exp(known.log_probs), np.arange(len(known.gold))
    best = known.log_probs.argmax(axis=1)
    wrong = [int(row) for row in np.argsort(-probs[rows, best], kind="stable") if best[row] != known.gold[row]]
    return tuple(
        Disputed(
            problem_id=known.problem_ids[row],
            gold=known.labels[known.gold[row]],
            predicted=known.labels[best[row]],
            confidence=float(probs[row, best[row]]),
            of_gold=float(probs[row, known.gold[row]]),
        )
        for row in wrong
    )


def write_review(path: Path, facts: ReportFacts) -> None:
    """The disputed problems as a spreadsheet, with an empty column for what a person finds."""
    names = facts.taxonomy
    write_csv(
        path,
        ("problem_id", "problem", "expert", "expert_name", "model", "model_name", "confidence", "probability_of_expert", "right_label"),
        (
            (
                d.problem_id,
                facts.examples.get(d.problem_id, ""),
                d.gold,
                names[d.gold].name,
                d.predicted,
                names[d.predicted].name,
                f"{d.confidence:.4f}",
                f"{d.of_gold:.4f}",
                "",
            )
            for d in facts.disputed
        ),
    )


def _costs(rnd: Round) -> Iterable[StageCost]:
    """Seconds of the stages before the report. What was linked from a branched round is not counted again."""
    from prefopt.report import StageCost

    for name in ("sample", "publish", "collect", "pair", "train", "calibrate", "decide"):
        folder = rnd.stage(name)
        if folder.exists() and not folder.is_symlink():
            manifest = read_manifest(folder)
            yield StageCost(name, (manifest.ended - manifest.started).total_seconds(), manifest.machine)


def _decided(rnd: Round) -> Iterable[Round]:
    """The rounds up to this one that came to a decision, oldest first."""
    return [r for r in rnd.project.rounds() if r.number <= rnd.number and r.decision is not None]


def _row(rnd: Round, known: Promotions) -> HistoryRow:
    from prefopt.report import HistoryRow, Overruling

    decision = rnd.decision
    assert decision is not None  # noqa: S101  # _decided() gives only such
    parent = rnd.parent
    move = known.overruled(rnd.number)
    spoken = Overruling(move.outcome, move.because, move.at.date().isoformat()) if move else None
    return HistoryRow(rnd.number, rnd.recipe, parent.number if parent else None, read_calibration(rnd), decision, spoken)


def read_calibration(rnd: Round) -> Calibration:
    """calibration.json of a round."""
    from prefopt.calibration import Calibration

    return Calibration.model_validate_json((rnd.stage("calibrate") / "calibration.json").read_text(encoding="utf-8"))


def _feedback(rnd: Round, taxonomy: Taxonomy) -> FeedbackFacts:
    from prefopt.report import FeedbackFacts

    rankings = read_rows(rnd.stage("collect") / "rankings.jsonl", Ranking)
    pairs = read_manifest(rnd.stage("pair")).facts
    slates = read_rows(rnd.stage("sample") / "candidates.jsonl", Slate)
    teachers = {r.teacher for r in rankings}
    once = [slate for slate in slates if slate.repeat_of is None]
    first = {slate.id for slate in once}
    agreed = agreement(once, [r for r in rankings if r.slate_id in first])
    return FeedbackFacts(
        slates=int(read_manifest(rnd.stage("sample")).facts["slates"]),
        rankings=len(rankings),
        teachers=len(teachers),
        simulated=all(name.startswith(SIMULATED) for name in teachers),
        pairs=int(pairs["pairs"]),
        judged=int(pairs["judged"]),
        dropped=pairs["dropped"],
        agreement=agreed.alpha if agreed else None,
        same_label=agreed.same if agreed else None,
        compared_slates=agreed.slates if agreed else 0,
        reasons=reason_quality(once, taxonomy),
        median_seconds=median_seconds(rankings),
        summary=summarize(slates, rankings, taxonomy, seed=rnd.seed),
    )


def _provenance(rnd: Round) -> dict[str, str]:
    """What the round was made of: hashes of adapter, parent and data, seed, versions. Nothing of the day or the machine."""
    train = read_manifest(rnd.stage("train"))
    hashes = {f"{key} sha256": known.sha256 for key, known in {**train.outputs, **train.inputs}.items()}
    return {"model": rnd.config.model.path, "seed": str(rnd.seed), **hashes, **{f"{k} version": v for k, v in versions().items()}}

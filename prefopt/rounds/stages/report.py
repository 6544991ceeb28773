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
from prefopt.rankings.summary import median_seconds, summarise
from prefopt.records import SIMULATED, Ranking, Slate
from prefopt.rounds.stages import Facts, StageContext
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.calibration import Calibration
    from prefopt.calibration.baseline import Baseline
    from prefopt.report import Disputed, FeedbackFacts, HistoryRow, ReportFacts, StageCost

NAME = "report"


def inputs(round_: Round) -> dict[str, Path]:
    files = {"posteriors": round_.stage("calibrate") / "posteriors.parquet"}
    for r in _decided(round_):
        files[f"calibration {r.name}"] = r.stage("calibrate") / "calibration.json"
        files[f"decision {r.name}"] = r.stage("decide") / "decision.json"
    if round_.parent is not None:
        files["slates"] = round_.stage("sample") / "candidates.jsonl"
        files["rankings"] = round_.stage("collect") / "rankings.jsonl"
    if (moved := round_.project.rounds_folder / FILE).exists():
        files["promoted"] = moved
    return {**round_.data_files, **files}


def run(context: StageContext) -> Facts:
    """Writes report.html and report.json."""
    from prefopt.report import ReportFacts, write_report

    round_ = context.round
    data = round_.load()
    known = promotions(round_.project)
    history = tuple(_row(r, known) for r in _decided(round_))
    texts = {p.id: p.text for p in data.holdout}
    disputed = disputed_problems(round_)
    shown = {name for confusion in history[-1].calibration.confusions for name in confusion.examples} | {d.problem_id for d in disputed}
    facts = ReportFacts(
        project=round_.config.project.name,
        language=round_.config.project.language,
        round=round_.number,
        recipe=round_.recipe,
        taxonomy=data.taxonomy,
        history=history,
        feedback=None if round_.parent is None else _feedback(round_, data.taxonomy),
        examples={name: text for name, text in texts.items() if name in shown},
        disputed=disputed,
        costs=tuple(_costs(round_)),
        provenance=_provenance(round_),
        baseline=_baseline(round_, data),
        in_use=known.promoted,
    )
    write_report(facts, context.out)
    write_review(context.out / "review.csv", facts)
    return {"path": str(round_.stage(NAME) / "report.html")}


def _baseline(round_: Round, data: ProjectData) -> Baseline:
    """What a classical classifier reaches with the same labelled problems. A report that is written anew keeps what it had."""
    from prefopt.calibration.baseline import Baseline, tfidf_baseline

    earlier = round_.stage(NAME) / "report.json"
    if earlier.exists() and (known := json.loads(earlier.read_text(encoding="utf-8"))["baseline"]):
        return Baseline.model_validate(known)

    train, held = ([(p.text, str(p.label)) for p in part] for part in (data.train, data.holdout))
    return tfidf_baseline([t for t, _ in train], [x for _, x in train], [t for t, _ in held], [x for _, x in held])


def disputed_problems(round_: Round) -> tuple[Disputed, ...]:
    """Hold-out problems on which adapter and expert differ, the adapter's most confident answers first."""
    from prefopt.report import Disputed

    known = read_posteriors(round_.stage("calibrate") / "posteriors.parquet")
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


def _costs(round_: Round) -> Iterable[StageCost]:
    """Seconds of the stages before the report. What was linked from a branched round is not counted again."""
    from prefopt.report import StageCost

    for name in ("sample", "publish", "collect", "pair", "train", "calibrate", "decide"):
        folder = round_.stage(name)
        if folder.exists() and not folder.is_symlink():
            manifest = read_manifest(folder)
            yield StageCost(name, (manifest.ended - manifest.started).total_seconds(), manifest.machine)


def _decided(round_: Round) -> Iterable[Round]:
    """The rounds up to this one that came to a decision, oldest first."""
    return [r for r in round_.project.rounds() if r.number <= round_.number and r.decision is not None]


def _row(round_: Round, known: Promotions) -> HistoryRow:
    from prefopt.report import HistoryRow, Overruling

    decision = round_.decision
    assert decision is not None  # noqa: S101  # _decided() gives only such
    parent = round_.parent
    move = known.overruled(round_.number)
    spoken = Overruling(move.verdict, move.because, move.at.date().isoformat()) if move else None
    return HistoryRow(round_.number, round_.recipe, parent.number if parent else None, read_calibration(round_), decision, spoken)


def read_calibration(round_: Round) -> Calibration:
    """calibration.json of a round."""
    from prefopt.calibration import Calibration

    return Calibration.model_validate_json((round_.stage("calibrate") / "calibration.json").read_text(encoding="utf-8"))


def _feedback(round_: Round, taxonomy: Taxonomy) -> FeedbackFacts:
    from prefopt.report import FeedbackFacts

    rankings = read_rows(round_.stage("collect") / "rankings.jsonl", Ranking)
    pairs = read_manifest(round_.stage("pair")).facts
    slates = read_rows(round_.stage("sample") / "candidates.jsonl", Slate)
    teachers = {r.teacher for r in rankings}
    once = [slate for slate in slates if slate.repeat_of is None]
    first = {slate.id for slate in once}
    agreed = agreement(once, [r for r in rankings if r.slate_id in first])
    return FeedbackFacts(
        slates=int(read_manifest(round_.stage("sample")).facts["slates"]),
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
        summary=summarise(slates, rankings, taxonomy, seed=round_.seed),
    )


def _provenance(round_: Round) -> dict[str, str]:
    """What the round was made of: hashes of adapter, parent and data, seed, versions. Nothing of the day or the machine."""
    train = read_manifest(round_.stage("train"))
    hashes = {f"{key} sha256": known.sha256 for key, known in {**train.outputs, **train.inputs}.items()}
    return {"model": round_.config.model.path, "seed": str(round_.seed), **hashes, **{f"{k} version": v for k, v in versions().items()}}

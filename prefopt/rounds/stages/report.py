"""report: one HTML file that a curriculum lead reads, and every number of it as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefopt.config import ProjectConfig
from prefopt.io.stage_folders import Manifest, versions
from prefopt.project.audit import AuditRecord
from prefopt.project.project import ProjectData, RoundKey
from prefopt.rankings.simulation_rates import SimulationRates
from prefopt.records import SIMULATED, Decision, Dropped, Judged, Pair, Ranking, Slate, SlateVotes
from prefopt.rounds.artifacts import (
    CALIBRATION,
    DECISION,
    DROPPED,
    POSTERIORS,
    PREFERENCES,
    RANKINGS,
    REPORT,
    REPORT_NUMBERS,
    REVIEW,
    SLATES,
)
from prefopt.rounds.looks import ComparedRounds, Comparisons, Openings
from prefopt.rounds.promotion import PromotionRecord, Promotions
from prefopt.rounds.reads import PROBLEMS, Data, History, IfDone, Later, OfRound, StageRecord, Timings
from prefopt.rounds.report_inputs import School, SchoolInputs, kept_section, school_section
from prefopt.rounds.report_lead import Classical, TrainingWarning, lead_section, warnings
from prefopt.rounds.simulation import Simulated
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.rounds.teachers import OVERLAP, overlap_by

if TYPE_CHECKING:
    from prefopt.calibration.baseline import Tfidf
    from prefopt.calibration.posteriors import StoredPosteriors
    from prefopt.calibration.result import Calibration
    from prefopt.rankings.overlap import Overlap
    from prefopt.report import CollectedAnswers, Disputed, FeedbackSummary, HistoryRow, ReportContents, TrainingFacts


class ReportOutcome(Outcome):
    """Where the report is."""

    path: str
    """Relative to the project."""
    fit: str = ""
    """Whether the answers are fit for use: fit, not_fit, cannot_tell, no_goals; empty in rounds of earlier versions, and where it is not
    known."""
    because: str = ""
    """The same as a sentence with its reasons."""

    def line(self) -> str:
        return f"{self.path}. {self.because}" if self.because else self.path


@stage(
    outcome=ReportOutcome,
    reads={
        "data": Data(),
        "posteriors": POSTERIORS,
        "calibrations": History(CALIBRATION),
        "decisions": History(DECISION),
        "promotions": PromotionRecord(),
        "slates": Later(SLATES),
        "rankings": Later(RANKINGS),
        "preferences": Later(PREFERENCES),
        "dropped": Later(DROPPED),
        "sampled": StageRecord("sample"),
        "collected": StageRecord("collect"),
        "paired": StageRecord("pair"),
        "trained": StageRecord("train"),
        "training_warning": TrainingWarning(),
        "classical": Classical(),
        "timings": Timings(("sample", "publish", "collect", "pair", "train", "calibrate", "decide")),
        "before": IfDone(REPORT_NUMBERS),
        "school": School(),
        "chain": History(POSTERIORS),
        "comparisons": Comparisons(),
        "openings": Openings(),
        "simulation": Simulated(),
    },
    writes=(REPORT, REPORT_NUMBERS, REVIEW),
    settings=(*PROBLEMS, *OVERLAP, "data.gold_error", "model.path", "prompt.spelling", "calibrate", "decide", "goals"),
)
def report(
    data: ProjectData,
    posteriors: StoredPosteriors,
    calibrations: tuple[OfRound[Calibration], ...],
    decisions: tuple[OfRound[Decision], ...],
    promotions: Promotions,
    slates: list[Slate] | None,
    rankings: list[Ranking] | None,
    preferences: list[Pair | Judged | SlateVotes] | None,
    dropped: list[Dropped] | None,
    sampled: Manifest | None,
    collected: Manifest | None,
    paired: Manifest | None,
    trained: Manifest | None,
    training_warning: str,
    classical: Tfidf | None,
    timings: tuple[Manifest, ...],
    before: Path | None,
    school: SchoolInputs,
    chain: tuple[OfRound[StoredPosteriors], ...],
    comparisons: tuple[ComparedRounds, ...],
    openings: AuditRecord,
    simulation: SimulationRates | None,
    settings: ProjectConfig,
    this: RoundKey,
    work: Workspace,
) -> Produced[ReportOutcome]:
    """Gather what the report shows, and write it."""
    from prefopt.report import ReportContents, StageCost, write_report
    from prefopt.report.wording.fitness import in_one_line
    from prefopt.rounds.report_ledger import ledger

    history = tuple(_row(c, d, promotions) for c, d in zip(calibrations, decisions, strict=True))
    disputed = disputed_problems(posteriors)
    parent = next((found for found in chain if found.number == this.parent), None)
    lead = lead_section(
        data,
        posteriors,
        history[-1].calibration,
        classical,
        parent,
        rankings if slates is not None else None,
        school.rankings,
        timings,
        settings,
    )
    shown = {name for confusion in history[-1].calibration.confusions for name in confusion.examples} | {d.problem_id for d in disputed}
    shown |= {moved.problem_id for moved in (*lead.moves.right, *lead.moves.wrong)} if lead else set()
    contents = ReportContents(
        project=settings.project.name,
        language=settings.project.language,
        round=this.number,
        recipe=this.recipe,
        taxonomy=data.taxonomy,
        history=history,
        feedback=None
        if slates is None
        else replace(
            _feedback(data, slates, rankings or [], preferences or [], dropped or [], simulation, overlap_by(settings, slates), this),
            collected=_collected(collected),
        ),
        examples={p.id: p.text for p in data.holdout if p.id in shown},
        families={p.id: data.groups.get(p.id, p.id) for p in data.holdout if p.id in shown},
        disputed=disputed,
        lead=lead,
        warnings=warnings(paired, training_warning),
        training=_training(trained),
        left_out={} if sampled is None else sampled.outcome.get("left_out", {}),
        costs=tuple(StageCost(m.stage, m.seconds, m.machine) for m in timings),
        provenance=_provenance(trained, settings, this),
        in_use=promotions.promoted,
        ledger=ledger(decisions, promotions, comparisons, chain, settings, len(data.audit), openings),
        school=kept_section(before) or school_section(school, data, posteriors, history[-1].calibration, slates, rankings, settings, this),
    )
    write_report(contents, work.folder)
    write_review(work.folder / REVIEW.file, contents)
    said = {} if lead is None else {"fit": lead.fitness.verdict, "because": in_one_line(lead.fitness).en}
    produced = Produced(ReportOutcome(path=f"rounds/{this.name}/report/{REPORT.file}", **said))
    for artifact in (REPORT, REPORT_NUMBERS, REVIEW):
        produced.put(artifact, work.folder / artifact.file)
    return produced


def disputed_problems(posteriors: StoredPosteriors) -> tuple[Disputed, ...]:
    """Hold-out problems on which adapter and expert differ, the adapter's most confident answers first."""
    import numpy as np

    from prefopt.report import Disputed

    probs, rows = np.exp(posteriors.log_probs), np.arange(len(posteriors.gold))
    best = posteriors.log_probs.argmax(axis=1)
    wrong = [int(row) for row in np.argsort(-probs[rows, best], kind="stable") if best[row] != posteriors.gold[row]]
    return tuple(
        Disputed(
            problem_id=posteriors.problem_ids[row],
            gold=posteriors.labels[posteriors.gold[row]],
            predicted=posteriors.labels[best[row]],
            confidence=float(probs[row, best[row]]),
            of_gold=float(probs[row, posteriors.gold[row]]),
        )
        for row in wrong
    )


def write_review(path: Path, contents: ReportContents) -> None:
    """The disputed problems as a spreadsheet, with an empty column for what a person finds."""
    from prefopt.io.spreadsheet import write_csv

    names = contents.taxonomy
    write_csv(
        path,
        ("problem_id", "problem", "expert", "expert_name", "model", "model_name", "confidence", "probability_of_expert", "right_label"),
        (
            (
                d.problem_id,
                contents.examples.get(d.problem_id, ""),
                d.gold,
                names[d.gold].name,
                d.predicted,
                names[d.predicted].name,
                f"{d.confidence:.4f}",
                f"{d.of_gold:.4f}",
                "",
            )
            for d in contents.disputed
        ),
    )


def _row(calibration: OfRound[Calibration], decision: OfRound[Decision], promotions: Promotions) -> HistoryRow:
    from prefopt.report import HistoryRow, Overruling

    event = promotions.overruled(calibration.number)
    overruling = Overruling(event.outcome, event.because, event.at.date().isoformat(), event.ground) if event else None
    return HistoryRow(calibration.number, calibration.recipe, calibration.parent, calibration.value, decision.value, overruling)


def _feedback(
    data: ProjectData,
    slates: Sequence[Slate],
    rankings: Sequence[Ranking],
    preferences: Sequence[Pair | Judged | SlateVotes],
    dropped: Sequence[Dropped],
    simulation: SimulationRates | None,
    overlap: Overlap,
    this: RoundKey,
) -> FeedbackSummary:
    from prefopt.rankings.label_agreement import agreement
    from prefopt.rankings.rationales import rationale_quality
    from prefopt.rankings.summary import median_seconds, summarize
    from prefopt.report import FeedbackSummary

    teachers = {r.teacher for r in rankings}
    once = [slate for slate in slates if slate.repeat_of is None]
    first = {slate.id for slate in once}
    agreed = agreement(once, overlap.unselected(once, [r for r in rankings if r.slate_id in first]))
    return FeedbackSummary(
        slates=len(slates),
        rankings=len(rankings),
        teachers=len(teachers),
        simulated=all(name.startswith(SIMULATED) for name in teachers),
        pairs=sum(isinstance(row, Pair) for row in preferences),
        judged=sum(isinstance(row, Judged) for row in preferences),
        dropped=dict(sorted(Counter(row.cause for row in dropped).items())),
        agreement=agreed.alpha if agreed else None,
        same_label=agreed.same if agreed else None,
        compared_slates=agreed.slates if agreed else 0,
        reasons=rationale_quality(once, data.taxonomy),
        median_seconds=median_seconds(rankings),
        simulation=simulation if any(name.startswith(SIMULATED) for name in teachers) else None,
        summary=summarize(list(slates), list(rankings), data.taxonomy, overlap=overlap, seed=this.seed),
    )


def _collected(found: Manifest | None) -> CollectedAnswers:
    from prefopt.report import CollectedAnswers

    outcome = {} if found is None else found.outcome
    return CollectedAnswers(**{each.name: outcome[each.name] for each in fields(CollectedAnswers) if each.name in outcome})


def _training(trained: Manifest | None) -> TrainingFacts | None:
    from prefopt.report import TrainingFacts

    if trained is None or "steps" not in trained.outcome:
        return None
    return TrainingFacts(trained.outcome["examples"], trained.outcome["steps"], trained.outcome.get("planned"))


def _provenance(trained: Manifest | None, settings: ProjectConfig, this: RoundKey) -> dict[str, str]:
    """What the round was made of: hashes of adapter, parent and data, seed, versions. Neither the day nor the machine."""
    files = {} if trained is None else {**trained.outputs, **trained.inputs}
    hashes = {f"{name} sha256": record.sha256 for name, record in files.items()}
    base = {} if trained is None or not trained.outcome.get("base") else {"base": str(trained.outcome["base"])}
    return {"model": settings.model.path, **base, "seed": str(this.seed), **hashes, **{f"{k} version": v for k, v in versions().items()}}

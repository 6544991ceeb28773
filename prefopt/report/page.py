"""Writes report.html and report.json. The page is one file: no script, no request, everything in it escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from prefopt.io.files import write_text
from prefopt.report import charts, school_rows, tables, teacher_rows
from prefopt.report.contents import FeedbackSummary, LeadSection, Ledger, Overruling, ReportContents, SchoolSection
from prefopt.report.lead import lead_view
from prefopt.report.numbers import excerpt
from prefopt.report.wording import fitness, label_counts, ledger_section, mixture, sections
from prefopt.report.wording.confidence import confidence_sentences, smooth_view
from prefopt.report.wording.fixed import OUTCOMES, TEXTS
from prefopt.report.wording.grounds import decision_sentences
from prefopt.report.wording.names import group, joined
from prefopt.report.wording.teachers_section import WORDS, collected_sentences, simulation_sentence
from prefopt.report.wording.warnings import never_answered


def write_report(contents: ReportContents, folder: Path) -> None:
    """Write report.html and report.json into a folder that exists. The same contents give the same bytes.

    Raises:
        OSError: the files cannot be written.
    """
    write_text(folder / "report.html", render(contents))
    text = json.dumps(figures(contents), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(folder / "report.json", text + "\n")


@cache
def _environment() -> jinja2.Environment:
    """Compiles the templates once per process."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("prefopt.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(contents: ReportContents) -> str:
    """The page as text. Its policy allows the style by its hash, so that an injected one does not apply, and no script."""
    style = (resources.files("prefopt.report") / "templates" / "report.css").read_text(encoding="utf-8")
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            style=Markup(style),  # noqa: S704 our own file, no data in it
            style_hash=style_hash,
            T=TEXTS,
            OUTCOMES=OUTCOMES,
            contents=contents,
            row=contents.current,
            calibration=contents.current.calibration,
            **_view(contents),
        )
    )


def _view(contents: ReportContents) -> dict[str, Any]:
    row, calibration = contents.current, contents.current.calibration
    sets = calibration.in_use.conformal
    simulation = None if contents.feedback is None else contents.feedback.simulation
    return {
        **lead_view(contents),
        "grounds": decision_sentences(row.decision),
        "accept_sentence": sections.accept_sentence(calibration),
        "sets_sentence": None if sets is None else sections.sets_sentence(sets),
        "set_rows": () if sets is None else tables.set_rows(sets),
        "confidence_sentences": confidence_sentences(calibration),
        "temperature_sentence": sections.temperature_sentence(calibration.temperature),
        "reliability": charts.reliability_chart(calibration),
        "trend_alone": charts.trend_chart(contents.history, "accuracy"),
        "trend_brier": charts.trend_chart(contents.history, "brier"),
        "cells": tables.cell_list(calibration),
        "cells_by": joined(group(name) for name in calibration.cell_groups),
        "confusions": tables.confusion_views(contents),
        "figure_rows": tables.figure_rows(contents),
        "temperature_rows": tables.temperature_rows(calibration),
        "round_rows": tables.round_rows(contents.history),
        "feedback_rows": () if contents.feedback is None else tables.feedback_rows(contents.feedback),
        "reason_rows": () if contents.feedback is None else tables.reason_rows(contents.feedback),
        "W": WORDS,
        "simulation": None if simulation is None else simulation_sentence(simulation),
        "collected": () if contents.feedback is None else collected_sentences(contents.feedback.collected),
        "people": _people(contents),
        "ledger": None if contents.ledger is None else ledger_section.view(contents.ledger),
        "school": None if contents.school is None else school_rows.view(contents.school, contents.current),
        "dropped_rows": () if contents.feedback is None else tables.dropped_rows(contents.feedback),
        "provenance": tuple(contents.provenance.items()),
        "training_sentence": None if contents.training is None else sections.training_sentence(contents.training),
        "cost_rows": tables.cost_rows(contents),
        "disputed": tables.disputed_views(contents),
        "over_rows": tables.over_rows(contents),
        "over_sentence": sections.over_sentence(calibration),
        "count_rows": tables.count_rows(contents),
        "counts_sentence": label_counts.counts_sentence(calibration) if calibration.counts else None,
        "biases_sentence": label_counts.biases_sentence(calibration),
        "M": mixture.WORDS,
        "classifier_rows": mixture.classifier_rows(calibration),
        "baseline_sentence": mixture.baseline_sentence(calibration),
        "mixture_sentence": mixture.mixture_sentence(calibration),
    }


def _people(contents: ReportContents) -> dict[str, Any] | None:
    if contents.feedback is None or contents.feedback.summary is None:
        return None
    summary = contents.feedback.summary
    return {
        "lines": teacher_rows.teacher_lines(summary),
        "groups": teacher_rows.group_lines(summary),
        "persons": teacher_rows.person_lines(summary),
        "disputed": teacher_rows.disputed_lines(summary, contents.taxonomy),
    }


def _feedback(feedback: FeedbackSummary) -> dict[str, Any]:
    quality = None if feedback.reasons is None else vars(feedback.reasons)
    summary = None if feedback.summary is None else feedback.summary.plain()
    for slate in () if summary is None else summary["disputed"]:
        slate["text"] = excerpt(slate["text"])
        slate["comments"] = {name: excerpt(comment) for name, comment in slate["comments"].items()}
    rates = None if feedback.simulation is None else feedback.simulation.model_dump()
    plain = {"dropped": dict(feedback.dropped), "collected": vars(feedback.collected)}
    return {**vars(feedback), **plain, "reasons": quality, "summary": summary, "simulation": rates}


def figures(contents: ReportContents) -> dict[str, Any]:
    """Every number on the page, unrounded, as plain JSON types."""
    row = contents.current
    shown = {name for entry in row.calibration.confusions for name in entry.examples}
    right, wrong = tables.shown_moves(contents)
    shown |= {entry.problem_id for entry in tables.shown_disputed(contents)}
    shown |= {entry.problem_id for entry in (*right, *wrong)}
    return {
        "schema_version": 1,
        "project": contents.project,
        "round": contents.round,
        "recipe": contents.recipe,
        "parent": row.parent,
        "decision": row.decision.model_dump(mode="json"),
        "outcome": row.outcome,
        "overruled": _overruling(row.overruled),
        "in_use": contents.in_use,
        "calibration": row.calibration.model_dump(mode="json"),
        "history": [
            {
                "round": past.round,
                "recipe": past.recipe,
                "parent": past.parent,
                "outcome": past.outcome,
                "outcome_by_rule": past.decision.outcome,
                "overruled": _overruling(past.overruled),
                "n": past.calibration.n,
                "accuracy": past.calibration.accuracy.model_dump(),
                "brier": past.calibration.brier.model_dump(),
                "accuracy_in_use": past.calibration.in_use.accuracy.model_dump(),
                "overconfidence": past.calibration.overconfidence.model_dump(),
                "overconfidence_known": past.calibration.overconfidence_known,
                "smooth_ece": None if (view := smooth_view(past.calibration)) is None else view.model_dump(),
                "ece_debiased": past.calibration.ece.debiased,
            }
            for past in contents.history
        ],
        "feedback": None if contents.feedback is None else _feedback(contents.feedback),
        "ledger": None if contents.ledger is None else _ledger(contents.ledger),
        "examples": {name: excerpt(contents.examples[name]) for name in sorted(shown) if name in contents.examples},
        "disputed": [vars(entry) for entry in contents.disputed],
        "training": None if contents.training is None else vars(contents.training),
        "left_out": dict(contents.left_out),
        "cost": [vars(entry) for entry in contents.costs],
        "provenance": dict(contents.provenance),
        "school": None if contents.school is None else _school(contents.school),
        "lead": None if contents.lead is None else _lead(contents, contents.lead),
        "warnings": _warnings(contents),
    }


def _lead(contents: ReportContents, lead: LeadSection) -> dict[str, Any]:
    """The first pages; of the problems that moved those that are shown, and how many there are."""
    right, wrong = tables.shown_moves(contents)
    return {
        "fitness": lead.fitness.model_dump(mode="json"),
        "headline": fitness.headline(lead.fitness)._asdict(),
        "summary": fitness.summary(lead.fitness)._asdict(),
        "because": fitness.because(lead.fitness)._asdict(),
        "next_steps": [step._asdict() for step in fitness.next_steps(contents)],
        "goal": lead.goal,
        "day": lead.day,
        "labeled": lead.labeled,
        "moves": {
            "parent": lead.moves.parent,
            "right": len(lead.moves.right),
            "wrong": len(lead.moves.wrong),
            "shown_right": [vars(entry) for entry in right],
            "shown_wrong": [vars(entry) for entry in wrong],
        },
        "effort": None if lead.effort is None else vars(lead.effort),
        "effort_so_far": None if lead.effort_so_far is None else vars(lead.effort_so_far),
        "machine_seconds": sum(cost.seconds for cost in contents.costs),
    }


def _warnings(contents: ReportContents) -> dict[str, Any]:
    found = contents.warnings
    return {
        "skewed": None if found.skewed is None else found.skewed.model_dump(mode="json"),
        "one_label": [one.model_dump(mode="json") for one in found.one_label],
        "left_out": found.left_out,
        "never_answered": never_answered(contents.current.calibration),
        "training": found.training,
    }


def _overruling(found: Overruling | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {**vars(found), "ground": None if found.ground is None else found.ground.model_dump(mode="json")}


def _ledger(found: Ledger) -> dict[str, Any]:
    plain, corrected = (None if x is None else x.model_dump() for x in (found.plain, found.corrected))
    openings = [opening.model_dump(mode="json") for opening in found.openings]
    return {**vars(found), "rows": [vars(row) for row in found.rows], "plain": plain, "corrected": corrected, "openings": openings}


def _school(school: SchoolSection) -> dict[str, Any]:
    pool = school.pool
    return {
        "wordings": school.wordings.model_dump(mode="json"),
        "pool": None
        if pool is None
        else {
            "parent": pool.parent,
            "accuracy": None if pool.accuracy is None else pool.accuracy.model_dump(mode="json"),
            "missing": pool.missing,
            "shift": None if pool.shift is None else pool.shift.model_dump(mode="json"),
            "shift_missing": pool.shift_missing,
        },
        "gold": None if school.gold is None else school.gold.model_dump(mode="json"),
    }

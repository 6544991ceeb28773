"""Writes report.html and report.json. The page is one file: no script, no request, everything in it escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from prefopt.io.files import write_text
from prefopt.report import charts, sentences, tables, teachers
from prefopt.report.facts import FeedbackFacts, ReportFacts
from prefopt.report.numbers import excerpt
from prefopt.report.wording.fixed import OUTCOMES, TEXTS
from prefopt.report.wording.grounds import decision_sentences
from prefopt.report.wording.say import Say


def write_report(facts: ReportFacts, folder: Path) -> None:
    """Write report.html and report.json into a folder that exists. The same facts give the same bytes.

    Raises:
        OSError: the files cannot be written.
    """
    write_text(folder / "report.html", render(facts))
    text = json.dumps(figures(facts), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(folder / "report.json", text + "\n")


def render(facts: ReportFacts) -> str:
    """The page as text. Its style is allowed by hash, so that an injected one would not apply; scripts are not allowed at all."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("prefopt.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = (resources.files("prefopt.report") / "templates" / "report.css").read_text(encoding="utf-8")
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 our own file, no data in it
        style_hash=style_hash,
        T=TEXTS,
        OUTCOMES=OUTCOMES,
        facts=facts,
        row=facts.current,
        calibration=facts.current.calibration,
        **_view(facts),
    )


def _view(facts: ReportFacts) -> dict[str, Any]:
    row, found = facts.current, facts.current.calibration
    parents = [past.outcome for past in facts.history if past.round == row.parent]
    title, consequence = sentences.headline(row, "rejected" not in parents and "held" not in parents)
    return {
        "headline": title,
        "consequence": consequence,
        "overruled": None if row.overruled is None else sentences.overruled(row, row.overruled),
        "grounds": decision_sentences(row.decision),
        "elsewhere": sentences.elsewhere(facts),
        "accuracy": sentences.accuracy_tile(found),
        "tiles": (
            (TEXTS["changed"], sentences.change_tile(row)),
            (TEXTS["sure"], sentences.sure_tile(found)),
            (TEXTS["unread"], sentences.accept_tile(found)),
        ),
        "dots": charts.dots(found.accuracy),
        "accept_sentence": sentences.accept_sentence(found),
        "sets_sentence": None if found.conformal is None else sentences.sets_sentence(found.conformal),
        "set_rows": () if found.conformal is None else tables.set_rows(found.conformal),
        "ece_sentence": sentences.ece_sentence(found.ece),
        "temperature_sentence": sentences.temperature_sentence(found.temperature, found.confidence_level),
        "reliability": charts.reliability_chart(found),
        "trend_accuracy": charts.trend_chart(facts.history, "accuracy"),
        "trend_brier": charts.trend_chart(facts.history, "brier"),
        "accept": charts.accept_chart(found),
        "grid": tables.cell_grid(found),
        "cells": tables.cell_list(found),
        "cells_by": Say(*(" · ".join(tables.group(name)[i] for name in found.cell_groups) for i in (0, 1))),
        "confusions": tables.confusion_views(facts),
        "figure_rows": tables.figure_rows(facts),
        "temperature_rows": tables.temperature_rows(found),
        "round_rows": tables.round_rows(facts.history),
        "feedback_rows": () if facts.feedback is None else tables.feedback_rows(facts.feedback),
        "reason_rows": () if facts.feedback is None else tables.reason_rows(facts.feedback),
        "W": teachers.WORDS,
        "people": _people(facts),
        "dropped_rows": () if facts.feedback is None else tables.dropped_rows(facts.feedback),
        "provenance": tuple(facts.provenance.items()),
        "cost_rows": tables.cost_rows(facts),
        "disputed": tables.disputed_views(facts),
        "over_rows": tables.over_rows(facts),
        "over_sentence": sentences.over_sentence(found),
    }


def _people(facts: ReportFacts) -> dict[str, Any] | None:
    if facts.feedback is None or facts.feedback.summary is None:
        return None
    found = facts.feedback.summary
    return {
        "lines": teachers.teacher_lines(found),
        "groups": teachers.group_lines(found),
        "persons": teachers.person_lines(found),
        "disputed": teachers.disputed_lines(found, facts.taxonomy),
    }


def _feedback(found: FeedbackFacts) -> dict[str, Any]:
    quality = None if found.reasons is None else vars(found.reasons)
    summary = None if found.summary is None else found.summary.plain()
    for slate in () if summary is None else summary["disputed"]:
        slate["text"] = excerpt(slate["text"])
        slate["comments"] = {name: excerpt(comment) for name, comment in slate["comments"].items()}
    return {**vars(found), "dropped": dict(found.dropped), "reasons": quality, "summary": summary}


def figures(facts: ReportFacts) -> dict[str, Any]:
    """Every number that the page shows, unrounded, as plain JSON types."""
    row = facts.current
    shown = {name for entry in row.calibration.confusions for name in entry.examples}
    shown |= {entry.problem_id for entry in facts.disputed[: tables.DISPUTED]}
    return {
        "schema_version": 1,
        "project": facts.project,
        "round": facts.round,
        "recipe": facts.recipe,
        "parent": row.parent,
        "decision": row.decision.model_dump(mode="json"),
        "outcome": row.outcome,
        "overruled": None if row.overruled is None else vars(row.overruled),
        "in_use": facts.in_use,
        "calibration": row.calibration.model_dump(mode="json"),
        "history": [
            {
                "round": past.round,
                "recipe": past.recipe,
                "parent": past.parent,
                "outcome": past.outcome,
                "outcome_by_rule": past.decision.outcome,
                "overruled": None if past.overruled is None else vars(past.overruled),
                "n": past.calibration.n,
                "accuracy": past.calibration.accuracy.model_dump(),
                "brier": past.calibration.brier.model_dump(),
                "ece_debiased": past.calibration.ece.debiased.model_dump(),
            }
            for past in facts.history
        ],
        "feedback": None if facts.feedback is None else _feedback(facts.feedback),
        "baseline": None if facts.baseline is None else facts.baseline.model_dump(mode="json"),
        "examples": {name: excerpt(facts.examples[name]) for name in sorted(shown) if name in facts.examples},
        "disputed": [vars(entry) for entry in facts.disputed],
        "cost": [vars(entry) for entry in facts.costs],
        "provenance": dict(facts.provenance),
    }

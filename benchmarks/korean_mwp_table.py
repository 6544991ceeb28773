"""The table of korean_mwp.py: every adapter beside the SFT adapter of its seed, on the hold-outs of all seeds together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import paired_mean, paired_shares, sign_flip
from prefopt.calibration.metrics import Scores, score

CONFIDENCE = 0.95
Made = tuple[Scores, str, int]
"""Scores on the hold-out, the rule's outcome, and the number of the round that was in use after it."""


def rows_of(folder: Path, seeds: Sequence[int], arms: Sequence[str]) -> list[dict[str, Any]]:
    """One row for SFT, one for each arm and round as it was trained, and one for what is in use at the end of an arm with rounds.

    Each has arm, round ("0", "1" …, "in use"), recipe, accuracy and brier (over all problems), by_seed (accuracy of each), outcomes, and,
    but for SFT, against_sft: gained, lost, p_value, accuracy and brier as {value, low, high}.
    """
    first = [_project(folder / f"seed-{seed}" / "sft")[0] for seed in seeds]
    sft = [made[0] for made in first]
    rows = [scored_row("sft", "0", "sft", sft, [made[1] for made in first], None)]
    for arm in arms:
        projects = [_project(folder / f"seed-{seed}" / arm) for seed in seeds]
        recipes = _recipes(folder / f"seed-{seeds[0]}" / arm)
        if len(recipes) == 1:
            rows.append(scored_row(arm, "0", recipes[0], [made[0][0] for made in projects], [made[0][1] for made in projects], sft))
            continue
        for number in range(1, len(recipes)):
            made = [rounds[number] for rounds in projects]
            rows.append(scored_row(arm, str(number), recipes[number], [m[0] for m in made], [m[1] for m in made], sft))
        used = [rounds[rounds[-1][2]][0] for rounds in projects]
        rows.append(scored_row(arm, "in use", "", used, [f"{rounds[-1][2]:03d}" for rounds in projects], sft))
    return rows


def _project(folder: Path) -> list[Made]:
    """The rounds of a project, oldest first."""
    from prefopt.cli.console import rounds_rows
    from prefopt.project.project import open_project
    from prefopt.rounds.artifacts import POSTERIORS
    from prefopt.rounds.reading import read

    rounds = open_project(folder).rounds()
    rows = rounds_rows(rounds)
    in_use = next(row["round"] for row in rows if row["in_use"])
    known = [read(rnd, POSTERIORS) for rnd in rounds]
    order = [np.argsort(k.problem_ids) for k in known]
    return [(score(k.log_probs[o], k.gold[o]), row["outcome"], in_use) for k, o, row in zip(known, order, rows, strict=True)]


def _recipes(folder: Path) -> list[str]:
    from prefopt.project.project import open_project

    return [rnd.recipe for rnd in open_project(folder).rounds()]


def scored_row(arm: str, number: str, recipe: str, scores: list[Scores], outcomes: list[str], sft: list[Scores] | None) -> dict[str, Any]:
    correct, brier = (np.concatenate([getattr(s, name) for s in scores]) for name in ("correct", "brier"))
    row: dict[str, Any] = {"arm": arm, "round": number, "recipe": recipe, "accuracy": float(correct.mean()), "brier": float(brier.mean())}
    row |= {"by_seed": [float(s.correct.mean()) for s in scores], "problems": len(correct), "outcomes": outcomes}
    if sft is None:
        return row
    before, clusters = np.concatenate([s.correct for s in sft]), Clusters.from_names(None, len(correct))
    test, apart = sign_flip(correct, before, clusters), brier - np.concatenate([s.brier for s in sft])
    row["against_sft"] = {
        "gained": test.gained,
        "lost": test.lost,
        "p_value": test.p_value,
        "accuracy": paired_shares(correct, before, clusters, CONFIDENCE).model_dump(),
        "brier": paired_mean(apart, clusters, CONFIDENCE).model_dump(),
    }
    return row


def markdown(rows: Sequence[dict[str, Any]], classical: Sequence[dict[str, Any]]) -> str:
    """The table as printed in docs/korean-mwp.md."""
    columns = ("arm", "round", "accuracy", "each seed", "points to SFT [95 %]", "gained, lost, p", "Brier", "to SFT [95 %]", "rule")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for r in rows:
        each = " ".join(f"{value:.3f}" for value in r["by_seed"])
        what = r["round"] if r["recipe"] in ("", r["arm"]) else f"{r['round']} ({r['recipe']})"
        known = r.get("against_sft")
        change, test, brier = ("", "", "") if known is None else _against(known)
        cells = (r["arm"], what, f"{r['accuracy']:.3f}", each, change, test, f"{r['brier']:.3f}", brier, " ".join(r["outcomes"]))
        lines.append(f"| {' | '.join(cells)} |")
    for c in classical:
        each = " ".join(f"{value:.3f}" for value in c["by_seed"])
        lines.append(f"| TF-IDF, {c['labels']} labels | | {c['accuracy']:.3f} | {each} | | | | | |")
    return "\n".join(lines)


def _against(known: dict[str, Any]) -> tuple[str, str, str]:
    points, brier = known["accuracy"], known["brier"]
    p = "< 0.001" if known["p_value"] < 0.001 else f"{known['p_value']:.3f}"
    return (
        f"{100 * points['value']:+.1f} [{100 * points['low']:+.1f}, {100 * points['high']:+.1f}]",
        f"{known['gained']}, {known['lost']}, {p}",
        f"{brier['value']:+.3f} [{brier['low']:+.3f}, {brier['high']:+.3f}]",
    )

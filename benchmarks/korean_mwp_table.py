"""The table of korean_mwp.py: every adapter beside the SFT adapter of its seed, on the hold-outs of all seeds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import paired_mean, paired_shares, sign_flip
from prefopt.calibration.metrics import Scores, score

CONFIDENCE = 0.95
LAST = {"gold": "0", "gold-short": "0"}
"""Arm -> the adapter that stands for it, as trained: by default that of the third round, whatever the rule decided."""


@dataclass(frozen=True)
class Made:
    """An adapter of a project."""

    scores: Scores
    """On the hold-out, in the order of the problems' ids."""
    outcome: str
    """Of the rule."""
    recipe: str
    parent: int | None
    """Round of the adapter that it was compared with."""
    slates: int
    """Asked up to and with this round."""
    judgments: int
    """Rankings collected up to and with this round."""
    updates: int
    """Of the optimizer, from the base to this adapter."""


@dataclass(frozen=True)
class Row:
    """The adapters of a row, seed by seed."""

    made: list[Made]
    outcomes: list[str]
    parents: list[Scores] | None = None


def rows_of(folder: Path, seeds: Sequence[int], arms: Sequence[str]) -> list[dict[str, Any]]:
    """One row for SFT, one for each arm and round as it was trained, and one for what is in use at the end of an arm with rounds,
    where with every seed something is.

    Each has arm, round ("0", "1" …, "in use"), recipe, accuracy and brier (over all problems), by_seed (accuracy of each), outcomes,
    slates, judgments and updates (each a mean over the seeds), and, but for SFT, against_sft, and for rounds against_parent: gained, lost,
    p_value, accuracy and brier as {value, low, high}.
    """
    first = [_project(folder / f"seed-{seed}" / "sft")[0][0] for seed in seeds]
    sft = [made.scores for made in first]
    rows = [scored_row("sft", "0", "sft", Row(first, [made.outcome for made in first]), None)]
    for arm in arms:
        projects = [_project(folder / f"seed-{seed}" / arm) for seed in seeds]
        rounds = len(projects[0][0])
        for number in range(1, rounds) if rounds > 1 else (0,):
            made = [found[number] for found, _ in projects]
            parents = [found[m.parent].scores for (found, _), m in zip(projects, made, strict=True) if m.parent is not None]
            rows.append(scored_row(arm, str(number), made[0].recipe, Row(made, [m.outcome for m in made], parents or None), sft))
        if rounds > 1 and all(in_use is not None for _, in_use in projects):
            used = Row([found[in_use or 0] for found, in_use in projects], [f"{in_use:03d}" for _, in_use in projects])
            rows.append(scored_row(arm, "in use", "", used, sft))
    return rows


def keys_of(folder: Path, seeds: Sequence[int], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The numbers that docs/korean-mwp.md claims: sft_accuracy, and, of the arms that were computed, ARM_accuracy of the last adapter as
    trained, worst_round_change (points of accuracy against the parent, over all seeds, of the worst round of any recipe), and for consensus
    and consensus-1 the lower and upper end of the difference to gold.
    """
    found: dict[str, Any] = {"sft_accuracy": rows[0]["accuracy"]}
    last = {row["arm"]: row for row in rows if LAST.get(row["arm"], "3") == row["round"]}
    found |= {f"{arm.replace('-', '_')}_accuracy": row["accuracy"] for arm, row in last.items() if arm != "sft"}
    changes = [row["against_parent"]["accuracy"]["value"] for row in rows if "against_parent" in row and row["arm"] != "trl"]
    if changes:
        found["worst_round_change"] = min(changes)
    for arm in ("consensus", "consensus-1"):
        if arm in last and "gold" in last:
            pairs = [_project(folder / f"seed-{seed}" / name)[0][-1].scores for name in (arm, "gold") for seed in seeds]
            apart = compared(pairs[: len(seeds)], pairs[len(seeds) :])["accuracy"]
            name = arm.replace("-", "_")
            found |= {f"{name}_vs_gold": apart["value"], f"{name}_vs_gold_low": apart["low"], f"{name}_vs_gold_high": apart["high"]}
    return found


def _project(folder: Path) -> tuple[list[Made], int | None]:
    """The rounds of a project, oldest first, and the number of the one in use; None where each is held."""
    from prefopt.cli.console import rounds_rows
    from prefopt.io.stage_folders import read_manifest
    from prefopt.project.project import open_project
    from prefopt.rounds.artifacts import POSTERIORS, RANKINGS, SLATES
    from prefopt.rounds.reading import read
    from prefopt.rounds.states import outcome_of

    rounds = open_project(folder).rounds()
    rows = rounds_rows(rounds)
    found: list[Made] = []
    for rnd, row in zip(rounds, rows, strict=True):
        known, trained = read(rnd, POSTERIORS), outcome_of(read_manifest(rnd.stage("train")))
        order, earlier = np.argsort(known.problem_ids), found[-1] if found else None
        asked, ranked = (len(read(rnd, artifact)) if rnd.number else 0 for artifact in (SLATES, RANKINGS))
        parent = None if rnd.parent is None else rnd.parent.number
        start = rnd.config.recipes.get(rnd.recipe, {}).get("start", "sft")
        before = 0 if parent is None else found[0 if start == "sft" else parent].updates
        found.append(
            Made(
                scores=score(known.log_probs[order], known.gold[order]),
                outcome=row["outcome"],
                recipe=rnd.recipe,
                parent=parent,
                slates=asked + (earlier.slates if earlier else 0),
                judgments=ranked + (earlier.judgments if earlier else 0),
                updates=before + trained.steps,
            )
        )
    return found, next((row["round"] for row in rows if row["in_use"]), None)


def scored_row(arm: str, number: str, recipe: str, row: Row, sft: list[Scores] | None) -> dict[str, Any]:
    scores = [made.scores for made in row.made]
    correct, brier = (np.concatenate([getattr(s, name) for s in scores]) for name in ("correct", "brier"))
    found: dict[str, Any] = {"arm": arm, "round": number, "recipe": recipe, "accuracy": float(correct.mean()), "brier": float(brier.mean())}
    found |= {"by_seed": [float(s.correct.mean()) for s in scores], "problems": len(correct), "outcomes": row.outcomes}
    found |= {name: round(float(np.mean([getattr(m, name) for m in row.made]))) for name in ("slates", "judgments", "updates")}
    if sft is not None:
        found["against_sft"] = compared(scores, sft)
    if row.parents is not None:
        found["against_parent"] = compared(scores, row.parents)
    return found


def compared(scores: Sequence[Scores], others: Sequence[Scores]) -> dict[str, Any]:
    """Paired over the problems of all seeds: exact McNemar, and intervals of the differences."""
    correct, before = (np.concatenate([s.correct for s in found]) for found in (scores, others))
    clusters = Clusters.from_names(None, len(correct))
    test, apart = sign_flip(correct, before, clusters), np.concatenate([a.brier - b.brier for a, b in zip(scores, others, strict=True)])
    return {
        "gained": test.gained,
        "lost": test.lost,
        "p_value": test.p_value,
        "accuracy": paired_shares(correct, before, clusters, CONFIDENCE).model_dump(),
        "brier": paired_mean(apart, clusters, CONFIDENCE).model_dump(),
    }


def markdown(rows: Sequence[dict[str, Any]], classical: Sequence[dict[str, Any]]) -> str:
    """The table as printed in docs/korean-mwp.md."""
    columns = ("arm", "round", "slates", "judgments", "updates", "accuracy", "each seed", "points to SFT [95 %]", "gained, lost, p")
    columns += ("points to its parent", "Brier", "rule")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for r in rows:
        each = " ".join(f"{value:.3f}" for value in r["by_seed"])
        what = r["round"] if r["recipe"] in ("", r["arm"]) else f"{r['round']} ({r['recipe']})"
        change, test = _against(r["against_sft"]) if "against_sft" in r else ("", "")
        parent = _against(r["against_parent"])[0] if "against_parent" in r else ""
        counts = (f"{r['slates']:,}", f"{r['judgments']:,}", f"{r['updates']:,}")
        rule = " ".join(r["outcomes"])
        cells = (r["arm"], what, *counts, f"{r['accuracy']:.3f}", each, change, test, parent, f"{r['brier']:.3f}", rule)
        lines.append(f"| {' | '.join(cells)} |")
    for c in classical:
        each = " ".join(f"{value:.3f}" for value in c["by_seed"])
        lines.append(f"| TF-IDF, {c['labels']} labels | | | | | {c['accuracy']:.3f} | {each} | | | | | |")
    return "\n".join(lines)


def _against(known: dict[str, Any]) -> tuple[str, str]:
    points = known["accuracy"]
    p = "< 0.001" if known["p_value"] < 0.001 else f"{known['p_value']:.3f}"
    return (
        f"{100 * points['value']:+.1f} [{100 * points['low']:+.1f}, {100 * points['high']:+.1f}]",
        f"{known['gained']}, {known['lost']}, {p}",
    )

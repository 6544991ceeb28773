"""What overlap = "adaptive" costs in accuracy, at the judgments that it saves, on slates and posteriors of finished rounds.

    python -m benchmarks.adaptive_overlap [--folder DIR] [--seeds 7 8 9] [--draws 200] [--json]
    python -m benchmarks.adaptive_overlap --project DIR           # the project of `prefopt demo`: its slates, and its data/truth.jsonl

The slates are those of the arm `consensus` of benchmarks/korean_mwp.py, three rounds of 150 a seed with the posteriors of the adapters that
made them; they are judged again by three simulated teachers in an order of chance, who err in 10 or 20 % of their judgments. The same
judgments are counted up to the first, second or third (overlap 1, 2, 3), as far as "adaptive" asks for them, and as far as it would if it
asked for as many at random: a second on as many slates, a third where the two differ. For each:

    judgments   a slate
    votes       share of a slate's votes on the right label: what a recipe with soft votes learns from
    right       the label with the most votes is right; of k equal ones 1 / k
    of 450      slates that 450 judgments are enough for, and how many of their labels are right

Intervals: 95 %, bootstrap over problems of the mean over the draws. Then how often two teachers name the same label, by all slates that two
of them judged and by the draw alone, and the shares of right order that the reliability model finds, beside those of overlap 3.
With --json the last line on stdout is one object.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.korean_mwp import DATA, ROOT, ROUNDS, SLATES, read_problems, split
from feedback.judgment import chance, judge
from prefopt.project.truth import read_truth
from prefopt.rankings.label_agreement import agreement, chosen_label
from prefopt.rankings.overlap import MOST, Overlap
from prefopt.rankings.reliability import reliability
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy, read_taxonomy

ERRORS = (0.1, 0.2)
DOUBTS = (0.25, 0.5, 2.0)
"""Other multiples of an even share below which an answer is doubted."""
DOUBLE_SHARE = 0.1
JUDGMENTS = ROUNDS * SLATES
FITS = 10
"""Draws whose reliabilities are estimated, which takes longest."""
TEACHERS = [f"simulated-{number}" for number in range(1, MOST + 1)]


@dataclass(frozen=True)
class Asked:
    """The slates of finished rounds, and the right label of each problem."""

    slates: Sequence[Slate]
    truth: dict[str, str]
    taxonomy: Taxonomy


def read_asked(folder: Path, seeds: Iterable[int], data: Path) -> Asked:
    """The slates of the arm `consensus` of each seed; their ids are made to differ between seeds."""
    problems, types = read_problems(data)
    slates: list[Slate] = []
    truth: dict[str, str] = {}
    for seed in seeds:
        project = folder / f"seed-{seed}" / "consensus"
        truth |= {problem["id"]: problem["label"] for problem in split(problems, types, seed).pool}
        slates += [slate.model_copy(update={"id": f"{seed}-{slate.id}"}) for slate in slates_of(project)]
    return Asked(slates, truth, read_taxonomy(project / "taxonomy.csv"))


def slates_of(project: Path) -> list[Slate]:
    """The slates of all rounds of a project."""
    files = sorted(project.glob("rounds/*/sample/slates.jsonl"))
    return [Slate.model_validate_json(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def judgments(asked: Asked, error: float, draw: int) -> list[list[Ranking]]:
    """Of each slate the answers of all teachers, in the order in which they come to it."""
    given = []
    for slate in asked.slates:
        names = chance(draw, "turn", slate.id).sample(TEACHERS, MOST)
        dice = [chance(draw, name, slate.id) for name in names]
        common = {"error_rate": error, "disagreement": 0.05, "label_error": 0.1}
        right = asked.truth[slate.problem.id]
        given.append([judge(slate, right, asked.taxonomy, d, teacher=n, **common) for n, d in zip(names, dice, strict=True)])
    return given


def counted(asked: Asked, given: Sequence[Sequence[Ranking]], overlap: Overlap) -> list[Sequence[Ranking]]:
    """Of each slate the answers that this overlap asks for."""
    found = []
    for slate, answers in zip(asked.slates, given, strict=True):
        count = 0
        while count < overlap.wanted(slate, answers[:count]):
            count += 1
        found.append(answers[:count])
    return found


def at_random(asked: Asked, given: Sequence[Sequence[Ranking]], total: int, draw: int) -> list[Sequence[Ranking]]:
    """As many answers, the second of slates drawn at random, and a third where two do not name one label."""
    found = [answers[:1] for answers in given]
    order = random.Random(draw).sample(range(len(found)), len(found))
    left = total - len(found)
    for i in order:
        slate, answers = asked.slates[i], given[i]
        count = 2 if len({chosen_label(answer, slate) for answer in answers[:2]}) == 1 else 3
        if left <= 0:
            break
        count = min(count, 1 + left)
        found[i], left = answers[:count], left - (count - 1)
    return found


def scores(asked: Asked, counted_answers: Sequence[Sequence[Ranking]]) -> NDArray[np.float64]:
    """Of each slate: answers, share of the votes on the right label, right by most votes. [S, 3]"""
    rows = []
    for slate, answers in zip(asked.slates, counted_answers, strict=True):
        right = asked.truth[slate.problem.id]
        labels = [label for answer in answers if (label := chosen_label(answer, slate)) is not None]
        most = {label for label in labels if labels.count(label) == max(map(labels.count, labels))}
        votes = labels.count(right) / len(labels) if labels else 0.0
        rows.append((len(answers), votes, (right in most) / len(most) if most else 0.0))
    return np.array(rows, dtype=np.float64)


def interval(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean with a 95 % bootstrap interval over the rows."""
    drawn = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}


def accuracy(asked: Asked, error: float, draws: int) -> list[dict[str, Any]]:
    """A row for each way to ask, with differences to the others at the same slates."""
    drawn = Overlap.of(asked.slates, "adaptive", DOUBLE_SHARE).drawn
    ways: dict[str, Overlap] = {str(n): Overlap(n) for n in (1, 2, 3)} | {"adaptive": Overlap("adaptive", drawn)}
    ways |= {"adaptive, nothing drawn": Overlap("adaptive")} | {
        f"adaptive, below {d:g} shares": Overlap("adaptive", doubt=d) for d in DOUBTS
    }
    sums: dict[str, NDArray[np.float64]] = {}

    def add(name: str, answers: Sequence[Sequence[Ranking]]) -> None:
        sums[name] = sums.get(name, np.zeros((len(asked.slates), 3))) + scores(asked, answers) / draws

    for draw in range(draws):
        given = judgments(asked, error, draw)
        for name, overlap in ways.items():
            add(name, found := counted(asked, given, overlap))
            if name == "adaptive":
                add("as many at random", at_random(asked, given, sum(map(len, found)), draw))
    rows = []
    for name, found in sums.items():
        each, slates = float(found[:, 0].mean()), JUDGMENTS / float(found[:, 0].mean())
        row: dict[str, Any] = {
            "way": name,
            "error": error,
            "judgments": each,
            "votes": interval(found[:, 1]),
            "right": interval(found[:, 2]),
        }
        row |= {"slates_of_450": slates, "right_of_450": slates * float(found[:, 2].mean())}
        row["against"] = {other: interval(found[:, 2] - sums[other][:, 2]) for other in ("1", "3", "as many at random")}
        rows.append(row)
    return rows


def measured(asked: Asked, error: float, draws: int) -> dict[str, Any]:
    """What is found of the teachers: the share of slates on which two name the same label, and their shares of right orders."""
    adaptive = Overlap.of(asked.slates, "adaptive", DOUBLE_SHARE)
    same: dict[str, list[float]] = {"overlap 2": [], "adaptive, all slates": [], "adaptive, the draw": []}
    right: dict[str, list[float]] = {"overlap 3": [], "adaptive, all slates": [], "adaptive, the draw": []}

    def note(rows: dict[str, list[float]], name: str, value: float | None) -> None:
        rows[name] += [] if value is None else [value]

    for draw in range(draws):
        given = judgments(asked, error, draw)
        few = [answer for answers in counted(asked, given, adaptive) for answer in answers]
        two, three = ([answer for answers in given for answer in answers[:count]] for count in (2, 3))
        fair = adaptive.unselected(asked.slates, _timed(few))
        for name, answers in zip(same, (two, few, fair), strict=True):
            found = agreement(asked.slates, answers)
            note(same, name, found.same if found else None)
        if draw < FITS:
            fits: tuple[tuple[list[Ranking], dict[str, Any]], ...] = ((three, {}), (few, {}), (_timed(few), {"overlap": adaptive}))
            for name, (answers, options) in zip(right, fits, strict=True):
                trusted = reliability(asked.slates, answers, **options)
                note(right, name, fmean(t.right for t in trusted.teachers.values()) if trusted else None)
    spread: Callable[[list[float]], dict[str, float]] = lambda v: {"value": fmean(v), "deviation": float(np.std(v))}  # noqa: E731  short
    return {"error": error} | {
        "same_label": {k: spread(v) for k, v in same.items()},
        "right_order": {k: spread(v) for k, v in right.items()},
    }


def _timed(answers: Sequence[Ranking]) -> list[Ranking]:
    """With times in this order, as Argilla gives them."""
    from datetime import UTC, datetime, timedelta

    start = datetime(2026, 3, 2, tzinfo=UTC)
    return [answer.model_copy(update={"submitted_at": start + timedelta(seconds=i)}) for i, answer in enumerate(answers)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "korean-mwp", help="where korean_mwp.py keeps its projects")
    parser.add_argument("--project", type=Path, help="take the slates of this project instead")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.project is None:
        asked = read_asked(args.folder, args.seeds, args.data)
    else:
        asked = Asked(
            slates_of(args.project), read_truth(args.project / "data" / "truth.jsonl"), read_taxonomy(args.project / "taxonomy.csv")
        )
    rows = [row for error in ERRORS for row in accuracy(asked, error, args.draws)]
    print("| errors | overlap | judgments a slate | votes on the right label | right by most votes | against 1 | against 3 | of 450 |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        votes, right, one, three = row["votes"], row["right"], row["against"]["1"], row["against"]["3"]
        cells = [f"{row['error']:.0%}", row["way"], f"{row['judgments']:.2f}", f"{votes['value']:.3f}", _shown(right, 3)]
        cells += [_points(one), _points(three), f"{row['slates_of_450']:.0f} slates, {row['right_of_450']:.0f} right"]
        print(f"| {' | '.join(cells)} |")
    found = [measured(asked, error, args.draws) for error in ERRORS]
    for one in found:
        for what in ("same_label", "right_order"):
            print(
                f"errors {one['error']:.0%}, {what}: "
                + "; ".join(f"{k} {v['value']:.3f} ± {v['deviation']:.3f}" for k, v in one[what].items())
            )
    if args.json:
        print(json.dumps({"slates": len(asked.slates), "draws": args.draws, "rows": rows, "teachers": found}))


def _shown(found: dict[str, float], places: int) -> str:
    return f"{found['value']:.{places}f} [{found['low']:.{places}f}, {found['high']:.{places}f}]"


def _points(found: dict[str, float]) -> str:
    return f"{100 * found['value']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"


if __name__ == "__main__":
    main()

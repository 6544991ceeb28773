"""Two rounds on disk: only common problems count, differences are the right way round, small groups cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from prefopt.calibration.posteriors import StoredPosteriors, joined, read_posteriors, write_posteriors
from prefopt.errors import CalibrationError
from prefopt.project.project import Project, Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rounds.artifacts import POSTERIORS
from prefopt.rounds.compare import compare_rounds
from tests.stages import finish_stage
from tests.unit.posteriors import calibrated, ids, normalized, small_taxonomy

TAXONOMY = small_taxonomy(1)  # four labels, each in a cell of its own


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "prefopt.toml").write_text("[calibrate]\nbootstrap = 200\n", encoding="utf-8")
    rows = [f"{x.code},{x.name},{','.join(x.groups)}" for x in TAXONOMY]
    (tmp_path / "taxonomy.csv").write_text("\n".join(["code,name,band,domain", *rows]), encoding="utf-8")
    return open_project(tmp_path)


def judged(
    project: Project,
    number: int,
    names: list[str],
    log_probs: np.ndarray,
    gold: np.ndarray,
    labels: tuple[str, ...] = TAXONOMY.ids,
    groups: tuple[str, ...] | None = None,
) -> Round:
    rnd = freeze_round(project, number, {"round": number, "recipe": "dpo"})
    finish_stage(rnd, {POSTERIORS: StoredPosteriors(tuple(names), labels, log_probs, gold, np.ones(len(gold)), groups=groups)})
    return rnd


def test_the_better_round_is_better_and_the_other_way_round_it_is_worse(project):
    log_probs, gold = calibrated(300, 4, 1)
    sharper = log_probs.copy()
    sharper[np.arange(300), gold] += 1.5
    first = judged(project, 2, ids(300), log_probs, gold)
    order = np.random.default_rng(0).permutation(300)[:280]  # another order, and some problems are missing
    second = judged(project, 5, [ids(300)[i] for i in order], normalized(sharper[order]), gold[order])
    found, back = compare_rounds(second, first), compare_rounds(first, second)
    assert (found.number, found.other, found.problems) == (5, 2, 280)
    assert found.overall.accuracy.low > 0 > found.overall.brier.high
    assert back.overall.accuracy.value == -found.overall.accuracy.value
    assert (found.gained, found.lost) == (back.lost, back.gained)
    assert found.confidence[0].gap.high < 0  # sharpened towards the right label: under-confident
    for ours, theirs in zip(found.confidence, reversed(back.confidence), strict=True):
        assert ours.gap.value == pytest.approx(theirs.gap.value)
    assert found.confidence[0].smooth.value > found.confidence[0].smooth.floor_95
    assert found.plain()["confidence"][0]["smooth_ece"]["name"] == "smooth"
    right = {name for name, row, g in zip(ids(300), log_probs, gold, strict=True) if row.argmax() == g}
    assert not set(found.gained) & right
    assert set(found.lost) <= right
    assert {g.change for g in found.groups} == {"better"}
    assert sum(g.count for g in found.groups) == 280


def test_siblings_are_compared_as_one(project):
    log_probs, gold = (np.repeat(values, 3, axis=0) for values in calibrated(100, 4, 5))
    better = log_probs.copy()
    better[np.arange(300), gold] += 0.5
    families = tuple(f"f{i // 3}" for i in range(300))  # three times the same problem
    first = judged(project, 0, ids(300), log_probs, gold, groups=families)
    second = judged(project, 1, ids(300), normalized(better), gold, groups=families)
    unknown = judged(project, 2, ids(300), normalized(better), gold)  # of an earlier version
    together, apart = (compare_rounds(rnd, first) for rnd in (second, unknown))
    once = np.sign((normalized(better)[::3].argmax(axis=1) == gold[::3]) - 1.0 * (log_probs[::3].argmax(axis=1) == gold[::3]))
    changed = int(np.abs(once).sum())
    assert together.overall.mcnemar.p_value == pytest.approx(stats.binomtest(int((once > 0).sum()), changed).pvalue)
    assert apart.overall.mcnemar.p_value < together.overall.mcnemar.p_value
    assert apart.overall.brier.value == together.overall.brier.value
    assert apart.overall.brier.high < together.overall.brier.high
    assert all(a.p_value < t.p_value for a, t in zip(apart.groups, together.groups, strict=True) if t.p_value < 1)


def test_small_groups_cannot_tell_and_other_gold_labels_do_not_count(project):
    log_probs, gold = calibrated(60, 4, 2)
    changed = gold.copy()
    changed[:5] = (gold[:5] + 1) % 4
    found = compare_rounds(judged(project, 1, ids(60), log_probs, gold), judged(project, 0, ids(60), log_probs, changed))
    assert found.problems == 55
    assert {(g.change, g.p_value) for g in found.groups if g.count < 30} == {("cannot tell", None)}
    assert found.plain()["groups"][0]["change"] == "cannot tell"


def test_what_cannot_be_compared_is_refused(project):
    log_probs, gold = calibrated(40, 4, 3)
    first = judged(project, 0, ids(40), log_probs, gold)
    with pytest.raises(CalibrationError, match="different labels"):
        compare_rounds(judged(project, 1, ids(40), log_probs, gold, ("a", "b", "c", "d")), first)
    with pytest.raises(CalibrationError, match="0 hold-out problems in common"):
        compare_rounds(judged(project, 2, [f"x{i}" for i in range(40)], log_probs, gold), first)
    with pytest.raises(CalibrationError, match="not calibrated"):
        compare_rounds(freeze_round(project, 3, {"round": 3, "recipe": "dpo"}), first)


def test_pieces_of_posteriors_are_joined_and_read_back(tmp_path):
    log_probs, gold = calibrated(9, 4, 4)
    families = tuple(f"유형 {i // 2}" for i in range(9))
    parts = [
        StoredPosteriors(
            tuple(ids(9)[a:b]), TAXONOMY.ids, log_probs[a:b], gold[a:b], np.full(b - a, 0.5), 2 * log_probs[a:b], families[a:b]
        )
        for a, b in ((0, 4), (4, 9))
    ]
    write_posteriors(tmp_path / "p.parquet", joined(parts))
    back = read_posteriors(tmp_path / "p.parquet")
    assert back.problem_ids == tuple(ids(9))
    assert (back.log_probs == log_probs).all()
    assert (back.single == 2 * log_probs).all()
    assert (back.gold == gold).all()
    assert back.groups == families
    write_posteriors(tmp_path / "old.parquet", replace(back, groups=None))
    assert read_posteriors(tmp_path / "old.parquet").groups is None
    assert joined([back, replace(back, groups=None)]).groups is None

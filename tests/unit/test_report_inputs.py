"""The section on the school's own problems, gathered from rounds on disk: which adapter, which problems, and when it is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from prefopt.calibration import evaluate
from prefopt.calibration.intervals import wilson
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.config import CalibrateSettings
from prefopt.project.holdout import keep_placement
from prefopt.project.project import Project, Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Answer, Problem, Ranking, Slate
from prefopt.report import SchoolSection, write_report
from prefopt.rounds.artifacts import POOL, POSTERIORS, RANKINGS, SLATES
from prefopt.rounds.reading import Reader, read
from prefopt.rounds.report_inputs import School, kept_section, school_section
from prefopt.rounds.slates import choose, inclusion_probabilities, make_slate, pool_frame, top2_gaps
from tests.stages import finish_stage
from tests.unit.posteriors import report_contents
from tests.unit.rankings_cases import ranked, slate

LABELS = ("a", "b", "c", "d")
POOL_SIZE, ASKED = 90, 20


def probabilities(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([1.0] * 4, size=n)


def a_project(folder: Path, settings: str = "") -> Project:
    """120 gold problems, each of a wording of its own; one of the pool has the wording of a hold-out problem."""
    (folder / "data").mkdir()
    (folder / "taxonomy.csv").write_text("code,name\n" + "".join(f"{x},{x.upper()}\n" for x in LABELS), encoding="utf-8")
    words = [f"{chr(0xAC00 + 7 * i)}{chr(0xB000 + 11 * i)}{chr(0xBB00 + 5 * i)}" for i in range(400)]
    gold = [
        f'{{"id": "g{i}", "text": "{" ".join(words[i + k * 40] for k in range(5))} 3", "label": "{LABELS[i % 4]}"}}' for i in range(120)
    ]
    (folder / "data" / "gold.jsonl").write_text("\n".join(gold) + "\n", encoding="utf-8")
    (folder / "data" / "pool.jsonl").write_text('{"id": "q0", "text": "open"}\n', encoding="utf-8")
    (folder / "prefopt.toml").write_text(settings, encoding="utf-8")
    return open_project(folder)


def posteriors(rnd: Round) -> StoredPosteriors:
    """Of the round's adapter on the hold-out, calibrated."""
    held = rnd.load().holdout
    log_probs = np.log(probabilities(len(held), 100 + rnd.number))
    gold = np.array([LABELS.index(str(p.label)) for p in held])
    return StoredPosteriors(tuple(p.id for p in held), LABELS, log_probs, gold, np.ones(len(held)))


def add_round(
    project: Project, number: int, left: list[Problem], *, share: float = 0.5, with_pool: bool = True, more: Sequence[Slate] = ()
) -> list[Problem]:
    """A round that asks ASKED of the problems left; its one teacher always finds the adapter's label right where its number is even."""
    rnd = freeze_round(project, number, {"round": number, "recipe": "dpo", "parent": 0 if number == 1 else number - 1})
    probs = probabilities(len(left), number)
    gaps, rng = top2_gaps(probs), np.random.default_rng(number)
    chosen, pi = choose(gaps, ASKED, share, rng), inclusion_probabilities(gaps, ASKED, share)
    made = [
        make_slate(
            rnd.key, left[i], [Answer(label=LABELS[k]) for k in np.argsort(-probs[i])[:3]], probs[i], LABELS, purpose, "x", float(pi[i])
        )
        for i, purpose in chosen
    ]
    rankings = []
    for one in made:
        best = max(one.candidates, key=lambda c: c.probability)
        right = int(one.problem.id[1:]) % 2 == 0
        ranks = {c.id: 1 if (c.id == best.id) == right else 2 for c in one.candidates}
        rankings.append(Ranking(slate_id=one.id, teacher="kim", kind="ranked", ranks=ranks))
    rankings += [ranked(s.id, teacher, "123") for s in more for teacher in ("kim", "lee")]
    finish_stage(rnd, {SLATES: [*made, *more], **({POOL: pool_frame(rnd.key, probs, LABELS, chosen)} if with_pool else {})})
    finish_stage(rnd, {RANKINGS: rankings})
    finish_stage(rnd, {POSTERIORS: posteriors(rnd)})
    asked = {left[i].id for i, _ in chosen}
    return [p for p in left if p.id not in asked]


def base(project: Project) -> list[Problem]:
    """Round 000, and the problems of the pool."""
    rnd = freeze_round(project, 0, {"round": 0, "recipe": "sft"})
    finish_stage(rnd, {POSTERIORS: posteriors(rnd)})
    first = rnd.load().holdout[0].text.replace("3", "52")  # a sibling of a hold-out problem
    return [Problem(id=f"q{i}", text=first if i == 0 else f"{chr(0xC000 + 13 * i)}{chr(0xC800 + 9 * i)} open") for i in range(POOL_SIZE)]


def section(project: Project, number: int) -> SchoolSection:
    """The section of one round, by what the report stage reads."""
    rnd = project.round(number)
    own, data = read(rnd, POSTERIORS), rnd.load()
    calibration = evaluate(own.log_probs, own.gold, own.problem_ids, data.taxonomy, CalibrateSettings(bootstrap=100), 1)
    slates, rankings = (None, None) if number == 0 else (read(rnd, SLATES), read(rnd, RANKINGS))
    return school_section(School().load(Reader(rnd)), data, own, calibration, slates, rankings, rnd.config, rnd.key)


def right_of(project: Project, number: int, keep: set[str] | None = None) -> tuple[int, int]:
    own = read(project.round(number), POSTERIORS)
    hits = {name: bool(hit) for name, hit in zip(own.problem_ids, own.log_probs.argmax(axis=1) == own.gold, strict=True)}
    chosen = [hit for name, hit in hits.items() if keep is None or name in keep]
    return sum(chosen), len(chosen)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Rounds 000, 001 and 002."""
    found = a_project(tmp_path)
    left = base(found)
    for number in (1, 2):
        left = add_round(found, number, left)
    return found


def test_the_base_stage_has_wordings_only(project):
    found = section(project, 0)
    assert found.pool is None
    assert found.gold is None
    assert found.wordings.new.change is None
    assert found.wordings.new.problems + found.wordings.learned.problems == len(project.round(0).load().holdout)


def test_a_first_round_judges_its_parent_and_compares_with_the_whole_hold_out(project):
    pool = section(project, 1).pool
    assert pool is not None
    assert pool.accuracy is not None
    assert (pool.parent, pool.accuracy.problems, pool.accuracy.slates, pool.accuracy.undecided) == (0, POOL_SIZE, ASKED, 0)
    asked = read(project.round(1), SLATES)
    assert pool.accuracy.raw == pytest.approx(np.mean([int(s.problem.id[1:]) % 2 == 0 for s in asked]))
    assert pool.accuracy.with_asked is None
    hits, n = right_of(project, 0)
    assert pool.shift is not None
    assert (pool.shift.problems, pool.shift.holdout) == (n, wilson(hits, n, 0.95))


def test_a_later_round_leaves_the_hold_out_problems_out_that_would_have_been_asked(project):
    pool = section(project, 2).pool
    assert pool is not None
    assert pool.accuracy is not None
    assert (pool.parent, pool.accuracy.problems, pool.accuracy.with_asked_problems) == (1, POOL_SIZE - ASKED, POOL_SIZE)
    drew = read(project.round(0), POSTERIORS)  # the adapter that drew round 1
    cutoff = read(project.round(1), POOL).cutoff
    keep = {name for name, gap in zip(drew.problem_ids, top2_gaps(np.exp(drew.log_probs)), strict=True) if gap > cutoff}
    hits, n = right_of(project, 1, keep)
    assert 0 < n < len(drew.problem_ids)
    assert pool.shift is not None
    assert (pool.shift.problems, pool.shift.holdout) == (n, wilson(hits, n, 0.95))


def test_a_hold_out_problem_is_learned_once_its_sibling_was_asked(tmp_path):
    project = a_project(tmp_path)
    left = base(project)
    add_round(project, 1, left[1:])
    before = section(project, 1).wordings
    (tmp_path / "other").mkdir()
    other = a_project(tmp_path / "other")
    add_round(other, 1, base(other)[:ASKED])  # asks all of them, the sibling too
    after = section(other, 1).wordings
    assert after.learned.problems == before.learned.problems + 1
    assert after.new.problems == before.new.problems - 1


def test_without_a_record_there_is_no_estimate_and_no_comparison(tmp_path):
    project = a_project(tmp_path)
    left = add_round(project, 1, base(project), with_pool=False)
    add_round(project, 2, left)
    first, second = section(project, 1).pool, section(project, 2).pool
    assert first is not None
    assert second is not None
    assert (first.accuracy, first.missing) == (None, "no_record")
    assert second.accuracy is not None
    assert (second.shift, second.shift_missing) == (None, "no_record")


def test_a_pool_that_has_grown_is_not_compared(tmp_path):
    project = a_project(tmp_path)
    left = add_round(project, 1, base(project))
    add_round(project, 2, [*left, Problem(id="q999", text="new")])
    pool = section(project, 2).pool
    assert pool is not None
    assert pool.accuracy is not None
    assert pool.shift_missing == "pool_changed"


@pytest.mark.parametrize(("share", "why"), [(0.0, "no_random"), (0.1, "too_few")])
def test_hard_problems_alone_do_not_show_the_accuracy(tmp_path, share, why):
    project = a_project(tmp_path)
    add_round(project, 1, base(project), share=share)
    pool = section(project, 1).pool
    assert pool is not None
    assert (pool.accuracy, pool.missing) == (None, why)


def test_a_branch_judges_the_draw_that_it_shares(project):
    branch = freeze_round(project, 3, {"round": 3, "recipe": "kto", "parent": 0, "branch_of": 1, "branch_at": "train"})
    for name in ("sample", "collect"):
        branch.stage(name).symlink_to(Path("..") / "001" / name, target_is_directory=True)
    finish_stage(branch, {POSTERIORS: posteriors(branch)})
    assert section(project, 3).pool == section(project, 1).pool


def test_gold_slates_of_all_rounds_estimate_the_error_and_a_stated_one_wins(tmp_path):
    known = [slate(f"k{i}", "abc", gold="a" if i else "b") for i in range(12)]
    for name, settings, source in (("asked", "", "estimated"), ("said", "[data]\ngold_error = 0.04\n", "stated")):
        (tmp_path / name).mkdir()
        project = a_project(tmp_path / name, settings)
        left = add_round(project, 1, base(project), more=known[:6])
        add_round(project, 2, left, more=known[6:])
        assert (section(project, 1).gold is None) == (source == "estimated")  # 6 slates are too few
        gold = section(project, 2).gold
        assert gold is not None
        assert gold.gold.source == source
        assert (gold.gold.slates, gold.gold.differ) == ((12, 1) if source == "estimated" else (0, 0))


def test_a_report_that_is_rewritten_keeps_its_section(project, tmp_path):
    found = section(project, 2)
    plain = report_contents()
    write_report(replace(plain, school=found), tmp_path)
    assert kept_section(tmp_path / "report.json") == found
    write_report(plain, tmp_path)
    assert kept_section(tmp_path / "report.json") is None
    assert kept_section(None) is None


def test_a_problem_that_was_removed_from_the_hold_out_is_left_out(project, tmp_path):
    keep_placement(project.rounds_folder, project.round(0).load().placed)
    (project.round(0).folder / "train").mkdir()  # from the first training on, the record binds
    before = section(project, 2).wordings
    name = project.round(0).load().holdout[1].id
    gold = tmp_path / "data" / "gold.jsonl"
    gold.write_text(
        "".join(line for line in gold.read_text(encoding="utf-8").splitlines(True) if f'"{name}"' not in line), encoding="utf-8"
    )
    after = section(project, 2).wordings
    assert after.new.problems + after.learned.problems == before.new.problems + before.learned.problems - 1

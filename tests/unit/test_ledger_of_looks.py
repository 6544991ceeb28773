"""The ledger of looks: what counts as a look at the hold-out, in which order, and what stays on record without its round."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefopt.errors import ProjectError
from prefopt.grounds import Clause, Look
from prefopt.project.audit import AuditRecord
from prefopt.project.project import Project, Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import CLAUSES, Decision
from prefopt.report.wording.ledger_section import accuracy_sentence
from prefopt.rounds.artifacts import DECISION
from prefopt.rounds.looks import FILE, Comparisons, Looks, PastLooks, RuleLook, record_comparison
from prefopt.rounds.promotion import follow_rule, overrule, parent_of_next, promotions
from prefopt.rounds.reading import Reader
from prefopt.rounds.reads import History
from prefopt.rounds.report_ledger import ledger
from tests.stages import finish_stage


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "prefopt.toml").write_text('[project]\nname = "p"\n', encoding="utf-8")
    return open_project(tmp_path)


def decided(project: Project, number: int, code: str, passed: bool | None = None) -> Round:
    """A round with its decision; `passed` None: one of an earlier version, without a look."""
    rnd = freeze_round(project, number, {"round": number, "recipe": "dpo", **({"parent": 0} if number else {})})
    look = () if passed is None else (Look(number=number, alpha=0.05, level=0.01, left=0.02, passed=passed, groups=90, groups_for_next=8),)
    finish_stage(rnd, {DECISION: Decision(outcome=CLAUSES[code], rule="r", grounds=(*look, Clause(code=code)))})
    follow_rule(project)
    return rnd


def past(project: Project, number: int) -> PastLooks:
    return Looks().load(Reader(Round(project, number)))


def test_before_the_first_decision_nothing_was_looked_at(project):
    freeze_round(project, 0, {"round": 0, "recipe": "sft"})
    assert past(project, 0) == PastLooks((), 0)


def test_children_spend_and_the_first_adapter_is_only_judged(project):
    for number, code, passed in ((0, "beats_majority", None), (1, "better_probabilities", True), (2, "parent_cannot_tell", False)):
        decided(project, number, code, passed)
    freeze_round(project, 3, {"round": 3, "recipe": "dpo", "parent": 1})
    found = past(project, 3)
    assert found.children == (RuleLook(1, True), RuleLook(2, False))
    assert (found.passed, found.judged) == ((True, False), 3)
    assert past(project, 2).children == (RuleLook(1, True),)  # the round's own decision is no earlier look


def test_a_child_that_something_else_held_has_passed(project):
    decided(project, 0, "beats_majority")
    for number, code in ((1, "vetoed"), (2, "below_baseline")):
        decided(project, number, code, True)
    assert past(project, 3).passed == (True, True)


def test_decisions_of_earlier_versions_passed_where_they_promoted(project):
    for number, code in ((0, "beats_majority"), (1, "better_probabilities"), (2, "vetoed")):
        decided(project, number, code)
    assert past(project, 3).passed == (True, False)


def test_a_branch_that_links_a_decision_takes_no_look_of_its_own(project):
    decided(project, 0, "beats_majority")
    first = decided(project, 1, "better_probabilities", True)
    branch = freeze_round(project, 2, {"round": 2, "recipe": "dpo", "parent": 0})
    branch.stage(DECISION.stage).symlink_to(first.stage(DECISION.stage), target_is_directory=True)
    follow_rule(project)
    assert past(project, 3) == PastLooks((RuleLook(1, True),), 2)


def test_a_look_stays_spent_when_its_round_is_removed_and_binds_no_later_round(project):
    decided(project, 0, "beats_majority")
    decided(project, 1, "parent_cannot_tell", False)
    decided(project, 2, "better_probabilities", True)
    reader = Reader(Round(project, 3))
    before = Looks().load(reader)
    assert reader.inputs == {}  # else the later round would be broken without the earlier one
    shutil.rmtree(project.round(1).folder)
    assert past(project, 3) == before


def test_the_report_lists_the_look_of_a_removed_round_and_then_corrects_nothing(project):
    decided(project, 0, "beats_majority")
    decided(project, 1, "parent_cannot_tell", False)
    decided(project, 2, "better_probabilities", True)
    shutil.rmtree(project.round(1).folder)
    decisions = History(DECISION).load(Reader(project.round(2)))
    found = ledger(decisions, promotions(project), (), (), project.config, 0, AuditRecord())
    assert [(row.round, row.outcome, row.level) for row in found.rows] == [(1, "held", None), (2, "promoted", 0.01)]
    assert found.rows[0].day  # its level is gone with its folder
    assert (found.missing, found.corrected) == ("removed_round", None)
    assert "removed" in accuracy_sentence(found).en


def test_what_people_decide_spends_nothing(project):
    decided(project, 0, "beats_majority")
    decided(project, 1, "parent_cannot_tell", False)
    before = past(project, 2)
    overrule(project.round(1), "rejected", "too slow")
    assert past(project, 2) == before


def test_comparisons_are_added_one_after_the_other(project):
    freeze_round(project, 0, {"round": 0, "recipe": "sft"})
    reader = Reader(Round(project, 0))
    assert Comparisons().load(reader) == ()
    record_comparison(project, 2, 1)
    record_comparison(project, 3, 1)
    found = Comparisons().load(reader)
    assert [(row.round, row.other) for row in found] == [(2, 1), (3, 1)]
    assert found[0].at <= found[1].at
    assert reader.inputs["comparisons"].path == f"rounds/{FILE}"


def test_the_next_round_starts_from_the_last_one_that_only_the_baseline_holds(project):
    decided(project, 0, "below_baseline")
    assert parent_of_next(project).number == 0
    decided(project, 1, "below_baseline", True)
    assert parent_of_next(project).number == 1
    decided(project, 2, "parent_cannot_tell", False)
    assert parent_of_next(project).number == 1
    overrule(project.round(1), "rejected", "wrong data")
    assert parent_of_next(project).number == 0


def test_a_comparison_that_cannot_be_recorded_is_refused(project):
    project.rounds_folder.mkdir(exist_ok=True)
    (project.rounds_folder / ".comparisons.lock").mkdir()  # root may write into a read-only folder, but cannot open one as a file
    with pytest.raises(ProjectError, match="cannot be recorded") as error:
        record_comparison(project, 2, 1)
    assert "writable" in error.value.hint

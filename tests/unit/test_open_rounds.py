"""A round that is not finished is never left in silence, and can be gone on with; round 000 that knows nothing is not asked about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefopt.errors import ProjectError
from prefopt.grounds import AccuracyAgainstMajority, Clause
from prefopt.io.jsonl import write_rows
from prefopt.project.project import Round, locked, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rankings.answers import FILE, AnswerEvent
from prefopt.records import Decision
from prefopt.rounds.artifacts import DECISION, DROPPED, PREFERENCES, RANKINGS, RECEIPTS, REPORT, REPORT_NUMBERS, REVIEW, SLATES
from prefopt.rounds.starting import branch, guesses, start_next
from tests.command_line import CommandLine
from tests.stages import NOON, finish_stage
from tests.unit.rankings_cases import ranked, slate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prefopt.toml").write_text("[sample]\nslates = 9\n")
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(folder, monkeypatch, capsys)


def decided(folder: Path, right: float, outcome: str = "held") -> Round:
    """Round 000 with this share of 40 held-out problems right, where 10 % are of the most frequent label."""
    rnd = freeze_round(open_project(folder), 0, {"round": 0, "recipe": "sft"})
    compared = AccuracyAgainstMajority(n=40, accuracy=right, majority="H01", majority_accuracy=0.1, p_value=1, change="cannot_tell")
    clause = Clause(code="majority_cannot_tell" if outcome == "held" else "beats_majority")
    grounds = (compared, clause)
    finish_stage(rnd, {DECISION: Decision(outcome=outcome, rule="r", grounds=grounds)})
    finish_stage(rnd, {REPORT: "<p>", REPORT_NUMBERS: "{}", REVIEW: ""})
    return rnd


def open_round(folder: Path, number: int, *, answers: int = 0, finished: bool = False) -> Round:
    rnd = freeze_round(open_project(folder), number, {"round": number, "recipe": "dpo", "parent": 0})
    finish_stage(rnd, {SLATES: [slate("s1")]})
    finish_stage(rnd, {RECEIPTS: []})
    if finished:
        finish_stage(rnd, {RANKINGS: []})
        finish_stage(rnd, {PREFERENCES: [], DROPPED: []})
        finish_stage(rnd, {REPORT: "<p>", REPORT_NUMBERS: "{}", REVIEW: ""})
    if answers:
        found = [ranked(f"s{i}", "kim", "123") for i in range(answers)]
        write_rows(rnd.folder / FILE, [AnswerEvent(at=NOON, what="new", answer=answer) for answer in found])
    return rnd


def test_a_branch_leaves_no_open_round_in_silence(folder, run):
    decided(folder, 0.5)
    open_round(folder, 3, finished=True)
    open_round(folder, 4, answers=4)
    assert "round 004 is not finished and has 4 answers of teachers" in run("round", "branch", "3", "--at", "pair", code=1)
    hint = "to go on with it: prefopt round 4; to leave it open: prefopt round branch 3 --at pair --leave-open"
    assert hint in run.errors
    assert not (folder / "rounds" / "005").exists()
    said = run(*hint.partition("open: prefopt ")[2].split())
    assert "round 005 started from round 003 at pair" in said
    assert "round 004 stays open: prefopt round 4 goes on with it" in said
    rows = json.loads(run("round", "list", "--json"))["rounds"]
    assert [(r["round"], r["branch_of"], r["branch_at"]) for r in rows[-2:]] == [(4, None, None), (5, 3, "pair")]
    assert "dpo (branch of 003 at pair)" in run("round", "list")


def test_a_branch_replaces_the_round_that_it_branches_unless_answers_would_be_lost(folder):
    decided(folder, 0.5)
    open_round(folder, 1)
    project = open_project(folder)
    assert branch(project, 1, "publish", None).number == 2
    rnd = open_round(folder, 3, answers=2)
    with pytest.raises(ProjectError, match="round 002 is not finished"):  # 001 is replaced by it
        branch(project, 3, "collect", None)
    (folder / "rounds" / "002").rename(folder / "002")
    (folder / "rounds" / "001").rename(folder / "001")
    with pytest.raises(ProjectError, match="round 003 is not finished and has 2 answers"):
        branch(project, 3, "publish", None)
    assert branch(project, 3, "collect", None).number == 4
    assert rnd.number == 3


def test_a_round_is_gone_on_with_by_its_number(folder, run):
    decided(folder, 0.5)
    open_round(folder, 1)
    open_round(folder, 2, finished=True)
    with locked(Round(open_project(folder), 1)):
        for words in (["round", "1"], ["round", "next", "1"], ["round", "--json", "1"], ["round", "--recipe", "dpo", "1"]):
            run(*words, code=1)
            assert "another process is working on round 001" in run.errors
    assert "round 002 is finished" in run("round", "2", code=1)
    assert "there is no round 7" in run("round", "7", code=1)
    assert "No such option: --recipe" in run("round", "--recipe", "dpo", "list", code=2)
    assert json.loads(run("round", "--json", "list"))["rounds"]


def test_teachers_are_not_asked_for_an_adapter_that_knows_nothing(folder, run):
    decided(folder, 0.0)
    said = run("round", code=1)
    assert "right on 0 of 40 held-out problems, and 4 would be right with the label H01 for every problem" in said
    assert "prefopt round --anyway" in said
    assert start_next(open_project(folder), anyway=True).start["anyway"] is True


@pytest.mark.parametrize(("right", "outcome", "asked"), [(0.1, "held", False), (0.125, "held", True), (0.0, "promoted", True)])
def test_who_is_better_than_a_guess_or_promoted_is_asked_about(folder, right, outcome, asked):
    assert (guesses(decided(folder, right, outcome)) == "") is asked
    if asked:
        assert "anyway" not in start_next(open_project(folder), anyway=True).start

"""prompt.spelling between rounds: older rounds keep theirs, later ones follow, and nothing changes in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prefopt.project.project import Project, Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.project.spelling import KEY
from prefopt.rounds.checks import check_project
from prefopt.rounds.frozen import changes_since
from prefopt.rounds.starting import replace_base, start_base
from tests.round_toml import without_digest
from tests.unit.leak_cases import problems, project

CANONICAL = '[prompt]\nspelling = "canonical"\n'


def spelling(found: Project | Round) -> str:
    return found.config.prompt.spelling


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A project whose round 000 was frozen by a version without the setting."""
    found = project(tmp_path, gold=problems("g", 40))
    rnd = freeze_round(found, 0, {"round": 0, "recipe": "sft"})
    path = rnd.folder / "round.toml"
    text = path.read_text(encoding="utf-8")
    assert len(re.findall('spelling = "canonical" # default\n', text)) == 1
    without_digest(path, lambda text: text.replace('spelling = "canonical" # default\n', ""))
    return tmp_path


def said(folder: Path) -> str | None:
    return check_project(open_project(folder)).get(KEY)


def test_a_new_project_reads_the_canonical_spelling(tmp_path):
    found = project(tmp_path, gold=problems("g", 40))
    rnd = freeze_round(found, 0, {"round": 0, "recipe": "sft"})
    assert (spelling(found), spelling(rnd), said(tmp_path)) == ("canonical", "canonical", None)


def test_an_older_round_keeps_what_its_calibration_was_computed_with(older):
    opened = open_project(older)
    assert spelling(opened.round(0)) == "as written"
    assert changes_since(opened.round(0)) == []


def test_the_next_round_keeps_it_too_and_says_so(older):
    following = freeze_round(open_project(older), 1, {"round": 1, "recipe": "dpo", "parent": 0})
    assert spelling(following) == "as written"
    assert 'spelling = "as written" # round 000\n' in (following.folder / "round.toml").read_text(encoding="utf-8")
    assert spelling(open_project(older)) == "as written"
    assert said(older) == '"as written", kept from round 001; to change it, set spelling = "canonical" under [prompt]'


def test_the_hint_followed_changes_the_next_round_alone(older):
    toml = older / "prefopt.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + CANONICAL, encoding="utf-8")
    opened = open_project(older)
    assert said(older) == '"canonical" from the next round on; round 000 reads "as written"'
    assert [(c.key, c.was, c.now) for c in changes_since(opened.round(0))] == [(KEY, "as written", "canonical")]
    following = freeze_round(opened, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    assert (spelling(following), spelling(opened.round(0)), said(older)) == ("canonical", "as written", None)
    toml.write_text(toml.read_text(encoding="utf-8").replace(CANONICAL, ""), encoding="utf-8")
    assert spelling(open_project(older)) == "canonical", "of the last round"


def test_round_000_started_again_is_a_new_beginning(older):
    fresh, replaced = replace_base(open_project(older))
    assert replaced is not None
    assert (spelling(fresh), spelling(open_project(older)), said(older)) == ("canonical", "canonical", None)
    assert spelling(start_base(open_project(older))) == "canonical"


def test_a_broken_round_is_reported_by_who_reads_it(older):
    (older / "rounds" / "000" / "round.toml").write_text("[", encoding="utf-8")
    assert spelling(open_project(older)) == "canonical"

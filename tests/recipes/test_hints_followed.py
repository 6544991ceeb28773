"""For each error that training can raise: the hint is followed as its text says, and the run then succeeds, in round 000 and later."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from prefopt.project.project import open_project
from prefopt.rounds.states import is_finished
from tests.command_line import CommandLine
from tests.e2e.small import write_small_project
from tests.recipes.hint_cases import FIRST, LATER, Case
from tests.recipes.hint_projects import SETTINGS, Edited, finish_base, start_pairs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the projects that are made once and copied."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def initial(made: Path, base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edited:
    """A project in which nothing has run."""
    if not (made / "initial").exists():
        write_small_project(made / "initial", SETTINGS.format(base=base_path))
    folder = shutil.copytree(made / "initial", tmp_path / "small")
    return Edited(CommandLine(folder, monkeypatch, capsys))


@pytest.fixture
def paired(initial: Edited, made: Path) -> Edited:
    """A project with round 000, and with the pairs of round 001."""
    if not (made / "paired").exists():
        finish_base(initial)
        start_pairs(initial)
        shutil.copytree(initial.folder, made / "paired", symlinks=True)
        return initial
    shutil.rmtree(initial.folder)
    shutil.copytree(made / "paired", initial.folder, symlinks=True)
    return initial


def follow(project: Edited, case: Case, command: tuple[str, ...]) -> None:
    """Provoke the error, and do what each hint says until the round is finished."""
    case.provoke(project)
    words = case.words or command
    for step in case.steps:
        project.shown = project.command(*words, code=1)
        message, _, hint = project.shown.partition("→")
        assert re.search(step.message, message), project.shown
        assert re.search(step.hint, hint), project.shown
        step.follow(project)
        words = step.then or command
    project.command(*words)
    if "branch" in words:
        project.command(*command)
    last = open_project(project.folder).rounds()[-1]
    assert is_finished(last)


@pytest.mark.parametrize("case", FIRST, ids=[case.name for case in FIRST])
def test_a_hint_in_round_000_is_followed_to_success(case: Case, initial: Edited) -> None:
    follow(initial, case, ("sft",))


@pytest.mark.parametrize("case", LATER, ids=[case.name for case in LATER])
def test_a_hint_in_a_later_round_is_followed_to_success(case: Case, paired: Edited) -> None:
    follow(paired, case, ("round",))

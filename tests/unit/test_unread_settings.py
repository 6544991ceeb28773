"""Settings that nothing would read are refused, copies of recipes have names of their own, and plug-ins are found by their path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefopt.errors import ConfigError, PluginError, PrefoptError
from prefopt.plugins import find_recipe, find_source
from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rounds.frozen import check_source
from prefopt.rounds.starting import refuse_bad_plugins
from prefopt.rounds.unread_settings import refuse_unread_settings
from tests.command_line import CommandLine


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def refused(folder: Path, text: str) -> PrefoptError | None:
    """What is said of a prefopt.toml."""
    (folder / "prefopt.toml").write_text(text, encoding="utf-8")
    try:
        refuse_unread_settings(open_project(folder))
    except PrefoptError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[recipes.zzz]\nfoo = 1\n", "prefopt.toml:2: [recipes.zzz] is read by no recipe: there are ", "remove the table"),
        ("[recipes.dop]\nlearning_rate = 1\n", "[recipes.dop] is read by no recipe", "did you mean [recipes.dpo]?"),
        ("[recipes.zzz]\n", "[recipes.zzz] is read by no recipe", "remove the table"),
        ("[recipes.kto]\nbetta = 3\n", "unknown key 'betta'", "did you mean 'beta'?"),
        ("[train]\nprocesses = 2\n", "prefopt.toml:2: train.processes is not read", 'set train.launcher = "accelerate"'),
        ('[train]\naccelerate_config = "a.yaml"\n', "train.accelerate_config is not read", "or remove train.accelerate_config"),
        ('[feedback]\ngold_file = "a.jsonl"\n', "feedback.gold_file is not read", "set feedback.gold_share = 0.1"),
        ("[feedback]\ndouble_share = 0.2\n", "feedback.double_share is not read", 'set feedback.overlap = "adaptive"'),
    ],
)
def test_what_nothing_reads_is_refused(tmp_path, text, said, hint):
    error = refused(tmp_path, text)
    assert isinstance(error, ConfigError)
    assert said in error.message
    assert hint in error.hint
    if hint.startswith("set "):  # followed to the letter
        table, _, rest = hint.removeprefix("set ").partition(".")
        assert refused(tmp_path, text + f"{rest}\n") is None, table


def test_what_is_read_passes(tmp_path):
    assert refused(tmp_path, "[recipes.kto]\nbeta = 0.1\n[train]\npreset = 'gpu24'\n[feedback]\ngold_file = ''\n") is None


def test_a_copy_of_a_recipe_has_a_table_of_its_own(run, tmp_path):
    run("recipes", "copy", "dpo", "recipes/mine.py")
    assert find_recipe("recipes/mine.py", tmp_path).name == "mine"
    used = '[round]\nrecipes = ["recipes/mine.py"]\n'
    assert refused(tmp_path, used + "[recipes.mine]\nbeta = 0.3\n") is None
    freeze_round(open_project(tmp_path), 0, {"round": 0, "recipe": "sft"})
    refused(tmp_path, used + "[recipes.mine]\nbetta = 3\n")
    with pytest.raises(ConfigError, match=r"\[recipes\.mine\]: unknown key 'betta'"):
        refuse_bad_plugins(open_project(tmp_path), ["recipes/mine.py"])
    assert "is read by no recipe" in str(refused(tmp_path, "[recipes.mine]\nbeta = 0.3\n"))
    freeze_round(open_project(tmp_path), 1, {"round": 1, "recipe": "recipes/mine.py", "parent": 0})
    assert refused(tmp_path, "[recipes.mine]\nbeta = 0.3\n") is None, "a round used it"


def test_two_recipes_of_one_name_are_refused_and_the_hint_helps(run, tmp_path):
    run("recipes", "copy", "dpo", "mine.py")
    path = tmp_path / "mine.py"
    path.write_text(path.read_text(encoding="utf-8").replace('name = "mine"', 'name = "dpo"'), encoding="utf-8")
    used = '[round]\nrecipes = ["mine.py"]\n'
    error = refused(tmp_path, used)
    assert isinstance(error, PluginError)
    assert error.message == "mine.py has the name 'dpo', as the installed recipe dpo has: both would read [recipes.dpo]"
    assert error.hint.startswith('set name = "mine" in mine.py')
    path.write_text(path.read_text(encoding="utf-8").replace('name = "dpo"', 'name = "mine"'), encoding="utf-8")
    assert refused(tmp_path, used) is None
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.py").write_bytes(path.read_bytes())
    assert "as mine.py has" in str(refused(tmp_path, '[round]\nrecipes = ["mine.py", "other/mine.py"]\n'))


def test_recipes_are_shown_by_name_and_by_path(run):
    run("recipes", "copy", "kto", "mine.py", "--json")
    shown = json.loads(run("recipes", "show", "mine.py", "--json"))
    assert (shown["name"], shown["needs"]) == ("mine", "judged")
    assert "[recipes.mine]" in run("recipes", "show", "mine.py")
    assert [row["name"] for row in json.loads(run("recipes", "show", "kto", "--json"))["options"]] == [
        row["name"] for row in shown["options"]
    ]
    assert "another name" in run("recipes", "copy", "kto", "dpo.py", code=1)


SOURCE = """
from typing import ClassVar

from prefopt.frozen import Frozen


class Options(Frozen):
    folder: str = "answers"


class Board:
    name: ClassVar[str] = "board"
    Config = Options

    def __init__(self, config, context):
        self.config = config

    def publish(self, slates):
        return []

    def collect(self, slates, receipts):
        return []

    def progress(self, receipts):
        return None


source = Board
"""


def test_a_feedback_source_is_found_by_its_path(tmp_path):
    (tmp_path / "board.py").write_text(SOURCE)
    assert find_source("./board.py", tmp_path).name == "board"
    settings = '[feedback]\nsource = "board.py"\n[feedback.options]\n'
    (tmp_path / "prefopt.toml").write_text(settings + 'folder = "x"\n')
    check_source(open_project(tmp_path))
    (tmp_path / "prefopt.toml").write_text(settings + 'foldr = "x"\n')
    with pytest.raises(ConfigError, match="unknown key 'foldr'"):
        check_source(open_project(tmp_path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such feedback source file"),
        ("x = 1\n", "has no object called `source`"),
        ("source = 1\n", "is not a feedback source: it lacks name, Config, publish, collect, progress"),
        (SOURCE.replace("source = Board", "source = Board(None, None)"), "it is not a class"),
        ("raise RuntimeError('no')\n", "cannot be imported: "),
    ],
)
def test_a_file_that_is_not_a_source_is_named(tmp_path, text, said):
    if text is not None:
        (tmp_path / "board.py").write_text(text)
    with pytest.raises(PluginError, match=r"board\.py") as caught:
        find_source("board.py", tmp_path)
    assert said in caught.value.message

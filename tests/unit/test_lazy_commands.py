"""The command line imports a group of commands when that group is used, and no earlier."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from prefopt import plugins
from prefopt.cli.app import app
from prefopt.cli.lazy import LazyCommand, lazy_group
from prefopt.errors import PluginError


def run(app: typer.Typer, *words: str):
    return CliRunner().invoke(app, [*words])


def small_app(**lazy: LazyCommand) -> typer.Typer:
    made = typer.Typer(cls=lazy_group(**lazy), rich_markup_mode=None)

    @made.callback()
    def start() -> None:
        """A small application."""

    @made.command()
    def eager() -> None:
        """Runs at once."""
        print("eager ran")

    return made


def imported_by(*words: str) -> set[str]:
    code = f"""
import sys
sys.argv = ["prefopt", *{words!r}]
from prefopt.cli.app import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules)
"""
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1].split())


def test_the_help_page_imports_neither_groups_nor_pydantic_nor_rich():
    modules = imported_by("--help")
    groups = {command.target.partition(":")[0] for command in app.info.cls.lazy.values()}
    assert groups
    # prefopt.cli.rounds also holds the options of `sft` and `tune`
    assert modules & {*(groups - {"prefopt.cli.rounds"}), "pydantic", "rich", "numpy"} == set()


def test_a_group_imports_no_other_group():
    modules = imported_by("recipes", "--help")
    assert "prefopt.cli.recipes" in modules
    assert "prefopt.cli.data" not in modules
    assert modules & {"feedback.argilla_commands", "feedback.teachers_commands"} == set()


def test_every_group_of_the_command_line_can_be_loaded_and_shows_the_help_of_the_table():
    listed = run(app, "--help").output
    for name, command in app.info.cls.lazy.items():
        shown = run(app, name, "--help")
        assert shown.exit_code == 0
        assert command.help in shown.output
        assert f"  {name} " in listed


def test_lazy_and_eager_commands_run_and_are_listed():
    made = small_app(recipes=LazyCommand("prefopt.cli.recipes:recipes", "List recipes."))
    assert run(made, "eager").output == "eager ran\n"
    assert "sft" in run(made, "recipes", "list").output
    listed = run(made, "--help").output
    assert "recipes   List recipes." in listed
    assert "eager     Runs at once." in listed


def test_an_unknown_command_names_the_commands_that_are_close():
    made = small_app(recipes=LazyCommand("prefopt.cli.recipes:recipes", "List recipes."))
    failed = run(made, "recipe")
    assert failed.exit_code == 2
    assert "No such command 'recipe'. Did you mean 'recipes'?" in failed.output
    assert "No such command 'zzz'.\n" in run(made, "zzz").output


def test_a_plug_in_that_claims_the_name_of_a_built_in_command_is_refused(monkeypatch):
    made = small_app()
    monkeypatch.setattr(plugins, "commands", lambda: ["eager"])
    with pytest.raises(PluginError, match="built-in command: eager"):
        CliRunner().invoke(made, ["--help"], catch_exceptions=False)


def test_exhausted_memory_is_said_in_words_without_importing_torch():
    code = """
import sys
from prefopt.cli import app
def fail(**options):
    raise MemoryError
app.app = fail
try:
    app.main()
finally:
    assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this command needs more memory than there is: MemoryError" in done.stderr
    assert "Traceback" not in done.stderr

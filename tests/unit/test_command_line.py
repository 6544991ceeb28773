"""The command line's names: former commands are refused with the new one, and the usual short options work."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from prefopt import __version__
from prefopt.cli.app import app
from prefopt.errors import ConfigError

runner = CliRunner()


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["feedback", "report", "2", "--json"], "prefopt rankings report 2 --json"),
        (["feedback"], "prefopt rankings"),
        (["check", "--model", "gpt-oss-20b", "--seq", "2048"], "prefopt plan gpt-oss-20b "),
        (["check", "--model=tiny"], "prefopt plan tiny "),
    ],
)
def test_a_former_command_is_refused_with_the_new_one(words: list[str], instead: str) -> None:
    error = runner.invoke(app, words).exception
    assert isinstance(error, ConfigError)
    assert error.hint.startswith(instead)


def test_an_unknown_option_of_check_is_a_usage_error() -> None:
    result = runner.invoke(app, ["check", "--modle", "tiny"])
    assert result.exit_code == 2
    assert "No such option" in result.output


def test_former_commands_are_not_listed() -> None:
    listed = re.findall(r"^  (\w+)  ", runner.invoke(app, ["--help"]).output, flags=re.MULTILINE)
    assert "rankings" in listed
    assert "feedback" not in listed


def test_version_needs_no_command() -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.output.strip()) == (0, f"prefopt {__version__}")


@pytest.mark.parametrize("words", [[], ["round"], ["rankings"], ["rankings", "report"]])
def test_the_short_help_option_works_everywhere(words: list[str]) -> None:
    result = runner.invoke(app, [*words, "-h"])
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_a_missing_project_directory_is_refused() -> None:
    result = runner.invoke(app, ["-C", "no-such-place", "check"])
    assert result.exit_code == 2
    assert "is not a directory" in result.output

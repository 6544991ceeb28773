"""Every option of every help page is typed: the list comes from the program itself, so that none is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from prefopt.cli.app import app
from prefopt.cli.boundary import DEBUG
from tests.command_line import CommandLine

SPECIAL = {
    "--port": "0",
    "--seed": "3",
    "--at": "train",
    "--gpu": "24",
    "--tokens": "512",
    "--compare": "1 2",
    "--label-error": "0.1",
    "--shares": "70/30",
    "--columns": "text=frage",
    "--join": "a+b",
    "--language": "ko",
    "--layout": "peft",
    "--page": "en",
    "--to": "problems",
    "--mode": "split",
    "--unit": "client",
    "--promote": "b",
}
"""Values of options that not any value fits."""
ENDS_AT_ONCE = ("--help", "--version", "--install-completion", "--show-completion")
"""Options with which nothing else of the line is read."""
ALONE = {"recipes list", "argilla up", "argilla logs", "data generate", "demo", "init", "adapter import", "plan"}
"""Commands that do their work without a project, or import torch first: tests of their own type their options."""


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Words and command of every page of help."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if hasattr(command, "list_commands"):
            context = typer.Context(command)
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), (*words, name))
        yield words, command

    return walk(get_command(app), ())


def value_of(option: str, parameter: Any) -> list[str]:
    if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
        return []
    kind = repr(parameter.type_descriptor)
    return SPECIAL.get(option, "3" if "int" in kind else "0.5" if "float" in kind else "x").split()


def lines() -> Iterator[tuple[str, ...]]:
    """For every page a line that types all its options, with the arguments that its command needs."""
    for words, command in commands():
        needed = [word for p in command.params if p.required and not p.opts[0].startswith("-") for word in value_of(p.opts[0], p)]
        options = [(o, p) for p in command.params for o in (*p.opts, *p.secondary_opts) if o.startswith("-") and o not in ENDS_AT_ONCE]
        given = [word for option, parameter in options for word in (option, *value_of(option, parameter))]
        if words in GROUPS_THAT_RUN or not hasattr(command, "list_commands"):
            yield (*words, *needed, *given)


GROUPS_THAT_RUN = (("round",), ("audit",), ("serve",))
LINES = sorted(set(lines()))


def test_the_list_has_every_option():
    options = {(words, o) for words, c in commands() for p in c.params for o in (*p.opts, *p.secondary_opts) if o.startswith("-")}
    typed = {(words, o) for words, o in options for line in LINES if line[: len(words)] == words and o in line}
    assert len(options) > 200
    assert {(words, o) for words, o in options - typed if o not in ENDS_AT_ONCE} == {((), "-C"), ((), "--debug")}  # typed in other tests


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture
def run(nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.setenv("TMPDIR", str(nowhere))
    monkeypatch.setenv(DEBUG, "")
    return CommandLine(nowhere, monkeypatch, capsys)


def works_alone(words: tuple[str, ...]) -> bool:
    return any(words[: len(name.split())] == tuple(name.split()) for name in ALONE)


@pytest.mark.parametrize("words", [words for words in LINES if not works_alone(words)], ids=" ".join)
def test_every_option_is_understood_and_without_a_project_refused_in_words(run, words):
    """Outside a project nothing can be done, which is said: neither as wrong usage nor by a stack."""
    run(*words, code=None)
    assert "Traceback" not in run.errors
    assert "a fault of prefopt itself" not in run.errors
    assert "No such option" not in run.errors
    assert "Usage:" not in run.errors, run.errors


@pytest.mark.parametrize("words", [words for words, _ in commands() if words], ids=" ".join)
def test_every_command_prints_an_error_as_an_object(run, words):
    """Without what it needs, and with --json, every command gives one object on stdout."""
    if works_alone(words) or words in {("feedback",), ("round",)} or any(hasattr(c, "list_commands") for w, c in commands() if w == words):
        return
    run.errors = ""
    printed = run(*words, "--json", code=None)
    if printed != run.errors:
        assert isinstance(json.loads(printed), dict), printed
    else:
        raise AssertionError(f"nothing on stdout: {printed}")


@pytest.mark.parametrize("words", [(), *(words for words, _ in commands() if words)], ids=" ".join)
def test_every_page_of_help_is_short_and_lists_its_options(run, words):
    if words == ("feedback",):
        return
    text = run(*words, "-h")
    assert text.startswith("Usage: prefopt")
    command = dict(commands())[words]
    for parameter in command.params:
        if not getattr(parameter, "hidden", False) and parameter.opts[0].startswith("-"):
            assert parameter.opts[0] in text

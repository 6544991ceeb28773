"""Where every command ends: exceptions become words and an exit code, and no stack is printed unless --debug asks for it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

DEBUG = "PREFOPT_DEBUG"
"""Set by --debug, so that the processes that a command starts see it too."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as of other programs."""
RESUMED = ("sft", "round", "predict", "demo")
"""Commands that go on where they stopped when they are typed again."""


def run(app: Callable[..., Any], words: Sequence[str]) -> int:
    """Run a command line, and return its exit code.

    Args:
        app: a `typer.Typer`.
        words: what was typed after the name of the program; --debug may stand anywhere before a "--".
    """
    words = _without_debug(words)
    if "prefopt.cli.console" in sys.modules:  # of an earlier command in this process
        sys.modules["prefopt.cli.console"].has_printed_json()
    try:
        _print_any_character()
        app(args=words, prog_name="prefopt")
        _flush()
    except SystemExit as end:
        return _ended(end, words)
    except BrokenPipeError:
        _print_no_more()
        return 1
    except KeyboardInterrupt:
        return _interrupted(words)
    except Exception as error:
        return _failed(error, as_json="--json" in words)
    return 0


def _without_debug(words: Sequence[str]) -> list[str]:
    options = words[: words.index("--")] if "--" in words else words
    if "--debug" in options:
        os.environ[DEBUG] = "1"
    return [word for word in options if word != "--debug"] + list(words[len(options) :])


def _print_any_character() -> None:
    """What the terminal's encoding lacks is printed as an escape: a result must not be lost because of how it is shown."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    if sys.stdout is not None:  # closed by whoever started the command
        sys.stdout.flush()


def _ended(end: SystemExit, words: Sequence[str]) -> int:
    """The exit code of a command that ended early; what it printed is flushed first. With --json, wrong usage is an error object too."""
    code = end.code if isinstance(end.code, int) else int(end.code is not None)
    if code == INTERRUPTED:
        return _interrupted(words)
    try:
        if "--json" in words and (message := getattr(end.__context__, "format_message", None)) is not None:
            command = getattr(getattr(end.__context__, "ctx", None), "command_path", "prefopt")
            _print_json({"error": message(), "hint": f"{command} --help"})
        _flush()
    except BrokenPipeError:
        _print_no_more()
    except OSError as error:
        return _failed(error, as_json=False)
    return code


def _interrupted(words: Sequence[str]) -> int:
    """One line, which says of a command that can be resumed that it can."""
    command = next((word for word in words if word in RESUMED), None)
    hint = "the same command goes on where it stopped" if command else ""
    try:
        print(f"interrupted{f': {hint}' if hint else ''}", file=sys.stderr)
        if "--json" in words:
            _print_json({"error": "interrupted", "hint": hint})
        _flush()
    except BrokenPipeError:
        _print_no_more()
    return INTERRUPTED


def _print_json(value: dict[str, str]) -> None:
    """Print an object, unless the command has printed its own."""
    from prefopt.cli import console

    if not console.has_printed_json():
        console.print_json(value)


def _failed(error: Exception, *, as_json: bool) -> int:
    """Print what failed; returns the exit code."""
    try:
        from prefopt.cli import console
        from prefopt.faults import as_prefopt_error

        if os.environ.get(DEBUG):
            console.err.print("".join(traceback.format_exception(error)), markup=False)

        found = as_prefopt_error(error)
        console.print_error(found)
        if as_json:
            _print_json({"error": found.message, "hint": found.hint})
        _flush()
    except BrokenPipeError:
        _print_no_more()
    except Exception as second:  # the disk, the memory or stdout fails again while it is being said
        _print_no_more()
        _last_words(f"✗ {type(error).__name__}: {error} ({type(second).__name__} while saying it)\n")
    return 1


def _last_words(line: str) -> None:
    from prefopt.controls import shown

    try:
        os.write(2, (shown(line.rstrip("\n")) + "\n").encode(errors="backslashreplace"))
    except OSError:
        return


def _print_no_more() -> None:
    """Lead stdout away from where it is refused, so that the interpreter's last flush does not fail."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return

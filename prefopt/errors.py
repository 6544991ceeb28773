"""The exceptions that prefopt raises on purpose.

PrefoptError            printed without a traceback by the command line
├── ConfigError         prefopt.toml, a recipe's TOML, or an option of the command line
├── DataError           a row of a problem, taxonomy or ranking file; carries path and line
├── ProjectError        the project or a round: missing, locked, broken or waiting
├── ModelError          a checkpoint, adapter or tokenizer; memory
├── TrainingError       a recipe cannot start or must not continue
├── FeedbackError       the annotation tool: unreachable, refused, or changed by others
├── CalibrationError    a number that would be wrong
├── PluginError         a recipe, feedback source or command that cannot be found or imported, or that failed
├── WaitingError        work goes on elsewhere; the same command goes on later
├── UndeclaredReadError a stage opened a file that it does not declare
└── InternalError       a fault of prefopt itself
"""

from __future__ import annotations

from pathlib import Path

from prefopt.controls import shown


class PrefoptError(Exception):
    """Base of all exceptions: what failed, the facts, and what to type next.

    Names and texts of others in them are shown without control characters (prefopt.controls).

    Args:
        message: what failed, with the facts (given and expected values).
        hint: what to type or edit next; empty if the message makes it obvious.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = shown(message)
        self.hint = shown(hint)

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class ConfigError(PrefoptError):
    """A setting is unknown, of the wrong type, or contradicts another."""


class DataError(PrefoptError):
    """A file, or a row of it, is malformed.

    Args:
        path: the file.
        line: 1-based line of the row; None for the whole file.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None, hint: str = "") -> None:
        where = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(where + message, hint=hint)
        self.path = None if path is None else Path(path)
        self.line = line


class ProjectError(PrefoptError):
    """The project or one of its rounds is missing, locked or broken."""


class ModelError(PrefoptError):
    """A checkpoint, adapter or tokenizer cannot be used as requested."""


class TrainingError(PrefoptError):
    """A recipe cannot start, or stopped because continuing would give wrong results."""


class FeedbackError(PrefoptError):
    """The annotation tool is unreachable, refused a request, or holds data that others changed."""


class CalibrationError(PrefoptError):
    """A number would be wrong, so it is not computed."""


class PluginError(PrefoptError):
    """A recipe, feedback source or command cannot be found or imported, or its code failed."""


class WaitingError(PrefoptError):
    """Nothing failed: a service works on what a round needs next, and the same command asks it again. The message names the work."""


class UndeclaredReadError(PrefoptError):
    """A stage opened a file of a round that it does not declare: a fault of the stage's code."""


class InternalError(PrefoptError):
    """An exception that nothing explains: a fault of prefopt itself."""

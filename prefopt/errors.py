"""Everything that prefopt raises on purpose.

PrefoptError            printed short by the command line; anything else shows its traceback
├── ConfigError         prefopt.toml, a recipe's TOML, or an option of the command line
├── DataError           a row of a problem, taxonomy or ranking file; carries path and line
├── ProjectError        the project or a round: missing, locked, broken, waiting
├── ModelError          a checkpoint, adapter or tokenizer; memory
├── TrainingError       a recipe could not or must not go on
├── FeedbackError       the annotation tool: unreachable, refused, changed under us
├── CalibrationError    a number that would be wrong
└── PluginError         a recipe or feedback source that cannot be found or imported
"""

from __future__ import annotations

from pathlib import Path


class PrefoptError(Exception):
    """What failed, the facts, and what to type next.

    Args:
        message: what failed, with the facts (what was given, what was expected).
        hint: what to type or edit next; empty where the message says it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class ConfigError(PrefoptError):
    """A setting is unknown, of the wrong type, or contradicts another."""


class DataError(PrefoptError):
    """A row of a file is not what it must be.

    Args:
        path: the file.
        line: 1-based line of the row; None where the whole file is meant.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None, hint: str = "") -> None:
        where = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(where + message, hint=hint)
        self.path = None if path is None else Path(path)
        self.line = line


class ProjectError(PrefoptError):
    """The project or one of its rounds is missing, locked or broken."""


class ModelError(PrefoptError):
    """A checkpoint, adapter or tokenizer cannot be used as asked."""


class TrainingError(PrefoptError):
    """A recipe could not start, or stopped because going on would be wrong."""


class FeedbackError(PrefoptError):
    """The annotation tool is unreachable, refused us, or changed under us."""


class CalibrationError(PrefoptError):
    """A number would be wrong, so it is not computed."""


class PluginError(PrefoptError):
    """A recipe or feedback source cannot be found or imported."""

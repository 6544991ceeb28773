"""How a file of people is read: which column is what, which are joined, which are skipped, and which sheet.

One value for every command and for the project ([read]); `read_options` makes it of the words that people write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from prefopt.errors import ConfigError

ALL_SHEETS = "all"


@dataclass(frozen=True)
class ReadOptions:
    """How the rows of a file become problems, or labels of a taxonomy."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of the file -> key, for columns with names of their own."""
    join: tuple[tuple[str, str], ...] = ()
    """Columns that make one text, in order, each with what stands before it: ("", "Body"), (" ", "Question")."""
    ignored: tuple[str, ...] = ()
    """Columns that are skipped."""
    sheet: str | None = None
    """Name of a workbook's sheet, or "all"; None: the first."""
    of: Literal["options", "settings"] = "options"
    """Whether they come from the command line, for the files that it names, or from [read], for all files of a project."""

    def skipping(self, columns: tuple[str, ...]) -> str:
        """What to type or write in order to skip further columns."""
        names = ",".join((*self.ignored, *columns))
        return f"--ignore {_quoted(names)}" if self.of == "options" else f'ignore = "{names}" under [read]'

    def naming(self, key: str, column: str) -> str:
        """What to type or write in order to say what a column holds."""
        names = ",".join((*(f"{k}={c}" for c, k in self.columns.items()), f"{key}={column}"))
        return f"--columns {_quoted(names)}" if self.of == "options" else f'columns = "{names}" under [read]'

    def joining(self, columns: tuple[str, ...], mark: str = "+") -> str:
        """What to type or write in order to make one text of several columns."""
        names = mark.join(columns)
        return f"--join {_quoted(names)}" if self.of == "options" else f'join = "{names}" under [read]'


AS_IT_IS = ReadOptions()


def read_options(columns: str = "", join: str = "", ignore: str = "", sheet: str = "", *, of_project: bool = False) -> ReadOptions:
    """The options in the words of the command line or of [read].

    Args:
        columns: "text=question,label=class".
        join: "Body+Question", or "Body|Question" with a line break between the two.
        ignore: "answer,equation".
        sheet: name of a sheet, or "all"; empty: the first.
        of_project: whether they are settings.

    Raises:
        ConfigError: another form, an unknown key, one column or key in two places.
    """
    named, joined, ignored = parse_columns(columns), _parse_join(join), tuple(filter(None, (c.strip() for c in ignore.split(","))))
    if joined and "text" in named.values():
        raise ConfigError("--columns and --join both say what the text is", hint="leave text=… out of --columns")
    twice = {*ignored} & {*named, *(column for _, column in joined)}
    if twice:
        raise ConfigError(f"column {min(twice)!r} is both used and ignored", hint="leave it out of --ignore")
    return ReadOptions(named, joined, ignored, sheet.strip() or None, "settings" if of_project else "options")


def parse_columns(text: str) -> dict[str, str]:
    """ "text=question,label=class" -> {"question": "text", "class": "label"}. Raises ConfigError on anything else."""
    from prefopt.readers.column_names import KEYS, TAXONOMY_KEYS  # pydantic: not for commands that read no file

    columns: dict[str, str] = {}
    known = (*KEYS, *(key for key in TAXONOMY_KEYS if key not in KEYS))
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, column = (p.strip() for p in part.partition("="))
        if key not in known or not equals or not column:
            raise ConfigError(f"--columns {part!r}: not KEY=COLUMN", hint=f"keys: {', '.join(KEYS)}; e.g. text=question,label=class")
        if column in columns or key in columns.values():
            raise ConfigError(f"--columns {part!r}: the key or the column is given twice", hint="several columns make one text: --join A+B")
        columns[column] = key
    return columns


def _parse_join(text: str) -> tuple[tuple[str, str], ...]:
    if not text.strip():
        return ()
    parts = re.split(r"([+|])", text)
    names = [part.strip() for part in parts[::2]]
    if len(names) < 2 or not all(names) or len({*names}) < len(names):
        raise ConfigError(f"--join {text!r}: not COLUMN+COLUMN", hint="e.g. --join Body+Question, or Body|Question for a line break")
    return tuple(zip(["", *({"+": " ", "|": "\n"}[mark] for mark in parts[1::2])], names, strict=True))


def _quoted(words: str) -> str:
    """Words as a shell takes them."""
    return words if re.fullmatch(r"[\w+=,./-]+", words) else "'" + words.replace("'", "'\\''") + "'"

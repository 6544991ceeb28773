"""The console that everything is printed on: no control characters of others, and no line cut where a program reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from prefopt.controls import raw_stream, shown

UNCUT = 100_000
"""Columns of what is not a terminal."""


class ShownConsole(Console):
    """A console whose texts are written without control characters; those of its own colors and bars are not texts."""

    @property
    def file(self) -> IO[str]:
        """The stream that is written to, with the console's own control sequences."""
        return raw_stream(cast(TextIO, Console.file.fget(self)))  # type: ignore[attr-defined]  # mypy does not know of a property's function

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines; where no terminal shows them, lines are as long as their content, so that no program reads a part of it."""
        found = Console.size.fget(self)  # type: ignore[attr-defined]  # as above
        return found if self.is_terminal else ConsoleDimensions(UNCUT, found.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as Console does; texts are made visible before rich drops some of their control characters."""
        super().print(*(shown(each) if isinstance(each, str) else each for each in objects), **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text that can be printed: tables measure it as it is written."""
        return super().render_str(shown(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The segments of anything that can be printed: tables and bars have texts too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text), segment.style)

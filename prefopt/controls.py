"""Characters that act on a terminal or hide in a text, as visible escapes: ESC is written \\u001b.

What a file, a teacher or a model says is printed, logged and put into tables for people. Control characters, marks of the direction of
writing and invisible characters would change the terminal's state or what its reader sees (CVE-2021-42574). Line ends, tabs and the joiners
of emoji stay.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)"  # C0 and C1, and a return that overwrites its line
    "|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # direction of writing
    "|[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u2028\u2029\u2060-\u2065\u206a-\u206f]"  # not seen
    "|[\u3164\ufeff\uffa0\ufff9-\ufffb]"  # as above
    "|(?<![\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff])\u200d|\u200d(?![\u203c-\u3299\U0001f000-\U0001faff])"
    "|[\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
    "|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007f]"  # tags, but those of flags
    "|[\ud800-\udfff]"  # bytes of a file's name that are no text
)


def shown(text: str) -> str:
    """The text with each such character as an escape of JSON. shown(shown(t)) is shown(t), and JSON stays the same JSON."""
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


class ShownStream:
    """A stream for people that writes such characters as escapes. `raw` is the stream behind it, for a program's own control sequences."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write a text. A return at its beginning stays: progress bars begin with one."""
        first = text[: text.startswith("\r")]
        self.raw.write(first + shown(text[len(first) :]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


class _ShownRecord(logging.LogRecord):
    """A record of a log whose message is one that can be shown."""

    def getMessage(self) -> str:  # noqa: N802 - the name is that of logging
        return shown(super().getMessage())


def raw_stream(stream: TextIO) -> TextIO:
    """The stream behind a ShownStream, or the stream itself."""
    return stream.raw if isinstance(stream, ShownStream) else stream


def guard_output() -> None:
    """From now on, whatever this process prints, logs or warns of is written without such characters. Called by the entry points."""
    if sys.stdout is not None and not isinstance(sys.stdout, ShownStream):  # None: closed by whoever started the command
        sys.stdout = cast(TextIO, ShownStream(sys.stdout))
    if sys.stderr is not None and not isinstance(sys.stderr, ShownStream):
        sys.stderr = cast(TextIO, ShownStream(sys.stderr))
    logging.setLogRecordFactory(_ShownRecord)

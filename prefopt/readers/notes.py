"""Where commands hear of what was read and should be known: the logger "prefopt.readers".

A Note is a warning of this logger, with its facts in `record.note` and `record.path`; the command line prints each kind once for a file.
"""

from __future__ import annotations

import logging
from pathlib import Path

from prefopt.controls import shown
from prefopt.io.row import Note

logger = logging.getLogger("prefopt.readers")


def tell(path: Path | str, note: Note) -> None:
    """Say what a reader noticed."""
    logger.warning("%s:%d: %s", shown(str(path)), note.line, shown(note.detail), extra={"note": note, "path": path})

"""Every exception in words: of the system, of a plug-in, or of prefopt itself. Used where a command or a worker process ends."""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from pathlib import Path

from prefopt.errors import InternalError, PluginError, PrefoptError
from prefopt.io.disk import disk_errno
from prefopt.io.system_faults import in_words, is_out_of_memory
from prefopt.plugins import blamed, in_use

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO)
"""Faults of the machine, whoever's code met them."""


def as_prefopt_error(error: BaseException) -> PrefoptError:
    """The exception in words, with what to do about it.

    A fault of the machine (disk, memory) is one whoever's code met it. Otherwise an exception that passed through a plug-in is the
    plug-in's; one that no rule knows is an InternalError, whose stack is saved in a file.
    """
    if isinstance(error, PrefoptError):
        return error
    known = in_words(error)
    if known is not None and (is_out_of_memory(error) or disk_errno(error) in _FULL):
        return known
    return _of_plugin(error, known) or known or _of_ours(error)


def _of_plugin(error: BaseException, known: PrefoptError | None) -> PluginError | None:
    found = blamed(error)
    if found is None:
        return None
    what = known.message if known is not None else described(error)
    return PluginError(
        f"{found.what} failed at {found.file}:{found.line}: {what}", hint="correct the plug-in; --debug shows the whole stack"
    )


def _of_ours(error: BaseException) -> InternalError:
    saved, others = _save_stack(error), in_use()
    what = f"a fault of prefopt itself: {described(error)}"
    what += f", or of {', '.join(others)}" if others else ""
    what += f"; its stack is in {saved}" if saved else ""
    return InternalError(what, hint="report it; the same command with --debug shows where it was raised")


def described(error: BaseException) -> str:
    """Type and first line of an exception."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _save_stack(error: BaseException) -> Path | None:
    """Write the stack to a file that only this user can read; None where that fails too."""
    try:
        handle, name = tempfile.mkstemp(prefix="prefopt-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return Path(name)

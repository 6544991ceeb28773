"""Which operations on files the system refuses, and what it says; also where a library reports it in a message of its own."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefopt.errors import PrefoptError

DISK_WORDS: dict[int, str] = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file grows over the limit for files",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EIO: "the disk reports an error",
    errno.ENOENT: "no such file or directory",
    errno.EEXIST: "exists already",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EISDIR: "is a directory, not a file",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "links lead in a circle",
    errno.EXDEV: "lies on another file system",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open on this machine",
    errno.ETXTBSY: "a program is running from this file",
    errno.ESTALE: "the network drive has lost the file",
    errno.ENODEV: "the device is gone",
    errno.ENXIO: "the device is gone",
}
_NUMBERED = re.compile(r"\[?(?:os error|errno:?) (\d+)\]?", re.IGNORECASE)


def disk_errno(error: BaseException) -> int | None:
    """The errno of a refused operation on a file, also where a library reports it in a message of its own; None for other exceptions."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if is_one_of(error, ("sqlite3.Error",)):
        return None
    text = str(error)
    found = _NUMBERED.search(text)
    if found and int(found[1]) in DISK_WORDS:
        return int(found[1])
    if "PytorchStreamWriter failed writing" in text or "file write failed" in text:
        return errno.ENOSPC  # torch hides the number; a disk that takes no more is what stops it in practice
    return errno.EMFILE if "Too many open files" in text else None


def in_disk_words(error: BaseException) -> str:
    """What the system refused, with the file that it names; another exception's own first line."""
    number = disk_errno(error)
    if number is None:
        return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    named, what = getattr(error, "filename", None), DISK_WORDS.get(number, os.strerror(number).lower())
    return f"{os.fsdecode(named)}: {what}" if named else what


def is_read_only(path: Path) -> bool:
    """Whether a path, or where it would be, is on a file system that takes no writes."""
    return bool(os.statvfs(_present(path)).f_flag & os.ST_RDONLY)


def mount_of(path: Path) -> Path:
    """Where the file system of a path, or of where it would be, is mounted."""
    found = _present(path)
    while not os.path.ismount(found):
        found = found.parent
    return found


def _present(path: Path) -> Path:
    found = Path(os.path.abspath(path))
    while not found.exists():
        found = found.parent
    return found


def is_one_of(error: BaseException, names: tuple[str, ...]) -> bool:
    """Whether an exception is of one of these classes, given as "module.Class"; nothing is imported for it."""
    for name in names:
        module, _, kind = name.rpartition(".")
        found = getattr(sys.modules.get(module), kind, None)
        if isinstance(found, type) and isinstance(error, found):
            return True
    return False


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Around work on one file: a refusal of the disk that names no file, as that of a write does, becomes an OSError that names this one.

    Args:
        path: the file.
        temporary: the file or folder that becomes it; a refusal that names it names `path` instead.
    """
    try:
        yield
    except PrefoptError:
        raise
    except Exception as error:
        number = disk_errno(error)
        if number not in DISK_WORDS or number is None:
            raise
        named = getattr(error, "filename", None)
        if named is not None and not (temporary is not None and Path(os.fsdecode(named)).is_relative_to(temporary)):
            raise
        raise OSError(number, os.strerror(number), str(path)) from error

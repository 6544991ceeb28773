"""What the system and the libraries refuse, in words: full and read-only disks, exhausted memory, damaged files, lost connections.

`in_words` names the file: the one that the exception names, the one that `naming` added, or the one that the failing code worked on.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tomllib
from pathlib import Path
from types import FrameType
from typing import Any

from prefopt.errors import DataError, FeedbackError, ModelError, PrefoptError, ProjectError
from prefopt.io.disk import DISK_WORDS, disk_errno, is_one_of, mount_of

_HINTS: dict[int, str] = {
    errno.ENOSPC: "free some space, then type the command again",
    errno.EDQUOT: "free some space, then type the command again",
    errno.EFBIG: "raise the limit (ulimit -f), then type the command again",
    errno.EACCES: "fix the permissions, or give another path",
    errno.EPERM: "fix the permissions, or give another path",
    errno.EIO: "check the disk (dmesg), and restore the file from a copy",
    errno.EMFILE: "raise the limit (ulimit -n), then type the command again",
    errno.ENFILE: "close other programs, then type the command again",
    errno.ETXTBSY: "type the command again",
    errno.ESTALE: "type the command again",
}
_HINT = "make it writable again (mount -o remount,rw {mount}), or give another path"
"""For a read-only disk."""
_MEMORY = (
    "out of memory",
    "can't allocate memory",  # torch's allocator on a CPU
    "cannot allocate memory",
    "failed to map segment",  # the loader of shared objects
    "unable to mmap",
    "ALLOC_FAILED",  # cuBLAS and cuDNN
    "could not create a memory object",  # oneDNN
    "memory allocation of",
)
_NETWORK = ("httpx.HTTPError", "requests.RequestException", "urllib3.exceptions.HTTPError", "http.client.HTTPException")
_DAMAGED = (
    "zipfile.BadZipFile",
    "zlib.error",
    "lzma.LZMAError",
    "safetensors.SafetensorError",
    "pyarrow.ArrowException",
    "tomlkit.exceptions.TOMLKitError",
    "xml.etree.ElementTree.ParseError",
    "csv.Error",
    "openpyxl.utils.exceptions.InvalidFileException",
    "xlrd.XLRDError",
    "struct.error",
)
_NAMES = ("temporary", "path", "file", "card", "target", "source", "folder", "adapter", "home", "out")
"""Variables of our code that hold what it works on, the most exact first."""
_OURS = ("prefopt", "recipes", "feedback")
_TEMPORARY = re.compile(r"^\.(.+)\.[0-9a-f-]+\.tmp$")


def in_words(error: BaseException) -> PrefoptError | None:
    """A fault of the system, of a file or of a connection as an error in words; None for other exceptions. PrefoptErrors are returned."""
    if isinstance(error, PrefoptError):
        return error
    if is_out_of_memory(error):
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        hint = "free memory, or take what `prefopt plan MODEL` says fits this machine"
        return ModelError(f"this command needs more memory than there is: {reason}", hint=hint)
    if "can't start new thread" in str(error):
        return ProjectError("the system allows no more threads", hint="raise the limit (ulimit -u), or end other programs")
    if isinstance(error, RuntimeError) and "Symlink loop" in str(error):  # pathlib, before Python 3.13
        return _of_file(error, DISK_WORDS[errno.ELOOP], hint="give another path")
    if isinstance(error, RecursionError):
        return _of_file(error, "nested too deeply to be read", hint="look for hundreds of brackets inside one another in what was read")
    return _of_database(error) or _of_network(error) or _of_disk(error) or _of_content(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the memory of a GPU or of the machine ran out; libraries report it in several ways."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOMEM
    text = str(error)
    return isinstance(error, (RuntimeError, ImportError, OSError)) and any(words.lower() in text.lower() for words in _MEMORY)


def _of_disk(error: BaseException) -> PrefoptError | None:
    number = disk_errno(error)
    if number is None or isinstance(error, (ConnectionError, TimeoutError)):
        return None
    if number == errno.ENOENT and _working_directory_is_gone():
        return ProjectError("the working directory no longer exists", hint="go to a directory that exists: cd")
    what = DISK_WORDS.get(number, (os.strerror(number) or "cannot be used").lower())
    return _of_file(error, what, hint=hint_of(number, _worked_on(error) or Path.cwd()))


def hint_of(number: int, path: Path) -> str:
    """What to do about a refusal of the disk."""
    if number == errno.EROFS:
        return _HINT.format(mount=mount_of(path))
    return _HINTS.get(number, "give another path, or free this one")


def _of_content(error: BaseException) -> PrefoptError | None:
    """Files that cannot be decoded, and values that are not what they have to be."""
    if isinstance(error, UnicodeDecodeError):
        return _of_file(error, f"not UTF-8 (byte {error.start})", hint="save the file as UTF-8, or restore it from a copy")
    if isinstance(error, json.JSONDecodeError):
        what = f"not JSON: {error.msg} (line {error.lineno}, character {error.colno})"
    elif isinstance(error, tomllib.TOMLDecodeError):
        what = f"not TOML: {error}"
    elif isinstance(error, ValueError) and "integer string conversion" in str(error):
        what = "a number has thousands of digits"
    elif isinstance(error, ValueError) and "embedded null" in str(error):
        return _of_file(error, "a path has a null character", hint="give another path")
    elif is_one_of(error, ("pydantic_core.ValidationError",)):
        from prefopt.io.jsonl import first_fault  # pydantic, which is there already

        what = first_fault(error)  # type: ignore[arg-type]  # is_one_of has looked
    elif is_one_of(error, _DAMAGED) or (isinstance(error, EOFError) and "end-of-stream" in str(error)):
        what = f"cannot be read or written: {_first_line(error)}"
    else:
        return None
    return _of_file(error, what, hint="restore the file from a copy, or correct it")


def _of_database(error: BaseException) -> PrefoptError | None:
    if not is_one_of(error, ("sqlite3.Error",)):
        return None
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith("SQLITE_FULL"):
        hint = "free some space, then type the command again"
    elif name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        hint = "fix the permissions, or give another path"
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        hint = "close the other program that uses it, then type the command again"
    else:
        hint = "restore it from a backup"
    path = _worked_on(error)
    return FeedbackError(f"{'the database' if path is None else path} cannot be used: {_first_line(error)}", hint=hint)


def _of_network(error: BaseException) -> PrefoptError | None:
    if isinstance(error, BrokenPipeError) or not (
        isinstance(error, (ConnectionError, TimeoutError)) or is_one_of(error, (*_NETWORK, "socket.gaierror", "ssl.SSLError"))
    ):
        return None
    request: Any = None
    try:
        request = getattr(error, "request", None)
    except RuntimeError:  # httpx, where none was sent
        request = None
    where = f"{request.url}: " if request is not None and hasattr(request, "url") else ""
    return FeedbackError(
        f"{where}no connection: {_first_line(error)}", hint="check the address and the network, then type the command again"
    )


def _of_file(error: BaseException, what: str, *, hint: str) -> PrefoptError:
    """A DataError that names the file if it is known."""
    path = _worked_on(error)
    return DataError(what, path=path, hint=hint) if path is not None else DataError(what, hint=hint)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _working_directory_is_gone() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _worked_on(error: BaseException) -> Path | None:
    """The file that an exception is about: the one that it names, else the one that the innermost of our functions worked on."""
    named = getattr(error, "filename", None)
    if isinstance(named, (str, bytes, os.PathLike)) and os.fspath(named):
        return _shown(Path(os.fsdecode(named)))
    frames: list[FrameType] = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in reversed(frames):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == "pathlib" and isinstance(frame.f_locals.get("self"), Path):
            return _shown(frame.f_locals["self"])
        if module.partition(".")[0] in _OURS:
            found = next((frame.f_locals[name] for name in _NAMES if isinstance(frame.f_locals.get(name), Path)), None)
            if found is not None:
                return _shown(found)
    return None


def _shown(path: Path) -> Path:
    """A temporary file by the name of its target."""
    found = _TEMPORARY.match(path.name)
    return path.with_name(found[1]) if found else path

"""The Python environment of the bundled Argilla server, created on first use.

argilla-server pins older versions of pydantic, httpx and typer than prefopt needs, so the two cannot share an environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefopt.errors import FeedbackError
from prefopt.io.locks import locked
from prefopt.io.tied import tied

SERVER = Path(__file__).parent / "server"
REQUIREMENTS = SERVER / "requirements.txt"
VERSION = "2.8.0"
OWN_PYTHON = "PREFOPT_ARGILLA_PYTHON"
"""Environment variable: an interpreter that already has argilla-server, e.g. on a machine without a package index."""

OnLine = Callable[[str], None]


def server_python(on_line: OnLine = lambda line: None) -> Path:
    """Interpreter that runs feedback/server; its environment is created if it does not exist.

    Args:
        on_line: called with each line of progress while the environment is created.

    Raises:
        FeedbackError: PREFOPT_ARGILLA_PYTHON is not an interpreter with the right argilla-server, or pip failed (with its last lines).
    """
    given = os.environ.get(OWN_PYTHON)
    if given:
        return _checked(Path(given))
    folder = environment_folder()
    python, marker = folder / "bin" / "python", folder / "complete"
    with _lock(folder):
        if not marker.exists():  # written last: without it, the creation was interrupted
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, python, on_line)
            marker.touch()
    return python


def environment_folder() -> Path:
    """Directory of the environment: below the user's data directory, named by the pinned packages and the Python version."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    pins = hashlib.sha256(REQUIREMENTS.read_bytes() + repr(sys.version_info[:2]).encode()).hexdigest()[:12]
    return data / "prefopt" / f"argilla-{VERSION}-{pins}"


def _checked(python: Path) -> Path:
    ask = "from importlib.metadata import version; print(version('argilla-server'))"
    try:
        answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - the user's own choice
    except (OSError, subprocess.SubprocessError) as error:
        raise FeedbackError(
            f"{OWN_PYTHON}={python} cannot run the bundled Argilla server: {error}",
            hint=f"unset {OWN_PYTHON}, or name the python of an environment with argilla-server=={VERSION}",
        ) from None
    if answer.stdout.strip() != VERSION:
        raise FeedbackError(
            f"{OWN_PYTHON}={python} has argilla-server {answer.stdout.strip()}, but {VERSION} is needed",
            hint=f"{python} -m pip install --no-deps -r {REQUIREMENTS}",
        )
    return python


def _make(folder: Path, python: Path, on_line: OnLine) -> None:
    on_line(f"creating the Argilla server's environment in {folder} (once, about 140 MB)")
    folder.mkdir(parents=True)
    _run([sys.executable, "-P", "-m", "venv", str(folder)], on_line)
    pip = [str(python), "-P", "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--progress-bar", "off", "--no-deps", "-r", str(REQUIREMENTS)], _Packages(on_line))
    _run(
        [*pip, "uninstall", "--quiet", "--yes", "pip", "setuptools"], on_line
    )  # as old as the Python, with known faults, and of no more use


class _Packages:
    """Shortens pip's output to a line for every 20 packages and one for the installation."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._done = 0
        self._all = sum("==" in line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())

    def __call__(self, line: str) -> None:
        if f"(from -r {REQUIREMENTS}" in line:  # pip names each requirement once: Collecting, Processing or Requirement already satisfied
            self._done += 1
            if self._done % 20 == 0:
                self._on_line(f"  {self._done} of {self._all} packages resolved")
        elif line.startswith("Installing collected"):
            self._on_line(f"  installing {self._all} packages")


def _run(command: list[str], on_line: OnLine) -> None:
    last: deque[str] = deque(maxlen=12)
    with subprocess.Popen(tied(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:  # noqa: S603 - our own commands
        for line in process.stdout or ():
            last.append(line.rstrip())
            on_line(line.rstrip())
    if process.returncode != 0:
        raise FeedbackError(
            "the Argilla server's environment could not be created:\n  " + "\n  ".join(last),
            hint=f"fix what pip reports; or `pip install --no-deps -r {REQUIREMENTS}` elsewhere and set {OWN_PYTHON} to that python",
        )


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep two processes from creating the same environment at once; the second one waits for the first."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(folder.name + ".lock")
        lock.touch()
    except OSError as error:
        raise FeedbackError(
            f"cannot write to {folder.parent}: {error}", hint="set XDG_DATA_HOME to a directory that you can write to"
        ) from None
    with locked(lock):
        yield


if __name__ == "__main__":  # for `make sbom`
    print(server_python(lambda line: print(line, file=sys.stderr)))

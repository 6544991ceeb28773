"""Start, find and stop the bundled Argilla server of a project, and keep its accounts.

Everything lies in one folder (`home`, by default <project>/.argilla), readable by its owner alone:
server.json (where it listens), server.lock (held while it lives), server.log, owner-key, accounts.json, argilla.db.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feedback.environment import SERVER, OnLine, server_python
from prefopt.errors import FeedbackError

DEFAULT_PORT = 6900
START_SECONDS = 120
STOP_SECONDS = 15


@dataclass(frozen=True)
class Address:
    """Where a bundled server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{shown}:{self.port}"


def default_home(project: Path) -> Path:
    """Folder of the bundled server of a project."""
    return project / ".argilla"


def last_address(home: Path) -> Address | None:
    """Where the server of this home listens, or listened last; None where it never ran."""
    try:
        raw = json.loads((home / "server.json").read_text(encoding="utf-8"))
        return Address(str(raw["host"]), int(raw["port"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise FeedbackError(
            f"{home / 'server.json'} cannot be read", hint=f"rm {home / 'server.json'}, then `prefopt argilla up`"
        ) from None


def running_pid(home: Path) -> int | None:
    """Process id of the living server of this home. The server holds a lock, so a dead server's id (or another process's) is never told."""
    try:
        file = (home / "server.lock").open("r+")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _written_pid(home / "server.lock")
    return None


def _written_pid(path: Path) -> int:
    for _ in range(50):  # the lock is taken a moment before the number is written
        text = path.read_text().strip()
        if text:
            return int(text)
        time.sleep(0.02)
    raise FeedbackError(f"{path} is held but names no process", hint=f"see who has it open: fuser {path}")


def start(home: Path, host: str = "127.0.0.1", port: int | None = None, on_line: OnLine = lambda line: None) -> tuple[Address, int]:
    """Start the server of a home and wait until it answers; does nothing where it is already up.

    Args:
        host: address to listen on; teachers on other machines need another one than 127.0.0.1.
        port: None for the last one (6900 at first), 0 for any free one.
        on_line: told what is being done.

    Returns:
        Where it listens, and its process id.

    Raises:
        FeedbackError: the port is taken, the environment cannot be made, or the server ended while starting (with the end of its log).
    """
    pid, address = running_pid(home), last_address(home)
    if pid is not None and address is not None:
        _wait_until_up(address, pid, home)
        return address, pid
    address = _free_address(host, port if port is not None else address.port if address else DEFAULT_PORT)
    python = server_python(on_line)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(home / ".gitignore", "*\n")
    on_line("starting Argilla")
    command = [str(python), str(SERVER / "launch.py"), "--home", str(home), "--host", address.host, "--port", str(address.port)]
    with private_log(home) as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own launcher
    write_private(home / "server.json", json.dumps(asdict(address)) + "\n")
    _wait_until_up(address, process.pid, home, process)
    return address, process.pid


def stop(home: Path) -> bool:
    """Stop the server of a home and wait until it has ended. False where none ran."""
    pid = running_pid(home)
    if pid is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if running_pid(home) is None:
                return True
            time.sleep(0.05)
    raise FeedbackError(f"the Argilla server (process {pid}) does not end", hint=f"kill -9 {pid}")


def wait(home: Path, pid: int) -> None:
    """Stay until the server ends; Ctrl-C stops it."""
    try:
        while running_pid(home) == pid:
            time.sleep(0.5)
    except KeyboardInterrupt:
        stop(home)


def owner_key(home: Path) -> str | None:
    """The owner's API key of a bundled server; None where it never ran."""
    try:
        return (home / "owner-key").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def passwords(home: Path) -> dict[str, str]:
    """User name -> password of the accounts that were made from this folder."""
    try:
        return dict(json.loads((home / "accounts.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise FeedbackError(f"{home / 'accounts.json'} is not JSON", hint="mend it, or move it away: passwords can be set anew") from None


def remember_passwords(home: Path, new: dict[str, str]) -> None:
    """Add accounts to accounts.json (mode 600)."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(home / ".gitignore", "*\n")
    write_private(home / "accounts.json", json.dumps(passwords(home) | new, indent=2, ensure_ascii=False) + "\n")


def forget_password(home: Path, name: str) -> None:
    """Take an account out of accounts.json."""
    kept = {user: password for user, password in passwords(home).items() if user != name}
    if kept != passwords(home):
        write_private(home / "accounts.json", json.dumps(kept, indent=2, ensure_ascii=False) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it."""
    partial = path.with_name(path.name + ".partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def private_log(home: Path) -> Any:
    """server.log, begun anew."""
    return open(os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _free_address(host: str, port: int) -> Address:
    try:
        with socket.create_server((host, port)) as probe:
            return Address(host, probe.getsockname()[1])
    except OSError as error:
        raise FeedbackError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose another port, e.g. `prefopt argilla up --port 6901`, or --port 0 for any free one",
        ) from None


def _wait_until_up(address: Address, pid: int, home: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    import httpx

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise FeedbackError(f"the Argilla server ended while starting:\n{_end_of_log(home)}", hint=f"read {home / 'server.log'}")
        try:
            if httpx.get(f"{address.url}/api/v1/version", timeout=5, trust_env=False).status_code == 200 and running_pid(home) == pid:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise FeedbackError(
        f"the Argilla server (process {pid}) gives no answer at {address.url} after {START_SECONDS} s", hint=f"read {home / 'server.log'}"
    )


def _end_of_log(home: Path, lines: int = 12) -> str:
    try:
        text = (home / "server.log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])

"""Start, find and stop the bundled Argilla server of a project, and store its accounts.

Everything is in one directory (`home`, by default <project>/.argilla) that only its owner can read: server.json (the address),
server.lock (held while the server runs), server.log, auth-secret, owner-key, accounts.json, argilla.db, backups/ (see feedback/backups.py).
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feedback.environment import SERVER, OnLine, server_python
from prefopt.errors import FeedbackError
from prefopt.io.disk import disk_errno, in_disk_words
from prefopt.io.files import remove_stale, write_text
from prefopt.io.locks import NamelessLockError, holder
from prefopt.io.system_faults import hint_of

DEFAULT_PORT = 6900
TEACH = "/teach"
"""Path of the page for teachers (feedback/server/teach_page.py)."""
OWNER = "owner"
"""User name of the account that the first start creates."""
START_SECONDS = 120
RELEASE_SECONDS = 2
"""How long a killed server of this home may take to release its port, which it does after its lock."""
STOP_SECONDS = 15
ALREADY_RUNNING, DAMAGED, GONE, PORT_TAKEN, FOREIGN, UNUSABLE = 75, 76, 77, 78, 79, 80
"""Exit statuses of feedback/server/start_server.py."""
CANNOT_START = "cannot start"
"""Beginning of the last line of its log for UNUSABLE, if the log could be written."""
NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA)


@dataclass(frozen=True)
class Address:
    """Address at which a bundled server listens."""

    host: str
    port: int
    pid: int = field(default=0, compare=False)
    """The process that wrote this address; 0 for an address that is only requested."""
    note: str = field(default="", compare=False)
    """What the server did with its data when it started, where a person should know it."""

    @property
    def url(self) -> str:
        """URL for requests from this machine."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def network_url(self) -> str:
        """URL for teachers on other machines."""
        return Address(_network_name(), self.port).url if self.host in ("0.0.0.0", "::") else self.url  # noqa: S104 - compared, not bound

    @property
    def teachers_url(self) -> str:
        """URL of the page for teachers; where no other machine can reach the server, for this one."""
        return f"{self.url if self.is_private else self.network_url}{TEACH}"


def default_home(project: Path) -> Path:
    """Directory of a project's bundled server."""
    return project / ".argilla"


def last_address(home: Path) -> Address | None:
    """Current or last address of the server of this home; None if it has never run."""
    try:
        raw = json.loads((home / "server.json").read_text(encoding="utf-8"))
        return Address(str(raw["host"]), int(raw["port"]), int(raw.get("pid", 0)), str(raw.get("note", "")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise FeedbackError(
            f"{home / 'server.json'} cannot be read", hint=f"rm {home / 'server.json'}, then `prefopt argilla up`"
        ) from None


def running_pid(home: Path) -> int | None:
    """Process id of the running server of this home, from the lock that it holds: never that of a dead server or of another process."""
    lock = home / "server.lock"
    try:
        owner = holder(lock)
    except NamelessLockError as error:
        raise FeedbackError(str(error), hint=f"find the process that has it open: fuser {lock}") from None
    return owner.pid if owner else None


def start(home: Path, host: str | None = None, port: int | None = None, on_line: OnLine = lambda line: None) -> tuple[Address, int]:
    """Start the server of a home and wait until it answers; a running server is left as it is.

    Args:
        home: the server's directory.
        host: address to listen on; None for 127.0.0.1. Teachers on other machines need another address.
        port: None for the last one used (initially 6900), 0 for any free one.
        on_line: called with a line of text for each step.

    Returns:
        The address and the process id.

    Raises:
        FeedbackError: it runs at another address than the given one, the port is taken, the environment cannot be created, the database
            is damaged or missing (the hint restores a backup), or the server ended while starting (with the end of its log).
    """
    last = last_address(home)
    if address := _free_address(home, host or "127.0.0.1", port if port is not None else last.port if last else DEFAULT_PORT):
        with _prepared(home) as log:  # before the minutes that the environment may take
            python = server_python(on_line)
            on_line("starting Argilla")
            # PYTHONPATH is meant for another interpreter; on a full disk Python can leave half a compiled file, which stops later starts
            command = [str(python), "-E", "-s", "-B", str(SERVER / "start_server.py")]
            command += ["--home", str(home), "--host", address.host, "--port", str(address.port)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own program
        return _wait_until_up(home, process, address)
    current, pid = _wait_until_up(home)
    if (host is not None and host != current.host) or (port and port != current.port):
        raise FeedbackError(
            f"Argilla is already running at {current.host}:{current.port} (process {pid})",
            hint="to move it: `prefopt argilla down`, then `prefopt argilla up` with the new address",
        )
    return current, pid


def stop(home: Path) -> bool:
    """Stop the server of a home and wait for its end. Returns False if none was running."""
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
    raise FeedbackError(f"the Argilla server (process {pid}) does not stop", hint=f"kill -9 {pid}")


def wait(home: Path, pid: int) -> None:
    """Wait until the server ends; Ctrl-C and SIGTERM stop it. Raises FeedbackError if it ended by itself, so that a supervisor notices."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        while running_pid(home) == pid:
            time.sleep(0.5)
    except KeyboardInterrupt:
        stop(home)
        return
    finally:
        signal.signal(signal.SIGTERM, previous)
    raise FeedbackError(
        f"the Argilla server (process {pid}) ended:\n{end_of_log(home)}", hint="prefopt argilla up   (starts it again; nothing is lost)"
    )


def owner_key(home: Path) -> str | None:
    """The owner's API key of a bundled server; None if it has never run."""
    try:
        return (home / "owner-key").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def passwords(home: Path) -> dict[str, str]:
    """User name -> password of the accounts created by prefopt in this home."""
    try:
        return dict(json.loads((home / "accounts.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise FeedbackError(
            f"{home / 'accounts.json'} is not JSON", hint="correct it, or move it away: prefopt teachers reset NAME sets a new password"
        ) from None


def remember_passwords(home: Path, new: dict[str, str]) -> None:
    """Store passwords in accounts.json (mode 600)."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(home / ".gitignore", "*\n")
    write_private(home / "accounts.json", json.dumps(passwords(home) | new, indent=2, ensure_ascii=False) + "\n")


def forget_password(home: Path, name: str) -> None:
    """Remove an account from accounts.json."""
    kept = {user: password for user, password in passwords(home).items() if user != name}
    if kept != passwords(home):
        write_private(home / "accounts.json", json.dumps(kept, indent=2, ensure_ascii=False) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file atomically that only its owner can read."""
    write_text(path, text, mode=0o600)


def end_of_log(home: Path, lines: int = 12) -> str:
    """The last lines of the server's log, indented."""
    try:
        text = (home / "server.log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def _prepared(home: Path) -> Any:
    """Make the directory if it is missing; server.log, opened for appending: its earlier lines show why the last server ended."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_stale(home)
        if not (home / ".gitignore").exists():
            write_private(home / ".gitignore", "*\n")
        return open(os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    except OSError as error:
        raise _unusable(home, in_disk_words(error), error.errno) from None


def _unusable(home: Path, why: str, number: int | None) -> FeedbackError:
    hint = hint_of(number, home) if number == errno.EROFS else "free some space or fix the permissions, then type the command again"
    return FeedbackError(f"the Argilla server cannot write to {home}: {why}", hint=hint)


def _network_name() -> str:
    """This machine's address in its network: the source address of its connections to others (nothing is sent)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation, RFC 5737
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _free_address(home: Path, host: str, port: int) -> Address | None:
    """The address, when nothing listens there; None where a server of this home runs."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while running_pid(home) is None:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))  # without listening, so that it hinders no server that starts at this moment
                return Address(host, probe.getsockname()[1])
        except (OSError, OverflowError) as error:
            # A server holds the lock of its home before it listens, so the next turn finds one that was started meanwhile.
            if getattr(error, "errno", None) != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _no_address(host, port, error) from None
            time.sleep(0.05)
    return None


def _no_address(host: str, port: int, error: OSError | OverflowError) -> FeedbackError:
    if isinstance(error, OSError) and error.errno in (errno.EADDRNOTAVAIL, *NO_SUCH_NAME):
        return FeedbackError(
            f"this machine has no address {host!r}", hint="--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for its whole network"
        )
    return _port_taken(host, port, os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error))


def _port_taken(host: str, port: int, why: str) -> FeedbackError:
    return FeedbackError(
        f"cannot listen on {host}:{port}: {why}",
        hint="choose another port, e.g. `prefopt argilla up --port 6901`, or --port 0 for any free one",
    )


def _wait_until_up(home: Path, process: subprocess.Popen[bytes] | None = None, asked: Address | None = None) -> tuple[Address, int]:
    """Wait until the server that holds the home's lock answers: `process`, or another one that was faster."""
    import httpx

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            if process.returncode != ALREADY_RUNNING:
                raise _why_it_ended(home, process.returncode, asked)
            process = None  # another process started a server first; wait for that one
        pid, address = running_pid(home), last_address(home)
        if process is None and pid is None:
            raise FeedbackError(f"the Argilla server ended while starting:\n{end_of_log(home)}", hint=f"read {home / 'server.log'}")
        if address is not None and address.pid == pid and (process is None or process.pid == pid):
            try:
                if httpx.get(f"{address.url}/api/v1/version", timeout=5, trust_env=False).status_code in (200, 401):  # 401: sign in first
                    return address, address.pid
            except httpx.HTTPError:
                pass
        time.sleep(0.1)
    raise FeedbackError(f"the Argilla server does not answer after {START_SECONDS} s", hint=f"read {home / 'server.log'}")


def _how_to_repair(home: Path) -> str:
    from feedback.backups import how_to_restore

    return f"prefopt argilla repair   (says what it can put right, and asks)\n      or: {how_to_restore(home)}"


def _why_it_ended(home: Path, status: int, asked: Address | None) -> FeedbackError:
    """The error for an exit status of start_server.py."""
    from feedback.backups import how_to_restore

    last = end_of_log(home, 1).strip()
    if status == DAMAGED:
        return FeedbackError(f"the database {home / 'argilla.db'} is damaged: {last}", hint=_how_to_repair(home))
    if status == GONE:
        return FeedbackError(
            f"the database {home / 'argilla.db'} is missing; an empty one in its place would hide the loss", hint=how_to_restore(home)
        )
    if status == FOREIGN:
        return FeedbackError(f"{last}; this one is 2.8.0", hint=how_to_restore(home))
    if status == UNUSABLE:
        said, _, why = last.partition(": ")
        if said != CANNOT_START:
            return _unusable(home, "the disk is full or cannot be written", None)
        refused = OSError(why)
        return _unusable(home, in_disk_words(refused), disk_errno(refused))
    if status == PORT_TAKEN and asked is not None:
        return _port_taken(asked.host, asked.port, last.rpartition(": ")[2])
    return FeedbackError(f"the Argilla server ended while starting:\n{end_of_log(home)}", hint=f"read {home / 'server.log'}")

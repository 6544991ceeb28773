"""Start, find and stop the bundled Argilla server of a project, and keep its accounts.

Everything lies in one folder (`home`, by default <project>/.argilla), readable by its owner alone: server.json (where it listens),
server.lock (held while it lives), server.log, auth-secret, owner-key, accounts.json, argilla.db, backups/ (see feedback/backups.py).
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
from prefopt.io.files import write_text
from prefopt.io.locks import holder

DEFAULT_PORT = 6900
START_SECONDS = 120
STOP_SECONDS = 15
ALREADY_RUNNING, DAMAGED, GONE, PORT_TAKEN = 75, 76, 77, 78
"""Exit statuses of feedback/server/launch.py."""
NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA)


@dataclass(frozen=True)
class Address:
    """Where a bundled server listens."""

    host: str
    port: int
    pid: int = field(default=0, compare=False)
    """The process that listened there when this was written; 0 where it is only asked for."""

    @property
    def url(self) -> str:
        """Address for this machine's own requests."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Only this machine reaches it."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def network_url(self) -> str:
        """Address to tell teachers on other machines."""
        return Address(_network_name(), self.port).url if self.host in ("0.0.0.0", "::") else self.url  # noqa: S104 - compared, not bound


def default_home(project: Path) -> Path:
    """Folder of the bundled server of a project."""
    return project / ".argilla"


def last_address(home: Path) -> Address | None:
    """Where the server of this home listens, or listened last; None where it never ran."""
    try:
        raw = json.loads((home / "server.json").read_text(encoding="utf-8"))
        return Address(str(raw["host"]), int(raw["port"]), int(raw.get("pid", 0)))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise FeedbackError(
            f"{home / 'server.json'} cannot be read", hint=f"rm {home / 'server.json'}, then `prefopt argilla up`"
        ) from None


def running_pid(home: Path) -> int | None:
    """Process id of the living server of this home. The server holds a lock, so a dead server's id (or another process's) is never told."""
    lock = home / "server.lock"
    try:
        owner = holder(lock)
    except OSError as error:
        raise FeedbackError(str(error), hint=f"see which process has it open: fuser {lock}") from None
    return owner.pid if owner else None


def start(home: Path, host: str | None = None, port: int | None = None, on_line: OnLine = lambda line: None) -> tuple[Address, int]:
    """Start the server of a home and wait until it answers; does nothing where it is already up.

    Args:
        host: address to listen on; None for 127.0.0.1. Teachers on other machines need another one.
        port: None for the last one (6900 at first), 0 for any free one.
        on_line: told what is being done.

    Returns:
        Where it listens, and its process id.

    Raises:
        FeedbackError: it is up at another address than asked for, the port is taken, the environment cannot be made, the database is
            damaged or gone (with the backup that restores it), or the server ended while starting (with the end of its log).
    """
    pid, last = running_pid(home), last_address(home)
    if pid is None:
        address = _free_address(host or "127.0.0.1", port if port is not None else last.port if last else DEFAULT_PORT)
        python = server_python(on_line)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(home / ".gitignore", "*\n")
        on_line("starting Argilla")
        command = [str(python), "-E", "-s", str(SERVER / "launch.py")]  # what PYTHONPATH holds is for another interpreter
        command += ["--home", str(home), "--host", address.host, "--port", str(address.port)]
        with _private_log(home) as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own launcher
        return _wait_until_up(home, process, address)
    found, pid = _wait_until_up(home)
    if (host is not None and host != found.host) or (port and port != found.port):
        raise FeedbackError(
            f"Argilla is already up at {found.host}:{found.port} (process {pid})",
            hint="to move it: `prefopt argilla down`, then `prefopt argilla up` with the new address",
        )
    return found, pid


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
    """Stay until the server ends; Ctrl-C and SIGTERM stop it. Raises FeedbackError where it ended by itself: a supervisor is to notice."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        while running_pid(home) == pid:
            time.sleep(0.5)
    except KeyboardInterrupt:
        stop(home)
        return
    finally:
        signal.signal(signal.SIGTERM, before)
    raise FeedbackError(
        f"the Argilla server (process {pid}) ended:\n{end_of_log(home)}", hint="`prefopt argilla up` starts it again; nothing is lost"
    )


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
    write_text(path, text, mode=0o600)


def end_of_log(home: Path, lines: int = 12) -> str:
    """The last lines of the server's log, indented."""
    try:
        text = (home / "server.log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def _private_log(home: Path) -> Any:
    """server.log, to append to. What is there stays: it tells why the last server ended."""
    return open(os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _network_name() -> str:
    """This machine's address in its network: the one from which it would speak to others (nothing is sent)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is nobody's, RFC 5737
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _free_address(host: str, port: int) -> Address:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as probe:
            return Address(host, probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) in (errno.EADDRNOTAVAIL, *NO_SUCH_NAME):
            raise FeedbackError(
                f"this machine has no address {host!r}",
                hint="--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for its whole network",
            ) from None
        raise _port_taken(host, port, os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)) from None


def _port_taken(host: str, port: int, why: str) -> FeedbackError:
    return FeedbackError(
        f"cannot listen on {host}:{port}: {why}",
        hint="choose another port, e.g. `prefopt argilla up --port 6901`, or --port 0 for any free one",
    )


def _wait_until_up(home: Path, process: subprocess.Popen[bytes] | None = None, asked: Address | None = None) -> tuple[Address, int]:
    """Wait for an answer of the server that holds the home's lock: `process`, or another that was faster."""
    import httpx

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            if process.returncode != ALREADY_RUNNING:
                raise _why_it_ended(home, process.returncode, asked)
            process = None  # another `up` was faster; wait for its server
        pid, address = running_pid(home), last_address(home)
        if process is None and pid is None:
            raise FeedbackError(f"the Argilla server ended while starting:\n{end_of_log(home)}", hint=f"read {home / 'server.log'}")
        if address is not None and address.pid == pid and (process is None or process.pid == pid):
            try:
                if httpx.get(f"{address.url}/api/v1/version", timeout=5, trust_env=False).status_code == 200:
                    return address, address.pid
            except httpx.HTTPError:
                pass
        time.sleep(0.1)
    raise FeedbackError(f"the Argilla server gives no answer after {START_SECONDS} s", hint=f"read {home / 'server.log'}")


def _why_it_ended(home: Path, status: int, asked: Address | None) -> FeedbackError:
    """The launcher's exit status in words."""
    from feedback.backups import how_to_restore

    last = end_of_log(home, 1).strip()
    if status == DAMAGED:
        return FeedbackError(f"the database {home / 'argilla.db'} is damaged: {last}", hint=how_to_restore(home))
    if status == GONE:
        return FeedbackError(
            f"the database {home / 'argilla.db'} is gone, and an empty one in its place would hide it", hint=how_to_restore(home)
        )
    if status == PORT_TAKEN and asked is not None:
        return _port_taken(asked.host, asked.port, last.rpartition(": ")[2])
    return FeedbackError(f"the Argilla server ended while starting:\n{end_of_log(home)}", hint=f"read {home / 'server.log'}")

"""prefopt argilla up | status | down | logs | owner | backup | restore | repair. Arguments and output only."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.errors import FeedbackError
from prefopt.plugins import Json

if TYPE_CHECKING:
    from feedback.bundled import Address
    from prefopt.project.project import Project

argilla = typer.Typer(help="Run and back up this project's bundled Argilla server.", no_args_is_help=True)

Home = Annotated[Path | None, typer.Option(help="Directory of the server's data, keys and log.", show_default=".argilla in the project")]


@argilla.command()
def up(
    port: Annotated[
        int | None, typer.Option(help="Port; 0 chooses a free one.", show_default="the last one used, initially 6900", min=0, max=65535)
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 admits other machines.", show_default="127.0.0.1"),
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground/--detach", help="Keep running until Ctrl-C.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Start Argilla and print its address. On first use its environment is created (a few minutes)."""
    from feedback import bundled

    folder = home_of(home)
    was_up, known_accounts = bundled.running_pid(folder) is not None, bundled.passwords(folder)
    address, pid = bundled.start(folder, host, port, on_line=lambda line: print(line, file=sys.stderr))
    accounts = folder / "accounts.json"
    if as_json:
        network = "" if address.is_private else address.network_url
        where = {"teachers_url": address.teachers_url, "url": address.url, "network_url": network, "pid": pid, "home": str(folder)}
        print(json.dumps(where | {"accounts": str(accounts), "started": not was_up, "note": "" if was_up else address.note}))
    else:
        print(f"teachers answer at {address.teachers_url}")
        print(f"Argilla {'is already running' if was_up else 'is running'}: {address.url}")
        if not was_up and address.note:
            print(f"note: {address.note}")
        for name, password in bundled.passwords(folder).items():
            is_shown = name not in known_accounts and sys.stdout.isatty()  # never into a log
            print(f"  {name}  password {password}" if is_shown else f"  {name}")
        print("the owner's password: prefopt argilla owner")
        print(f"passwords are stored in {accounts}, which only you can read")
        print("create accounts for teachers with `prefopt teachers add NAME...`; stop the server with `prefopt argilla down`")
    _warn_of_the_network(address)
    if foreground:
        sys.stdout.flush()
        bundled.wait(folder, pid)


@argilla.command()
def status(home: Home = None, as_json: Json = False) -> None:
    """Print whether the server is running, and whether every row of its database is what was written. Exit code 1 if not."""
    from feedback import bundled
    from feedback.backups import HOW_TO_REPAIR, list_backups
    from feedback.sound_data import damage_of

    folder = home_of(home)
    pid, address = bundled.running_pid(folder), bundled.last_address(folder)
    url, newest = address.url if address is not None else "", next(iter(list_backups(folder)), None)
    damage = damage_of(folder) if address is not None and pid == address.pid else ""  # `up` checks the data of a server that is not up
    if as_json:
        backup = str(newest.folder) if newest else None
        print(json.dumps({"up": pid is not None, "url": url, "pid": pid, "home": str(folder), "newest_backup": backup, "damage": damage}))
    else:
        print(f"Argilla is running: {url} (process {pid})" if pid is not None else f"Argilla is not running; its data is in {folder}")
        if pid is not None and address is not None and not address.is_private:
            print(f"teachers on other machines: {address.teachers_url} (not encrypted)")
        print(f"newest backup: {newest.line}" if newest else "no backup yet")
    if damage and not as_json:
        raise FeedbackError(f"the database {folder / 'argilla.db'} is damaged: {damage}", hint=HOW_TO_REPAIR)
    raise typer.Exit(0 if pid is not None and not damage else 1)


@argilla.command()
def down(home: Home = None, as_json: Json = False) -> None:
    """Stop the server. The teachers' answers stay in its directory."""
    from feedback import bundled

    stopped = bundled.stop(home_of(home))
    if as_json:
        print(json.dumps({"stopped": stopped}))
    else:
        print("Argilla is stopped" if stopped else "Argilla was not running")


@argilla.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines to print.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print the end of the server's log.

    It holds no password and no key.
    """
    path = home_of(home) / "server.log"
    if not path.exists():
        raise FeedbackError(f"there is no log in {path.parent}: the server has never run", hint="prefopt argilla up")
    if as_json and follow:
        raise FeedbackError("--json prints one object, and --follow never ends", hint="leave one of them out")
    with path.open(encoding="utf-8", errors="replace") as file:
        last = file.readlines()[-lines:]
        if as_json:
            print(json.dumps({"log": str(path), "lines": [line.rstrip("\n") for line in last]}, ensure_ascii=False))
            return
        print("".join(last), end="", flush=True)
        while follow:
            try:
                if path.stat().st_size < file.tell():  # the server moved a long log aside
                    file.seek(0)
                print(file.read(), end="", flush=True)
                time.sleep(0.3)
            except KeyboardInterrupt:
                return


@argilla.command()
def owner(
    reset: Annotated[bool, typer.Option("--reset", help="Set a new password; the server must be running.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print the password with which you sign in as owner. It is in no log."""
    from feedback.bundled import OWNER
    from feedback.owner_account import owner_password, reset_owner

    password = (reset_owner if reset else owner_password)(home_of(home))
    print(json.dumps({"user": OWNER, "password": password}) if as_json else f"{OWNER}  password {password}")


@argilla.command()
def backup(
    folder: Annotated[
        Path | None, typer.Argument(help="Directory to create.", show_default="one below backups/ of the server's directory")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy all data to a new directory, even while teachers submit. The copy holds passwords and keys: keep it secret."""
    from feedback.backups import make_backup

    made = make_backup(home_of(home), folder.resolve() if folder else None)
    if as_json:
        print(json.dumps({"folder": str(made.folder), "records": made.records, "answers": made.answers}))
    else:
        print(f"{made.folder}: {made.records} records, {made.answers} answers")
        print(f"to restore it: `prefopt argilla restore {made.folder.name if folder is None else made.folder}`")


@argilla.command()
def restore(
    name: Annotated[
        str | None, typer.Argument(help="Name or path of a backup; without it, the backups are listed.", show_default=False)
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Restore a backup; the current data is moved aside. The server must be stopped."""
    from feedback import backups

    folder = home_of(home)
    if name is None:
        known = backups.list_backups(folder)
        if as_json:
            print(json.dumps({"backups": [str(each.folder) for each in known]}, ensure_ascii=False))
            return
        print("\n".join(each.line for each in known) if known else f"no backups in {folder / 'backups'}")
        return
    chosen = backups.find_backup(folder, name)
    replaced = backups.restore(folder, chosen)
    if as_json:
        print(json.dumps({"restored": str(chosen.folder), "kept": str(replaced) if replaced else None}, ensure_ascii=False))
        return
    print(f"restored: {chosen.line}")
    if replaced is not None:
        print(f"the previous data is kept in {replaced}")
    print("later answers are not in it; rounds keep those that they have read. Next: prefopt argilla up")


@argilla.command()
def repair(
    yes: Annotated[bool, typer.Option("--yes", help="Repair without asking.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Repair a damaged database: name each damaged row and where it is found again. The damaged data is kept. The server must be stopped.

    A row counts as exact if its digest proves that it is what was written: with one flipped bit turned back, or from a backup. Otherwise
    answers and records are taken from the files of the project's rounds.
    """
    from feedback import backups, repair_build
    from feedback.repair_sources import kept_by_rounds

    folder, rounds = home_of(home), kept_by_rounds(project) if (project := _project()) else []
    with backups.hold(folder, "then repair"):
        try:
            found = repair_build.prepare(folder, rounds)
            if not found.damages:
                print(json.dumps({"damages": []}) if as_json else "the database is sound: there is nothing to repair")
                return
            if not as_json:
                print("\n".join(found.lines))
            if not yes and (as_json or not (sys.stdin.isatty() and typer.confirm("Repair it so?"))):
                shown = {"damages": found.lines, "repaired": False}
                said = "nothing has been changed; to repair it: prefopt argilla repair --yes"
                print(json.dumps(shown, ensure_ascii=False) if as_json else said)
                raise typer.Exit(1)
            kept = repair_build.put_in_place(folder)
        finally:
            repair_build.discard(folder)
    if as_json:
        print(json.dumps({"damages": found.lines, "repaired": True, "kept": str(kept)}, ensure_ascii=False))
        return
    print(f"repaired; the damaged data is kept in {kept}. Next: prefopt argilla up")


def _project() -> Project | None:
    """The current project; None outside of one, where --home says which data is meant."""
    from prefopt.errors import PrefoptError
    from prefopt.project.project import open_project

    try:
        return open_project()
    except PrefoptError:
        return None


def home_of(given: Path | None) -> Path:
    """The server's directory: as given, otherwise that of the current project."""
    if given is not None:
        return given.resolve()
    from feedback.bundled import default_home
    from prefopt.project.project import open_project

    return default_home(open_project().root)


def _warn_of_the_network(address: Address) -> None:
    if not address.is_private:
        print(f"teachers on other machines: {address.teachers_url}", file=sys.stderr)
        print("warning: the connection is not encrypted. Anyone on this network can read passwords and answers:", file=sys.stderr)
        print("  use it in a network that you trust, or put a TLS proxy in front of it (docs/argilla.md)", file=sys.stderr)

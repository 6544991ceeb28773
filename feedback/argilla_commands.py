"""prefopt argilla up | status | down | logs | backup | restore. Arguments and output only."""

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

argilla = typer.Typer(help="The bundled Argilla server of this project.", no_args_is_help=True)

Home = Annotated[Path | None, typer.Option(help="Folder of the server's data, keys and log.", show_default=".argilla in the project")]


@argilla.command()
def up(
    port: Annotated[
        int | None, typer.Option(help="0 chooses a free one.", show_default="the last one, at first 6900", min=0, max=65535)
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.", show_default="127.0.0.1"),
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground/--detach", help="Stay until Ctrl-C.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Start Argilla, and say where it is. Its environment is made on first use (a few minutes)."""
    from feedback import bundled

    folder = home_of(home)
    was_up, known = bundled.running_pid(folder) is not None, bundled.passwords(folder)
    address, pid = bundled.start(folder, host, port, on_line=lambda line: print(line, file=sys.stderr))
    accounts = folder / "accounts.json"
    if as_json:
        told = {"url": address.url, "network_url": "" if address.is_private else address.network_url, "pid": pid, "home": str(folder)}
        print(json.dumps(told | {"accounts": str(accounts), "started": not was_up}))
    else:
        print(f"Argilla {'is already up' if was_up else 'is up'}: {address.url}")
        for name, password in bundled.passwords(folder).items():
            print(f"  {name}" if name in known else f"  {name}  password {password}")
        print(f"passwords are kept in {accounts}, which only you can read")
        print("make accounts for teachers with `prefopt teachers add NAME...`; stop with `prefopt argilla down`")
    _warn_of_the_network(address)
    if foreground:
        sys.stdout.flush()
        bundled.wait(folder, pid)


@argilla.command()
def status(home: Home = None, as_json: Json = False) -> None:
    """Say whether the server is up. Exits with 1 where it is not."""
    from feedback import bundled
    from feedback.backups import list_backups

    folder = home_of(home)
    pid, address = bundled.running_pid(folder), bundled.last_address(folder)
    url, newest = address.url if address is not None else "", next(iter(list_backups(folder)), None)
    if as_json:
        backup = str(newest.folder) if newest else None
        print(json.dumps({"up": pid is not None, "url": url, "pid": pid, "home": str(folder), "newest_backup": backup}))
    else:
        print(f"Argilla is up: {url} (process {pid})" if pid is not None else f"Argilla is down; its data lies in {folder}")
        if pid is not None and address is not None and not address.is_private:
            print(f"teachers on other machines: {address.network_url} (not encrypted)")
        print(f"newest backup: {newest.told}" if newest else "no backup yet")
    raise typer.Exit(0 if pid is not None else 1)


@argilla.command()
def down(home: Home = None) -> None:
    """Stop the server. What teachers said stays in its folder."""
    from feedback import bundled

    print("Argilla is down" if bundled.stop(home_of(home)) else "Argilla was not up")


@argilla.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    home: Home = None,
) -> None:
    """Print the end of the server's log. It holds no password and no key."""
    path = home_of(home) / "server.log"
    if not path.exists():
        raise FeedbackError(f"there is no log in {path.parent}: the server never ran", hint="prefopt argilla up")
    with path.open(encoding="utf-8", errors="replace") as file:
        print("".join(file.readlines()[-lines:]), end="", flush=True)
        while follow:
            try:
                if path.stat().st_size < file.tell():  # it was long, and begun anew
                    file.seek(0)
                print(file.read(), end="", flush=True)
                time.sleep(0.3)
            except KeyboardInterrupt:
                return


@argilla.command()
def backup(
    folder: Annotated[Path | None, typer.Argument(help="Folder to make.", show_default="one below backups/ of the server's folder")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy all data into a new folder, also while teachers submit. The copy holds passwords and keys: keep it as you keep those."""
    from feedback.backups import make_backup

    made = make_backup(home_of(home), folder.resolve() if folder else None)
    if as_json:
        print(json.dumps({"folder": str(made.folder), "records": made.records, "answers": made.answers}))
    else:
        print(f"{made.folder}: {made.records} records, {made.answers} answers")
        print(f"put it back with `prefopt argilla restore {made.folder.name if folder is None else made.folder}`")


@argilla.command()
def restore(
    name: Annotated[str | None, typer.Argument(help="Name or path of a backup; without it they are listed.", show_default=False)] = None,
    home: Home = None,
) -> None:
    """Put a backup in the place of the data, which is kept aside. The server must be down."""
    from feedback import backups

    folder = home_of(home)
    if name is None:
        found = backups.list_backups(folder)
        print("\n".join(each.told for each in found) if found else f"no backups in {folder / 'backups'}")
        return
    chosen = backups.find_backup(folder, name)
    replaced = backups.restore(folder, chosen)
    print(f"restored: {chosen.told}")
    if replaced is not None:
        print(f"what was there before is kept in {replaced}")
    print("what teachers answered after that time is not in it; rounds keep what they collected. Now: prefopt argilla up")


def home_of(given: Path | None) -> Path:
    """The server's folder: as given, or that of the project in which we stand."""
    if given is not None:
        return given.resolve()
    from feedback.bundled import default_home
    from prefopt.project.project import open_project

    return default_home(open_project().root)


def _warn_of_the_network(address: Address) -> None:
    if not address.is_private:
        print(f"teachers on other machines: {address.network_url}", file=sys.stderr)
        print("warning: not encrypted. Whoever can listen to this network can read passwords and answers:", file=sys.stderr)
        print("  use it in a network that you trust, or put a proxy with TLS before it (docs/argilla.md)", file=sys.stderr)

"""python -m prefopt, and the console script: what is imported is imported where Ctrl-C is already understood."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line. Ctrl-C while it is still being imported is one line too."""
    try:
        from prefopt.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _without_working_folder() -> None:
    """Take the working folder, which `python -m` puts first, out of the places of modules: a project may have a folder `recipes` or
    `feedback` of its own. It stays where prefopt itself is in it.
    """
    if not sys.flags.safe_path and sys.path[0] == str(Path.cwd()) != str(Path(__file__).resolve().parents[1]):
        del sys.path[0]


if __name__ == "__main__":
    _without_working_folder()
    main()

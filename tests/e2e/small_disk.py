"""`prefopt` whose project keeps its records on a disk of its own, of which only this process and its children know.

    python -m tests.e2e.small_disk WORDS      in the folder of a project

Ends with the exit code 77, before anything else, where the machine allows no mounts.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from tests.chaos.disks import mount_disk, own_mounts

NO_MOUNTS = 77


def main() -> None:
    if why := own_mounts():
        print(why, file=sys.stderr)
        raise SystemExit(NO_MOUNTS)
    mount_disk(Path.cwd() / "serve", 256 << 10)
    runpy.run_module("prefopt", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

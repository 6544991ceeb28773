"""Faults x tried x survived x lost, on real commands and a real Argilla.

    python -m tests.chaos [--minutes 20] [--seed 7] [--json] [--keep]

Random SIGKILLs of every command that writes, each followed by the same command again and by a comparison with an undisturbed run; full and
read-only disks; too little memory; clocks that jump; an Argilla that is killed while teachers answer, whose first start is killed, whose
database has flipped bits, and of which an older backup is restored. A kill that came after its command had ended does not count.

It works in a temporary folder, ends the processes that it started when it is interrupted, and may be started again at any time. The same
seed gives each kind the same faults; how many, and where they hit, depends on the machine. Progress goes to the standard error. The exit
code is 1 if anything was lost or the campaign was interrupted. With --json:

    kills, equal                        SIGKILLs that hit, and those after which all results were equal
    lost                                faults after which a result was missing or other
    tracebacks                          printed by a command
    silent_damage                       bit flips in records and responses that nothing noticed (of bit_flips)
    acknowledged, acknowledged_lost     answers that Argilla said it had stored, and those that it no longer has
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

LANES = 2
_TO_END = 60.0
"""Seconds that an interrupted lane has to end its processes."""


def main() -> int:
    """Run the campaign. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Faults on real commands and a real Argilla.")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long; the faults that are tried first are tried in any case")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the sums as JSON; the table goes to the standard error")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    args = parser.parse_args()
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="prefopt-chaos-"))
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", HF_HUB_OFFLINE="1", XDG_CACHE_HOME=str(work / "cache"))
    from tests.chaos.tally import table  # after the environment is set: what follows imports torch

    tally = _campaign(work, began + 60 * args.minutes, args.seed)
    found = {**tally.plain(), "seconds": round(time.monotonic() - began), "seed": args.seed}
    print(table(tally), file=sys.stderr if args.json else sys.stdout)
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
    if args.keep or not tally.good:
        print(f"kept: {work}", file=sys.stderr)
    else:
        shutil.rmtree(work)
    return 0 if tally.good else 1


def _campaign(work: Path, deadline: float, seed: int):
    from feedback.environment import server_python
    from tests.chaos.lanes import Lane
    from tests.chaos.processes import warm
    from tests.chaos.projects import States
    from tests.chaos.tally import Tally

    server_python(lambda line: print(line, file=sys.stderr))
    warm()
    print("torch is imported; an undisturbed round is run first", file=sys.stderr)
    states = States(work / "states")
    states.state("finished")
    lanes = [Lane(number, work, states, deadline, seed) for number in range(LANES)]
    running = list(lanes)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while running := [lane for lane in running if not lane.ended()]:
            time.sleep(0.2)
    except KeyboardInterrupt:
        _end(running)
    tally = Tally()
    for lane in lanes:
        tally.add(lane.tally())
    return tally


def _end(running) -> None:
    """End the lanes, which end what they started."""
    for lane in running:
        os.kill(lane.pid, signal.SIGTERM)
    until = time.monotonic() + _TO_END
    while (running := [lane for lane in running if not lane.ended()]) and time.monotonic() < until:
        time.sleep(0.1)
    for lane in running:
        os.kill(lane.pid, signal.SIGKILL)
        lane.status = -signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main())

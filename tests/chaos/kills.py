"""SIGKILL at random instants of every command that writes; then the same command again, until it is done; then the results are compared."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import dying
from tests.chaos.processes import Ended, run, run_fresh
from tests.chaos.projects import SIMULATE, States
from tests.chaos.results import difference, leftovers, results
from tests.chaos.tally import Tally

FAULT = "SIGKILL of a process group"
FRESH = "SIGKILL of a process group, own interpreter"
WAITING = 3
STAGES = ("sample", "publish", "collect", "pair", "train", "calibrate", "decide", "report")


@dataclass(frozen=True)
class Step:
    """A command of a case, and how it ends."""

    words: tuple[str, ...]
    status: int = 0
    done: Callable[[Path], bool] | None = None
    """Whether its work is done, so that it is not typed again: a round that is finished would start the next one."""
    refused: str = ""
    """What it says where its target is already there, whole: the kill came after the last step."""


@dataclass(frozen=True)
class Case:
    """Commands that are typed one after the other from a state of the project."""

    name: str
    state: str
    steps: tuple[Step, ...]
    most: int = 3
    """Kills before the command is left to end."""


def _finished(folder: Path) -> bool:
    return (folder / "rounds" / "001" / "report" / "stage.json").exists()


def _command(name: str, *words: str, state: str = "nothing", most: int = 3, refused: str = "") -> Case:
    return Case(name, state, (Step(words, refused=refused),), most)


TO_PUBLISH = Step(("round",), WAITING)
TO_END = Step(("round",), done=_finished)
EXISTS = "exist"
CASES = (
    Case("round: sample, publish", "base", (TO_PUBLISH,), 5),
    Case("round: collect to report", "answered", (TO_END,), 8),
    Case("round: all stages", "base", (TO_PUBLISH, Step(SIMULATE), TO_END), 8),
    Case("teachers simulate", "published", (Step(SIMULATE), TO_END), 3),
    _command("sft", "sft", state="nothing", most=6),
    _command("round decide", "round", "decide", "1", "--promote", "--because", "for the campaign", state="finished", most=4),
    _command("predict", "predict", "data/pool.jsonl", "--round", "1", state="finished", most=4, refused=EXISTS),
    _command("export", "export", "out", "--round", "1", "--no-check", state="finished", refused=EXISTS),
    _command("export, merged", "export", "out", "--round", "1", "--layout", "float32", "--no-check", state="finished", refused=EXISTS),
    _command("tune", "tune", "0", "--trials", "2", state="base"),
    _command("report --queue", "report", "--queue", "queue.csv", state="finished", refused=EXISTS),
    _command("data mask", "data", "mask", "data/personal.jsonl", "masked.jsonl", refused=EXISTS),
    _command("data convert", "data", "convert", "data/gold.jsonl", "chats.jsonl", "--to", "openai-chat", refused=EXISTS),
    _command("data convert to CSV", "data", "convert", "data/gold.jsonl", "gold.csv", "--to", "problems", refused=EXISTS),
    _command("data split", "data", "split", "data/gold.jsonl", "--out", "parts"),
    _command("data sft", "data", "sft", "data/gold.jsonl", "examples.jsonl", refused=EXISTS),
    _command("data generate", "data", "generate", "--out", "made.jsonl", "--per-standard", "1", refused=EXISTS),
)
WEIGHTS = {"round: all stages": 6, "round: sample, publish": 4, "round: collect to report": 8, "round decide": 3, "teachers simulate": 2}


@dataclass
class Known:
    """An undisturbed run of a case."""

    results: dict[str, str]
    seconds: list[float] = field(default_factory=list)
    """Of each step."""
    operations: list[int] = field(default_factory=list)
    """On files, of each step."""


class Killer:
    """Tries cases in a folder of its own, and counts."""

    def __init__(self, place: Path, states: States, tally: Tally, chance: random.Random) -> None:
        self.place, self.states, self.tally, self.chance = place, states, tally, chance
        self._known: dict[str, Known] = {}
        self._cases: list[Case] = []

    def one(self, at_most: float = float("inf")) -> int:
        """A random case, killed a few times. Every case has its turn; those of a round have several. Returns the number of kills."""
        if not self._cases:
            self._cases = [case for case in CASES for _ in range(WEIGHTS.get(case.name, 1))]
            self.chance.shuffle(self._cases)
        case = self._cases.pop()
        kinds = ["time", "operation"]
        return self.trial(case, lambda step: self._instants(case, step, self.chance.choice(kinds)))

    def known(self, case: Case) -> Known:
        """What the case gives without any kill."""
        if case.name not in self._known:
            folder, known = self.states.copy(case.state, self.place / "undisturbed"), Known({})
            for step in case.steps:
                (count := self.place / "count").unlink(missing_ok=True)
                ended = run(folder, *step.words, prepare=dying.counting(count))
                if ended.status != step.status:
                    raise RuntimeError(f"{step.words} ended with {ended.status}, without any fault:\n{ended.said}")
                known.seconds.append(ended.seconds)
                known.operations.append(count.stat().st_size)
            known.results = results(folder)
            self._known[case.name] = known
        return self._known[case.name]

    def _instants(self, case: Case, step: int, kind: str) -> list[Callable[[Path], Ended]]:
        known, words = self.known(case), case.steps[step].words
        found: list[Callable[[Path], Ended]] = []
        for _ in range(self.chance.randint(1 + case.most // 2, case.most)):
            if kind == "time":
                after = known.seconds[step] * self.chance.random() * self.chance.random()  # often early: what is done is not done again
                found.append(lambda folder, after=after: run(folder, *words, kill_after=after))
            else:
                number = self.chance.randint(1, known.operations[step])
                found.append(lambda folder, number=number: run(folder, *words, prepare=dying.at_operation(number)))
        return found

    def moments(self) -> int:
        """Each stage of a round killed at each of dying.MOMENTS, in one round."""
        case = next(case for case in CASES if case.name == "round: all stages")

        def instants(step: int) -> list[Callable[[Path], Ended]]:
            stages = STAGES[:2] if step == 0 else STAGES[2:] if step == 2 else ()
            return [
                lambda folder, stage=stage, moment=moment: run(folder, "round", prepare=dying.at_moment(stage, moment))
                for stage in stages
                for moment in dying.MOMENTS
            ]

        return self.trial(case, instants)

    def fresh(self) -> int:
        """A round that is killed with an interpreter of its own, as typed in a terminal."""
        case = next(case for case in CASES if case.name == "round: sample, publish")
        after = self.chance.uniform(0.5, 12)
        return self.trial(case, lambda step: [lambda folder: run_fresh(folder, *case.steps[step].words, kill_after=after)], fault=FRESH)

    def trial(self, case: Case, instants: Callable[[int], Sequence[Callable[[Path], Ended]]], *, fault: str = FAULT) -> int:
        """Run a case, killed at the given instants of each of its steps, and compare. Returns the number of kills that hit."""
        known = self.known(case)
        folder = self.states.copy(case.state, self.place / "trial")
        places: list[str] = []
        wrong: list[str] = []
        for number, step in enumerate(case.steps):
            for instant in instants(number):
                if step.done is not None and step.done(folder):
                    break
                ended = instant(folder)
                self._said(ended, case)
                if not ended.killed:
                    break
                places.append(_place(folder, step))
            wrong += self._to_the_end(folder, case, step)
        wrong += difference(results(folder), known.results)
        self.tally.leftovers += len(leftovers(folder))
        self.tally.kills += len(places)
        self.tally.equal += 0 if wrong else len(places)
        for place in places:
            self.tally.tried(fault, place, lost=wrong, repeat=case.name)
        if wrong:
            kept = self.place.parent / f"wrong-{self.place.name}-{self.tally.lost}"
            shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
            self.tally.notes.append(f"  the folder is kept in {kept}")
        return len(places)

    def _to_the_end(self, folder: Path, case: Case, step: Step) -> list[str]:
        """The command again, left alone. Returns what is wrong with its end."""
        if step.done is not None and step.done(folder):
            return []
        ended = run(folder, *step.words)
        self._said(ended, case)
        if ended.status == step.status or (step.refused and step.refused in ended.said and ended.status == 1):
            return []
        return [f"`prefopt {' '.join(step.words)}` ended with {ended.status}: {ended.said.strip()[-300:]}"]

    def _said(self, ended: Ended, case: Case) -> None:
        self.tally.said(FAULT, ended, case.name)


def _place(folder: Path, step: Step) -> str:
    """The stage that was at work, or the command."""
    partial = [path.name.removeprefix(".").removesuffix(".partial") for path in folder.glob("rounds/*/.*.partial")]
    name = " ".join(step.words[: 2 if step.words[0] in ("data", "teachers") or step.words[1:2] == ("decide",) else 1])
    return f"{name} ({partial[0]})" if partial else name

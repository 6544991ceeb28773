"""What a campaign counts, and how it is shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.chaos.processes import Ended


@dataclass
class Row:
    """One fault: how often it was tried, survived, and lost or changed something."""

    tried: int = 0
    survived: int = 0
    lost: int = 0
    tracebacks: int = 0
    where: dict[str, int] = field(default_factory=dict)
    """Place of the fault (a stage, a command) -> how often."""


@dataclass
class Tally:
    """Sums of a campaign; those of two lanes are added."""

    kills: int = 0
    equal: int = 0
    """Kills after which the command, typed again, gave what an undisturbed one gives."""
    lost: int = 0
    """Faults after which a result is missing or other."""
    tracebacks: int = 0
    silent_damage: int = 0
    """Bit flips that changed an answer or a record without a word."""
    bit_flips: int = 0
    acknowledged: int = 0
    """Answers that a server said it had stored."""
    acknowledged_lost: int = 0
    leftovers: int = 0
    """Temporary files that stay after the command was typed again."""
    rows: dict[str, Row] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What was lost or printed a traceback, with what repeats it."""

    def row(self, fault: str) -> Row:
        """The row of a fault."""
        return self.rows.setdefault(fault, Row())

    def tried(self, fault: str, where: str = "", *, times: int = 1, lost: list[str] | None = None, repeat: str = "") -> None:
        """Count a fault, and what it lost, if it did: a few words each."""
        row = self.row(fault)
        row.tried += times
        if where:
            row.where[where] = row.where.get(where, 0) + times
        if lost:
            row.lost += times
            self.lost += times
            self.notes.append(f"{fault}{', ' if where else ''}{where}: {'; '.join(lost[:4])}{' …' if len(lost) > 4 else ''} [{repeat}]")
        else:
            row.survived += times

    def said(self, fault: str, ended: Ended, repeat: str = "") -> None:
        """Count a traceback that a command printed."""
        if ended.traceback:
            self.row(fault).tracebacks += 1
            self.tracebacks += 1
            last = ended.said.strip().splitlines()[-1]
            self.notes.append(f"{fault}: traceback of `prefopt {' '.join(ended.words)}`: {last[:200]} [{repeat}]")

    def add(self, other: Tally) -> None:
        """Add the sums of another lane."""
        for name in (
            "kills",
            "equal",
            "lost",
            "tracebacks",
            "silent_damage",
            "bit_flips",
            "acknowledged",
            "acknowledged_lost",
            "leftovers",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notes += other.notes
        for fault, theirs in other.rows.items():
            mine = self.row(fault)
            for name in ("tried", "survived", "lost", "tracebacks"):
                setattr(mine, name, getattr(mine, name) + getattr(theirs, name))
            mine.where = dict(Counter(mine.where) + Counter(theirs.where))

    def plain(self) -> dict[str, object]:
        """As plain JSON types."""
        return asdict(self)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, nothing changed in silence, and no traceback reached a person."""
        return self.equal == self.kills and not (self.lost or self.tracebacks or self.silent_damage or self.acknowledged_lost)


def from_plain(found: dict[str, object]) -> Tally:
    """The tally that plain() wrote."""
    rows = found.pop("rows")
    tally = Tally(**found)  # type: ignore[arg-type]  # the types that plain() gave
    tally.rows = {fault: Row(**row) for fault, row in rows.items()}  # type: ignore[attr-defined]  # as above
    return tally


def table(tally: Tally) -> str:
    """Faults x tried x survived x lost, for people."""
    lines = [f"{'fault':<58} {'tried':>6} {'survived':>9} {'lost':>5} {'tracebacks':>11}  where"]
    for fault, row in sorted(tally.rows.items()):
        places = ", ".join(f"{place} {count}" for place, count in sorted(row.where.items(), key=lambda item: (-item[1], item[0])))
        lines.append(f"{fault:<58} {row.tried:>6} {row.survived:>9} {row.lost:>5} {row.tracebacks:>11}  {places}")
    lines += ["", f"{tally.kills} kills, {tally.equal} with equal results; {tally.lost} lost; {tally.tracebacks} tracebacks"]
    lines += [f"{tally.acknowledged} answers acknowledged, {tally.acknowledged_lost} of them lost"]
    lines += [f"{tally.bit_flips} bit flips, {tally.silent_damage} of them silent"]
    if tally.leftovers:
        lines += [f"{tally.leftovers} temporary files of killed commands stayed"]
    return "\n".join([*lines, *(f"  ! {note}" for note in tally.notes)])

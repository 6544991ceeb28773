"""What the records of a comparison say: which verdicts count, in which order, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from prefopt.inuse.assignment import Arm, arm_of, first_shown, folded, unit_digest
from prefopt.inuse.records import SecondAnswer, Served, Started, Word

Verdict = Literal["a", "b", "same", "neither"]


@dataclass(frozen=True)
class Outcome:
    """A problem that counts, or in a split comparison a pair of them, one of each arm."""

    verdict: Verdict
    """The arm that is right where the other is wrong; "same": equal answers, or a pair that is right or wrong on both sides; "neither":
    different answers of which none is right."""
    label: str | None = None
    """Of one problem: the right label, as far as it is known."""


@dataclass(frozen=True)
class Audited:
    """A blind verdict on an answer of a split comparison."""

    arm: Arm
    client: str
    right: bool
    label: str | None


@dataclass(frozen=True)
class Waiting:
    """A problem whose two answers differ, for a teacher who sees both labels without knowing which adapter wrote them."""

    prediction: str
    text: str | None
    labels: tuple[str, str]
    """In an order drawn by hash."""


@dataclass
class Evidence:
    """What was read for one comparison."""

    outcomes: list[Outcome] = field(default_factory=list)
    """Of a paired comparison: first those with the same answer, then the others in the order of the verdicts."""
    audited: list[Audited] = field(default_factory=list)
    """Of a split comparison, in the order of the verdicts."""
    waiting: list[Waiting] = field(default_factory=list)
    """Of a paired comparison, oldest first."""
    units: list[tuple[str, str, Arm]] = field(default_factory=list)
    """Unit, client and arm of a split comparison at the unit's first answer."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> answers or words that do not count; see LEFT_OUT."""


LEFT_OUT = {
    "repeated": "answers to a text that has been answered before",
    "other adapter": "answers of an adapter that is not compared",
    "unpaired": "answers to which the other adapter gave none",
    "not blind": "words of teachers who had seen an answer",
    "no client": "answers without a client, where clients are drawn",
    "outside": "answers before both adapters answered, or while one of them was not in memory",
    "wrong arm": "answers of another arm than the draw gives",
    "not audited": "words on answers that were not drawn for the audit",
}
"""Why something does not count."""


def paired_evidence(started: Started, served: Iterable[Served], seconds: Iterable[SecondAnswer], words: Iterable[Word]) -> Evidence:
    """The evidence of a comparison in which both adapters answer every problem.

    A text counts once. Where the two labels differ, the last word of a teacher who saw neither answer, or both without names, decides: for
    one of them, or, with another label or none, for neither.

    Args:
        started: of the comparison.
        served: answers since then.
        seconds: what the other adapter answered.
        words: of teachers.
    """
    found, said = Evidence(), _last_words(words)
    other = {row.prediction: row for row in seconds}
    judged: list[tuple[datetime, str, Outcome]] = []
    for row in _first_of_each(started, _during(started, served, found), found):
        second = other.get(row.prediction)
        arm: Arm = "a" if row.adapter == started.a.adapter else "b"
        if second is None or second.adapter == row.adapter or second.adapter not in (started.a.adapter, started.b.adapter):
            found.left_out["unpaired"] += 1
            continue
        a, b = (row.label, second.label) if arm == "a" else (second.label, row.label)
        blind, seen = said.get(row.prediction, (None, 0))
        found.left_out["not blind"] += seen
        if a == b:
            found.outcomes.append(Outcome("same", a))
        elif blind is None:
            labels = (a, b) if first_shown(started.id, row.prediction) == "a" else (b, a)
            found.waiting.append(Waiting(row.prediction, row.text, labels))
        else:
            verdict: Verdict = "b" if blind.label == b else "a" if blind.label == a else "neither"
            judged.append((blind.at, row.prediction, Outcome(verdict, blind.label)))
    found.outcomes += [outcome for _, _, outcome in sorted(judged, key=lambda one: one[:2])]
    return found


def split_evidence(started: Started, served: Iterable[Served], words: Iterable[Word]) -> Evidence:
    """The evidence of a comparison in which one adapter answers.

    Only answers that were drawn for the audit count, with the last word of a teacher who had not seen the answer: an adapter that accepts
    more leaves other answers for review than one that accepts less, so shares of corrections among reviewed answers cannot be compared.

    Args:
        started: of the comparison.
        served: answers since then.
        words: of teachers.
    """
    found, said = Evidence(), _last_words(words)
    judged: list[tuple[datetime, str, Audited]] = []
    units: set[str] = set()
    for row in _first_of_each(started, _during(started, served, found), found):
        arm: Arm = "a" if row.adapter == started.a.adapter else "b"
        if started.unit == "client" and not row.client:
            found.left_out["no client"] += 1
            continue
        unit = row.client if started.unit == "client" else row.text
        found.left_out["wrong arm"] += unit is not None and arm_of(started.id, unit, started.share) != arm
        name = folded(row.client) if started.unit == "client" else _text_key(row)
        if name not in units:
            units.add(name)
            found.units.append((name, row.client, arm))
        blind, seen = said.get(row.prediction, (None, 0))
        found.left_out["not blind"] += seen
        if blind is not None and row.audit:
            judged.append((blind.at, row.prediction, Audited(arm, row.client, blind.label == row.label, blind.label)))
        elif blind is not None:
            found.left_out["not audited"] += 1
    found.audited = [one for _, _, one in sorted(judged, key=lambda one: one[:2])]
    return found


def pairs(audited: Sequence[Audited]) -> list[Outcome]:
    """The first audited answer of a with the first of b, and so on: each pair is a coin if both adapters are right equally often."""
    arms = ([one for one in audited if one.arm == "a"], [one for one in audited if one.arm == "b"])
    found = []
    for a, b in zip(*arms, strict=False):
        found.append(Outcome("same" if a.right == b.right else "b" if b.right else "a"))
    return found


def _first_of_each(started: Started, served: Iterable[Served], found: Evidence) -> Iterator[Served]:
    """The first answer of the compared adapters to every text, in the order of the answers; of every client where clients are drawn."""
    seen: set[tuple[str, str]] = set()
    for row in sorted(served, key=lambda row: (row.at, row.prediction)):
        key = (row.client if started.unit == "client" else "", _text_key(row))
        if row.adapter not in (started.a.adapter, started.b.adapter):
            found.left_out["other adapter"] += 1
        elif key in seen:
            found.left_out["repeated"] += 1
        else:
            seen.add(key)
            yield row


def _during(started: Started, served: Iterable[Served], found: Evidence) -> list[Served]:
    """The answers that were drawn: a service takes a moment to load the other adapter, and until then answers with the one in use.

    Where the records do not say which comparison an answer belongs to: in a split comparison those after the first answer of the second
    adapter to answer, in a paired one all.
    """
    rows = sorted(served, key=lambda row: (row.at, row.prediction))
    if any(row.comparison is not None for row in rows):
        kept = [row for row in rows if row.comparison == started.id]
    elif started.mode == "paired":
        kept = rows
    else:
        firsts = {row.adapter: k for k, row in reversed(list(enumerate(rows))) if row.adapter in (started.a.adapter, started.b.adapter)}
        kept = rows[max(firsts.values()) + 1 :] if len(firsts) == len({started.a.adapter, started.b.adapter}) else []
    found.left_out["outside"] += len(rows) - len(kept)
    return kept


def _text_key(row: Served) -> str:
    return row.text_sha256 if row.text is None else unit_digest(row.text)


def _last_words(words: Iterable[Word]) -> dict[str, tuple[Word | None, int]]:
    """For every prediction the last blind word, and how many were not blind."""
    found: dict[str, tuple[Word | None, int]] = {}
    for word in sorted(words, key=lambda word: (word.at, word.by, word.label or "")):
        last, seen = found.get(word.prediction, (None, 0))
        found[word.prediction] = (last, seen + 1) if word.seen else (word, seen)
    return found

"""The guard of every door through which a text leaves this machine: personal data stops before the first byte is sent.

A server counts as another machine unless prefopt itself started it: behind an address of this machine may be a tunnel.
tests/unit/test_leaving.py lists the doors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prefopt.errors import DataError
from prefopt.records import Problem
from prefopt.texts.personal_data import personal_data

_IN_NAMES = ("person-name", "email", "phone", "resident-number")
"""Kinds that an id or the name of a family can have; other numbers have the form of ids themselves."""
_SHOWN = 5


def personal_kinds(problem: Problem) -> list[str]:
    """Kinds of personal data in any part of a problem, each once."""
    texts = (problem.text, problem.reason or "", *problem.concepts, problem.label or "", problem.level or "", problem.figure_alt or "")
    kinds = [span.kind for text in texts for span in personal_data(text)]
    kinds += [kind for name in (problem.id, problem.family or "") for kind in personal_in_name(name)]
    return list(dict.fromkeys(kinds))


def personal_in_name(name: str) -> list[str]:
    """Kinds of personal data in an id or the name of a family."""
    if name.isascii() and "@" not in name and sum(c.isdigit() for c in name) < 9:  # the usual case
        return []
    return [span.kind for span in personal_data(name) if span.kind in _IN_NAMES]


def refuse_personal(texts: Iterable[tuple[str, str]], destination: str) -> None:
    """Raise DataError where a text that would be sent has personal data; the error names the texts and the kinds, and repeats nothing.

    Args:
        texts: what each text is ("problem 'q1'"), and the text.
        destination: where it would go.
    """
    found = [(name, sorted({span.kind for span in spans})) for name, text in texts if (spans := personal_data(text))]
    if found:
        shown = "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise DataError(
            f"nothing was sent to {destination}: personal data in {shown}{more}",
            hint="remove it, or use a masked copy: prefopt data mask FILE OUT",
        )


def refuse_problems(problems: Sequence[Problem], server: str) -> None:
    """Raise DataError where a problem that `server` would read has personal data; without a server nothing is sent."""
    if server:
        refuse_personal(((f"problem {problem.id!r}", problem.text) for problem in problems), server)

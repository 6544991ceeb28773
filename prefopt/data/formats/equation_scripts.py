"""Write LaTeX for the equation script of HWP files in the texts and reasons of problems."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from prefopt.records import Problem
from prefopt.texts.hwp_equations import converted


@dataclass
class EquationScripts:
    """Converts problems, and counts what it changed and what it did not know.

    Attributes:
        changed: problems whose text or reason changed.
        unknown: words that the script does not have, with the number of problems that have them; { and } are braces that do not match.
        places: for each unknown word the id of the first problem with it.
    """

    changed: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)

    def __call__(self, problem: Problem) -> Problem:
        """The problem with LaTeX in its text and reason."""
        text, reason = converted(problem.text), converted(problem.reason or "")
        for word in sorted({*text.unknown, *reason.unknown}):
            self.unknown[word] += 1
            self.places.setdefault(word, problem.id)
        if text.text == problem.text and reason.text == (problem.reason or ""):
            return problem
        self.changed += 1
        return problem.model_copy(update={"text": text.text, "reason": reason.text if problem.reason else problem.reason})

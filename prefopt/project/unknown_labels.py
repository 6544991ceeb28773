"""Why a cell names no label of the taxonomy, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefopt.curricula import only_in_2015
from prefopt.taxonomy import Taxonomy

Why = Literal["several", "2015", "revision", "ambiguous", "similar", "unknown"]


@dataclass(frozen=True)
class UnknownLabel:
    """A cell that names no label, and why.

    several    it names more than one code                       ambiguous  several labels have this code or name
    2015       its code exists in the 2015 revision alone        similar    labels of the same subject or with a similar spelling exist
    revision   it speaks of a revision that is not the taxonomy's    unknown    nothing in the taxonomy resembles it
    """

    given: str
    why: Why
    near: tuple[str, ...]
    """Ids that it may mean; the codes themselves where it names several."""
    revisions: tuple[str, ...]
    """Of the taxonomy."""
    source: str
    """Of the taxonomy."""

    @property
    def hint(self) -> str:
        """What to do about it."""
        revisions = ", ".join(self.revisions) or "no revision"
        return {
            "several": f"the cell names {', '.join(self.near)}: keep one code",
            "2015": f"this code is of the 2015 revised curriculum, the taxonomy of {revisions}: write the code of that revision",
            "revision": f"the taxonomy has {revisions}: write the code of that revision",
            "ambiguous": f"several labels have it: write one of {', '.join(self.near)}",
            "similar": f"did you mean {', '.join(self.near)}?",
            "unknown": f"labels are in {self.source or 'the taxonomy'}",
        }[self.why]


def why_unknown(given: str, taxonomy: Taxonomy) -> UnknownLabel:
    """Why taxonomy.find(given) is None."""
    found = taxonomy.read(given)
    revisions = tuple(sorted({label.revision for label in taxonomy} - {""}))
    near = tuple(taxonomy.nearest(given))
    why: Why = "similar" if near else "unknown"
    if len(found.codes) > 1:
        why, near = "several", tuple(code.text for code in found.codes)
    elif found.cell.revision and found.cell.revision not in revisions and (found.codes or found.candidates):
        why, near = "revision", ()
    elif len(found.candidates) > 1:
        why = "ambiguous"
    elif "2015" not in revisions and any(only_in_2015(code.text) for code in found.codes):
        why, near = "2015", ()
    return UnknownLabel(given, why, near, revisions, taxonomy.source)

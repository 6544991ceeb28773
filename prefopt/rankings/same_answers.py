"""Answers of one person under two names: two teachers who gave the same answer to every slate that both have answered.

Careful teachers agree often, and on easy slates nearly always, so equal ranks alone prove little. Of two simulated teachers at the default
rates 63 to 75 of 100 answers are the same in all ranks, of two who err in 2 % of their judgments 82 to 95 (four kinds of slates, 400 to
2,000 slates each). At NAMED equal answers and no different one a person should look. SURE of them happen to two who agree on 95 of 100 in
two of 10,000 pairs. Where both choose the best card alone, 65 to 82 and 94 to 96 of 100 answers are the same (three kinds of slates, 2,000
each), so such a slate counts for a third in NAMED and for half in SURE. Equal comments, which people write in their own words, say it
sooner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from prefopt.records import SIMULATED, Ranking, Slate, Uncounted

NAMED = 10
"""Slates with equal answers, and none with different ones, from which two teachers are named."""
SURE = 170
"""As NAMED: from here on they count as one."""
OWN_WORDS = 15
"""Characters without spaces of a comment, or of all comments together, that two people do not write alike by chance."""
FEW = 3
"""Slates below which equal comments say nothing."""


@dataclass(frozen=True)
class Alike:
    """Two teachers who never differ."""

    first: str
    second: str
    slates: int
    """Answered by both, not discarded."""
    comments: int
    """Of these, slates with a comment, which is the same."""
    one_person: bool
    """Whether their answers are too much alike for two people."""
    best_only: int = 0
    """Of the slates: those of which both named the best card alone."""

    @property
    def is_named(self) -> bool:
        """Whether a person should look."""
        return 3 * (self.slates - self.best_only) + self.best_only >= 3 * NAMED


def alike(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> list[Alike]:
    """Pairs of teachers whose answers are the same wherever both have one, by name. Simulated teachers are left out.

    Comments must be the same too, to count as evidence; different comments leave the ranks to speak alone.
    """
    known = {slate.id for slate in slates}
    own: dict[str, dict[str, Ranking]] = defaultdict(dict)
    for ranking in rankings:
        if ranking.slate_id in known and not ranking.teacher.startswith(SIMULATED):
            own[ranking.teacher][ranking.slate_id] = ranking
    pairs = (_compared(first, second, own[first], own[second]) for first, second in combinations(sorted(own), 2))
    return [pair for pair in pairs if pair is not None and (pair.is_named or pair.one_person)]


def _compared(first: str, second: str, ours: dict[str, Ranking], theirs: dict[str, Ranking]) -> Alike | None:
    shared = [(ours[slate_id], theirs[slate_id]) for slate_id in sorted(ours.keys() & theirs.keys())]
    if any((a.kind, a.ranks, a.right_label) != (b.kind, b.ranks, b.right_label) for a, b in shared):
        return None
    judged = [(a, b) for a, b in shared if a.kind != "discarded"]
    comments = ["".join(a.comment.split()) for a, b in shared if a.comment]
    same = comments if all("".join(a.comment.split()) == "".join(b.comment.split()) for a, b in shared) else []
    worded = len(judged) >= FEW and sum(map(len, dict.fromkeys(same))) >= OWN_WORDS
    best_only = sum(a.best_only and b.best_only for a, b in judged)
    sure = 2 * (len(judged) - best_only) + best_only >= 2 * SURE
    return Alike(first, second, len(judged), len(same), worded or sure, best_only)


def without_copies(slates: Sequence[Slate], rankings: Sequence[Ranking]) -> tuple[list[Ranking], list[Uncounted]]:
    """The rankings with one person's answers under two names counted once, under the first name; and what is to be said of such pairs."""
    found = alike(slates, rankings)
    of_slate: dict[str, set[str]] = defaultdict(set)
    for ranking in rankings:
        of_slate[ranking.slate_id].add(ranking.teacher)
    firsts = {pair.second: pair.first for pair in reversed(found) if pair.one_person}
    counted = [r for r in rankings if firsts.get(r.teacher) not in of_slate[r.slate_id]]
    return counted, [_said(pair) for pair in found]


def _said(pair: Alike) -> Uncounted:
    names, n = f"{pair.first}, {pair.second}", pair.slates
    ko = f"{names}: 두 선생님이 함께 답한 {n}문제의 답이 모두 같습니다"
    en = f"{names}: all answers are the same on the {n} slates that both have answered"
    if pair.comments:
        ko, en = f"{ko}(적은 말도 {pair.comments}곳에서 같음)", f"{en}, {pair.comments} comments too"
    if not pair.one_person:
        return Uncounted(
            kind="same-answers",
            ko=f"{ko}. 두 사람의 답으로 세었습니다. 한 사람이 두 이름으로 답한 것은 아닌지 확인해 주세요.",
            en=f"{en}; both count; ask whether one person answered under two names",
        )
    return Uncounted(
        kind="one-person",
        ko=f"{ko}. 한 사람의 답으로 보고 한 번만 세었습니다. 한 사람이 두 이름으로 낸 것이면 {pair.second}의 답을 지워 주세요.",
        en=f"{en}; they count once; if one person gave them under two names, remove those of {pair.second}",
        teacher=pair.second,
    )

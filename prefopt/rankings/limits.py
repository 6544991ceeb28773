"""How long the texts of answers are kept: whatever is written can be read again, so no comment stops a round."""

from __future__ import annotations

from collections.abc import Iterable

from prefopt.records import MAX_TEXT, Ranking, Uncounted, content_id
from prefopt.texts.kept_text import is_cut, kept_text

CUT = "comment-cut"
"""Kind of a finding: the comment of an answer was cut."""
MAX_COMMENT = MAX_TEXT
"""Characters; a problem may have as many."""
MAX_NAME = 200
"""Characters of a name or of the id of a label."""
MAX_FOUND = 1_000
"""Characters of a text that is quoted to say what was found."""


def bounded(ranking: Ranking) -> Ranking:
    """The answer with a comment and names of limited length; the same object where they are short enough."""
    short = {
        "comment": kept_text(ranking.comment, MAX_COMMENT),
        "teacher": _name(ranking.teacher),
        "right_label": None if ranking.right_label is None else _name(ranking.right_label),
    }
    changed = {key: value for key, value in short.items() if value != getattr(ranking, key)}
    return ranking.model_copy(update=changed) if changed else ranking


def bounded_finding(found: Uncounted) -> Uncounted:
    """What was found, with texts of limited length."""
    limits = {"ko": MAX_TEXT, "en": MAX_TEXT, "path": MAX_FOUND, "column": MAX_FOUND, "found": MAX_FOUND}
    short = {key: kept_text(getattr(found, key), limit) for key, limit in limits.items()} | {"teacher": _name(found.teacher)}
    changed = {key: value for key, value in short.items() if value != getattr(found, key)}
    return found.model_copy(update=changed) if changed else found


def cut_comments(rankings: Iterable[Ranking]) -> list[Uncounted]:
    """What to say of the answers whose comments were cut."""
    return [
        Uncounted(
            kind=CUT,
            ko=f"{ranking.teacher}: {ranking.slate_id}에 적은 말이 너무 길어 앞 {MAX_COMMENT:,}자만 두었습니다. 답은 그대로 셉니다.",
            en=f"the comment of {ranking.teacher} on {ranking.slate_id} is too long: its first {MAX_COMMENT:,} characters are kept, "
            "and the answer counts",
            slate_id=ranking.slate_id,
        )
        for ranking in rankings
        if is_cut(ranking.comment)
    ]


def _name(text: str) -> str:
    """A name; of a longer one the beginning, with a hash, so that two names stay two."""
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 20]}…{content_id(text)}"

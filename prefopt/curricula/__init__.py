"""Curricula shipped as CSV files with codes, counts and short names of our own (the statements stay in the user's file).

    ko_math_2022.csv        the 181 standards of grades 1 to 9, 교육부 고시 2022-33 별책 8
    ko_math_2022_high.csv   the 254 standards of the 15 courses of high school, of the same notice

Codes are keyed by (revision, code): 153 codes of the 2015 revision stand in the 2022 revision too, for other contents.
"""

from __future__ import annotations

import re

# Cell -> standards with the same codes in both revisions: both are numbered from 01 without gaps, so a number says which.
_IN_BOTH = {
    "2수01": 11, "2수02": 2, "2수03": 9, "2수04": 2, "4수01": 16, "4수02": 3, "4수03": 14, "4수04": 2, "6수01": 15, "6수02": 5, "6수03": 11,
    "6수04": 5, "9수01": 10, "9수02": 13, "9수03": 10, "9수04": 9, "12확통01": 3, "12확통02": 6, "12확통03": 7,
}  # fmt: skip


def in_both_revisions(code: str) -> bool:
    """Whether a code of Korean mathematics stands in the 2015 and in the 2022 revision, so that it means nothing without its revision."""
    found = re.fullmatch(r"\[(\d{1,2}[가-힣]+\d\d)-(\d\d)\]", code)
    return found is not None and 1 <= int(found[2]) <= _IN_BOTH.get(found[1], 0)

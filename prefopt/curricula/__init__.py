"""Curricula as CSV files with codes, groups and short names of our own. The official statements are not included.

    ko_math_2022.csv        the 181 standards of grades 1 to 9, 교육부 고시 2022-33 별책 8
    ko_math_2022_high.csv   the 254 standards of the 15 courses of high school, of the same notice

Labels are keyed by (revision, code): 153 codes of the 2015 revision exist in the 2022 revision with other contents.

    generator/              Korean mathematics problems with computed answers
"""

from __future__ import annotations

import re

# Prefix of a code -> how many of its standards have the same code in both revisions, which number them from 01 without gaps.
_IN_BOTH = {
    "2수01": 11, "2수02": 2, "2수03": 9, "2수04": 2, "4수01": 16, "4수02": 3, "4수03": 14, "4수04": 2, "6수01": 15, "6수02": 5, "6수03": 11,
    "6수04": 5, "9수01": 10, "9수02": 13, "9수03": 10, "9수04": 9, "12확통01": 3, "12확통02": 6, "12확통03": 7,
}  # fmt: skip


def in_both_revisions(code: str) -> bool:
    """Whether a code of Korean mathematics exists in the 2015 and the 2022 revision, so that it is ambiguous without the revision."""
    match = re.fullmatch(r"\[(\d{1,2}[가-힣]+\d\d)-(\d\d)\]", code)
    return match is not None and 1 <= int(match[2]) <= _IN_BOTH.get(match[1], 0)


# Subjects of high school that only the 2015 revision has: 수학, 수학Ⅰ and Ⅱ, 미적분 (without a number), 실용 수학, 심화 수학, 고급 수학.
_SUBJECTS_OF_2015 = re.compile(r"\[(?:10수학|12수학[ⅠⅡ]-|12미적|12실수|12심수[ⅠⅡ]-|12고수[ⅠⅡ]-)\d\d-\d\d\]")
# Grades 1 to 9 have five domains in the 2015 revision and four in that of 2022; where the third and fourth moved, the numbers go on.
_AREA_05 = re.compile(r"\[[2469]수05-\d\d\]")
_BEYOND_2022 = {"2수02": (3, 5), "4수02": (4, 13), "6수02": (6, 11), "9수04": (10, 20)}


def only_in_2015(code: str) -> bool:
    """Whether a code of Korean mathematics exists in the 2015 revision and not in that of 2022."""
    if _SUBJECTS_OF_2015.fullmatch(code) or _AREA_05.fullmatch(code):
        return True
    match = re.fullmatch(r"\[(\d수\d\d)-(\d\d)\]", code)
    low, high = _BEYOND_2022.get(match[1], (1, 0)) if match else (1, 0)
    return match is not None and low <= int(match[2]) <= high

"""What is odd about a round's labels, as sentences."""

from __future__ import annotations

from prefopt.calibration.result import Calibration
from prefopt.rankings.label_skew import OneLabel, SkewedLabel
from prefopt.report.contents import ReportContents, Warnings
from prefopt.report.numbers import excerpt, percent
from prefopt.report.wording.names import joined, label_words
from prefopt.report.wording.say import Say
from prefopt.taxonomy import Taxonomy

OFTEN = 10
"""Held-out problems of a label from which it is odd that it is never the answer."""
NAMED = 3


def warning_sentences(contents: ReportContents) -> tuple[Say, ...]:
    """Teachers who always name one label, a label with too many votes, and labels that are never the answer."""
    found = contents.warnings
    said = [_one_label(one, found, contents.taxonomy) for one in found.one_label]
    if found.skewed is not None:
        said.append(_skewed(found.skewed, contents.taxonomy))
    never = never_answered(contents.current.calibration)
    if never:
        names = joined((label_words(contents.taxonomy, label) for label in never[:NAMED]), ", ")
        more = len(never) - NAMED
        rest = Say(f" 외 {more}개", f" and {more} more") if more > 0 else Say("", "")
        said.append(
            Say(
                f"정답일 때가 많은데도 한 번도 답하지 않은 분류 항목: {names.ko}{rest.ko}",
                f"Labels that are often right and never the answer: {names.en}{rest.en}",
            )
        )
    return tuple(said)


def never_answered(calibration: Calibration) -> tuple[str, ...]:
    """Labels with at least OFTEN held-out problems that are never the most probable one."""
    return tuple(count.label for count in calibration.counts if count.right >= OFTEN and not count.answered)


def _one_label(one: OneLabel, found: Warnings, taxonomy: Taxonomy) -> Say:
    name, share, others = label_words(taxonomy, one.label), percent(one.share, 0), percent(one.others, 0)
    who = excerpt(one.teacher, 40)
    counted = Say("이 판정은 세지 않았습니다.", "These answers do not count.")
    if not found.left_out:
        counted = Say("이 판정도 세었습니다(pair.one_label).", "These answers count all the same (pair.one_label).")
    return Say(
        f"{who} 교사는 {one.slates:,}문제 중 {share}에서 {name.ko}만 골랐습니다. 다른 교사라면 {others}였을 것입니다. {counted.ko}",
        f"{who} named {name.en} on {share} of {one.slates:,} slates, where the others would on {others}. {counted.en}",
    )


def _skewed(found: SkewedLabel, taxonomy: Taxonomy) -> Say:
    name, share, labeled = label_words(taxonomy, found.label), percent(found.share, 0), percent(found.labeled, 0)
    return Say(
        f"교사들이 고른 답의 {share}가 {name.ko} 하나입니다. 전문가가 분류한 문제에서는 {labeled}입니다.",
        f"{share} of the teachers' votes are for {name.en} alone, which is {labeled} of the problems labeled by experts.",
    )

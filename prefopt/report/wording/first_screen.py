"""The first page as sentences: plain words first, always with the likely range, and "cannot tell" where the data do not decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefopt.calibration.result import Calibration
from prefopt.records import Decision
from prefopt.report.contents import HistoryRow, Overruling, ReportContents
from prefopt.report.numbers import excerpt, out_of, percent, points, points_range
from prefopt.report.wording.confidence import gap_sentence
from prefopt.report.wording.fitness import accuracy_words
from prefopt.report.wording.fixed import OUTCOMES
from prefopt.report.wording.grounds import compared_sentence
from prefopt.report.wording.say import Say

Tone = Literal["good", "bad", "unsure", "plain"]

_NO_ACCEPTANCE = {
    "too_few_problems": Say("검증용 문제가 너무 적습니다.", "The hold-out is too small."),
    "confident_errors": Say("가장 확신할 때도 그보다 자주 틀립니다.", "Even its most confident answers are wrong more often."),
    "not_sure_yet": Say("범위 안일 수 있지만 확신하기에는 문제가 적습니다.", "It may be within the limit, but too few problems show it."),
    None: Say("", ""),
}
"""Why nothing can be accepted unread, in a few words; the section below says it with its numbers."""


@dataclass(frozen=True)
class Tile:
    """A tile of the first screen: the large words, the sentence under them, and its color."""

    big: Say
    text: Say
    tone: Tone


def next_round(row: HistoryRow, parent_promoted: bool = True) -> tuple[Say, Say]:
    """From which adapter the next round starts, and why; whether one is fit for use is another question (wording/fitness.py)."""
    outcome, first = row.outcome, row.parent is None
    by = _decided_by(row)
    if outcome == "promoted":
        than = Say("단순 추측보다", "than guessing") if first else Say("직전 모델보다", "than the model before it")
        why = Say("", "") if row.overruled else Say(f" {than.ko} 낫습니다.", f": it is better {than.en}")
        return Say("다음 라운드는 이 모델에서 시작합니다", "The next round starts from this model"), Say(
            f"{by.ko} 채택했습니다.{why.ko} 쓰기에 알맞은지는 목표가 말합니다.",
            f"Promoted by {by.en}{why.en}. The goals say whether it is fit for use.",
        )
    none_yet = Say("채택한 모델이 아직 없습니다", "No model is promoted yet")
    if row.overruled is None and row.decision.grounds[-1].code == "below_baseline" and (first or not parent_promoted):
        return none_yet, Say(
            "간단한 분류기(TF-IDF)가 아직 더 낫습니다. 다음 라운드는 이 모델에서 시작하고, 그보다 나아지면 씁니다.",
            "A simple classifier (TF-IDF) is still better. The next round starts from this model; one that is better will be used.",
        )
    if first:
        return none_yet, Say(
            "전문가가 분류한 문제를 늘려 기초 학습을 다시 하는 것이 좋습니다.",
            "Train the base stage again with more problems labeled by experts.",
        )
    if not parent_promoted:
        return none_yet, Say(
            f"이번 모델도 라운드 {row.parent:03d}의 모델도 채택되지 않았습니다. 다음 라운드는 라운드 {row.parent:03d}에서 다시 시작합니다.",
            f"Neither this model nor that of round {row.parent:03d} is promoted. The next round starts from {row.parent:03d} again.",
        )
    again = Say(
        f"다음 라운드는 라운드 {row.parent:03d}의 모델에서 다시 시작합니다",
        f"The next round starts from round {row.parent:03d} again",
    )
    if outcome == "held":
        return again, Say(
            f"{by.ko} 이 모델을 보류했습니다. 라운드 {row.parent:03d}의 모델을 그대로 씁니다.",
            f"This model is held by {by.en}; that of round {row.parent:03d} stays in use.",
        )
    return again, Say(
        f"{by.ko} 이 모델을 쓰지 않기로 했습니다. 라운드 {row.parent:03d}의 모델을 계속 씁니다.",
        f"This model is rejected by {by.en}; that of round {row.parent:03d} stays in use.",
    )


def _decided_by(row: HistoryRow) -> Say:
    if row.overruled is None:
        return Say("규칙이", "the rule")
    if row.overruled.ground is None:
        return Say("사람이", "a person")
    return Say("쓰는 동안의 비교를 보고 사람이", "a person, on a comparison in use")


def overruled(row: HistoryRow, overruling: Overruling) -> Say:
    """The decision of a person, its reason and the comparison that it rests on, and the rule's decision."""
    rule, now, because = OUTCOMES[row.decision.outcome], OUTCOMES[overruling.outcome], excerpt(overruling.because, 400)
    if overruling.ground is not None:
        found = compared_sentence(overruling.ground)
        return Say(
            f"쓰는 동안의 비교를 보고 사람이 결정했습니다({overruling.day}): {now.ko}. {found.ko} 규칙이 검증용 문제로 내린 결정은 "
            f"‘{rule.ko}’였습니다. 까닭: {because}",
            f"Decided by a person on a comparison in use ({overruling.day}): {now.en}. {found.en} The rule decided on the hold-out: "
            f"{rule.en}. Reason: {because}",
        )
    return Say(
        f"사람이 결정했습니다({overruling.day}): {now.ko}. 규칙에 따른 결정은 ‘{rule.ko}’였습니다. 까닭: {because}",
        f"Decided by a person ({overruling.day}): {now.en}. The rule decided: {rule.en}. Reason: {because}",
    )


def elsewhere(contents: ReportContents) -> Say | None:
    """The adapter in use, where later decisions changed it; None where this report's decision is still in effect."""
    row = contents.current
    expected = row.round if row.outcome == "promoted" else None
    if contents.in_use is None or contents.in_use == expected or (expected is None and contents.in_use == row.parent):
        return None
    return Say(
        f"지금 쓰는 모델은 라운드 {contents.in_use:03d}의 모델입니다. 다음 라운드도 그 모델에서 시작합니다.",
        f"The adapter in use is that of round {contents.in_use:03d}; the next round starts from it.",
    )


def accuracy_tile(contents: ReportContents) -> Tile:
    """Right answers out of 100 or 1,000 with their likely range; for the adapter in use also without the luck of having been chosen."""
    calibration, lead, ledger = contents.current.calibration, contents.lead, contents.ledger
    chosen = Say("", "")
    found, n = (calibration.accuracy, calibration.n) if lead is None else (lead.fitness.accuracy, lead.fitness.n)
    alone = lead is None or lead.fitness.answered_by == "adapter"
    plain, fixed = (None, None) if ledger is None else (ledger.plain, ledger.corrected)
    if alone and contents.in_use == contents.round and plain is not None and fixed is not None and fixed.value < plain.value:
        share = percent(fixed.value)
        chosen = Say(f" 여러 모델 가운데 고른 효과를 빼면 {share}입니다.", f" {share} without the luck of having been chosen.")
    big, text = accuracy_words(found, n, calibration.confidence_level)
    return Tile(big, Say(f"{text.ko}{chosen.ko}", f"{text.en}{chosen.en}"), "plain")


def change_tile(row: HistoryRow) -> Tile:
    """The comparison to the parent, or of a first adapter to guessing."""
    comparison = row.calibration.parent
    if comparison is None:
        guess = row.calibration.majority
        return Tile(
            Say("첫 모델", "First adapter"),
            Say(
                f"비교할 이전 라운드가 없습니다. 가장 많은 분류({guess.label})로만 답하면 {percent(guess.accuracy)}를 맞힙니다.",
                f"No earlier round to compare with. Always answering {guess.label}, the most frequent label, has an accuracy of "
                f"{percent(guess.accuracy)}.",
            ),
            "plain",
        )
    tone, big = _change(row.decision)
    test, level = comparison.mcnemar, _level(row.calibration)
    return Tile(
        big,
        Say(
            f"정확도 {points(comparison.accuracy.value)}%p (있을 법한 범위, {level} 신뢰구간: {points_range(comparison.accuracy)}). "
            f"라운드 {row.parent:03d} 모델이 틀리던 {test.gained}문제를 맞히고, 맞히던 {test.lost}문제를 틀립니다.",
            f"Accuracy {points(comparison.accuracy.value)} points (likely range, {level} interval: {points_range(comparison.accuracy)}) "
            f"against round {row.parent:03d}: {test.gained} problems gained, {test.lost} lost.",
        ),
        tone,
    )


def _change(decision: Decision) -> tuple[Tone, Say]:
    accuracy = brier = "cannot_tell"
    for ground in decision.grounds:
        if ground.code == "accuracy_against_parent":
            accuracy = ground.change
        elif ground.code in ("tempered_brier_against_parent", "brier_against_parent"):
            brier = ground.change
    if accuracy == "better":
        return "good", Say("더 자주 맞힙니다", "Right more often")
    if accuracy == "worse":
        return "bad", Say("덜 맞힙니다", "Right less often")
    if brier == "better":
        return "good", Say("확률이 더 정확합니다", "Better probabilities")
    if brier == "worse":
        return "bad", Say("확률이 덜 정확합니다", "Worse probabilities")
    return "unsure", Say("차이를 판단할 수 없음", "Cannot tell a difference")


def sure_tile(calibration: Calibration) -> Tile:
    """Over- or under-confident on average; cannot tell where the interval contains 0."""
    gap = calibration.overconfidence
    text = gap_sentence(calibration)
    if not calibration.overconfidence_known or gap.low <= 0 <= gap.high:
        return Tile(Say("치우침 판단 불가", "Bias: cannot tell"), text, "unsure")
    size = f"{abs(100 * gap.value):.1f}"
    if gap.value > 0:
        return Tile(Say(f"{size}%p 과신", f"{size} points over-confident"), text, "bad")
    return Tile(Say(f"{size}%p 확신 부족", f"{size} points under-confident"), text, "plain")


def accept_tile(calibration: Calibration) -> Tile:
    """The share of problems that can be accepted without review."""
    acceptance = calibration.in_use.acceptance
    agreed, guarantee = percent(acceptance.agreed_error, 0), percent(acceptance.guarantee, 0)
    if acceptance.threshold is None:
        return Tile(
            Say("아직 없음", "None yet"),
            Say(
                f"오답률 {agreed} 이하를 {guarantee} 확률로 보장할 기준이 없어 모두 사람이 확인해야 합니다. "
                f"{_NO_ACCEPTANCE[acceptance.cause].ko}",
                f"No threshold keeps the errors at or below {agreed} with {guarantee} certainty: review every answer. "
                f"{_NO_ACCEPTANCE[acceptance.cause].en}",
            ),
            "unsure",
        )
    threshold, (share, base) = percent(acceptance.threshold), out_of(acceptance.share)
    return Tile(
        Say(f"{base:,}문제 중 {share}문제", f"{share} of {base:,} problems"),
        Say(
            f"확신이 {threshold} 이상인 문제입니다. 이 기준으로 승인하면 오답률은 {agreed} 이하입니다({guarantee} 보장).",
            f"Problems with a confidence of at least {threshold}: at most {agreed} of them are wrong, with {guarantee} certainty.",
        ),
        "good",
    )


def _level(calibration: Calibration) -> str:
    return percent(calibration.confidence_level, 0)

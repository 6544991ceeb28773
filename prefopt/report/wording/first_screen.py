"""The first screen as sentences: plain words first, always with the interval, and "cannot tell" where the data do not decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefopt.calibration.result import Calibration
from prefopt.grounds import Estimate
from prefopt.records import Decision
from prefopt.report.contents import HistoryRow, Ledger, Overruling, ReportContents
from prefopt.report.numbers import excerpt, out_of, percent, percent_range, points, points_range
from prefopt.report.wording.fixed import OUTCOMES
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


def headline(row: HistoryRow, parent_promoted: bool = True) -> tuple[Say, Say]:
    """The decision as a sentence, and its consequence; a parent that is not promoted is not recommended either."""
    outcome, first = row.outcome, row.parent is None
    if outcome == "promoted":
        return Say("이 모델을 채택합니다", "Use this adapter"), Say(
            "앞으로 이 모델로 분류하고, 다음 라운드도 여기에서 시작합니다.", "It is promoted, and the next round starts from it."
        )
    none_yet = Say("아직 쓸 모델이 없습니다", "No adapter to use yet")
    if row.overruled is None and row.decision.grounds[-1].code == "below_baseline" and (first or not parent_promoted):
        return none_yet, Say(
            "고전 분류기가 아직 더 낫습니다. 다음 라운드는 이 모델에서 시작하고, 그보다 나아지면 씁니다.",
            "The classical classifier is still better. The next round starts from this adapter; one that is better will be used.",
        )
    if first:
        return none_yet, Say(
            "전문가가 분류한 문제를 늘려 기초 학습을 다시 하는 것이 좋습니다.",
            "Train the base stage again with more problems labeled by experts.",
        )
    if not parent_promoted:
        return none_yet, Say(
            f"이번 모델도 라운드 {row.parent:03d}의 모델도 채택되지 않았습니다. 다음 라운드는 라운드 {row.parent:03d}에서 다시 시작합니다.",
            f"Neither this adapter nor that of round {row.parent:03d} is promoted. The next round starts from {row.parent:03d} again.",
        )
    if outcome == "held":
        return Say("채택을 보류합니다", "Keep the adapter in use"), Say(
            f"라운드 {row.parent:03d}의 모델을 그대로 쓰고, 다음 라운드도 그 모델에서 시작합니다.",
            f"This adapter is held. The adapter of round {row.parent:03d} stays in use, and the next round starts from it again.",
        )
    return Say("이 모델을 쓰지 않습니다", "Do not use this adapter"), Say(
        f"라운드 {row.parent:03d}의 모델이 더 낫습니다. 그 모델을 계속 씁니다.",
        f"The adapter of round {row.parent:03d} is better and stays in use.",
    )


def overruled(row: HistoryRow, overruling: Overruling) -> Say:
    """The decision of a person, its reason, and the rule's decision."""
    rule, now, because = OUTCOMES[row.decision.outcome], OUTCOMES[overruling.outcome], excerpt(overruling.because, 400)
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


def accuracy_tile(calibration: Calibration, ledger: Ledger | None = None) -> Tile:
    """Accuracy as right answers out of 100 or 1,000, with its interval; with the ledger of the adapter in use, corrected for the choice."""
    right, base = out_of(calibration.accuracy.value)
    low, high = (round(base * share) for share in (calibration.accuracy.low, calibration.accuracy.high))
    level, chosen = _level(calibration), Say("", "")
    if ledger is not None and ledger.plain is not None and ledger.corrected is not None and ledger.corrected.value < ledger.plain.value:
        fixed = percent(ledger.corrected.value)
        chosen = Say(f" 여러 모델 가운데 고른 효과를 빼면 {fixed}입니다.", f" {fixed} without the luck of having been chosen.")
    return Tile(
        Say(f"{base:,}문제 중 {right}문제를 맞힙니다", f"Right on {right} of {base:,} problems"),
        Say(
            f"검증용 {calibration.n:,}문제로 잰 값입니다. 실제 값은 {low}~{high}문제 사이로 볼 수 있습니다({level} 신뢰구간).{chosen.ko}",
            f"Between {low} and {high} ({level} interval), measured on {calibration.n:,} hold-out problems.{chosen.en}",
        ),
        "plain",
    )


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
            f"정확도 {points(comparison.accuracy.value)}%p ({level} 신뢰구간 {points_range(comparison.accuracy)}). "
            f"라운드 {row.parent:03d} 모델이 틀리던 {test.gained}문제를 맞히고, 맞히던 {test.lost}문제를 틀립니다.",
            f"Accuracy {points(comparison.accuracy.value)} points ({level} interval {points_range(comparison.accuracy)}) "
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
    sure, right, level = percent(calibration.mean_confidence, 0), percent(calibration.accuracy.value, 0), _level(calibration)
    if not calibration.overconfidence_known:
        return Tile(
            Say("치우침 판단 불가", "Bias: cannot tell"),
            Say(
                f"평균 확신 {sure}, 정확도 {right}. 차이 {points(gap.value)}%p가 우연인지 판단하기에는 "
                "틀린 문제(또는 맞힌 문제)가 너무 적습니다.",
                f"Mean confidence {sure}, accuracy {right}: too few answers are wrong (or right) to tell whether the gap of "
                f"{points(gap.value)} points is chance.",
            ),
            "unsure",
        )
    if gap.low <= 0 <= gap.high:
        return Tile(
            Say("치우침 판단 불가", "Bias: cannot tell"),
            Say(
                f"평균 확신 {sure}, 정확도 {right}. 차이 {points(gap.value)}%p는 우연한 차이와 구별되지 않습니다"
                f"({level} 신뢰구간 {points_range(gap)}).",
                f"Mean confidence {sure}, accuracy {right}: the gap of {points(gap.value)} points cannot be distinguished from chance "
                f"({level} interval {points_range(gap)}).",
            ),
            "unsure",
        )
    size, between = f"{abs(100 * gap.value):.1f}", _magnitudes(gap)
    if gap.value > 0:
        return Tile(
            Say(f"{size}%p 과신", f"{size} points over-confident"),
            Say(
                f"평균 {sure} 확신한다고 하지만 실제로는 {right}를 맞힙니다({level} 신뢰구간 {between}%p). 확신 수치를 그대로 믿지 마세요.",
                f"Its mean confidence is {sure} and its accuracy {right} ({level} interval of the gap {between} points). "
                "Do not rely on its confidence.",
            ),
            "bad",
        )
    return Tile(
        Say(f"{size}%p 확신 부족", f"{size} points under-confident"),
        Say(
            f"평균 {sure} 확신한다고 하지만 실제로는 {right}를 맞힙니다({level} 신뢰구간 {between}%p). 말하는 것보다 더 잘 맞힙니다.",
            f"Its mean confidence is {sure} and its accuracy {right} ({level} interval of the gap {between} points): "
            "it is right more often than its confidence suggests.",
        ),
        "plain",
    )


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


def _magnitudes(gap: Estimate) -> str:
    small, large = sorted((abs(gap.low), abs(gap.high)))
    return percent_range(Estimate(value=abs(gap.value), low=small, high=large), 1)

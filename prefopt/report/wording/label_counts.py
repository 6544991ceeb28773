"""Labels that are answered too often or too seldom, and whether a change of the accuracy is one of label biases."""

from __future__ import annotations

from prefopt.calibration.bias_result import LabelCount
from prefopt.calibration.label_biases import prior_distance
from prefopt.calibration.result import Calibration
from prefopt.report.numbers import percent, points
from prefopt.report.wording.say import Say

SHOWN = 8
"""Labels in the table."""


def most_shifted(calibration: Calibration) -> tuple[LabelCount, ...]:
    """The labels whose number of answers differs most from how often they are right, or from their parent's; the largest first."""

    def distance(count: LabelCount) -> int:
        before = count.answered if count.parent_answered is None else count.parent_answered
        return max(abs(count.answered - count.right), abs(count.answered - before))

    found = sorted(calibration.counts, key=lambda count: (-distance(count), count.label))
    return tuple(count for count in found[:SHOWN] if distance(count))


def counts_sentence(calibration: Calibration) -> Say:
    """How many answers would have to change so that every label is answered as often as it is right."""
    share = percent(prior_distance(calibration.counts), 0)
    if calibration.parent is None:
        return Say(
            f"분류 항목마다 답한 횟수가 실제 횟수와 같으려면 답의 {share}가 바뀌어야 합니다.",
            f"For every label to be answered as often as it is right, {share} of the answers would have to change.",
        )
    before = percent(prior_distance(calibration.counts, parent=True), 0)
    return Say(
        f"분류 항목마다 답한 횟수가 실제 횟수와 같으려면 답의 {share}가 바뀌어야 합니다(학습 전 {before}).",
        f"For every label to be answered as often as it is right, {share} of the answers would have to change ({before} before the round).",
    )


def biases_sentence(calibration: Calibration) -> Say | None:
    """Whether a change of the accuracy stays when label biases are fitted again; None where there is nothing to compare."""
    refitted, parent = calibration.refitted, calibration.parent
    if refitted is None or parent is None or refitted.accuracy_change is None:
        return None
    plain, change = parent.accuracy, refitted.accuracy_change
    numbers = f"{points(plain.value)}%p → {points(change.value)}%p"
    moved, stays = plain.low > 0 or plain.high < 0, change.low > 0 or change.high < 0
    if moved and not stays:
        return Say(
            "정확도의 변화는 대부분 어떤 항목을 더 자주 또는 덜 답하게 된 것입니다. "
            f"항목별 치우침을 다시 맞추면 변화를 우연과 구별할 수 없습니다({numbers}).",
            "The change of the accuracy is mostly one of how often labels are answered: with label biases fitted again it is within chance "
            f"({numbers}).",
        )
    if stays and not moved:
        return Say(
            f"항목별 치우침을 다시 맞추면 정확도가 우연 이상으로 달라집니다({numbers}). 치우침이 실력의 변화를 가리고 있습니다.",
            f"With label biases fitted again the accuracy changes beyond chance ({numbers}): biases hide a change of ability.",
        )
    return Say(
        f"항목별 치우침을 다시 맞춰도 판단은 같습니다({numbers}).",
        f"With label biases fitted again the finding is the same ({numbers}).",
    )

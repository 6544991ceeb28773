"""What becomes of an adapter: promoted, held or rejected, by one written rule (docs/decision.md), with its reasons in two languages."""

from __future__ import annotations

from typing import Literal

from prefopt.calibration.result import Calibration, Comparison, Discordance, Estimate, Majority
from prefopt.calibration.vetoes import Sentence, vetoes
from prefopt.config import DecideSettings
from prefopt.errors import CalibrationError
from prefopt.records import Decision

RULE = "brier-accuracy-2"

Outcome = Literal["promoted", "held", "rejected"]
Change = Literal["better", "worse", "cannot_tell"]

_CHANGE_KO = {"better": "나아졌습니다", "worse": "나빠졌습니다", "cannot_tell": "달라졌다고 판단할 수 없습니다"}
_CHANGE_EN = {"better": "better", "worse": "worse", "cannot_tell": "cannot tell"}


def decide(calibration: Calibration, settings: DecideSettings, *, first: bool) -> Decision:
    """Decide by the rule.

    Args:
        calibration: of the adapter; with its comparison to the parent unless `first`.
        settings: significance level and the Brier increase that is let pass.
        first: the adapter has no parent (round 000).

    Raises:
        CalibrationError: there is a parent's comparison where there should be none, or the reverse.
    """
    if first != (calibration.parent is None):
        given = "has no" if calibration.parent is None else "has a"
        raise CalibrationError(
            f"{'a first' if first else 'a later'} adapter is decided, but its calibration {given} comparison to a parent"
        )
    if calibration.parent is None:
        decision = _decide_first(calibration, settings)
    else:
        decision = _decide_later(calibration, calibration.parent, settings)
    found = vetoes(calibration, settings) if decision.outcome == "promoted" else []
    return _held(decision, found) if found else decision


def _held(decision: Decision, found: list[Sentence]) -> Decision:
    """A promotion that something stands against: held, and the last sentence says so."""
    return decision.model_copy(
        update={
            "outcome": "held",
            "grounds": (
                *decision.grounds[:-1],
                *(english for english, _ in found),
                "Held: what is said above stands against promoting it; an earlier adapter stays in use.",
            ),
            "grounds_ko": (
                *decision.grounds_ko[:-1],
                *(korean for _, korean in found),
                "보류: 위와 같은 이유로 채택하지 않습니다. 쓰던 모델을 계속 씁니다.",
            ),
        }
    )


def accuracy_change(test: Discordance, alpha: float) -> Change:
    """Better or worse by the exact McNemar test, two-sided at alpha."""
    if test.p_value > alpha or test.gained == test.lost:
        return "cannot_tell"
    return "better" if test.gained > test.lost else "worse"


def brier_change(difference: Estimate) -> Change:
    """Better or worse where the paired interval lies on one side of 0; a lower Brier score is better."""
    if difference.high < 0:
        return "better"
    return "worse" if difference.low > 0 else "cannot_tell"


def outcome_of(comparison: Comparison, settings: DecideSettings) -> Outcome:
    """The rule for an adapter with a parent. decide() asks more of what is promoted: that it beats guessing, as a first adapter must.

    promoted: accuracy is better and the mean Brier score rises by at most max_brier_increase; or Brier is better and accuracy not worse.
    rejected: otherwise, where accuracy or Brier is worse.
    held: otherwise.
    """
    accuracy = accuracy_change(comparison.mcnemar, settings.alpha)
    brier = brier_change(comparison.brier)
    if accuracy == "better" and comparison.brier.value <= settings.max_brier_increase:
        return "promoted"
    if brier == "better" and accuracy != "worse":
        return "promoted"
    return "rejected" if "worse" in (accuracy, brier) else "held"


def _decide_first(calibration: Calibration, settings: DecideSettings) -> Decision:
    majority = calibration.majority
    change = accuracy_change(majority.mcnemar, settings.alpha)
    outcomes: dict[Change, Outcome] = {"better": "promoted", "worse": "rejected", "cannot_tell": "held"}
    outcome = outcomes[change]
    ours, guess, p = _percent(calibration.accuracy.value), _percent(majority.accuracy), _p(majority.mcnemar.p_value)
    closing = {
        "promoted": (
            "Promoted: it beats the guess, and there is no earlier adapter to beat.",
            "채택: 단순 추측보다 뚜렷하게 낫고, 비교할 이전 모델이 없습니다.",
        ),
        "held": ("Held: it cannot be told from guessing.", "보류: 단순 추측보다 낫다고 판단할 수 없습니다."),
        "rejected": ("Rejected: guessing is better.", "기각: 단순 추측보다 못합니다."),
    }[outcome]
    return Decision(
        outcome=outcome,
        grounds=(
            f"Accuracy {ours} on {calibration.n} problems; always guessing the most frequent label {majority.label} gives {guess} "
            f"(exact McNemar {p}): {_CHANGE_EN[change]}.",
            closing[0],
        ),
        grounds_ko=(
            f"검증용 {calibration.n}문제에서 정확도 {ours}, 가장 많은 분류({majority.label})로만 답했을 때 {guess} (맥니마 정확검정 {p}).",
            closing[1],
        ),
        rule=RULE,
    )


def _decide_later(calibration: Calibration, comparison: Comparison, settings: DecideSettings) -> Decision:
    accuracy = accuracy_change(comparison.mcnemar, settings.alpha)
    brier = brier_change(comparison.brier)
    outcome = outcome_of(comparison, settings)
    closing = _closing(outcome, accuracy, brier, settings)
    if outcome == "promoted" and accuracy_change(calibration.majority.mcnemar, settings.alpha) != "better":
        outcome, closing = "held", _no_better_than_guessing(calibration.majority)
    level = f"{calibration.confidence_level:.0%}"
    gain, test = comparison.accuracy, comparison.mcnemar
    ours, before = _percent(calibration.accuracy.value), _percent(comparison.parent_accuracy)
    points = tuple(_signed(100 * value, 1) for value in (gain.value, gain.low, gain.high))
    scores = f"{calibration.brier.value:.3f}", f"{comparison.parent_brier:.3f}"
    change = tuple(_signed(value, 3) for value in (comparison.brier.value, comparison.brier.low, comparison.brier.high))
    return Decision(
        outcome=outcome,
        grounds=(
            f"Accuracy {ours}, parent {before}: {points[0]} points ({level} interval {points[1]} to {points[2]}); {test.gained} problems "
            f"gained, {test.lost} lost, exact McNemar {_p(test.p_value)}: {_CHANGE_EN[accuracy]}.",
            f"Brier score {scores[0]}, parent {scores[1]}: {change[0]} ({level} interval {change[1]} to {change[2]}; lower is better): "
            f"{_CHANGE_EN[brier]}.",
            closing[0],
        ),
        grounds_ko=(
            f"정확도 {ours}, 직전 모델 {before}: 차이 {points[0]}%p ({level} 신뢰구간 {points[1]} ~ {points[2]}). 새로 맞힌 문제 "
            f"{test.gained}개, 새로 틀린 문제 {test.lost}개 (맥니마 정확검정 {_p(test.p_value)}). 정확도는 {_CHANGE_KO[accuracy]}.",
            f"브라이어 점수 {scores[0]}, 직전 모델 {scores[1]}: 차이 {change[0]} ({level} 신뢰구간 {change[1]} ~ {change[2]}, "
            f"낮을수록 좋음). 확률의 질은 {_CHANGE_KO[brier]}.",
            closing[1],
        ),
        rule=RULE,
    )


def _closing(outcome: Outcome, accuracy: Change, brier: Change, settings: DecideSettings) -> tuple[str, str]:
    if outcome == "promoted" and accuracy == "better":
        limit = f"{settings.max_brier_increase:.3g}"
        return (
            f"Promoted: it is right more often, and its mean Brier score does not rise by more than {limit}.",
            f"채택: 더 자주 맞히고, 브라이어 점수의 증가가 허용 범위({limit}) 안입니다.",
        )
    if outcome == "promoted":
        return (
            "Promoted: its probabilities are better and it is not right less often.",
            "채택: 확률의 질이 나아졌고, 정확도가 떨어졌다는 근거가 없습니다.",
        )
    if outcome == "held" and accuracy == "better":
        return (
            "Held: it is right more often, but its mean Brier score rose; the next round starts from the same parent.",
            "보류: 더 자주 맞히지만 브라이어 점수가 올라갔습니다. 다음 라운드도 직전 모델에서 시작합니다.",
        )
    if outcome == "held":
        return (
            "Held: neither difference can be told from chance; the next round starts from the same parent.",
            "보류: 두 지표 모두 우연한 차이와 구별되지 않습니다. 다음 라운드도 직전 모델에서 시작합니다.",
        )
    worse_en = [name for name, change in (("accuracy", accuracy), ("Brier score", brier)) if change == "worse"]
    worse_ko = [name for name, change in (("정확도", accuracy), ("확률의 질", brier)) if change == "worse"]
    return (
        f"Rejected: {' and '.join(worse_en)} worse than the parent's; the parent stays in use.",
        f"기각: {', '.join(worse_ko)} 면에서 직전 모델보다 나쁩니다. 직전 모델을 계속 씁니다.",
    )


def _no_better_than_guessing(majority: Majority) -> tuple[str, str]:
    guess, p = _percent(majority.accuracy), _p(majority.mcnemar.p_value)
    return (
        f"Held: it improves on its parent, but it is not shown to beat always guessing {majority.label}, which is right {guess} "
        f"(exact McNemar {p}); the next round starts from the same parent.",
        f"보류: 직전 모델보다는 낫지만, 가장 많은 분류({majority.label})로만 답할 때({guess})보다 낫다는 근거가 없습니다 "
        f"(맥니마 정확검정 {p}). 다음 라운드도 직전 모델에서 시작합니다.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"

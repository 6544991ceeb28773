"""The grounds of a decision as sentences."""

from __future__ import annotations

from prefopt.grounds import (
    AccuracyAgainstBaseline,
    AccuracyAgainstMajority,
    AccuracyAgainstParent,
    AccuracyNotSecured,
    BiasRose,
    BrierAgainstParent,
    CalibrationErrorRose,
    Clause,
    ComparedInUse,
    Estimate,
    Ground,
    LabelShift,
    Look,
    LowLabelMass,
    MoreAccurate,
    NotAboveMajority,
    TemperedBrierAgainstParent,
    WorseCell,
    WorseThanParent,
)
from prefopt.records import Decision
from prefopt.report.wording.fixed import GROUP_VALUES
from prefopt.report.wording.say import Say, both

_CHANGES = {
    "better": Say("나아졌습니다", "better"),
    "worse": Say("나빠졌습니다", "worse"),
    "cannot_tell": Say("달라졌다고 판단할 수 없습니다", "cannot tell"),
}

_SCORES = {"accuracy": Say("정확도", "accuracy"), "brier": Say("확률의 질", "Brier score")}

_CLAUSES = {
    "beats_majority": Say(
        "채택: 단순 추측보다 뚜렷하게 낫고, 비교할 이전 모델이 없습니다.",
        "Promoted: it beats always guessing the most frequent label, and there is no earlier adapter to compare with.",
    ),
    "majority_cannot_tell": Say("보류: 단순 추측보다 낫다고 판단할 수 없습니다.", "Held: it is not shown to beat guessing."),
    "below_majority": Say("기각: 단순 추측보다 못합니다.", "Rejected: guessing is better."),
    "better_probabilities": Say(
        "채택: 확률의 질이 나아졌고, 정확도는 허용한 범위 넘게 떨어지지 않았습니다.",
        "Promoted: its probabilities are better, and its accuracy is not lower by more than the margin allows.",
    ),
    "brier_rose": Say(
        "보류: 더 자주 맞히지만 브라이어 점수가 올라갔습니다. 다음 라운드도 직전 모델에서 시작합니다.",
        "Held: it is right more often, but its mean Brier score rose; the next round starts from the same parent.",
    ),
    "parent_cannot_tell": Say(
        "보류: 이번 판정의 기준으로는 두 지표 모두 우연한 차이와 구별되지 않습니다. 다음 라운드도 직전 모델에서 시작합니다.",
        "Held: at the level of this look neither difference can be distinguished from chance; the next round starts from the same parent.",
    ),
    "below_baseline": Say(
        "보류: 같은 문제로 학습한 고전 분류기(TF-IDF)가 더 자주 맞힙니다. 그보다 나아질 때까지 이 모델을 쓰지 않습니다.",
        "Held: a classical classifier (TF-IDF) trained on the same problems is right more often; not in use until an adapter is better.",
    ),
    "vetoed": Say(
        "보류: 위와 같은 이유로 채택하지 않습니다. 쓰던 모델을 계속 씁니다.",
        "Held for the reasons above; an earlier adapter stays in use.",
    ),
}


def decision_sentences(decision: Decision) -> tuple[Say, ...]:
    """One sentence for each ground, in their order; the last one gives the outcome."""
    return tuple(ground_sentence(ground) for ground in decision.grounds)


def closing_sentence(decision: Decision) -> Say:
    """The sentence that gives the outcome."""
    return ground_sentence(decision.grounds[-1])


def ground_sentence(ground: Ground) -> Say:
    """One ground, with its numbers rounded for reading."""
    match ground:
        case AccuracyAgainstMajority():
            return _against_majority(ground)
        case AccuracyAgainstBaseline():
            return _against_baseline(ground)
        case AccuracyAgainstParent():
            return _accuracy(ground)
        case TemperedBrierAgainstParent():
            return _tempered_brier(ground)
        case Look():
            return _look(ground)
        case BrierAgainstParent():
            return _brier(ground)
        case CalibrationErrorRose(rise=rise, limit=limit):
            return Say(
                f"보정 오차(편향 제거)가 {rise.value:.3f} ({rise.low:.3f} ~ {rise.high:.3f}) 커져 허용 범위({limit:g})를 넘었습니다.",
                f"Its debiased calibration error rose by {rise.value:.3f} ({rise.low:.3f} to {rise.high:.3f}), more than {limit:g}.",
            )
        case BiasRose(rise=rise, limit=limit):
            return Say(
                f"평균 확신과 정확도의 차이가 직전 모델보다 {100 * rise.value:.1f}%p ({100 * rise.low:.1f} ~ {100 * rise.high:.1f}) 커져 "
                f"허용 범위({100 * limit:g}%p)를 넘었습니다.",
                f"The distance between its mean confidence and its accuracy rose by {100 * rise.value:.1f} points "
                f"({100 * rise.low:.1f} to {100 * rise.high:.1f}), more than {100 * limit:g}.",
            )
        case AccuracyNotSecured(margin=margin, low=low):
            return Say(
                f"보류: 확률의 질은 나아졌지만 정확도가 {100 * margin:g}%p 넘게 떨어지지 않았다고 보기 어렵습니다(하한 {_points(low)}%p). "
                "다음 라운드도 직전 모델에서 시작합니다.",
                f"Held: its probabilities are better, but its accuracy may be lower by more than {100 * margin:g} points (lower bound "
                f"{_points(low)}); the next round starts from the same parent.",
            )
        case WorseCell():
            return _cell(ground)
        case LowLabelMass(label_mass=share, minimum=minimum):
            return Say(
                f"모델이 분류 체계의 분류에 주는 확률이 {share:.1%}뿐입니다 (기준 {minimum:.0%} 이상).",
                f"The model gives the taxonomy's labels only {share:.1%} of its probability, and at least {minimum:.0%} is required.",
            )
        case LabelShift():
            return _shift(ground)
        case Clause(code=code):
            return _CLAUSES[code]
        case MoreAccurate(max_brier_increase=limit):
            return Say(
                f"채택: 더 자주 맞히고, 브라이어 점수의 증가가 허용 범위({limit:.3g}) 안입니다.",
                f"Promoted: it is right more often, and its mean Brier score does not rise by more than {limit:.3g}.",
            )
        case NotAboveMajority():
            return _not_above_majority(ground)
        case WorseThanParent(scores=scores):
            worse = [_SCORES[name] for name in scores]
            return Say(
                f"기각: {', '.join(name.ko for name in worse)} 면에서 직전 모델보다 나쁩니다. 직전 모델을 계속 씁니다.",
                f"Rejected: worse than the parent in {' and '.join(name.en for name in worse)}; the parent stays in use.",
            )


def compared_sentence(ground: ComparedInUse) -> Say:
    """What a comparison of two adapters in use found."""
    difference, low, high = _signed(ground.difference, 1, scale=100)
    level = f"{ground.confidence_level:.0%}"
    return Say(
        f"라운드 {ground.other:03d}의 모델보다 {difference}%p 더 자주 맞혔습니다(언제 보아도 참인 {level} 신뢰구간 {low} ~ {high}): 문제 "
        f"{ground.problems:,}개, 어느 모델의 답인지 모르고 내린 선생님의 판단 {ground.decisions:,}번, 증거 {ground.e:.3g}배"
        f"(결정 기준 {ground.needed:.3g}배).",
        f"It was right {difference} points more often than the adapter of round {ground.other:03d} ({level} confidence sequence {low} to "
        f"{high}): {ground.problems:,} problems, {ground.decisions:,} blind decisions of teachers, evidence {ground.e:.3g}, decided at "
        f"{ground.needed:.3g}.",
    )


def _against_majority(ground: AccuracyAgainstMajority) -> Say:
    accuracy, guess, p = _percent(ground.accuracy), _percent(ground.majority_accuracy), _p(ground.p_value)
    return Say(
        f"검증용 {ground.n}문제에서 정확도 {accuracy}, 가장 많은 분류({ground.majority})로만 답했을 때 {guess} (맥니마 정확검정 {p}).",
        f"Accuracy {accuracy} on {ground.n} problems; always guessing the most frequent label {ground.majority} gives {guess} "
        f"(exact McNemar {p}): {_CHANGES[ground.change].en}.",
    )


def _accuracy(ground: AccuracyAgainstParent) -> Say:
    accuracy, parent, level = _percent(ground.accuracy), _percent(ground.parent_accuracy), f"{ground.confidence_level:.0%}"
    difference, low, high = _signed(ground.difference, 1, scale=100)
    p, change = _p(ground.p_value), _CHANGES[ground.change]
    return Say(
        f"정확도 {accuracy}, 직전 모델 {parent}: 차이 {difference}%p ({level} 신뢰구간 {low} ~ {high}). 새로 맞힌 문제 "
        f"{ground.gained}개, 새로 틀린 문제 {ground.lost}개 (짝지은 정확검정 {p}). 정확도는 {change.ko}.",
        f"Accuracy {accuracy}, parent {parent}: {difference} points ({level} interval {low} to {high}); {ground.gained} problems "
        f"gained, {ground.lost} lost, exact paired test {p}: {change.en}.",
    )


def _against_baseline(ground: AccuracyAgainstBaseline) -> Say:
    accuracy, baseline, p, change = _percent(ground.accuracy), _percent(ground.baseline_accuracy), _p(ground.p_value), ground.change
    verdict = {
        "better": Say("이 모델이 더 낫습니다", "the adapter is better"),
        "worse": Say("고전 분류기가 더 낫습니다", "TF-IDF is better"),
        "cannot_tell": Say("어느 쪽이 나은지 판단할 수 없습니다", "cannot tell which is better"),
    }[change]
    learned = labels_in_words(ground.trained_on, ground.answers)
    return Say(
        f"{learned.ko}로 학습한 고전 분류기(TF-IDF)의 정확도는 {baseline}, 이 모델은 {accuracy}. "
        f"이 모델만 맞힌 문제 {ground.gained}개, 고전 분류기만 맞힌 문제 {ground.lost}개 ({p}). {verdict.ko}.",
        f"TF-IDF trained on {learned.en} has an accuracy of {baseline}, this adapter {accuracy}: "
        f"{ground.gained} problems only the adapter gets right, {ground.lost} only TF-IDF ({p}): {verdict.en}.",
    )


def labels_in_words(trained_on: int, answers: int) -> Say:
    """How many labels of which kind the classical classifier learned."""
    gold = trained_on - answers
    if not answers:
        return Say(f"같은 전문가 분류 {gold:,}문제", f"the same {gold:,} gold problems")
    return Say(
        f"같은 전문가 분류 {gold:,}문제와 교사들이 합의한 {answers:,}문제",
        f"the same {gold:,} gold problems and {answers:,} problems that the teachers agreed on",
    )


def _look(ground: Look) -> Say:
    spent, level, left = f"{100 * ground.alpha:g}%", f"{100 * ground.level:.2f}%", f"{100 * ground.left:.1f}%"
    families = f"{ground.groups_for_next:,}"
    more_ko = f" 다음 판정에서 첫 판정만큼 작은 차이도 알아보려면 새 유형의 검증용 문제가 {families}묶음 더 필요합니다."
    more_en = f" The next look finds as small a gain as the first with {families} new families of held-out problems."
    if not ground.groups_for_next:
        more_ko = more_en = ""
    return Say(
        f"이 검증용 문제로 내리는 {ground.number}번째 판정입니다. 나아지지 않은 모델을 잘못 채택할 위험은 모두 합쳐 {spent} 이하이며, "
        f"이번 판정에 {level}를 썼고 앞으로의 판정에 {left}가 남았습니다.{more_ko}",
        f"Look {ground.number} at this hold-out. The risk of ever promoting an adapter that is not better is at most {spent} over all "
        f"looks; this one spent {level}, and {left} is left.{more_en}",
    )


def _tempered_brier(ground: TemperedBrierAgainstParent) -> Say:
    difference, low, high = _signed(ground.difference, 3)
    plain = f"{ground.plain_difference:+.3f}".replace("-", "−")
    level, change = f"{ground.confidence_level:.0%}", _CHANGES[ground.change]
    return Say(
        f"온도를 맞춘 뒤의 브라이어 점수 {ground.brier:.3f}, 직전 모델 {ground.parent_brier:.3f}: 차이 {difference} ({level} 신뢰구간 "
        f"{low} ~ {high}, 낮을수록 좋음; 온도를 맞추기 전 차이 {plain}). 확률의 질은 {change.ko}.",
        f"Brier score after temperature {ground.brier:.3f}, parent {ground.parent_brier:.3f}: {difference} ({level} interval {low} to "
        f"{high}; lower is better; {plain} before temperature): {change.en}.",
    )


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _brier(ground: BrierAgainstParent) -> Say:
    difference, low, high = _signed(ground.difference, 3)
    level, change = f"{ground.confidence_level:.0%}", _CHANGES[ground.change]
    return Say(
        f"브라이어 점수 {ground.brier:.3f}, 직전 모델 {ground.parent_brier:.3f}: 차이 {difference} ({level} 신뢰구간 {low} ~ {high}, "
        f"낮을수록 좋음). 확률의 질은 {change.ko}.",
        f"Brier score {ground.brier:.3f}, parent {ground.parent_brier:.3f}: {difference} ({level} interval {low} to {high}; "
        f"lower is better): {change.en}.",
    )


def _cell(ground: WorseCell) -> Say:
    name, p = [GROUP_VALUES.get(each, both(each)) for each in ground.groups], f"p = {ground.p_value:.3f}"
    ko, en = (" × ".join(each[i] for each in name) for i in (0, 1))
    return Say(
        f"{ko}에서 나빠졌습니다: {ground.n}문제 중 새로 틀린 문제 {ground.lost}개, 새로 맞힌 문제 {ground.gained}개 "
        f"(맥니마 정확검정, 홀름 보정 {p}).",
        f"Worse in {en}: of {ground.n} problems {ground.lost} lost and {ground.gained} gained (exact McNemar after Holm, {p}).",
    )


SHIFTED = 3
"""Labels that the sentence names; the table of label counts has all."""


def _shift(ground: LabelShift) -> Say:
    named = ground.labels[:SHIFTED]
    more = len(ground.labels) - len(named)
    ko = ", ".join(f"{x.label} {x.answered}번(실제 {x.right}번, 직전 모델 {x.parent_answered}번)" for x in named)
    en = ", ".join(f"{x.label} {x.answered} times (right {x.right} times, parent {x.parent_answered})" for x in named)
    plain, refitted = _points(ground.accuracy.value), _points(ground.refitted.value)
    return Say(
        f"답한 횟수가 실제에서 더 멀어진 분류: {ko}{f' 외 {more}개' if more else ''}. 항목별 치우침을 다시 맞추면 정확도의 변화 "
        f"{plain}%p가 {refitted}%p가 됩니다.",
        f"Answered farther from how often they are right: {en}{f' and {more} more' if more else ''}. With label biases fitted again, the "
        f"change of the accuracy of {plain} points is {refitted}.",
    )


def _not_above_majority(ground: NotAboveMajority) -> Say:
    guess, p = _percent(ground.majority_accuracy), _p(ground.p_value)
    return Say(
        f"보류: 직전 모델보다는 낫지만, 가장 많은 분류({ground.majority})로만 답할 때({guess})보다 낫다는 근거가 없습니다 "
        f"(맥니마 정확검정 {p}). 다음 라운드도 직전 모델에서 시작합니다.",
        f"Held: it improves on its parent, but it is not shown to beat always guessing {ground.majority}, which is right on {guess} "
        f"(exact McNemar {p}); the next round starts from the same parent.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _signed(difference: Estimate, digits: int, *, scale: float = 1) -> tuple[str, str, str]:
    """Value, low and high with their signs and a true minus."""
    value, low, high = (f"{scale * number:+.{digits}f}".replace("-", "−") for number in (difference.value, difference.low, difference.high))
    return value, low, high


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"

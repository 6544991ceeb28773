"""The adapter, the classical baseline, and the two mixed: what each is worth on the hold-out, and which of them answers."""

from __future__ import annotations

from prefopt.calibration.mixture_result import JudgedMixture, MixtureWeights
from prefopt.calibration.result import Calibration
from prefopt.grounds import Estimate
from prefopt.report.numbers import decimal, decimal_range, percent, percent_range, points, signed
from prefopt.report.wording.fixed import TEXTS
from prefopt.report.wording.grounds import labels_in_words
from prefopt.report.wording.say import Say

WORDS = {
    "title": Say("고전 분류기와 함께", "Together with the classical classifier"),
    "classifier": Say("분류기", "classifier"),
    "how": Say(
        "고전 분류기(TF-IDF)는 글자 조각의 빈도만 봅니다. 브라이어 점수와 로그 손실은 낮을수록 좋으며, 세 분류기 모두 저마다의 온도로 "
        "확신을 다듬은 뒤의 값입니다.",
        "The classical classifier (TF-IDF) sees only how often pieces of words occur. Lower Brier scores and log losses are better; those "
        "of all three are after a temperature of their own.",
    ),
}
ADAPTER, MIXED = Say("이 모델", "this adapter"), Say("둘을 섞은 것", "both mixed")


def weights_in_words(weights: MixtureWeights) -> str:
    """Both weights, for one line of output."""
    return f"weights {decimal(weights.model, 2)} and {decimal(weights.tfidf, 2)}"


def classifier_rows(calibration: Calibration) -> tuple[tuple[Say, str, str, str], ...]:
    """Name, accuracy, Brier score, log loss, of what was judged; () for calibrations of earlier versions."""
    baseline, own = calibration.baseline, calibration.temperature.after
    if baseline is None or baseline.brier is None or baseline.log_loss is None:
        return ()
    rows = [
        (ADAPTER, _share(calibration.accuracy), decimal(own.brier), decimal(own.log_loss)),
        (TEXTS["baseline"], _share(baseline.accuracy), _number(baseline.brier), _number(baseline.log_loss)),
    ]
    if (judged := _judged(calibration)) is not None:
        rows.append((MIXED, _share(judged.accuracy), _number(judged.brier), _number(judged.log_loss)))
    return tuple(rows)


def baseline_sentence(calibration: Calibration) -> Say | None:
    """What the baseline learned, and which probabilities are better; None for calibrations of earlier versions."""
    baseline = calibration.baseline
    if baseline is None or baseline.brier_change is None:
        return None
    learned, change = labels_in_words(baseline.trained_on, baseline.answers), baseline.brier_change
    numbers = f"{signed(change.value, 3)} ({signed(change.low, 3)} ~ {signed(change.high, 3)})"
    if change.low > 0:
        verdict = Say("고전 분류기의 확률이 더 정확합니다", "the probabilities of TF-IDF are better")
    elif change.high < 0:
        verdict = Say("이 모델의 확률이 더 정확합니다", "those of the adapter are better")
    else:
        verdict = Say("어느 쪽의 확률이 더 정확한지 판단할 수 없습니다", "cannot tell whose probabilities are better")
    return Say(
        f"고전 분류기는 {learned.ko}로 학습했습니다. 브라이어 점수의 차이(이 모델 − 고전 분류기)는 {numbers}로, {verdict.ko}.",
        f"TF-IDF was trained on {learned.en}. The Brier score of the adapter minus that of TF-IDF is {numbers}: {verdict.en}.",
    )


def mixture_sentence(calibration: Calibration) -> Say | None:
    """Whether the two are mixed, with which weights, and why; None where mixing is off, and for calibrations of earlier versions."""
    mixture = calibration.mixture
    if mixture is None:
        return None
    judged = mixture.judged
    if judged is None:
        return Say(
            f"둘을 섞을 비율은 교사에게 물은 문제로 정합니다. 지금까지 {mixture.asked:,}문제입니다. "
            f"{mixture.needed:,}문제가 되기 전에는 섞지 않고 이 모델만으로 답합니다.",
            f"The weights of a mixture are fitted on problems that teachers were asked about. There are {mixture.asked:,} so far; "
            f"with fewer than {mixture.needed:,} nothing is mixed, and the adapter answers alone.",
        )
    weights = f"{decimal(judged.weights.model, 2)} : {decimal(judged.weights.tfidf, 2)}"
    fitted = Say(
        f"이 모델과 고전 분류기의 비율은 {weights}입니다(교사에게 물은 {mixture.asked:,}문제를 배우기 전의 답으로 정함).",
        f"The weights of adapter and TF-IDF are {weights}, fitted on {mixture.asked:,} asked problems by what either said before "
        "learning them.",
    )
    verdict = _verdict(calibration, judged)
    return Say(f"{fitted.ko} {verdict.ko}", f"{fitted.en} {verdict.en}")


def _verdict(calibration: Calibration, judged: JudgedMixture) -> Say:
    brier, level = judged.brier_change, percent(calibration.confidence_level, 0)
    numbers = f"{signed(brier.value, 3)} ({signed(brier.low, 3)} ~ {signed(brier.high, 3)})"
    accuracy = f"{points(judged.accuracy_change.value)}%p"
    ko = f"섞으면 브라이어 점수는 {numbers}({level} 신뢰구간), 정확도는 {accuracy} 달라집니다."
    en = f"Mixed, the Brier score changes by {numbers} ({level} interval) and the accuracy by {points(judged.accuracy_change.value)} points"
    if judged.verdict == "helps":
        return Say(
            f"{ko} 그래서 새 문제에는 둘을 섞어 답합니다. 승인 기준과 후보 수도 섞은 답에 대한 것입니다. "
            "모델을 사용할지는 이 모델만으로 결정합니다.",
            f"{en}: new problems are answered by both, and the threshold of acceptance and the label sets are those of the mixture. "
            "The decision about the adapter does not count the mixture.",
        )
    if judged.verdict == "less_accurate":
        return Say(f"{ko} 정확도가 떨어지므로 섞지 않습니다.", f"{en}: it is less accurate, so the adapter answers alone.")
    return Say(f"{ko} 나아진다고 볼 근거가 부족해 섞지 않습니다.", f"{en}: that it helps is not shown, so the adapter answers alone.")


def _judged(calibration: Calibration) -> JudgedMixture | None:
    return None if calibration.mixture is None else calibration.mixture.judged


def _share(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} ({percent_range(estimate)})"


def _number(estimate: Estimate) -> str:
    return f"{decimal(estimate.value)} ({decimal_range(estimate)})"

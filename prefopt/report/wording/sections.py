"""The sections below the first screen as sentences."""

from __future__ import annotations

from prefopt.calibration.result import Calibration
from prefopt.calibration.review_result import Acceptance, Conformal
from prefopt.calibration.temperature_result import Temperature
from prefopt.report.contents import TrainingFacts
from prefopt.report.numbers import decimal, percent, points, signed
from prefopt.report.wording.say import Say
from prefopt.training.job import ENOUGH_UPDATES, FEW_UPDATES


def training_sentence(facts: TrainingFacts) -> Say:
    """Rows and updates of the round's training, and that few updates change little."""
    examples, updates = f"{facts.examples:,}", f"{facts.updates:,}"
    if facts.planned is None:
        ko, en = f"학습 예 {examples}개로 {updates}번 갱신했습니다.", f"{updates} updates on {examples} rows."
    else:
        ko = f"학습 예 {examples}개로, 계획한 갱신 {facts.planned:,}번 가운데 {updates}번을 했습니다."
        en = f"{updates} of {facts.planned:,} planned updates on {examples} rows."
    if facts.updates < ENOUGH_UPDATES:
        few = f"갱신이 {ENOUGH_UPDATES}번보다 적으면 모델은 조금만 달라집니다. 에폭을 늘리거나 한 번에 쓰는 예를 줄이면 갱신이 늘어납니다."
        return Say(f"{ko} {few}", f"{en} {FEW_UPDATES}")
    return Say(ko, en)


def accept_sentence(calibration: Calibration) -> Say:
    """The share that may be accepted, with its counts and bound."""
    found = _accepted(calibration)
    if calibration.in_use is calibration:
        return found
    return Say(
        f"이 모델과 고전 분류기를 섞은 답의 기준입니다. {found.ko}", f"Of the answers of adapter and classical classifier mixed. {found.en}"
    )


def _accepted(calibration: Calibration) -> Say:
    acceptance = calibration.in_use.acceptance
    agreed, guarantee = percent(acceptance.agreed_error, 0), percent(acceptance.guarantee, 0)
    if acceptance.threshold is None:
        why = no_acceptance(acceptance)
        return Say(
            f"허용한 오답률 {agreed}를 {guarantee} 확률로 지키는 승인 기준은 아직 없습니다. {why.ko}",
            f"No share can be accepted at {agreed} errors with {guarantee} certainty yet: {why.en}.",
        )
    threshold, share = percent(acceptance.threshold), percent(acceptance.share)
    ko = (
        f"확신 {threshold} 이상에서 검증용 {calibration.n:,}문제 중 {acceptance.count:,}문제({share})를 승인했고 "
        f"그중 {acceptance.errors}문제가 틀렸습니다."
    )
    en = (
        f"At a confidence of {threshold} or more, {acceptance.count:,} of {calibration.n:,} hold-out problems ({share}) are accepted and "
        f"{acceptance.errors} of them are wrong"
    )
    if acceptance.error_bound is not None:
        bound = percent(acceptance.error_bound)
        return Say(
            f"{ko} 오답률의 상한은 {bound}입니다(정확 이항 검정, {guarantee}).",
            f"{en}; the error is at most {bound} (exact binomial bound, {guarantee}).",
        )
    return Say(
        f"{ko} 새 문제에서도 확신이 이 기준 이상이면 오답률은 {agreed} 이하입니다({guarantee} 보장). "
        "이 보장은 같은 검증용 문제로 평가한 모든 모델에 한꺼번에 성립합니다.",
        f"{en}. Of new problems at or above it at most {agreed} are wrong, with {guarantee} certainty for all adapters together that were "
        "judged on this hold-out.",
    )


def no_acceptance(found: Acceptance) -> Say:
    """Why nothing can be accepted unread, and what would help."""
    agreed, rate = percent(found.agreed_error, 0), percent(found.examined_errors / found.examined) if found.examined else ""
    if found.cause == "too_few_problems":
        return Say(
            f"검증용 문제가 {found.examined:,}개뿐입니다. 한 문제도 틀리지 않더라도 {found.needed:,}개는 있어야 합니다.",
            f"the hold-out has {found.examined:,} problems, and even without any error {found.needed:,} would be needed",
        )
    if found.cause == "confident_errors":
        return Say(
            f"가장 확신한 {found.examined:,}문제에서도 {found.examined_errors}문제({rate})를 틀렸습니다. "
            "검증용 문제를 늘려도 달라지지 않으며, 모델이 확신할 때 더 정확해져야 합니다.",
            f"even of the {found.examined:,} most confident answers {found.examined_errors} are wrong ({rate}); "
            "more problems would not help, only an adapter that is right where it is confident",
        )
    if found.cause == "not_sure_yet":
        ko = f"가장 확신한 {found.examined:,}문제 중 {found.examined_errors}문제({rate})를 틀렸습니다."
        en = f"of the {found.examined:,} most confident answers {found.examined_errors} are wrong ({rate})"
        if found.needed is None:
            return Say(
                f"{ko} 허용한 {agreed}와 거의 같아, 검증용 문제를 늘려도 보장하기 어렵습니다.",
                f"{en}, so close to {agreed} that more problems would hardly help",
            )
        return Say(
            f"{ko} 허용한 {agreed}보다 적지만 보장하기에는 문제가 부족합니다. "
            f"이만큼 확신하는 문제가 약 {found.needed:,}개 있으면 보장할 수 있습니다.",
            f"{en}, which is within {agreed}, but they are too few to be sure; "
            f"about {found.needed:,} problems as confident as these would do",
        )
    return Say("검증용 문제를 늘리거나 모델이 나아져야 합니다.", "more hold-out problems or a better adapter are needed")


def sets_sentence(sets: Conformal) -> Say:
    """How many labels to show so that the right one is among them."""
    few = [g for g in sets.groups if (g.threshold == 0 or g.mean_size is None) and g.fitted_on + g.judged_on > 0]
    hardest = _hardest_problems(sets)
    if few:
        return Say(
            f"검증용 문제가 적은 구분이 {len(few)}개 있어, "
            f"후보를 몇 개 보이면 {percent(sets.level, 0)}가 정답을 포함하는지 판단할 수 없습니다.{hardest.ko}",
            f"Cannot tell how many labels contain the right one {percent(sets.level, 0)} of the time: "
            f"{len(few)} groups have too few problems.{hardest.en}",
        )
    enough = sets.share_single - (sets.forced or 0) / max(1, sum(g.judged_on for g in sets.groups))  # one label that reaches its threshold
    level, size, single = percent(sets.level, 0), decimal(sets.mean_size, 1), percent(max(0.0, enough), 0)
    return Say(
        f"후보를 평균 {size}개 보이면 {level}는 그 안에 정답이 있습니다. 문제의 {single}는 후보 하나로 충분합니다. "
        f"문제를 둘로 나누어 한쪽으로 정한 기준을 다른 쪽에서 확인한 값입니다.{hardest.ko}",
        f"With {size} labels on average the right one is among them {level} of the time; {single} of the problems need only one. "
        f"Each half of the problems was judged with the thresholds of the other half.{hardest.en}",
    )


def _hardest_problems(sets: Conformal) -> Say:
    """What happens where no label reaches its threshold; nothing where no problem is so, or an earlier version did not count them."""
    if not sets.forced:
        return Say("", "")
    one = sets.forced == 1
    return Say(
        f" 가장 어려운 문제 {sets.forced:,}개는 기준에 이르는 후보가 없어 가장 그럴듯한 후보 하나만 보이고, 사람이 확인하도록 표시합니다.",
        f" For the {'hardest problem' if one else f'{sets.forced:,} hardest problems'} no label reaches its threshold: "
        "the most probable one is shown and marked for review.",
    )


def unjudged_sentence(calibration: Calibration) -> Say | None:
    """How many labels this report says nothing about; None where every label has a held-out problem, or the calibration does not know."""
    if calibration.labels_judged is None or calibration.labels_judged == calibration.labels:
        return None
    missing = calibration.labels - calibration.labels_judged
    return Say(
        f"분류 항목 {calibration.labels:,}개 가운데 {missing:,}개는 검증용 문제가 하나도 없습니다. "
        "이 항목에서 모델이 어떤지는 이 보고서로 알 수 없습니다.",
        f"{missing:,} of the {calibration.labels:,} labels have no held-out problem: this report says nothing about them.",
    )


def over_sentence(calibration: Calibration) -> Say:
    """How to read the list of over-confident labels, or that it is empty."""
    gaps, level = calibration.overconfident, _level(calibration)
    if not gaps:
        return Say(
            "우연으로 보기 어려울 만큼 과신하는 분류 항목은 없습니다.",
            "No label is over-confident beyond chance.",
        )
    if gaps[0].shrunk - gaps[-1].shrunk < 1e-9 and len(gaps) > 1:
        return Say(
            f"모든 분류 항목이 고르게 {points(gaps[0].shrunk)}%p 과신합니다. 항목 사이의 차이는 우연과 구별되지 않습니다.",
            f"All labels are equally over-confident, by {points(gaps[0].shrunk)} points: differences between them are within chance.",
        )
    return Say(
        f"모델이 이 분류라고 답할 때 확신이 실제보다 높은 항목입니다({level} 이상 분명한 것만). "
        "문제가 적은 항목은 전체 평균 쪽으로 당겨 추정했습니다.",
        f"With these answers the confidence is above the accuracy (with a probability of {level} or more). "
        "Estimates for labels with few problems are shrunk towards the mean of all.",
    )


def temperature_sentence(temperature: Temperature) -> Say:
    """Whether temperature scaling lowers the log loss."""
    value, change = decimal(temperature.value, 2), signed(temperature.log_loss_change, 3)
    if temperature.at_bound:
        return Say(
            f"온도가 한계값({value})에 닿았습니다. 이 문제들로는 알맞은 온도를 판단할 수 없습니다.",
            f"The temperature reached its bound ({value}): these problems do not determine it.",
        )
    if temperature.helps:
        return Say(
            f"온도를 맞추면(T = {value}) 문제를 나눈 양쪽에서 모두 로그 손실이 줄어듭니다: 평균 {change}.",
            f"A temperature of {value} lowers the log loss on either half of the problems: {change} on average.",
        )
    return Say(
        f"온도를 맞춰도(T = {value}) 나아진다고 판단할 수 없습니다: 로그 손실 변화 평균 {change}.",
        f"Cannot tell whether a temperature of {value} helps: the log loss changes by {change} on average.",
    )


def _level(calibration: Calibration) -> str:
    return percent(calibration.confidence_level, 0)

"""The sentences of the section on the school's own problems: wordings, the pool, and errors in the expert labels."""

from __future__ import annotations

from prefopt.calibration.gold_error import GoldEffect
from prefopt.calibration.pool_estimate import FEWEST, PoolAccuracy, PoolShift
from prefopt.calibration.wordings import Wordings
from prefopt.grounds import Estimate
from prefopt.report.contents import PoolSection
from prefopt.report.numbers import percent, percent_range, points, points_range
from prefopt.report.wording.say import Say

FEWEST_OF_WORDING = 10
"""Problems of a part from which its share says anything."""

WORDS = {
    "title": Say("우리 학교 문제에서도 이만큼 맞힐까", "Will it be right as often on the school's own problems?"),
    "wordings": Say("처음 보는 표현과 이미 배운 표현", "New wordings and learned wordings"),
    "new": Say("처음 보는 표현의 문제", "problems with a new wording"),
    "learned": Say("비슷한 문제로 배운 문제", "problems learned from similar ones"),
    "problems": Say("문제 수", "problems"),
    "accuracy": Say("이번 모델", "this adapter"),
    "change": Say("차이(%p), 새로 맞힘 / 새로 틀림", "change (points), gained / lost"),
    "wordings_how": Say(
        "검증용 문제를 둘로 나눈 것입니다. 숫자만 다르고 표현이 같은 문제나 같은 문제군의 문제가 학습용 문제에 있거나, 그런 문제를 "
        "이번 라운드까지 교사에게 물은 적이 있으면 ‘비슷한 문제로 배운 문제’입니다. 이런 문제는 표현을 외워서 맞혔을 수 있으므로, "
        "앞으로 들어올 문제를 얼마나 맞힐지는 ‘처음 보는 표현의 문제’를 보고 판단하세요.",
        "The hold-out in two parts. A problem counts as learned from similar ones if a problem of the same wording with other numbers, "
        "or of the same family, was in the training part or has been asked of teachers up to this round. It may be right from memory "
        "of the wording, so judge by the new wordings what to expect of problems to come.",
    ),
    "pool": Say("아직 교사에게 묻지 않은 문제에서의 정확도", "On problems that teachers have not been asked about"),
    "pool_how": Say(
        "다수의 교사가 옳다고 한 분류를 정답으로 보았습니다. 교사도 틀릴 수 있습니다. 모델은 이 문제들을 배운 적이 없고, 라운드마다 새 "
        "문제로 잽니다. 검증용 문제와 견줄 때는, 앞선 라운드에서 어려운 문제부터 물어 그런 문제가 남아 있지 않으므로 검증용에서도 "
        "그만큼 어려운 문제를 빼고 견줍니다.",
        "The label that most teachers of a problem consider right counts as right; teachers can be wrong too. The adapter has not been "
        "trained on these problems, and every round uses new ones. Earlier rounds have asked about the hardest ones, so hold-out "
        "problems as hard as those are left out of the comparison.",
    ),
    "gold": Say("전문가 분류가 틀렸을 가능성", "Errors in the expert labels"),
}

MISSING = {
    "no_record": Say(
        "이 라운드의 문제를 고를 때 각 문제가 뽑힐 확률을 기록해 두지 않아 추정할 수 없습니다. 새로 문제를 고르는 라운드부터 나옵니다.",
        "Cannot tell: the chances of the problems to be chosen were not recorded when this round's were. Rounds that choose problems "
        "from now on record them.",
    ),
    "no_random": Say(
        "모델이 망설이는 문제만 골라 물었으므로 나머지 문제를 얼마나 맞히는지는 판단할 수 없습니다. 설정 sample.random_share를 0보다 "
        "크게 하세요.",
        "Cannot tell: only problems on which the adapter wavers were asked. Set sample.random_share above 0.",
    ),
    "too_few": Say(
        f"무작위로 뽑혀 교사의 판정을 받은 문제가 {FEWEST}개보다 적어 판단할 수 없습니다. 설정 sample.slates나 sample.random_share를 "
        "늘리세요.",
        f"Cannot tell: teachers judged fewer than {FEWEST} problems that were chosen at random. Raise sample.slates or "
        "sample.random_share.",
    ),
}

SHIFT_MISSING = {
    "no_record": Say(
        "앞선 라운드에 기록이 없어 검증용 문제와는 비교할 수 없습니다.",
        "Cannot compare with the hold-out: earlier rounds have no record of how their problems were chosen.",
    ),
    "pool_changed": Say(
        "앞선 라운드 뒤에 문제 모음이 바뀌어 검증용 문제와는 비교할 수 없습니다.",
        "Cannot compare with the hold-out: the pool has changed since an earlier round.",
    ),
    "no_problems": Say(
        "조건이 같은 검증용 문제가 없어 비교할 수 없습니다.",
        "Cannot compare with the hold-out: it has no problem like those that are left in the pool.",
    ),
}

GOLD_TAKEN_AS_RIGHT = Say(
    "이 보고서는 전문가의 분류를 모두 옳다고 보고 계산했습니다. 확인하려면 같은 폴더의 review.csv에서 모델과 전문가의 분류가 다른 "
    "문제를 다시 살펴보거나, 설정 feedback.gold_share로 정답이 알려진 문제를 교사에게 섞어 물어보세요.",
    "This report takes every expert label as right. To check that, go through review.csv next to this file, where adapter and expert "
    "differ, or set feedback.gold_share so that teachers are asked about problems with a known label too.",
)


def parent_head(parent: int | None) -> Say:
    """Head of the column of the parent's accuracy."""
    return Say("", "") if parent is None else Say(f"라운드 {parent:03d} 모델", f"round {parent:03d}")


def wording_sentence(parts: Wordings, parent: int | None, level: float) -> Say:
    """What the table of wordings says of new problems."""
    new, change = parts.new, parts.new.change
    if new.accuracy is None:
        return Say(
            "검증용 문제에 처음 보는 표현이 하나도 없습니다. 새 문제를 얼마나 맞힐지는 판단할 수 없습니다.",
            "No hold-out problem has a new wording: cannot tell how often the adapter is right on new problems.",
        )
    if new.problems < FEWEST_OF_WORDING:
        return Say(
            f"처음 보는 표현의 문제가 {new.problems}개뿐이어서, 새 문제를 얼마나 맞힐지는 판단할 수 없습니다.",
            f"Only {new.problems} hold-out problems have a new wording: cannot tell how often the adapter is right on new problems.",
        )
    right, within = percent(new.accuracy.value), _within(percent_range(new.accuracy), level)
    if change is None or parent is None:
        return Say(
            f"처음 보는 표현의 {new.problems:,}문제에서 정확도는 {right}입니다({within.ko}).",
            f"On {new.problems:,} problems with a new wording its accuracy is {right} ({within.en}).",
        )
    moved = _moved(change, level)
    if change.low > 0:
        return Say(
            f"처음 보는 표현의 문제도 라운드 {parent:03d} 모델보다 더 많이 맞힙니다: {moved.ko}.",
            f"It is right more often than round {parent:03d} on new wordings too: {moved.en}.",
        )
    if change.high < 0:
        return Say(
            f"처음 보는 표현의 문제는 라운드 {parent:03d} 모델보다 덜 맞힙니다: {moved.ko}.",
            f"It is right less often than round {parent:03d} on new wordings: {moved.en}.",
        )
    only = parts.learned.change is not None and parts.learned.change.low > 0
    return Say(
        f"처음 보는 표현의 문제에서 라운드 {parent:03d} 모델보다 나아졌는지는 판단할 수 없습니다: {moved.ko}."
        + (" 분명히 나아진 것은 비슷한 문제로 배운 문제뿐입니다." if only else ""),
        f"Cannot tell whether it is better than round {parent:03d} on new wordings: {moved.en}."
        + (" The clear gain is on problems learned from similar ones only." if only else ""),
    )


def pool_sentences(pool: PoolSection, level: float) -> tuple[Say, ...]:
    """Accuracy on the pool, on the whole of it, and against the hold-out."""
    found = pool.accuracy
    if found is None:
        return (MISSING[pool.missing or "no_record"],)
    said = [_accuracy(found, pool.parent, level)]
    if found.with_asked is not None:
        all_of, share = f"{found.with_asked_problems:,}", f"{percent(found.with_asked.value)} ({percent_range(found.with_asked)})"
        said.append(
            Say(
                f"앞선 라운드에서 이미 물은 문제까지 합친 {all_of}문제 전체로는 {share}입니다. 이미 물은 문제는 물었을 당시 모델의 "
                "답으로 셌습니다.",
                f"Over all {all_of} problems, with those that earlier rounds asked about, it is {share}; the latter count with the "
                "answer of the adapter at that time.",
            )
        )
    said.append(_shift(pool.shift, level) if pool.shift is not None else SHIFT_MISSING[pool.shift_missing or "no_record"])
    return tuple(said)


def _accuracy(found: PoolAccuracy, parent: int, level: float) -> Say:
    share, between = percent(found.accuracy.value), _within(percent_range(found.accuracy), level)
    left = found.slates - found.undecided
    chance, chance_en = "", ""
    if found.by_chance:
        chance = f" 구간은 무작위로 뽑힌 {found.by_chance:,}문제로 정해집니다."
        chance_en = f" The interval rests on {found.by_chance:,} chosen at random."
    out = f" 판정이 없거나 의견이 갈린 {found.undecided:,}문제는 뺐습니다." if found.undecided else ""
    out_en = f" {found.undecided:,} without an answer or a majority are left out." if found.undecided else ""
    return Say(
        f"이번 라운드가 출발한 라운드 {parent:03d} 모델은 그때까지 교사에게 묻지 않은 {found.problems:,}문제 가운데 {share}를 맞히는 "
        f"것으로 추정됩니다({between.ko}). 교사가 판정한 {left:,}문제로 추정했습니다. 대부분 어려운 문제를 골라 물었으므로 그대로 세면 "
        f"{percent(found.raw)}이지만, 문제마다 뽑힐 확률을 감안해 바로잡았습니다.{chance}{out}",
        f"The adapter of round {parent:03d}, from which this round started, is estimated to be right on {share} of the "
        f"{found.problems:,} problems that teachers had not been asked about ({between.en}). The estimate is from {left:,} problems "
        f"that teachers judged. Most were chosen because they are hard: as they are, {percent(found.raw)} are right, so each counts by "
        f"its chance to be chosen.{chance_en}{out_en}",
    )


def _shift(shift: PoolShift, level: float) -> Say:
    held = f"{percent(shift.holdout.value)} ({percent_range(shift.holdout)})"
    gap = _moved(shift.difference, level)
    ko = f"조건을 맞춘 검증용 {shift.problems:,}문제에서는 {held}를 맞힙니다. "
    en = f"On {shift.problems:,} comparable hold-out problems it is right on {held}. "
    if shift.cannot_tell:
        return Say(
            f"{ko}검증용 문제와 학교에 모아 둔 문제가 다른지는 판단할 수 없습니다: 차이 {gap.ko}.",
            f"{en}Cannot tell whether the pool differs from the hold-out: {gap.en}.",
        )
    if shift.difference.high < 0:
        return Say(
            f"{ko}학교에 모아 둔 문제에서는 이보다 덜 맞힙니다: 차이 {gap.ko}. 이 보고서의 정확도를 학교 문제에서 그대로 기대하지 마세요.",
            f"{en}On the pool it is right less often: {gap.en}. Do not expect this report's accuracy on the school's problems.",
        )
    return Say(
        f"{ko}학교에 모아 둔 문제에서는 이보다 더 많이 맞힙니다: 차이 {gap.ko}.",
        f"{en}On the pool it is right more often: {gap.en}.",
    )


def gold_sentences(effect: GoldEffect | None, agreed_error: float, level: float) -> tuple[Say, ...]:
    """How many expert labels are wrong and what that does to the figures."""
    if effect is None:
        return (GOLD_TAKEN_AS_RIGHT,)
    said = [_gold_error(effect, level), _corrected(effect, level), _overconfidence(effect.overconfidence)]
    if effect.accepts_nothing:
        said.append(_accepts_nothing(effect, percent(agreed_error, 0), effect.gold.error.low >= agreed_error))
    return tuple(said)


def _accepts_nothing(effect: GoldEffect, agreed: str, certain: bool) -> Say:
    share = percent(effect.gold.error.value)
    start = "전문가 분류의 오류만으로" if certain else f"오류가 추정대로 {share}라면 그것만으로"
    start_en = "The errors of the expert labels alone" if certain else f"If {share} of them are wrong, these errors alone"
    return Say(
        f"{start} 허용한 오답률 {agreed}에 이르므로, 모델이 아무리 정확해도 확인 없이 승인할 기준을 찾을 수 없습니다. 먼저 검증용 "
        "문제의 분류를 바로잡으세요.",
        f"{start_en} reach the agreed error rate of {agreed}: nothing can be accepted without review, however good the adapter is. "
        "Correct the labels of the hold-out first.",
    )


def _gold_error(effect: GoldEffect, level: float) -> Say:
    gold = effect.gold
    share, between = percent(gold.error.value), _within(percent_range(gold.error), level)
    if gold.source == "stated":
        return Say(
            f"설정 data.gold_error에 전문가 분류의 {share}가 틀렸다고 적혀 있습니다.",
            f"By the setting data.gold_error, {share} of the expert labels are wrong.",
        )
    asked = (
        f"정답이 알려진 {gold.slates:,}문제를 교사에게도 물었더니, {gold.differ:,}문제에서 다수의 교사가 전문가와 다른 분류를 골랐습니다."
    )
    asked_en = (
        f"Teachers were asked about {gold.slates:,} problems with a known label, and on {gold.differ:,} most of them chose another one."
    )
    if gold.source == "bounded" or gold.teacher_error is None:
        return Say(
            f"{asked} 한 문제를 교사 한 명씩만 보아 어느 쪽이 틀렸는지 가릴 수 없습니다. 전문가 분류의 오류는 많아야 {share}입니다.",
            f"{asked_en} With one teacher for each problem nothing shows who is wrong: at most {share} of the expert labels are.",
        )
    return Say(
        f"{asked} 전문가 분류의 {share}가 틀린 것으로 추정됩니다({between.ko}). 교사 한 명의 오답률은 {percent(gold.teacher_error)}로 "
        "추정됩니다. 교사들이 서로 따로 틀린다고 보고 계산했습니다.",
        f"{asked_en} An estimated {share} of the expert labels are wrong ({between.en}), and {percent(gold.teacher_error)} of a "
        "teacher's answers. This assumes that teachers err independently of each other.",
    )


def _corrected(effect: GoldEffect, level: float) -> Say:
    seen, low, high = percent(effect.accuracy), percent(effect.at_least), percent(effect.at_most)
    bounds = f"전문가의 오류가 어떤 문제에 몰려 있든 실제 정확도는 {low}와 {high} 사이입니다"
    bounds_en = f"wherever those errors are, the true accuracy is between {low} and {high}"
    if effect.corrected is None:
        return Say(f"{bounds}(측정값 {seen}).", f"{bounds_en.capitalize()} (measured: {seen}).")
    true, between = percent(effect.corrected.value), _within(percent_range(effect.corrected), level)
    ceiling = percent(effect.ceiling)
    return Say(
        f"오류가 고르게 흩어져 있다면, {seen}로 측정된 정확도는 실제로 {true}에 해당합니다({between.ko}). {bounds}. 완벽한 모델도 "
        f"{ceiling}로 측정됩니다.",
        f"If the errors are spread evenly, the measured accuracy of {seen} stands for {true} ({between.en}); {bounds_en}. A perfect "
        f"adapter would be measured at {ceiling}.",
    )


def _overconfidence(gap: Estimate) -> Say:
    ko = f"평균 확신에서 정확도를 뺀 값은 {points_range(gap)}%p입니다"
    en = f"mean confidence minus accuracy is {points_range(gap)} points"
    if gap.low > 0:
        return Say(f"이 오류를 모두 감안해도 모델은 과신합니다. {ko}.", f"Even allowing for these errors, it is over-confident: {en}.")
    if gap.high < 0:
        return Say(
            f"이 오류를 모두 감안해도 모델은 확신이 부족합니다. {ko}.", f"Even allowing for these errors, it is under-confident: {en}."
        )
    return Say(
        f"이 오류를 감안하면 과신인지 확신 부족인지 판단할 수 없습니다. {ko}.",
        f"Allowing for these errors, cannot tell whether it is over- or under-confident: {en}.",
    )


def _within(between: str, level: float) -> Say:
    """An interval with its level."""
    return Say(f"{percent(level, 0)} 신뢰구간 {between}", f"{percent(level, 0)} interval {between}")


def _moved(change: Estimate, level: float) -> Say:
    """A difference in percentage points with its interval."""
    within = _within(points_range(change), level)
    return Say(f"{points(change.value)}%p({within.ko})", f"{points(change.value)} points ({within.en})")

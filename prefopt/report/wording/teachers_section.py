"""The fixed words of the section on teachers."""

from __future__ import annotations

from prefopt.rankings.simulation_rates import SimulationRates
from prefopt.report.contents import CollectedAnswers
from prefopt.report.wording.say import Say


def simulation_sentence(rates: SimulationRates) -> Say:
    """How the simulated teachers err."""
    wrong, tired, name, shared = (f"{100 * x:g}%" for x in (rates.error_rate, rates.fatigue, rates.label_error, rates.shared_error))
    first, order, copies = f"{100 * rates.position_bias:g}%", f"{100 * rates.disagreement:g}%", rates.copycats
    return Say(
        f"모의 교사 {rates.teachers}명은 정답을 알지만 이만큼 틀립니다. 판정의 {wrong}를 틀리고, 뒤로 갈수록 {tired}가 더 늘어납니다. "
        f"카드에 없는 정답을 적을 때는 {name}를 틀리고, 문제의 {shared}에서는 모두 똑같이 틀립니다. 확실하지 않으면 {first}는 첫 카드를 "
        f"고르고, 순서는 {order}가 다릅니다. 모델을 그대로 따르는 교사는 {copies}명입니다.",
        f"The {rates.teachers} simulated teachers know the right labels and err in {wrong} of the judgments, {tired} more by the last; in "
        f"{name} of the labels that no card shows; all alike on {shared} of the slates. Where unsure, {first} take the first card; "
        f"{order} of the orders differ; {copies} of them follow the model.",
    )


def collected_sentences(found: CollectedAnswers) -> tuple[Say, ...]:
    """How the answers were collected, where it was not simply what the feedback source had."""
    said = []
    if found.from_answers is not None:
        at = found.from_answers[:16].replace("T", " ")
        ko = f"판정은 답을 모으는 서버에 묻지 않고, 마지막으로 읽어 둔 것을 썼습니다({at}, UTC)."
        said.append(Say(ko, f"The answers are those that were last read of the feedback server, on {at} UTC; it was not asked again."))
    if found.older_source:
        ko = "답을 모으는 서버가 전에 읽었을 때보다 예전 상태였습니다. 읽었던 판정은 그대로 세었습니다."
        said.append(Say(ko, "The feedback server was in an older state than one that was read before; the answers that were read count."))
    if found.kept:
        ko = f"서버에는 더 이상 없지만 전에 읽은 판정 {found.kept:,}개를 그대로 세었습니다."
        said.append(Say(ko, f"{found.kept:,} answers count although the feedback server no longer had them: they were read before."))
    if found.deleted_slates:
        ko = f"문제 {found.deleted_slates:,}개는 서버에서 지워졌습니다."
        said.append(Say(ko, f"{found.deleted_slates:,} slates had been deleted on the feedback server."))
    if found.withdrawn:
        ko = f"거두어들인 판정 {found.withdrawn:,}개는 세지 않았습니다."
        said.append(Say(ko, f"{found.withdrawn:,} answers were taken back and do not count."))
    if found.comments_cut:
        ko = f"너무 긴 의견 {found.comments_cut:,}개는 앞부분만 두었습니다."
        said.append(Say(ko, f"{found.comments_cut:,} comments were too long; their beginnings are kept."))
    return tuple(said)


CANNOT_TELL = Say("판단 불가", "cannot tell")
NONE_OR_SEVERAL = Say("없음 또는 동점", "none, or several")
WORDS = {
    "title": Say("교사들의 판정이 얼마나 일치하나", "How far teachers agree"),
    "how": Say(
        "순위 일치도 α는 카드 순위가 교사끼리 얼마나 같은지를 나타냅니다. 1은 완전히 같고 0은 우연과 같습니다. "
        "구간은 문제를 다시 뽑아 구한 95% 구간이며, 두 교사가 함께 본 문제가 20개보다 적으면 적지 않습니다.",
        "Ordinal alpha measures how far teachers give the cards the same ranks: 1 is full agreement, 0 is chance. "
        "The 95% interval is a bootstrap over slates; with fewer than 20 slates that two teachers judged it is left out.",
    ),
    "alpha": Say("순위 일치도 (크리펜도르프 α, 순서형)", "agreement on ranks (Krippendorff's alpha, ordinal)"),
    "drawn": Say(
        "일치도를 잰 문제 (두 교사가 보도록 무작위로 뽑은 문제)", "slates behind the agreement (drawn at random for two teachers)"
    ),
    "gold": Say("정답이 알려진 문제에서 정답을 고른 비율", "known labels chosen"),
    "shared": Say("모두 같은 답을 골랐지만 틀린 문제 (정답이 알려진 문제)", "all agreed and were wrong (known labels)"),
    "copies": Say("모델의 첫 답을 따라간 것으로 보이는 교사", "seem to follow the model's first answer"),
    "repeats": Say("같은 문제를 다시 보였을 때 같은 답", "same answer when shown again"),
    "places": Say("카드 A를 1위로 고른 비율 (우연이라면)", "card A ranked first (by chance)"),
    "places_p": Say("카드 A에 쏠렸는지 (정확 검정 p)", "is card A favored? (exact test, p)"),
    "level": Say("실제로 우열이 없는 카드 쌍 (추정)", "pairs of cards without a better one (estimate)"),
    "seconds": Say("문제당 시간 (중앙값, 초)", "median seconds per slate"),
    "by_group": Say("영역별 일치도", "Agreement by domain"),
    "group": Say("영역", "domain"),
    "interval": Say("구간", "interval"),
    "slates": Say("문제", "slates"),
    "by_teacher": Say("교사별", "By teacher"),
    "teacher": Say("교사", "teacher"),
    "answers": Say("판정", "answers"),
    "none_right": Say("맞는 분류 없음", "none right"),
    "discarded": Say("건너뜀", "skipped"),
    "with_others": Say("다른 교사와 α", "alpha with others"),
    "order": Say("바른 순서 · 동점 · 뒤바뀜", "right order · tie · wrong"),
    "gold_short": Say("아는 정답", "known labels"),
    "repeats_short": Say("다시 같은 답", "same again"),
    "follows_short": Say("모델 편", "with the model"),
    "seconds_short": Say("초", "seconds"),
    "teacher_how": Say(
        "‘바른 순서’는 교사들의 판정만으로 추정한 값입니다(데이비드–스킨 모형, 동점 포함). "
        "한 문제를 두 교사 이상이 보았거나 정답이 알려진 문제가 있을 때만 구할 수 있습니다. "
        "‘모델 편’은 둘 이상의 교사가 모델의 첫 답이 아닌 같은 답을 고른 문제 가운데, 이 교사가 모델의 첫 답을 고른 문제의 수입니다. "
        "모델의 첫 답을 그대로 따르는 교사는 이 수가 큽니다. "
        "교사를 평가하는 값이 아니라 판정을 읽는 데 쓰는 값입니다.",
        "“Right order” is estimated from the rankings alone (Dawid and Skene, with ties). It needs slates that two teachers judged, or "
        "slates with a known label. “With the model” counts, of the slates on which two or more teachers chose one and the same label "
        "other than the model's first, those on which this teacher chose the model's; it is high for someone who follows the model. "
        "Use these figures to interpret the rankings, not to grade people.",
    ),
    "disputed": Say("함께 이야기할 문제", "Slates to discuss"),
    "disputed_how": Say(
        "교사들이 서로 다른 분류를 옳다고 한 문제입니다. 의견이 가장 크게 갈린 문제부터 보였습니다.",
        "Slates on which teachers chose different labels, the greatest disagreement first.",
    ),
}

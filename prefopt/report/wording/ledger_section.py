"""The sentences of the ledger: how often the hold-out was used for a decision, and what that means for the accuracy."""

from __future__ import annotations

from typing import Any

from prefopt.report.contents import Ledger, LedgerRow
from prefopt.report.numbers import percent, percent_range, points
from prefopt.report.wording.audit import opening_sentences, sealed_sentence
from prefopt.report.wording.fixed import OUTCOMES
from prefopt.report.wording.say import Say, both

WORDS = {
    "title": Say("검증용 문제를 얼마나 썼나", "How often the hold-out was used"),
    "use": Say("무엇에 썼나", "used for"),
    "round": Say("라운드", "round"),
    "result": Say("결과", "result"),
    "spent": Say("쓴 위험 또는 날짜", "risk spent, or day"),
    "how": Say(
        "같은 검증용 문제로 여러 번 판정하면 운이 좋은 모델이 언젠가는 뽑힙니다. 그래서 규칙은 모든 판정을 합친 위험을 정해 두고 조금씩 "
        "나누어 씁니다. 기준을 통과한 판정의 몫은 다음 판정으로 넘어갑니다. 사람이 직접 내린 결정과 비교는 이 약속에 들어가지 않으므로 "
        "따로 적습니다.",
        "Deciding again and again on the same hold-out promotes a lucky adapter sooner or later. So the rule fixes the risk over all looks "
        "and spends it in parts; a look that is passed hands its part on to the next. Decisions and comparisons by people are listed, "
        "but this promise does not cover them.",
    ),
}

_KINDS = {
    "rule": Say("규칙에 따른 판정", "decision by the rule"),
    "person": Say("사람의 결정", "decision by a person"),
    "comparison": Say("두 라운드 비교", "comparison of two rounds"),
}

_MISSING = {
    "no_adapter": Say("지금 쓰는 모델이 없습니다.", "No adapter is in use."),
    "by_person": Say(
        "지금 쓰는 모델은 사람이 골랐으므로, 여러 번 고른 효과를 계산으로 뺄 수 없습니다.",
        "A person chose the adapter in use, so the effect of the choice cannot be computed.",
    ),
    "earlier_version": Say(
        "이전 판의 규칙으로 판정한 라운드가 있어, 여러 번 고른 효과를 뺀 정확도를 계산할 수 없습니다.",
        "Some rounds were decided by an earlier version of the rule: the accuracy corrected for the choice cannot be computed.",
    ),
    "removed_round": Say(
        "판정한 라운드의 폴더가 지워져 있어, 여러 번 고른 효과를 뺀 정확도를 계산할 수 없습니다.",
        "The folder of a round that was decided on was removed: the accuracy corrected for the choice cannot be computed.",
    ),
    "few_problems": Say(
        "모든 라운드가 함께 평가된 검증용 문제가 너무 적어, 여러 번 고른 효과를 뺀 정확도를 계산할 수 없습니다.",
        "Too few hold-out problems are common to all rounds: the accuracy corrected for the choice cannot be computed.",
    ),
}


def view(ledger: Ledger) -> dict[str, Any]:
    """What the template shows."""
    audit = [sentence for opening in ledger.openings for sentence in opening_sentences(opening)]
    if ledger.sealed and not audit:
        audit = [sealed_sentence(ledger.sealed)]
    sentences = (*_budget(ledger), accuracy_sentence(ledger), *audit)
    return {"words": WORDS, "rows": tuple(_row(row) for row in ledger.rows), "sentences": sentences}


def _row(row: LedgerRow) -> tuple[Say, Say, Say, str]:
    name = f"{row.round:03d}" if row.other is None else f"{row.other:03d} → {row.round:03d}"
    where = Say(f"{name} (교체됨)", f"{name} (replaced)") if row.replaced else both(name)
    result = Say("–", "–") if row.outcome is None else OUTCOMES[row.outcome]
    if row.passed and row.outcome != "promoted":
        result = Say(f"{result.ko} (직전 모델보다는 나음)", f"{result.en} (better than its parent)")
    spent = row.day if row.level is None else f"{100 * row.level:.2f}%"
    return _KINDS[row.kind], where, result, spent


def _budget(ledger: Ledger) -> tuple[Say, ...]:
    again = sum(row.replaced and row.kind == "rule" and row.round == 0 for row in ledger.rows)
    if again and (ledger.alpha is None or ledger.left is None):
        return (
            Say(
                f"라운드 000은 이 검증용 문제로 판정한 뒤에 {again}번 새로 학습했습니다. 다음 라운드를 판정하는 데는 아직 쓰지 않았습니다.",
                f"Round 000 was trained again after it had been judged on this hold-out; times: {again}. "
                "It has not been used to decide on a later round yet.",
            ),
        )
    if ledger.alpha is None or ledger.left is None:
        return (Say("아직 라운드를 판정하는 데 쓰지 않았습니다.", "It has not been used to decide on a round yet."),)
    looks, alpha = sum(row.kind == "rule" and row.round > 0 for row in ledger.rows), f"{100 * ledger.alpha:g}%"
    left, families = f"{100 * ledger.left:.1f}%", ledger.groups_for_next or 0
    more = both("")
    if families:
        more = Say(
            f" 다음 판정이 첫 판정만큼 작은 차이도 알아보려면 새 유형의 검증용 문제가 {families:,}묶음 더 있어야 합니다.",
            f" For the next look to find as small a gain as the first, {families:,} new families of held-out problems are needed.",
        )
    return (
        Say(
            f"이 검증용 문제로 {looks}번 판정했습니다. 나아지지 않은 모델을 한 번이라도 잘못 채택할 위험은 모두 합쳐 {alpha} 이하이고, "
            f"그중 {left}가 남아 있습니다.{more.ko}",
            f"Looks that decided on it: {looks}. The risk of ever promoting an adapter that is not better is at most {alpha} over all of "
            f"them; {left} is left.{more.en}",
        ),
    )


def accuracy_sentence(ledger: Ledger) -> Say:
    """The accuracy of the adapter in use beside its corrected value, or why there is none."""
    plain, corrected = ledger.plain, ledger.corrected
    if plain is None or corrected is None or ledger.in_use is None:
        return _MISSING[ledger.missing or "earlier_version"]
    name, value, fixed, between = f"{ledger.in_use:03d}", percent(plain.value), percent(corrected.value), percent_range(corrected, 1)
    if abs(plain.value - corrected.value) < 5e-4:
        return Say(
            f"지금 쓰는 모델(라운드 {name})의 정확도 {value}에는 여러 모델 가운데 고른 효과가 없습니다.",
            f"The accuracy of the adapter in use (round {name}), {value}, owes nothing to the choice among adapters.",
        )
    optimism = points(plain.value - corrected.value)
    return Say(
        f"지금 쓰는 모델(라운드 {name})의 정확도는 {value}로 나왔지만, 여러 모델 가운데 잘 나온 것을 고른 효과({optimism}%p)를 빼면 "
        f"{fixed}입니다(신뢰구간 {between}%).",
        f"The accuracy of the adapter in use (round {name}) reads {value}. Without the luck of having been chosen ({optimism} points) "
        f"it is {fixed} (interval {between}%).",
    )

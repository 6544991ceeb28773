"""Fit for use, in plain words: the first sentence of the report, the goals, what the answers can be used for, and what to do next."""

from __future__ import annotations

from typing import Literal, NamedTuple

from prefopt.calibration.fitness_result import Fitness, Goal, Level, Reached
from prefopt.grounds import Estimate
from prefopt.report.contents import ReportContents
from prefopt.report.numbers import decimal, out_of, percent
from prefopt.report.wording.counted import duration
from prefopt.report.wording.names import group, joined, label_words, part
from prefopt.report.wording.say import Say

MOST_LABELS = 5
"""Largest mean number of labels to choose from that is of use to a person."""

Mark = Literal["yes", "no", "unsure"]
_MARKS: dict[Reached, Mark] = {"met": "yes", "missed": "no", "cannot_tell": "unsure"}
_REACHED = {"met": Say("이룸", "met"), "missed": Say("못 이룸", "not met"), "cannot_tell": Say("판단 불가", "cannot tell")}
_ANSWERS = {
    "adapter": Say("이 모델", "this model"),
    "mixture": Say("이 모델과 간단한 분류기(TF-IDF)를 섞은 답", "this model mixed with a simple classifier (TF-IDF)"),
}
_HEADLINES = {
    "fit": Say("쓸 수 있습니다", "Fit for use"),
    "not_fit": Say("아직 쓰기에는 이릅니다", "Not fit for use yet"),
    "cannot_tell": Say("쓸 수 있는지 아직 알 수 없습니다", "Cannot tell yet whether it is fit for use"),
    "no_goals": Say("쓸 수 있는지 정한 목표가 없습니다", "No goals are set for its use"),
}


class Line(NamedTuple):
    """One line with a mark."""

    mark: Mark
    title: Say
    text: Say


def headline(fitness: Fitness) -> Say:
    """Fit for use, or not."""
    return _HEADLINES[fitness.verdict]


def because(fitness: Fitness) -> Say:
    """Why: the goals that are missed, or else those that are undecided, or else those that are met."""
    if not fitness.goals:
        return Say("prefopt.toml의 [goals]에 목표를 적으십시오.", "Set some under [goals] in prefopt.toml.")
    reached: Reached = "met" if fitness.verdict == "fit" else "missed" if fitness.verdict == "not_fit" else "cannot_tell"
    texts = [goal_text(goal, fitness) for goal in fitness.goals if goal.reached == reached]
    who = _ANSWERS[fitness.answered_by]
    start = Say(f"{who.ko}: ", f"{who.en[0].upper()}{who.en[1:]}: ")
    return Say(start.ko + " ".join(f"{text.ko}." for text in texts), start.en + "; ".join(text.en for text in texts) + ".")


def summary(fitness: Fitness) -> Say:
    """How many goals are met, and what the answers can be used for today."""
    if not fitness.goals:
        return because(fitness)
    counts = {reached: sum(goal.reached == reached for goal in fitness.goals) for reached in _REACHED}
    n, missed, unsure = len(fitness.goals), counts["missed"], counts["cannot_tell"]
    ko = (
        "모두 이루었습니다",
        f"{unsure}개는 판단할 수 없습니다",
        f"{missed}개를 이루지 못했습니다",
        f"{missed}개를 이루지 못했고 {unsure}개는 판단할 수 없습니다",
    )
    undecided = f"{unsure} {'is' if unsure == 1 else 'are'} undecided"
    none = f"{missed} {'is' if missed == 1 else 'are'} not met"
    en = ("all are met", undecided, none, f"{none} and {undecided}")
    case = 2 * bool(missed) + bool(unsure)
    goals = Say(f"목표 {n}개 가운데 {ko[case]}." if case else f"목표 {n}개를 {ko[case]}.", f"Of {n} goals {en[case]}.")
    uses = [line.title for line in today_lines(fitness) if line.mark == "yes"]
    good = Say("지금은 쓸 수 있는 곳이 없습니다.", "There is nothing that it can be used for today.")
    if uses:
        names = joined(uses, ", ")
        good = Say(f"지금 쓸 수 있는 곳: {names.ko}.", f"Today it can be used for {' and '.join(_lower(use.en) for use in uses)}.")
    mixed = Say("", "")
    if fitness.answered_by == "mixture":
        mixed = Say(f" 답은 {_ANSWERS['mixture'].ko}입니다.", f" The answers are those of {_ANSWERS['mixture'].en}.")
    return Say(f"{goals.ko} {good.ko}{mixed.ko}", f"{goals.en} {good.en}{mixed.en}")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def in_one_line(fitness: Fitness) -> Say:
    """For the command line."""
    title, why = headline(fitness), because(fitness)
    return Say(f"{title.ko}. {why.ko}", f"{title.en}. {why.en}")


def goal_lines(fitness: Fitness) -> tuple[Line, ...]:
    """One line a goal; of the parts of a group those that are met are one line."""
    lines = [Line(_MARKS[g.reached], _REACHED[g.reached], goal_text(g, fitness)) for g in fitness.goals if not _is_met_part(g)]
    met = [goal for goal in fitness.goals if _is_met_part(goal)]
    if met:
        names = joined((part(goal.part) for goal in met), ", ")
        wanted = _hundred(met[0].wanted or 0)
        lines.append(
            Line("yes", _REACHED["met"], Say(f"{names.ko}: 목표 {wanted}문제를 넘습니다", f"{names.en}: above the goal of {wanted} of 100"))
        )
    return tuple(lines)


def _is_met_part(goal: Goal) -> bool:
    return goal.kind == "accuracy_in" and goal.reached == "met"


def goal_text(goal: Goal, fitness: Fitness) -> Say:
    """What was reached of one goal, without a full stop."""
    if goal.kind == "baseline":
        return _against_baseline(goal)
    if goal.kind == "accepted_share":
        return _accepted(goal, fitness)
    wanted = _hundred(goal.wanted or 0)
    where = part(goal.part)
    start = Say(f"{where.ko}: " if goal.part else "", f"in {where.en} " if goal.part else "")
    if goal.accuracy is None:
        return Say(f"{start.ko}검증용 문제가 없습니다", f"{start.en}there is no problem to judge it on")
    right, base = out_of(goal.accuracy.value)
    found = Say(f"{base:,}문제 중 {right}문제를 맞힙니다", f"it is right on {right} of {base:,} problems")
    if goal.reached == "cannot_tell":
        return Say(
            f"{start.ko}{found.ko}. 목표 100문제 중 {wanted}문제에 이르렀는지 판단할 수 없습니다",
            f"{start.en}{found.en}; it is undecided whether the goal of {wanted} of 100 is reached",
        )
    return Say(f"{start.ko}{found.ko}(목표 100문제 중 {wanted}문제)", f"{start.en}{found.en} (goal: {wanted} of 100)")


def _accepted(goal: Goal, fitness: Fitness) -> Say:
    agreed, wanted, share = percent(fitness.agreed_error, 0), percent(goal.wanted or 0, 0), percent(goal.share or 0, 0)
    if not goal.share:
        unsure = goal.reached == "cannot_tell"
        return Say(
            f"확인 없이 승인할 수 있는 문제가 {'아직 ' if unsure else ''}없습니다(목표 {wanted}, 허용한 오답률 {agreed})",
            f"no answer may be accepted unread{' yet' if unsure else ''} (goal: {wanted} of them, with at most {agreed} errors)",
        )
    return Say(
        f"{share}를 확인 없이 승인할 수 있습니다(목표 {wanted}, 허용한 오답률 {agreed})",
        f"{share} of the answers may be accepted unread (goal: {wanted}, with at most {agreed} errors)",
    )


def _against_baseline(goal: Goal) -> Say:
    if goal.baseline is None or goal.test is None:
        return Say(
            "단어 조각만 세는 간단한 분류기(TF-IDF)와 비교한 값이 없습니다",
            "it was not compared with a simple classifier that counts pieces of words (TF-IDF)",
        )
    theirs = _hundred(goal.baseline.value)
    simple = Say("단어 조각만 세는 간단한 분류기(TF-IDF)", "a simple classifier that counts pieces of words (TF-IDF)")
    if goal.reached == "met":
        return Say(
            f"{simple.ko}보다 자주 맞힙니다(분류기는 100문제 중 {theirs}문제)",
            f"it is right more often than {simple.en}, with its {theirs}",
        )
    if goal.reached == "missed":
        return Say(f"{simple.ko}가 100문제 중 {theirs}문제로 더 자주 맞힙니다", f"{simple.en} is right more often, on {theirs} of 100")
    return Say(
        f"{simple.ko}보다 낫다고 볼 근거가 없습니다(분류기는 100문제 중 {theirs}문제)",
        f"nothing shows that it is better than {simple.en}, which is right on {theirs} of 100",
    )


def today_lines(fitness: Fitness) -> tuple[Line, ...]:
    """What the answers can be used for as they are, and what not."""
    lines = [_unread(fitness), *(_sorting(level, fitness.sorting) for level in fitness.levels)]
    if fitness.set_size is not None:
        size, held = decimal(fitness.set_size, 1), percent(fitness.set_level, 0)
        few = fitness.set_size <= MOST_LABELS
        lines.append(
            Line(
                "yes" if few else "no",
                Say("후보를 보이고 사람이 고르기", "Showing labels to choose from"),
                Say(
                    f"후보 {size}개를 보이면 {held}는 그 안에 정답이 있습니다",
                    f"with {size} labels the right one is there {held} of the time",
                ),
            )
        )
    right, base = out_of(fitness.accuracy.value)
    draft = Say(
        f"사람이 모두 확인하면 {base:,}문제 중 {right}문제는 그대로 둡니다", f"if a person reads every answer, {right} of {base:,} can stay"
    )
    lines.append(Line("yes" if fitness.accuracy.low >= 0.5 else "unsure", Say("분류 초안", "A first draft"), draft))
    return tuple(sorted(lines, key=lambda line: ("yes", "unsure", "no").index(line.mark)))


def _unread(fitness: Fitness) -> Line:
    agreed = percent(fitness.agreed_error, 0)
    title = Say("확인 없이 승인하기", "Accepting unread")
    if not fitness.accepted_share:
        text = Say(f"오답률 {agreed} 이하를 지킬 수 있는 문제가 없습니다", f"no share keeps the errors at or below {agreed}")
        return Line("no", title, text)
    share, base = out_of(fitness.accepted_share)
    return Line(
        "yes",
        title,
        Say(f"{base:,}문제 중 {share}문제(오답률 {agreed} 이하)", f"{share} of {base:,} problems, with at most {agreed} errors"),
    )


def _sorting(level: Level, least: float) -> Line:
    name, (right, base), wanted = group(level.name), out_of(level.accuracy.value), _hundred(least)
    return Line(
        _MARKS[level.reached],
        Say(f"{name.ko}별로 나누기", f"Sorting by {name.en}"),
        Say(
            f"{base:,}문제 중 {right}문제가 맞는 {name.ko}에 들어갑니다(기준 {wanted})",
            f"{right} of {base:,} problems get the right {name.en} ({wanted} wanted)",
        ),
    )


def next_steps(contents: ReportContents) -> tuple[Say, ...]:
    """What would help most, as things to do."""
    lead = contents.lead
    if lead is None:
        return ()
    fitness = lead.fitness
    steps = [*_label_more(contents, fitness), *_hold_out_more(fitness)]
    summary = None if contents.feedback is None else contents.feedback.summary
    if summary is not None and summary.disputed_slates:
        count = summary.disputed_slates
        steps.append(
            Say(
                f"교사들의 의견이 갈린 문제 {count:,}개를 함께 이야기하기 (부록의 ‘함께 이야기할 문제’)",
                f"Discuss the slates on which teachers chose different labels; there are {count:,} (“Slates to discuss” in the appendix)",
            )
        )
    if contents.disputed:
        steps.append(
            Say(
                f"모델과 전문가가 다르게 본 검증용 문제 {len(contents.disputed):,}개를 확신한 것부터 다시 보기 (review.csv)",
                f"Review the problems on which model and expert differ, the most confident first: {len(contents.disputed):,} in review.csv",
            )
        )
    return tuple(steps)


def _label_more(contents: ReportContents, fitness: Fitness) -> list[Say]:
    steps = []
    if fitness.needs:
        named = [(label_words(contents.taxonomy, need.label), need) for need in fitness.needs]
        ko = ", ".join(f"{name.ko} {need.more}개(오답 {need.errors}개에 얽힘)" for name, need in named)
        en = "; ".join(f"{name.en}: {need.more} (in {need.errors} wrong answers)" for name, need in named)
        steps.append(Say(f"전문가가 더 분류할 문제: {ko}", f"Label more problems of {en}"))
    if fitness.unlabeled:
        steps.append(
            Say(
                f"배울 문제가 하나도 없는 분류 항목 {fitness.unlabeled:,}개에 문제를 마련하기",
                f"Find problems of the labels that have none to learn from; there are {fitness.unlabeled:,}",
            )
        )
    return steps


def _hold_out_more(fitness: Fitness) -> list[Say]:
    open_goals = [goal for goal in fitness.goals if goal.reached == "cannot_tell"]
    counts = [goal.more for goal in open_goals if goal.more is not None]
    if counts:
        return [
            Say(
                f"검증용 문제를 약 {max(counts):,}개 늘리기: 지금 판단할 수 없는 목표를 판단할 수 있게 됩니다",
                f"Add about {max(counts):,} hold-out problems: they would settle the goals that are undecided now",
            )
        ]
    if open_goals or not fitness.goals or fitness.verdict == "fit":
        return []
    return [
        Say(
            "검증용 문제는 늘리지 않아도 됩니다: 목표를 이루지 못한 것은 이미 분명합니다",
            "No more hold-out problems are needed: that the goals are not met is certain already",
        )
    ]


def facts(contents: ReportContents) -> tuple[tuple[Say, Say], ...]:
    """Date, problems, people and time: name, value."""
    lead = contents.lead
    if lead is None:
        return ()
    rows = [(Say("평가한 날", "judged on"), Say(lead.day, lead.day))] if lead.day else []
    rows.append((Say("검증용 문제", "problems kept aside"), _count(lead.fitness.n, "개")))
    rows.append((Say("배운 문제 (전문가 분류)", "labeled problems"), _count(lead.labeled, "개")))
    own, all_ = lead.effort, lead.effort_so_far
    if own is not None and all_ is not None:
        simulated = contents.feedback is not None and contents.feedback.simulated
        who = Say("모의 교사", "simulated teachers") if simulated else Say("교사", "teachers")
        rows.append((who, Say(f"{own.teachers:,}명", f"{own.teachers:,}")))
        rows.append(
            (
                Say("판정 (지금까지)", "their answers (so far)"),
                Say(f"{own.answers:,}개 ({all_.answers:,}개)", f"{own.answers:,} ({all_.answers:,})"),
            )
        )
        rows.append((Say("걸린 사람 시간 (지금까지)", "their time (so far)"), _time(own.seconds, all_.seconds)))
    machine = sum(cost.seconds for cost in contents.costs)
    if machine:
        rows.append((Say("컴퓨터 시간", "computer time"), duration(machine)))
    return tuple(rows)


def _time(own: float | None, so_far: float | None) -> Say:
    unknown = Say("재지 않음", "not measured")
    one, all_ = (unknown if seconds is None else duration(seconds) for seconds in (own, so_far))
    return one if one == all_ else Say(f"{one.ko} ({all_.ko})", f"{one.en} ({all_.en})")


def _count(number: int, unit: str) -> Say:
    return Say(f"{number:,}{unit}", f"{number:,}")


def _hundred(share: float) -> str:
    return f"{100 * share:.0f}" if share in (0.0, 1.0) or 0.005 <= share < 0.995 else f"{100 * share:.1f}"


def accuracy_words(accuracy: Estimate, n: int, level: float) -> tuple[Say, Say]:
    """Right answers out of a hundred, and their likely range."""
    right, base = out_of(accuracy.value)
    low, high = (round(base * share) for share in (accuracy.low, accuracy.high))
    sure = percent(level, 0)
    return Say(f"{base:,}문제 중 {right}문제를 맞힙니다", f"Right on {right} of {base:,} problems"), Say(
        f"검증용 {n:,}문제로 쟀습니다. 있을 법한 범위({sure} 신뢰구간)는 {low}~{high}문제입니다.",
        f"Measured on {n:,} problems kept aside. Likely range ({sure} confidence interval): {low} to {high}.",
    )

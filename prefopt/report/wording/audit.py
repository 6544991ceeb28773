"""The audit as sentences: sealed, or opened once for one adapter."""

from __future__ import annotations

from prefopt.project.audit import Opening
from prefopt.report.numbers import decimal, decimal_range, percent, percent_range
from prefopt.report.wording.say import Say


def sealed_sentence(problems: int) -> Say:
    """What an audit is that nobody has opened; `problems` it has."""
    return Say(
        f"따로 봉인해 둔 문항이 {problems}개 있습니다. 아직 어떤 모델도 이 문항으로 채점하지 않았습니다. "
        "쓰기로 정한 모델을 마지막에 한 번만 채점해 보기 위한 문항입니다.",
        f"{problems} labeled problems are sealed. No adapter has been scored on them; they are there to judge the adapter that is in use, "
        "once.",
    )


def opening_sentences(opening: Opening) -> tuple[Say, Say]:
    """What an opening found, and what that is worth: the hold-out chose the adapter, the audit did not."""
    when, number, count = f"{opening.at:%Y-%m-%d}", f"{opening.round:03d}", len(opening.problems)
    if opening.figures is None:
        return Say(
            f"{when}에 라운드 {number}의 모델을 봉인해 둔 문항 {count}개로 채점하기 시작했지만, 아직 끝나지 않았습니다.",
            f"On {when} the adapter of round {number} began to be scored on {count} sealed problems; this is not finished.",
        ), Say(
            "이미 봉인을 뜯었으므로 다른 모델로 바꾸어 채점할 수 없습니다.",
            "The seal is broken, so it will be finished with this adapter.",
        )
    accuracy, brier, level = opening.figures.accuracy, opening.figures.brier, f"{opening.figures.confidence_level:.0%}"
    return Say(
        f"{when}에 라운드 {number}의 모델을 봉인해 둔 문항 {count}개로 채점했습니다. 정확도는 {percent(accuracy.value)}"
        f"({level} 신뢰구간 {percent_range(accuracy, 1)}%), 브라이어 점수는 {decimal(brier.value)}({decimal_range(brier)})입니다.",
        f"On {when} the adapter of round {number} was scored on {count} sealed problems: accuracy {percent(accuracy.value)} "
        f"({level} interval {percent_range(accuracy, 1)}%), Brier score {decimal(brier.value)} ({decimal_range(brier)}).",
    ), Say(
        "모델을 고를 때는 이 문항을 쓰지 않았습니다. 그래서 이 정확도에는 여러 라운드 가운데 잘 나온 것을 고르면서 부풀려진 몫이 없습니다. "
        "이제 결과를 보았으므로, 앞으로 다른 모델은 이 문항으로 채점하지 않습니다.",
        "These problems had no part in choosing the adapter, so this accuracy is not raised by choosing the best of several rounds. "
        "The audit is now opened: the result can be read again, but no other adapter will be scored on these problems.",
    )

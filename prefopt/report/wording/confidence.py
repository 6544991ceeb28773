"""How far the adapter's confidence can be trusted, said in one way by the report, its tables and the command line.

Two figures: the signed gap, mean confidence minus accuracy, with its interval; and smooth ECE, which sees gaps that cancel out, beside the
value that chance alone stays below at 95 %.
"""

from __future__ import annotations

from prefopt.calibration.result import Calibration, CalibrationView
from prefopt.report.numbers import decimal, percent, points, points_range
from prefopt.report.wording.say import Say


def smooth_view(calibration: Calibration) -> CalibrationView | None:
    """Smooth ECE; None in results of earlier versions."""
    return calibration.view("smooth")


def gap_cell(calibration: Calibration) -> str:
    """The gap in points with its interval, for a table."""
    gap = calibration.overconfidence
    return f"{points(gap.value)} ({points_range(gap)})" if calibration.overconfidence_known else points(gap.value)


def smooth_cell(calibration: Calibration) -> str:
    """Smooth ECE with the value that chance stays below, for a table."""
    view = smooth_view(calibration)
    return "–" if view is None else f"{decimal(view.value)} ({decimal(view.floor_95)})"


def gap_sentence(calibration: Calibration) -> Say:
    """Over- or under-confident by how much, or that the data do not show it."""
    gap, level = calibration.overconfidence, percent(calibration.confidence_level, 0)
    sure, right = percent(calibration.mean_confidence), percent(calibration.accuracy.value)
    start = Say(f"평균 확신은 {sure}, 정확도는 {right}입니다.", f"Mean confidence is {sure}, accuracy {right}.")
    if not calibration.overconfidence_known:
        return Say(
            f"{start.ko} 차이 {points(gap.value)}%p가 우연인지 판단하기에는 틀린 문제(또는 맞힌 문제)가 너무 적습니다.",
            f"{start.en} Too few answers are wrong (or right) to tell whether the gap of {points(gap.value)} points is chance.",
        )
    between = points_range(gap)
    if gap.low <= 0 <= gap.high:
        return Say(
            f"{start.ko} 차이 {points(gap.value)}%p는 우연한 차이와 구별되지 않습니다(범위, {level} 신뢰구간: {between}).",
            f"{start.en} The gap of {points(gap.value)} points may be chance (likely range, {level} interval: {between}).",
        )
    word = Say("과신", "over-confident") if gap.value > 0 else Say("확신 부족", "under-confident")
    return Say(
        f"{start.ko} 차이는 {points(gap.value)}%p로(범위, {level} 신뢰구간: {between}), 평균으로 보아 {word.ko}입니다.",
        f"{start.en} The gap is {points(gap.value)} points (likely range, {level} interval: {between}): on average it is {word.en}.",
    )


def confidence_sentences(calibration: Calibration) -> tuple[Say, ...]:
    """The gap, smooth ECE, and how the two show in the diagram of confidence against accuracy."""
    view = smooth_view(calibration)
    found = [gap_sentence(calibration)]
    if view is not None:
        found.append(_smooth_sentence(view))
    found.append(_of_diagram(calibration, view))
    return tuple(found)


def is_off(calibration: Calibration) -> bool:
    """Whether the gap or smooth ECE is beyond chance."""
    gap, view = calibration.overconfidence, smooth_view(calibration)
    return (calibration.overconfidence_known and not gap.low <= 0 <= gap.high) or (view is not None and not view.cannot_tell)


def _smooth_sentence(view: CalibrationView) -> Say:
    value, floor, top = decimal(view.value), decimal(view.floor), decimal(view.floor_95)
    ko = f"확신의 높낮이에 따른 어긋남(smooth ECE)은 {value}입니다. 완벽히 보정된 모델도 우연히 평균 {floor}, 95%는 {top} 아래로 나옵니다"
    en = f"Across all levels of confidence it is off by {value} (smooth ECE); chance alone gives {floor} on average, and 95% below {top}"
    if view.cannot_tell:
        return Say(f"{ko}: 판단할 수 없습니다.", f"{en}: cannot tell.")
    return Say(f"{ko}. 이보다 크므로 우연으로 보기 어렵습니다.", f"{en}, so it is more than chance.")


def _of_diagram(calibration: Calibration, view: CalibrationView | None) -> Say:
    colored = sum(b.flag in ("over_confident", "under_confident") for b in calibration.reliability)
    off = is_off(calibration)
    if colored and off:
        return Say(
            f"그림에서 색이 있는 점 {colored}개에서 어긋남이 뚜렷합니다.",
            f"In the diagram it shows in the colored points; there are {colored}.",
        )
    if colored:
        return Say(
            f"모두 합치면 판단할 수 없지만, 그림에서 색이 있는 점 {colored}개의 구간에서는 확신이 어긋나 있습니다.",
            f"Over all problems the data do not show it, but within the colored points of the diagram ({colored}) confidence is off.",
        )
    if off:
        return Say(
            "그림의 점은 모두 회색입니다. 점 하나하나는 문제가 적어 우연과 구별되지 않고, 모든 문제를 함께 보아야 어긋남이 드러납니다.",
            "All points of the diagram are gray: each has too few problems to show more than chance, and only all of them together do.",
        )
    return Say(
        "그림의 점도 모두 회색입니다. 어긋났다고 볼 근거가 없습니다.",
        "All points of the diagram are gray, too: nothing shows that its confidence is off.",
    )

"""Short texts with a number in them: cells, charts and tables."""

from __future__ import annotations

from prefopt.report.wording.say import Say


def cell_size(count: int) -> Say:
    """Problems of a cell."""
    return Say(f"{count}문제", f"n = {count}")


def right_of(right: int, count: int) -> Say:
    """Right answers of a cell that is too small for a share."""
    return Say(f"{count}문제 중 {right} 정답", f"{right} of {count} right")


def confidence_of(text: str) -> Say:
    """Mean confidence of a cell."""
    return Say(f"확신 {text}", f"conf. {text}")


def problems(count: int) -> Say:
    """How often a confusion occurs."""
    return Say(f"{count}문제", f"{count} problem{'s' if count > 1 else ''}")


def split_confidence(predicted: str, gold: str) -> Say:
    """The adapter's probability of its own label and of the expert's, in percent."""
    return Say(f"확신 {predicted} · 전문가 분류에는 {gold}", f"confidence {predicted}, and {gold} in the expert's label")


def reliability_note(confidence: str, accuracy: str, count: int) -> Say:
    """The note of one point of the reliability chart, in percent."""
    note = f"{confidence} → {accuracy}"
    return Say(f"확신 {note} 정확도, {count}문제", f"confidence {note} accuracy, {count} problems")


def duration(seconds: float) -> Say:
    """Seconds, minutes or hours."""
    if seconds < 60:
        return Say(f"{seconds:.1f}초", f"{seconds:.1f} s")
    minutes = round(seconds / 60)
    if minutes < 60:
        return Say(f"{minutes}분", f"{minutes} min")
    return Say(f"{minutes // 60}시간 {minutes % 60}분", f"{minutes // 60} h {minutes % 60:02d} min")

"""What keeps an adapter that would be promoted from being promoted (docs/decision.md), as sentences in two languages."""

from __future__ import annotations

from prefopt.calibration.result import Calibration, CellChange
from prefopt.config import DecideSettings

Sentence = tuple[str, str]
"""English, Korean."""


def vetoes(calibration: Calibration, settings: DecideSettings) -> list[Sentence]:
    """Why an adapter is held though accuracy and Brier score speak for it; empty where nothing does."""
    found = [*_label_mass(calibration, settings)]
    if calibration.parent is not None:
        rise, limit = calibration.parent.ece_debiased, settings.max_ece_increase
        if rise.low > limit:
            found.append(
                (
                    f"Its debiased calibration error rose by {rise.value:.3f} ({rise.low:.3f} to {rise.high:.3f}), more than {limit:g}.",
                    f"보정 오차(편향 제거)가 {rise.value:.3f} ({rise.low:.3f} ~ {rise.high:.3f}) 커져 허용 범위({limit:g})를 넘었습니다.",
                )
            )
        if settings.hold_on_worse_cell:
            found += [_cell(cell) for cell in worse_cells(calibration.parent.cells, settings.alpha)]
    return found


def worse_cells(cells: tuple[CellChange, ...], alpha: float) -> list[CellChange]:
    """Cells in which more problems are lost than gained, after Holm, two-sided at alpha."""
    return [cell for cell in cells if cell.p_value is not None and cell.p_value <= alpha and cell.mcnemar.lost > cell.mcnemar.gained]


def _label_mass(calibration: Calibration, settings: DecideSettings) -> list[Sentence]:
    if calibration.label_mass is None or calibration.label_mass.mean >= settings.min_label_mass:
        return []
    share, least = f"{calibration.label_mass.mean:.1%}", f"{settings.min_label_mass:.0%}"
    return [
        (
            f"The model gives the taxonomy's labels only {share} of its probability, and at least {least} is asked.",
            f"모델이 분류 체계의 분류에 주는 확률이 {share}뿐입니다 (기준 {least} 이상).",
        )
    ]


def _cell(cell: CellChange) -> Sentence:
    name, test = " × ".join(cell.groups), cell.mcnemar
    return (
        f"Worse in {name}: of {cell.count} problems {test.lost} lost and {test.gained} gained (exact McNemar after Holm, "
        f"p = {cell.p_value:.3f}).",
        f"{name}에서 나빠졌습니다: {cell.count}문제 중 새로 틀린 문제 {test.lost}개, 새로 맞힌 문제 {test.gained}개 "
        f"(맥니마 정확검정, 홀름 보정 p = {cell.p_value:.3f}).",
    )

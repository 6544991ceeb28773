"""What keeps an adapter that would be promoted from being promoted (docs/decision.md)."""

from __future__ import annotations

from prefopt.calibration.result import Calibration, CellChange
from prefopt.config import DecideSettings
from prefopt.grounds import BiasRose, LowLabelMass, Veto, WorseCell


def vetoes(calibration: Calibration, settings: DecideSettings) -> list[Veto]:
    """Why an adapter is held although accuracy and Brier score are in its favor; empty where nothing is against it."""
    against: list[Veto] = []
    if calibration.label_mass is not None and calibration.label_mass.mean < settings.min_label_mass:
        against.append(LowLabelMass(label_mass=calibration.label_mass.mean, minimum=settings.min_label_mass))
    if calibration.parent is not None:
        rise, limit = calibration.parent.bias_rise, settings.max_ece_increase
        if rise is not None and rise.low > limit:
            against.append(BiasRose(rise=rise, limit=limit))
        if settings.hold_on_worse_cell:
            against += worse_cells(calibration.parent.cells, settings.alpha)
    return against


def worse_cells(cells: tuple[CellChange, ...], alpha: float) -> list[WorseCell]:
    """Cells in which more problems are lost than gained, after Holm, two-sided at alpha."""
    return [
        WorseCell(groups=cell.groups, n=cell.count, gained=cell.mcnemar.gained, lost=cell.mcnemar.lost, p_value=cell.p_value)
        for cell in cells
        if cell.p_value is not None and cell.p_value <= alpha and cell.mcnemar.lost > cell.mcnemar.gained
    ]

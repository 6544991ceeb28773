"""The table of cells with its totals: one group by another, or one group alone."""

from __future__ import annotations

from dataclasses import dataclass

from prefopt.calibration.fitness_result import Fitness, Total
from prefopt.calibration.result import MIN_CELL, Cell
from prefopt.grounds import Estimate
from prefopt.report.numbers import percent, percent_range
from prefopt.report.wording.counted import cell_size, right_of
from prefopt.report.wording.fixed import TEXTS
from prefopt.report.wording.names import group, joined, part
from prefopt.report.wording.say import Say, both

MOST_COLUMNS, MOST_ROWS = 6, 10
"""Up to which cells are drawn as a table; above it the totals stand alone, those of the parts with most problems."""


@dataclass(frozen=True)
class HeatCell:
    """One cell; `shade` is 0 (too few problems) or 1 to 9 by accuracy."""

    big: Say
    small: Say
    count: Say
    shade: int
    total: bool = False


@dataclass(frozen=True)
class Heat:
    """Rows of cells under heads; a cell is None where no label exists."""

    corner: Say
    heads: tuple[Say, ...]
    rows: tuple[tuple[Say, tuple[HeatCell | None, ...]], ...]


def heat_tables(fitness: Fitness) -> tuple[Heat, ...]:
    """The cells with totals of rows and columns; or the totals of either group where there are too many columns; () without groups."""
    names = [group(name) for name in fitness.cell_groups]
    everything = _cell(fitness.n, fitness.accuracy, total=True)
    if len(names) == 2 and 1 < len(fitness.columns) <= MOST_COLUMNS and len(fitness.rows) <= MOST_ROWS:
        by_groups = {cell.groups: _of_cell(cell) for cell in fitness.cells}
        rows = [
            (part(row.name), (*(by_groups.get((row.name, column.name)) for column in fitness.columns), _of_total(row)))
            for row in fitness.rows
        ]
        last = (TEXTS["total"], (*(_of_total(column) for column in fitness.columns), everything))
        heads = (*(part(column.name) for column in fitness.columns), TEXTS["total"])
        return (Heat(joined(names, " / "), heads, (*rows, last)),)
    found = [_alone(names[i], totals, everything) for i, totals in enumerate((fitness.rows, fitness.columns)) if totals]
    if not found and fitness.cells:
        most = sorted((cell for cell in fitness.cells if cell.count), key=lambda cell: -cell.count)[:MOST_ROWS]
        cells = [(both(" · ".join(cell.groups)), (_of_cell(cell),)) for cell in fitness.cells if cell in most]
        found = [Heat(names[0], (TEXTS["accuracy"],), (*cells, (TEXTS["total"], (everything,))))]
    return tuple(found)


def _alone(name: Say, totals: tuple[Total, ...], everything: HeatCell) -> Heat:
    kept = sorted((total for total in totals if total.count), key=lambda total: -total.count)[:MOST_ROWS]
    rows = tuple((part(total.name), (_of_total(total),)) for total in totals if total in kept)
    return Heat(name, (TEXTS["accuracy"],), (*rows, (TEXTS["total"], (everything,))))


def _of_cell(cell: Cell) -> HeatCell:
    return _cell(cell.count, cell.accuracy)


def _of_total(total: Total) -> HeatCell:
    return _cell(total.count, total.accuracy, total=True)


def _cell(count: int, accuracy: Estimate | None, *, total: bool = False) -> HeatCell:
    size = cell_size(count)
    if accuracy is None:
        return HeatCell(both("–"), both(""), size, 0, total)
    if count < MIN_CELL:
        return HeatCell(right_of(round(accuracy.value * count), count), both(""), both(""), 0, total)
    shade = 1 + min(8, int(9 * accuracy.value))
    return HeatCell(both(percent(accuracy.value, 0)), both(f"{percent_range(accuracy)}%"), size, shade, total)

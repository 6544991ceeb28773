"""Messages about workbooks: the English wording of every kind of fault and note (the Korean one is in workbook_details)."""

from __future__ import annotations

from prefopt.io.row import Fault, Note

WORDS = {
    "not-excel": "unreadable workbook: {0}",
    "file-too-long": "the workbook unpacks to {0} MiB; the limit is {1} MiB",
    "password": "the workbook has a password",
    "other-kind": "this is {0}, under the suffix {1}",
    "suffix-differs": "this is {0}, under the suffix {1}; it was read as what it is",
    "formula-empty": "{0} has a formula without a stored value: {1}",
    "error-cell": "{0} holds the error {1}",
    "date-as-text": "{0} in the column {1!r} is the date {2}: a spreadsheet program made a date of what was typed, such as 1-2 or 3/4",
    "digits-lost": "{0} holds {1}: of a long number only the first digits are kept",
    "column-unnamed": "{0} has a value, but the column {1} has no name",
    "column-repeated": "two columns are named {0!r}: {1} and {2}",
    "second-table": "another table begins in row {0}, with other columns: {1}; it was not read",
    "sheet-unread": "sheets that were not read, with their numbers of rows: {0}; hidden: {1}; to read them: {2}",
    "merged-cells": "{0} is merged: its value counts in the column {1!r} for the rows {2} to {3}",
    "zeros-lost": "{0}: the number is shown as {1}, and read so ({2} cells of the column)",
    "number-format": "{0}: the number is shown as {1}, and read so ({2} cells of the column)",
    "rich-text": "{0} has formatting that changes what it says ({1}); it is read as {2}",
    "picture-in-sheet": "{0}: {1}, which is not read",
    "cell-comment": "{0} has a comment, which is not read",
    "hidden-row": "{1} hidden rows are read: {0}",
    "hidden-column": "the hidden column {0} is read: {1!r}",
    "title-row": "rows above the names of the columns were not read: {0}",
    "header-two-rows": "rows {0} and {1} name the columns together: {2}",
    "index-column": "column {0} has no name and holds row numbers; it was not read",
    "header-repeated": "row {0} repeats the names of the columns, and was not read",
    "totals-row": "row {0} holds totals, and was not read: {1!r}",
}


def fault(kind: str, line: int, *values: object, sheet: str = "") -> Fault:
    """A fault with its wording."""
    return Fault(line, kind, _said(kind, values, sheet), values, sheet)


def note(kind: str, line: int, *values: object, sheet: str = "") -> Note:
    """A note with its wording."""
    return Note(line, kind, _said(kind, values, sheet), values, sheet)


def _said(kind: str, values: tuple[object, ...], sheet: str) -> str:
    return (f"sheet {sheet}: " if sheet else "") + WORDS[kind].format(*values)

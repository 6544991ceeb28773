"""Everything that reads a text takes time as the text is long: twice the text, twice the time, whatever it repeats."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from feedback.cell_values import answer_of, label_of_text, rank_of
from feedback.mathematics import to_markup
from feedback.sheet import shows
from prefopt.controls import shown
from prefopt.data.checks.text_checks import language_of, unfit
from prefopt.data.checks.text_marks import html_mark, template_mark
from prefopt.data.formats.answers import meaning
from prefopt.errors import PrefoptError
from prefopt.io.jsonl_reader import decode_json
from prefopt.readers.csv_reader import parse_csv
from prefopt.taxonomy import builtin_taxonomy
from prefopt.texts.figures import missing_figure
from prefopt.texts.folded import folded, visible
from prefopt.texts.formula_nesting import too_nested
from prefopt.texts.hwp_equations import converted
from prefopt.texts.label_codes import code_key, read_cell
from prefopt.texts.lost_formulas import lost_formula
from prefopt.texts.mojibake import mojibake
from prefopt.texts.personal_data import masked
from prefopt.texts.same_text import canonical, key
from tests.expressions import growth

_TAXONOMY = builtin_taxonomy()


def _csv(text: str) -> None:
    with suppress(PrefoptError):
        parse_csv(text, "x.csv")


READERS: dict[str, Callable[[str], object]] = {
    "personal data": masked,
    "canonical": canonical,
    "key": key.__wrapped__,
    "folded": lambda text: (folded(text), visible(text)),
    "formulas": lambda text: (lost_formula(text), too_nested(text), missing_figure(text)),
    "equations": converted,
    "encodings": lambda text: (mojibake(text), language_of(text), shown(text)),
    "codes": lambda text: (read_cell.__wrapped__(text), code_key(text)),
    "marks": lambda text: (template_mark(text), html_mark(text)),
    "fitness": unfit,
    "markup": to_markup,
    "cells": lambda text: (rank_of(text, 4), answer_of(text, cross_is_yes=None), label_of_text(text, _TAXONOMY)),
    "a returned sheet": lambda text: shows(text.replace("?", "a"), text),
    "answers": lambda text: meaning(text, "label"),
    "JSON": lambda text: decode_json(text, 1),
    "CSV": _csv,
}
PUMPS = (
    " ", "\n", "0", "1,", "가", "① ", "[", "{", "}", "\\", r"\(", r"\[", "$", "$a", r"\frac{",
    r"\sqrt ", "^{x", "여권 ", "계좌 ", "010-", "a@", "a.b@", "<", "x<b>", "&amp;", "|---\n", "?",
    "...", "\u1100", "e\u0301", "\u0301", "\u200b", "\ufffd", "ì‚¬", "臾몄젣", "{1} over {3} ",
    "{abc} ", "${x}", "[수식 ", '{"a":', '"', "`", "2022 개정 ", "[9수01-01] ", "다음 그림에서 ", "은 ", "명, ",
    "주소: 서울 ", "학생 김민수 ", "²", "Ａ", "\x1b[", "{{", "1/2", "정답: ", "![", "(1) ", "답: ", "a b ", "’a",
)  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_takes_time_as_the_text_is_long(name: str) -> None:
    slow: list[str] = []
    for pump in PUMPS:
        make = _repeated(pump)
        ratio = growth(READERS[name], make, size=2048, steps=4e-6)
        if ratio > 3:
            slow.append(f"{pump!r}: {ratio:.1f} times for twice the text")
    assert not slow


def _repeated(pump: str) -> Callable[[int], str]:
    return lambda length: f"수 3 $x$ (<b> {pump * (length // len(pump))} 값은 \x00"

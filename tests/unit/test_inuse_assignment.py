"""The draw of a split comparison: its shares, and that a unit keeps its arm in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.inuse.assignment import arm_of, drawn, first_shown, folded, unit_digest


def test_the_arm_is_that_of_the_written_rule():
    number = int(hashlib.sha256("salt|12 + 9는?".encode()).hexdigest()[:16], 16)
    assert drawn("salt", "12 + 9는?") == number
    for share in (0.01, 0.5, 0.99):
        assert arm_of("salt", "12 + 9는?", share) == ("b" if number / 2**64 < share else "a")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_shares_are_those_of_the_draw(share):
    n = 20_000
    in_b = sum(arm_of("s", f"문제 {k}", share) == "b" for k in range(n))
    assert abs(in_b - n * share) < 4 * (n * share * (1 - share)) ** 0.5


def test_another_salt_draws_anew():
    one, other = ([arm_of(salt, f"p{k}", 0.5) for k in range(4_000)] for salt in ("one", "other"))
    assert 0.46 < sum(a == b for a, b in zip(one, other, strict=True)) / 4_000 < 0.54


def test_a_unit_keeps_its_arm_in_every_process():
    units = [f"{k} + 9는 얼마입니까?" for k in range(200)]
    code = f"from prefopt.inuse.assignment import arm_of; print(''.join(arm_of('x', u, 0.3) for u in {units!r}))"
    here = "".join(arm_of("x", unit, 0.3) for unit in units)
    for seed in ("0", "1", "4711"):
        made = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True)
        assert made.stdout.strip() == here, made.stderr
    assert hashlib.sha256(here.encode()).hexdigest()[:12] == "00ed6ca8f845"  # it must never change: units would change their arms


@given(st.text(max_size=40), st.floats(0.01, 0.99))
def test_spellings_of_one_text_are_one_unit(text, share):
    decomposed = unicodedata.normalize("NFD", text)
    spaced = "  " + decomposed.replace(" ", " \n\u3000") + "\t"
    assert folded(spaced) == folded(text)
    assert arm_of("s", spaced, share) == arm_of("s", text, share)
    assert unit_digest(spaced) == unit_digest(text)


@given(st.text(max_size=20))
def test_a_larger_share_only_adds_units(unit):
    arms = [arm_of("s", unit, share) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert arms == sorted(arms)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan"), float("inf")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"in \(0, 1\)"):
        arm_of("s", "p", share)


def test_either_answer_stands_first_equally_often():
    first = sum(first_shown("s", f"{k}") == "a" for k in range(4_000))
    assert 1_850 < first < 2_150

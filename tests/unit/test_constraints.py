"""tools/constraints.py: what differs between constraints.txt and an environment is noticed."""

from __future__ import annotations

import pytest

from tools.constraints import FILE, differences, installed, pinned

LINES = ["# a comment", "", "Jinja2==3.1.6", "et_xmlfile==2.0.0  # Excel"]


def test_names_are_compared_as_package_indexes_compare_them():
    assert pinned(LINES) == {"jinja2": "3.1.6", "et-xmlfile": "2.0.0"}


@pytest.mark.parametrize("line", ["httpx", "httpx>=0.28", "httpx==0.28,<1", "httpx==0.*", "-e .", "et-xmlfile==2.0.1"])
def test_a_line_that_pins_nothing_or_pins_again_is_refused(line):
    with pytest.raises(ValueError, match="line 5"):
        pinned([*LINES, line])


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ({"httpx": "0.28.1", "numpy": "2.4.6"}, []),
        ({"httpx": "0.28.1", "numpy": "2.4.6", "new": "1.0"}, ["new 1.0 is installed and not pinned"]),
        ({"httpx": "0.28.2", "numpy": "2.4.6"}, ["httpx is pinned at 0.28.1 and installed at 0.28.2"]),
        ({"httpx": "0.28.1"}, ["numpy 2.4.6 is pinned and not installed"]),
    ],
)
def test_a_package_that_is_missing_or_other_on_either_side_is_named(versions, found):
    assert differences({"httpx": "0.28.1", "numpy": "2.4.6"}, versions) == found


def test_another_python_may_need_fewer_packages():
    assert differences({"httpx": "0.28.1", "colorama": "1.0"}, {"httpx": "0.28.1"}, complete=False) == []


def test_the_file_pins_what_the_tests_need_and_not_what_makes_an_environment():
    pins = pinned(FILE.read_text(encoding="utf-8").splitlines())
    assert {"torch", "transformers", "trl", "pytest"} <= pins.keys()
    assert not {"pip", "setuptools", "wheel", "prefopt"} & (pins.keys() | installed().keys())

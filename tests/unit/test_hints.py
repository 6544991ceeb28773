"""Every hint can be followed: a command line exists, a setting exists with an allowed value, or what is done outside prefopt is listed."""

from __future__ import annotations

import pytest

from prefopt.cli.app import app
from tests.recipes.hint_cases import FIRST, LATER
from tests.unit.hint_table import FOLLOWED, NOT_PROVOKED, OUTSIDE, TRAINING
from tests.unit.hints import RECIPES, ROOT, Hint, commands, hints, options, refuse_command, refuse_option, refuse_setting, settings

ALL = hints()


def is_checked(hint: Hint) -> bool:
    """Whether a hint names a command or a setting."""
    return bool(commands(hint.text) or settings(hint.text) or options(hint.text))


def test_there_are_as_many_hints_as_the_source_has():
    assert len(ALL) > 330
    assert {hint.path.partition("/")[0] for hint in ALL} == {"prefopt", "recipes", "feedback"}


def test_every_command_in_a_hint_can_be_typed():
    faults = [f"{h.path}:{h.line} {why}" for h in ALL for line in commands(h.text) if (why := refuse_command(app, line))]
    assert not faults, "\n".join(faults)


def test_every_setting_in_a_hint_exists_and_takes_its_value():
    faults = [f"{h.path}:{h.line} {why}" for h in ALL for key, value in settings(h.text) if (why := refuse_setting(key, value))]
    faults += [f"{h.path}:{h.line} {why}" for h in ALL for key, value in options(h.text) if (why := refuse_option(RECIPES, key, value))]
    assert not faults, "\n".join(faults)


def test_every_other_hint_is_listed_with_what_it_acts_on():
    listed = [text for texts in OUTSIDE.values() for text in texts]
    assert len(listed) == len(set(listed)), "listed twice"
    found = {hint.text for hint in ALL if not is_checked(hint)}
    assert not found - set(listed), "neither command nor setting, and not in tests/unit/hint_table.py"
    assert not set(listed) - found, "listed, and not in the source"


def test_every_hint_of_training_is_followed_or_says_why_it_is_not():
    found = {hint.text for hint in ALL if hint.path.startswith(TRAINING)}
    assert not found - set(FOLLOWED) - set(NOT_PROVOKED), "no test follows it: tests/unit/hint_table.py"
    assert not (set(FOLLOWED) | set(NOT_PROVOKED)) - found, "in the table, and not in the source"
    assert not set(FOLLOWED) & set(NOT_PROVOKED)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "recipes").glob("test_*.py"))
    cases = {case.name for case in (*FIRST, *LATER)}
    assert not [name for name in FOLLOWED.values() if name not in cases and f"def {name}(" not in tests]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("prefopt rond", "no command 'rond'"),
        ("prefopt round branch 1 --att train", "No such option"),
        ("prefopt round branch --at train", "Missing parameter"),
        ("prefopt round branch one --at train", "valid integer"),
        ("prefopt round branch N --at train", ""),
    ],
)
def test_a_wrong_command_is_seen(line, why):
    assert why in refuse_command(app, line)
    assert bool(refuse_command(app, line)) is bool(why)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("set max_token = 9 under [prompt]", "no setting 'prompt.max_token'"),
        ('set model.device = "gpu"', "model.device"),
        ("raise data.holdout_share", ""),
        ("set beta = 0 under [recipes.dpo]", "beta"),
        ("set rehearse = 0 under the recipe's name", "no recipe has an option 'rehearse'"),
    ],
)
def test_a_wrong_setting_is_seen(text, fault):
    found = [refuse_setting(*pair) for pair in settings(text)] + [refuse_option(RECIPES, *pair) for pair in options(text)]
    assert len(found) == 1
    assert fault in found[0]
    assert bool(found[0]) is bool(fault)

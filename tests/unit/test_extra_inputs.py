"""What a recipe reads besides its rows and its parent is declared by the recipe, not known to the loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefopt.errors import PluginError
from prefopt.plugins import find_recipe, options

SFT, EARLIER = "sft_adapter", "earlier_preferences"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("sft", {}, set()),
        ("consensus", {}, {SFT, EARLIER}),
        ("dpo", {}, {SFT, EARLIER}),
        ("dpo", {"start": "parent", "rehearse_preferences": 0}, set()),
        ("dpo", {"start": "parent", "rehearse_preferences": 0, "reference": "sft"}, {SFT}),
        ("dpo", {"start": "parent"}, {EARLIER}),
        ("orpo", {}, {SFT, EARLIER}),
        ("orpo", {"start": "parent", "rehearse_preferences": 0.2, "rehearse_examples": 0.1}, {EARLIER}),
        ("kto", {"start": "parent", "rehearse_preferences": 0, "rehearse_examples": 0.1}, set()),
        ("kto", {"start": "parent", "reference": "sft", "rehearse_preferences": 0.2}, {SFT, EARLIER}),
    ],
)
def test_a_recipe_declares_what_its_options_make_it_read(name: str, given: dict[str, object], expected: set[str]) -> None:
    recipe = find_recipe(name)
    assert recipe.extra_inputs(options(recipe.Config, given, name)) == expected


def test_a_recipe_that_declares_no_extra_inputs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(
        "class Old:\n    name, needs, Config = 'old', 'pairs', dict\n    def train(self, job, config): ...\nrecipe = Old()\n"
    )
    with pytest.raises(PluginError, match=r"'old.py' is not a recipe: it lacks extra_inputs"):
        find_recipe("old.py", tmp_path)

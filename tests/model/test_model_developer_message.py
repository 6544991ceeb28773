"""The developer message: language of the reasons, and labels with their statements."""

from __future__ import annotations

import pytest

from prefopt.config import PromptSettings
from prefopt.errors import ModelError
from prefopt.model.harmony import developer_text
from prefopt.taxonomy import parse_taxonomy

BARE = parse_taxonomy("code,name\n[2수01-05],상황\n[2수01-06],덧셈\n", "t.csv")
STATED = parse_taxonomy("code,name,statement\n[2수01-05],상황,상황을 안다.\n[2수01-06],덧셈,더한다.\n", "t.csv")


@pytest.mark.parametrize(("language", "name"), [("ko", "Korean"), ("en", "English"), ("ja", "Japanese")])
def test_the_language_of_the_reasons_is_named_if_it_is_set(language, name):
    plain = developer_text(PromptSettings(), BARE)
    assert "Reasoning" not in plain
    assert developer_text(PromptSettings(reasoning_language=language), BARE) == f"{plain}\n\nReasoning language: {name}"


def test_labels_are_listed_with_their_statements():
    text = developer_text(PromptSettings(taxonomy="statements"), STATED)
    assert text.endswith("# Labels\n\n[2수01-05] 상황을 안다.\n[2수01-06] 더한다.")


def test_a_prompt_with_statements_requires_statements():
    with pytest.raises(ModelError, match=r"\[2수01-05\] has none in t.csv"):
        developer_text(PromptSettings(taxonomy="statements"), BARE)

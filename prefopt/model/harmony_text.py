"""The texts of prompts and answers before they become tokens: the developer message, and the JSON of an answer. Without transformers."""

from __future__ import annotations

import json

from prefopt.config import AnswerSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.records import Answer
from prefopt.taxonomy import Taxonomy

HEADING = "# Instructions\n\n"
"""Of the developer message; chat templates write it themselves."""
_LANGUAGES = {"ko": "Korean", "en": "English", "ja": "Japanese"}


def answer_json(answer: Answer, settings: AnswerSettings) -> str:
    """The final message: compact JSON with the label first, then the answer's fields in the order of the settings."""
    return f'{{"{settings.label_key}":{json.dumps(answer.label, ensure_ascii=False)}{rest_of(answer, settings)}'


def rest_of(answer: Answer, settings: AnswerSettings) -> str:
    """The JSON after the label's closing quote."""
    values = {"level": answer.level, "difficulty": answer.difficulty, "concepts": list(answer.concepts) or None}
    pairs = [f',"{key}":{json.dumps(values[key], ensure_ascii=False, separators=(",", ":"))}' for key in settings.fields if values[key]]
    return "".join(pairs) + "}"


def developer_text(prompt: PromptSettings, taxonomy: Taxonomy) -> str:
    """Text of the developer message: instructions, language of the reasons, and the part of the taxonomy that the settings select.

    Raises:
        ModelError: prompt.taxonomy is "statements" and a label has none.
    """
    text = f"{HEADING}{prompt.instructions}"
    if prompt.reasoning_language:
        text += f"\n\nReasoning language: {_LANGUAGES[prompt.reasoning_language]}"
    if prompt.taxonomy == "codes":
        return f"{text}\n\n# Labels\n\n{' '.join(taxonomy.ids)}"
    if prompt.taxonomy == "statements":
        lacking = next((label.id for label in taxonomy if not label.statement), None)
        if lacking is not None:
            raise ModelError(
                f"prompt.taxonomy lists statements, and {lacking} has none in {taxonomy.source}",
                hint="prefopt data taxonomy --statements FILE --out taxonomy.csv",
            )
        return f"{text}\n\n# Labels\n\n" + "\n".join(f"{label.id} {label.statement}" for label in taxonomy)
    if prompt.taxonomy == "names":
        return f"{text}\n\n# Labels\n\n" + "\n".join(f"{label.id} {label.name}" for label in taxonomy)
    return text

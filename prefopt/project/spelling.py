"""Which spelling of the problems a project's model reads (prompt.spelling), where prefopt.toml does not say it.

An adapter is judged on the prompts that it was trained on, so a project that began with one spelling keeps it until somebody sets another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefopt.config import PromptSettings
from prefopt.errors import ProjectError
from prefopt.project.frozen_file import read_frozen
from prefopt.project.resolve import Resolved
from prefopt.texts.same_text import Spelling

KEY = "prompt.spelling"
BEFORE_THE_SETTING: Spelling = "as written"
"""What rounds read that were started by versions without the setting."""


def with_spelling(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a round.toml, with the spelling that the round reads where the file is older than the setting."""
    return {**frozen, "prompt": {"spelling": BEFORE_THE_SETTING, **frozen.get("prompt", {})}}


def keep_spelling(resolved: Resolved, rounds: Path) -> Resolved:
    """The settings with the spelling of the last round in the folder `rounds`, unless prefopt.toml or an option names one."""
    files = sorted(rounds.glob("[0-9][0-9][0-9]/round.toml"))
    if KEY in resolved.origins or not files:
        return resolved
    try:
        frozen = read_frozen(files[-1])
    except ProjectError:  # whoever needs the round says what is wrong with it
        return resolved
    found = with_spelling(frozen)["prompt"]["spelling"]
    if found == resolved.config.prompt.spelling:
        return resolved
    return _with(resolved, {**resolved.origins, KEY: f"round {files[-1].parent.name}"}, found)


def forget_spelling(resolved: Resolved) -> Resolved:
    """The settings without what `keep_spelling` kept: for a round that is built on no other."""
    if not resolved.origin(KEY).startswith("round "):
        return resolved
    origins = {key: origin for key, origin in resolved.origins.items() if key != KEY}
    return _with(resolved, origins, PromptSettings().spelling)


def _with(resolved: Resolved, origins: Mapping[str, str], spelling: Spelling) -> Resolved:
    prompt = resolved.config.prompt.model_copy(update={"spelling": spelling})
    return replace(resolved, config=resolved.config.model_copy(update={"prompt": prompt}), origins=origins)

"""The goals of a project: what must fit its taxonomy."""

from __future__ import annotations

from prefopt.config import GoalsSettings
from prefopt.errors import ConfigError
from prefopt.taxonomy import Taxonomy


def refuse_unknown_group(goals: GoalsSettings, taxonomy: Taxonomy) -> None:
    """Raise ConfigError where the taxonomy has no group of that name."""
    if goals.each and goals.each not in taxonomy.group_names:
        known = ", ".join(taxonomy.group_names)
        raise ConfigError(
            f'each = "{goals.each}" under [goals] is no group of the taxonomy, which has {known or "none"}',
            hint=f'set each = "{taxonomy.group_names[0]}" under [goals]' if known else 'set each = "" under [goals]',
        )

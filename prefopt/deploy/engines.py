"""Which adapters of a project a server is started with."""

from __future__ import annotations

from typing import get_args

from prefopt.errors import ConfigError
from prefopt.model.adapter_card import adapter_id, read_card
from prefopt.model.engine_launch import SPARE, Adapter, Kind, launch_line, widest
from prefopt.model.hub import base_name
from prefopt.project.project import Project
from prefopt.rounds.artifacts import ADAPTER
from prefopt.rounds.promotion import promoted_round, promotions
from prefopt.rounds.reading import locate


def launch_command(project: Project, kind: str) -> str:
    """The command that starts a server with every adapter of the project that was promoted, the newest first.

    Args:
        project: whose base, adapters and length of prompts it is for.
        kind: see prefopt.model.engine_launch.

    Raises:
        ConfigError: `kind` is none of them.
        ProjectError: no adapter was promoted, or one is not what its stage wrote.
    """
    found = next((known for known in get_args(Kind) if known == kind), None)
    if found is None:
        raise ConfigError(f"{kind!r} is no kind of server", hint=f"one of {', '.join(get_args(Kind))}")
    numbers = {event.round for event in promotions(project).events if event.outcome == "promoted"}
    numbers.add(promoted_round(project).number)
    adapters = []
    for number in sorted(numbers, reverse=True):
        folder = locate(project.round(number), ADAPTER)
        name = adapter_id(folder)
        path = f"{name}.gguf" if found == "llamacpp" else str(folder.resolve())
        adapters.append(Adapter(name, path, widest(read_card(folder))))
    context = project.config.prompt.max_tokens + SPARE
    if found == "llamacpp":
        return launch_line(found, "base.gguf", adapters, context=context)
    base, revision = base_name(project.config.model.path)
    return launch_line(found, base, adapters, context=context, revision=revision or "")

"""Options of earlier versions: answered with what replaces them."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from prefopt.errors import ConfigError


class CheckCommand(TyperCommand):
    """`prefopt check`, which once planned memory too: its former option --model is answered with the command that replaces it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for position, word in enumerate(args):
            if word == "--model" or word.startswith("--model="):
                model = word.partition("=")[2] or "".join(args[position + 1 : position + 2]) or "MODEL"
                raise ConfigError("`prefopt check --model` is now `prefopt plan`", hint=f"prefopt plan {model}   (--seq is now --tokens)")
        return super().parse_args(ctx, args)

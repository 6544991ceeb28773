"""How the words of `prefopt round` are read: its sub-command comes first, and a number is the round to continue."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class RoundGroup(TyperGroup):
    """`prefopt round 4` is `prefopt round next 4`, and options may stand before the word that they belong to."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the sub-command first, and `next` before the number of a round."""
        place = next((i for i, word in enumerate(args) if _is_command(self, args, i)), None)
        if place is not None and not {"-h", "--help"} & {*args[:place]}:
            rest = args[:place] + args[place + 1 :]
            args = ["next", args[place], *rest] if args[place].isdecimal() else [args[place], *rest]
        return super().parse_args(ctx, args)


def _is_command(group: RoundGroup, args: list[str], place: int) -> bool:
    """Whether a word is a sub-command or the number of a round, and not an option's value."""
    word = args[place]
    value = place > 0 and args[place - 1] == "--recipe"
    return not value and "--" not in args[:place] and (word in group.commands or word.isdecimal())

"""A command group that imports the module of a sub-command only when that sub-command is used.

Starting the command line costs what it imports. The help text of a built-in group is therefore kept in the table that names its module,
and entry points are read only where no built-in command has the name, or to list all commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from prefopt import plugins
from prefopt.errors import PluginError


@dataclass(frozen=True)
class LazyCommand:
    """A `typer.Typer` that is imported when its command is used.

    Args:
        target: "module:attribute" of the Typer.
        help: one line of help, for the list of commands (shown without an import) and for the group's own page.
    """

    target: str
    help: str

    def load(self, name: str) -> Any:
        """Import the Typer and build its command under `name`."""
        module, _, attribute = self.target.partition(":")
        command = build(getattr(import_module(module), attribute), name)
        command.help = self.help
        return command

    def stand_in(self, name: str) -> Any:
        """A command with this name and help that runs nothing."""
        return TyperCommand(name, help=self.help, rich_markup_mode=None)


class LazyGroup(TyperGroup):
    """The commands of its own module, then `lazy` ones, then those of plug-ins (entry points of `prefopt.commands`).

    Raises PluginError where a plug-in claims the name of a built-in command, or cannot be imported.
    """

    lazy: dict[str, LazyCommand]

    @cached_property
    def _plugin_names(self) -> list[str]:
        names = list(plugins.commands())
        if taken := sorted({*names} & {*self.commands, *self.lazy}):
            raise PluginError(f"a plug-in claims the name of a built-in command: {', '.join(taken)}", hint="uninstall the plug-in")
        return names

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands in the order of the help page."""
        return [*self.commands, *self.lazy, *self._plugin_names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None where there is none."""
        if (command := super().get_command(ctx, cmd_name)) is not None:
            return command
        if cmd_name in self.lazy:
            return self.lazy[cmd_name].load(cmd_name)
        if cmd_name in self._plugin_names:
            return build(plugins.load(plugins.COMMANDS, cmd_name), cmd_name)
        return None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names; for an unknown name, names close to it are suggested, lazy ones too."""
        name = args[0]
        if name not in self.commands and name not in self.lazy and name not in self._plugin_names:
            near = get_close_matches(name, self.list_commands(ctx))
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {' or '.join(map(repr, near))}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands; lazy ones are not imported for it."""
        names = self.list_commands(ctx)
        shown = {name: self.lazy[name].stand_in(name) if name in self.lazy else self.get_command(ctx, name) for name in names}
        TyperGroup(commands=shown, rich_markup_mode=None).format_commands(ctx, formatter)


def lazy_group(**commands: LazyCommand) -> type[LazyGroup]:
    """A group class with these lazy commands, for `typer.Typer(cls=lazy_group(data=LazyCommand("prefopt.cli.data:data", "…")))`."""
    return type("LazyGroup", (LazyGroup,), {"lazy": commands})


def build(app: typer.Typer, name: str) -> Any:
    """The command of a Typer, under `name`; its help is plain text, since importing rich costs more time than the rest of `--help`."""
    app.rich_markup_mode = None
    command = get_group(app)
    command.name = name
    return command

"""Commands whose modules are loaded when one is called: until then only its name and its one line of help are known."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A function, or a group of commands, by the place where it is defined."""

    place: str
    """`module:name`, within `consumer.cli`."""
    does: str
    """The first sentence of its help; a test holds it against the command's own."""

    def loaded(self, name: str) -> Any:
        """The command itself. This imports its module."""
        module, _, attribute = self.place.partition(":")
        target = getattr(import_module(f"consumer.cli.{module}"), attribute)
        parent = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        parent.callback()(_nothing)
        if isinstance(target, typer.Typer):
            parent.add_typer(target, name=name)
        else:
            parent.command(name)(target)
        return _members(typer.main.get_command(parent))[name]


def _nothing() -> None:
    """A callback makes a group of an app with one command."""


def _members(group: Any) -> dict[str, Any]:
    members: dict[str, Any] = group.commands
    return members


class _Commands(dict[str, Any]):
    """The commands by name, each loaded when it is looked up."""

    def __init__(self, known: Mapping[str, Any], lazy: Mapping[str, LazyCommand]) -> None:
        super().__init__({**dict.fromkeys(lazy), **known})
        self._lazy = lazy

    def __getitem__(self, name: str) -> Any:
        command = super().__getitem__(name)
        if command is None:
            command = self._lazy[name].loaded(name)
            self[name] = command
        return command


class LazyGroup(TyperGroup):
    """A group whose help is written without loading its commands."""

    lazy: ClassVar[Mapping[str, LazyCommand]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._eager = dict(self.commands)
        self.commands = _Commands(self._eager, self.lazy)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises BadParameter for an argument that no database and no topic can hold: one that is no UTF-8."""
        for argument in args:
            if not _is_text(argument) and not os.path.lexists(argument.partition("=")[2] or argument):
                raise typer.BadParameter(f"{argument!r} is not UTF-8, and no file has this name.")
        return list(super().parse_args(ctx, args))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the library's signature
        """The names in the order of the table."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command's name and help, which is all that is shown of it; None for an unknown name."""
        if cmd_name in self._eager:
            return self._eager[cmd_name]
        known = self.lazy.get(cmd_name)
        return None if known is None else TyperCommand(cmd_name, help=known.does, rich_markup_mode="rich")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, to be called."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else self.commands[name], rest


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Calls commands with bad input, whatever commands there are."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from consumer.cli.ending import ended
from consumer.cli.main import app


def commands() -> Any:
    """The group of all commands."""
    return typer.main.get_command(app)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by its words."""
    members = getattr(command, "commands", None)
    if not members:
        yield path, command
        return
    for name in sorted(members):
        yield from leaves(members[name], (*path, name))


SERVES = {("run",), ("demo",)}
"""They wait for servers, or start some: not to be called here."""
NO_TEXT = "\udcff\udcfe"
"""An argument that is no UTF-8, as Python hands it over."""
NUMBERS = ("99999999999999999999999", "9223372036854775807", "1e308", "-1", "0", "nan", "inf")
TEXTS = (NO_TEXT, "x" * 5000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "", "nobody", "2026-13-45", "a\nb")


class Walker:
    """Calls commands in this process. Each must end in 0, 1 or 2, in one clear line where it is not 0."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        (folder / "binary").write_bytes(bytes(range(256)) * 20)
        (folder / "empty").write_bytes(b"")
        (folder / "folder").mkdir()
        self.paths = [
            str(folder / "binary"), str(folder / "empty"), str(folder / "folder"), str(folder / "none"),
            str(folder / "empty" / "below"), "/dev/full", "/proc/nothing", NO_TEXT, "",
        ]  # fmt: skip
        self.calls = 0
        self.faults: list[str] = []

    def call(self, *arguments: str) -> None:
        self.calls += 1
        logging.getLogger().handlers.clear()  # one that an earlier call made writes to where nobody reads any more
        code = ended(lambda: app(args=list(arguments), prog_name="escalation-consumer"))
        errors = self._capsys.readouterr().err
        silent = code != 0 and not errors.strip()
        if code not in (0, 1, 2) or "Traceback" in errors or "unexpected" in errors or silent:
            self.faults.append(f"{arguments}: {code}: {errors[-400:]}")

    def values(self, parameter: Any) -> list[str]:
        """Bad values for it, by its type."""
        kind = parameter.type_descriptor.annotation
        if kind in (int, float):
            return [*NUMBERS, "many"]
        if kind is Path or parameter.name in {"file", "files", "output", "answers"}:
            return self.paths
        return [*TEXTS, *self.paths[:1], NUMBERS[0]]

    def walk(self, path: tuple[str, ...], command: Any, *, most: int) -> None:
        """The command with each of its parameters spoilt, the others as they have to be."""
        self.call(*path, "--no-such-option")
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option" and not each.is_flag]
        needed = [word for each in options if each.required for word in (each.opts[0], self.values(each)[0])]
        usual = ["nobody" for each in arguments if each.required]
        for value in [value for each in arguments for value in self.values(each)][:most]:
            self.call(*path, *needed, "--", *[value for _ in usual or [value]])
        for option in options:
            for value in self.values(option)[:most]:
                self.call(*path, *needed, f"{option.opts[0]}={value}", "--", *usual)

    def walk_all(self, *, most: int) -> None:
        """Every command, with this many bad values for each parameter."""
        for path, command in leaves(commands()):
            if path not in SERVES:
                self.walk(path, command, most=most)

"""The generated tables of README.md. `python -m tests.support.readme` writes them."""

from pathlib import Path
from typing import Any

import typer

from consumer.cli import settings_table
from consumer.cli.main import app

README = Path(__file__).resolve().parents[2] / "README.md"


def tables() -> dict[str, str]:
    """Every generated table, by the name of its place in the file."""
    return {"settings": _settings(), "commands": _commands()}


def written(text: str) -> str:
    """The text with its tables renewed."""
    for name, table in tables().items():
        assert f"<!-- begin {name} -->\n" in text, f"README.md has no place for the table of {name}"
        before, _, rest = text.partition(f"<!-- begin {name} -->\n")
        text = f"{before}<!-- begin {name} -->\n{table}<!-- end {name} -->{rest.partition(f'<!-- end {name} -->')[2]}"
    return text


def _settings() -> str:
    rows = [
        f"| `{row.variable}` | {_code(row.default)} | {_escaped(row.allowed)} | {_escaped(row.meaning)} |"
        for row in settings_table.setting_rows()
    ]
    return "\n".join(["| variable | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _commands() -> str:
    rows = [f"| `{_escaped(name)}` | {_escaped(does)} |" for name, does in _walk(typer.main.get_command(app), "")]
    return "\n".join(["| command | does |", "| --- | --- |", *rows]) + "\n"


def _walk(command: Any, path: str) -> list[tuple[str, str]]:
    members = getattr(command, "commands", None)
    if members:
        return [row for name in sorted(members) for row in _walk(members[name], f"{path} {name}".strip())]
    arguments = [_argument(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    return [(" ".join([path, *arguments]), (command.help or "").strip().splitlines()[0])]


def _argument(parameter: Any) -> str:
    """As `--help` shows it."""
    named = parameter.metavar or parameter.name.upper()
    return named if parameter.required or named.startswith("[") else f"[{named}]"


def _code(text: str) -> str:
    return "" if text == "-" else f"`{text}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")

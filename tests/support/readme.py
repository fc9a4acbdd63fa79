"""The generated parts of README.md and of the pages in docs/. `python -m tests.support.readme` writes them."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from consumer.cli import settings_table
from consumer.cli.demo import closing
from consumer.cli.main import app
from consumer.domain.review import gate
from consumer.domain.review.gate import Accepted, Reviewed
from tests.domain import recorded
from tests.domain.answers import keep

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
SAMPLE = "02-vpn-split-dns-pending"
ANSWERS = ROOT / "tests" / "golden" / "packages" / "answers.json"


def parts() -> Mapping[Path, Mapping[str, Callable[[], str]]]:
    """What is generated: of each file the parts by the name of their place."""
    return {
        README: {"package": _package, "own-session": lambda: f"```\n{closing.own_session()}\n```\n"},
        DOCS / "settings.md": {"settings": _settings},
        DOCS / "commands.md": {"commands": _commands},
    }


def written(path: Path) -> str:
    """The text of a file with its parts renewed."""
    text = path.read_text(encoding="utf-8")
    for name, part in parts()[path].items():
        assert f"<!-- begin {name} -->\n" in text, f"{path.name} has no place for {name}"
        before, _, rest = text.partition(f"<!-- begin {name} -->\n")
        text = f"{before}<!-- begin {name} -->\n{part()}<!-- end {name} -->{rest.partition(f'<!-- end {name} -->')[2]}"
    return text


def commands() -> dict[str, Any]:
    """Every command by its whole name."""
    return dict(_walk(typer.main.get_command(app), ""))


def _package() -> str:
    """The sample's package as the service renders it, quoted; a careful person's answer stands for the model's."""
    answer = json.dumps(json.loads(ANSWERS.read_text(encoding="utf-8"))[SAMPLE])
    ((_, bundle),) = recorded.sessions(SAMPLE)
    reviewed = gate.review(answer, bundle, scan=keep)
    assert isinstance(reviewed, Reviewed), reviewed.violations
    assert reviewed.violations == ()
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    return "".join(f"> {line}".rstrip() + "\n" for line in accepted.rendered.markdown.splitlines())


def _settings() -> str:
    rows = [
        f"| `{row.variable}` | {_code(row.default)} | {_escaped(row.allowed)} | {_escaped(row.meaning)} |"
        for row in settings_table.setting_rows()
    ]
    return "\n".join(["| variable | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _commands() -> str:
    """A table of all commands, then a section for each."""
    all_of_them = commands()
    rows = [
        f"| [`{_escaped(_usage(name, command))}`](#{name.replace(' ', '-')}) | {_escaped(_help(command)[0])} |"
        for name, command in all_of_them.items()
    ]
    table = "\n".join(["| command | does |", "| --- | --- |", *rows])
    return f"{table}\n" + "".join(_section(name, command) for name, command in all_of_them.items())


def _section(name: str, command: Any) -> str:
    rows = [f"| {_parameter(parameter)} | {_escaped(_meaning(parameter))} |" for parameter in command.params]
    table = ["| argument or option | meaning |", "| --- | --- |", *rows] if rows else []
    paragraphs = [_spans(paragraph) for paragraph in _help(command)]
    return "\n" + "\n\n".join([f"## {name}", *paragraphs, *(["\n".join(table)] if table else [])]) + "\n"


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    members = getattr(command, "commands", None)
    if members is None:
        yield path, command
        return
    for name in sorted(members):
        yield from _walk(members[name], f"{path} {name}".strip())


def _usage(path: str, command: Any) -> str:
    arguments = [_argument(each) for each in command.params if each.param_type_name == "argument"]
    return " ".join([path, *arguments])


def _argument(parameter: Any) -> str:
    """As `--help` shows it."""
    named: str = parameter.metavar or parameter.name.upper()
    return named if parameter.required or named.startswith("[") else f"[{named}]"


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_escaped(_argument(parameter))}`"
    spelt = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    kind = "" if getattr(parameter, "is_flag", False) else f" {_kind(parameter.type_descriptor.annotation)}"
    return f"{spelt}{kind}" + (", required" if parameter.required else "")


def _kind(annotation: Any) -> str:
    names = {"str": "text", "int": "number", "float": "number", "Path": "file", "datetime": "time", "UUID": "id"}
    bare = str(getattr(annotation, "__name__", annotation))
    return names.get(bare, "text" if bare == "list" else "word")


def _meaning(parameter: Any) -> str:
    default = getattr(parameter.default, "value", parameter.default)
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    sentences = [
        getattr(parameter, "help", None) or "",
        f"At least {least:g}." if least is not None else "",
        f"At most {most:g}." if most is not None else "",
        f"Default: `{default:g}`." if isinstance(default, float) else f"Default: `{default}`." if shown else "",
        "May be repeated." if getattr(parameter, "multiple", False) else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _help(command: Any) -> list[str]:
    """The paragraphs of its help, each in one line."""
    return [" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n") if paragraph.strip()]


def _spans(text: str) -> str:
    return text.replace("<", "&lt;")


def _code(text: str) -> str:
    return "" if text == "-" else f"`{text}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for path in parts():
        path.write_text(written(path), encoding="utf-8")

"""The manners of all commands, from the app itself, so that a new one is covered."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from consumer.cli.main import Commands, app

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("aiohttp", "aiokafka", "anthropic", "asyncpg", "httpx2", "pydantic", "redis", "structlog")
"""Packages that take long to load."""
QUICK = ("run", "prepare", "rewind", "rebuild", "trim", "load", "export", "doctor", "schemas")


def group() -> Any:
    return typer.main.get_command(app)


def loaded_by(*arguments: str) -> list[str]:
    """The heavy packages that a command loads before it ends. A clock would measure the machine's other work."""
    program = (
        "import sys\n"
        "from consumer.__main__ import main\n"
        f"sys.argv = ['escalation-consumer', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert len(done.stdout + done.stderr) > 50
    return done.stdout.splitlines()[-1].split()[1:]


class TestFirstOutput:
    @pytest.mark.parametrize("arguments", [("--help",), ()])
    def test_help_loads_nothing_heavy(self, arguments: tuple[str, ...]) -> None:
        assert loaded_by(*arguments) == []

    @pytest.mark.parametrize(
        "arguments", [("nonsense",), ("--nonsense",), *((name, "--nonsense") for name in QUICK), ("settings",)]
    )
    def test_wrong_arguments_and_settings_load_what_typer_reads_them_with(self, arguments: tuple[str, ...]) -> None:
        assert loaded_by(*arguments) in ([], ["pydantic"])

    def test_the_measure_sees_what_is_loaded(self) -> None:
        assert "asyncpg" in loaded_by("outbox")


class TestLazyCommands:
    def test_each_says_of_itself_what_the_list_of_commands_says(self) -> None:
        commands = group().commands
        assert len(commands) > 20
        for name, lazy in Commands.lazy.items():
            words = " ".join(commands[name].help.split())
            assert words.startswith(lazy.does), name

    def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "consumer", "setings"], cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "Did you mean 'settings'?" in done.stderr

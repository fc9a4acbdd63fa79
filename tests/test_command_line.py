"""The manners of all commands, from the app itself, so that a new one is covered."""

import contextlib
import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.cli.ending import ended
from consumer.cli.main import Commands, app
from tests.support.walker import Walker, commands, leaves

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("aiohttp", "aiokafka", "anthropic", "asyncpg", "httpx2", "pydantic", "redis", "structlog")
"""Packages that take long to load."""
LIGHT = (
    "consumer.__main__",
    "consumer.cli",
    "consumer.environment",
    "consumer.trace_variables",
    "consumer.errors",
    "consumer.domain.events",
    "consumer.domain.text.marks",
    "consumer.domain.request.lifecycle",
    "consumer.flows.viewing.filters",
    "consumer.flows.viewing.pages",
    "consumer.flows.viewing.tickets",
    "schemas",
)
"""The project's own modules that a command may load to read its arguments: types of options, and no work."""
SETTINGS = (
    "consumer.settings",
    "consumer.server_settings",
    "consumer.setting_sources",
    "consumer.setting_types",
    "consumer.exposure",
    "consumer.providers",
)
"""What `settings` is about."""


def loaded_by_each(commands: list[tuple[str, ...]]) -> dict[str, list[str]]:
    """The modules that each command has loaded when it has shown its help and refused a wrong option.

    One process for all: each command runs in a fork of it, which has loaded light ones alone.
    """
    program = (
        "import asyncio, io, json, os, sys, rich.console, rich.progress, typer.rich_utils, consumer.cli.main\n"
        "import schemas.packages, schemas.dead_letters, schemas.feedback, schemas.tenants\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    if (child := os.fork()) == 0:\n"
        "        out, sys.stdout, sys.stderr = sys.stdout, io.StringIO(), io.StringIO()\n"
        "        from consumer.__main__ import main\n"
        "        codes = []\n"
        "        for last in ('--help', '--nonsense'):\n"
        "            sys.argv = ['escalation-consumer', *arguments, last]\n"
        "            try:\n                main()\n            except SystemExit as end:\n"
        "                codes.append(end.code)\n"
        "        assert codes == [0, 2], (arguments, codes)\n"
        "        print(json.dumps([' '.join(arguments), sorted(sys.modules)]), file=out, flush=True)\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0, arguments\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(commands)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


def too_much(modules: list[str], light: tuple[str, ...] = LIGHT) -> list[str]:
    """Those that are heavy packages, or the project's own and not among the light ones, or a package around these."""
    own = [name for name in modules if name.split(".")[0] in {"consumer", "schemas"}]
    return [name for name in modules if name in (set(HEAVY) - {"pydantic"})] + [
        name
        for name in own
        if not any(name == known or name.startswith(f"{known}.") or known.startswith(f"{name}.") for known in light)
    ]


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

    @pytest.mark.parametrize("arguments", [("nonsense",), ("--nonsense",), ("settings",)])
    def test_wrong_words_and_settings_load_what_typer_reads_them_with(self, arguments: tuple[str, ...]) -> None:
        assert loaded_by(*arguments) in ([], ["pydantic"])

    def test_no_command_loads_its_work_before_its_arguments_are_read(self) -> None:
        """By modules, not by a clock, which would measure other work, too: with these alone it takes 0.3 to 0.4 s."""
        every = [path for path, _ in leaves(commands())]
        assert len(every) > 40
        loaded = loaded_by_each(every)
        assert len(loaded) == len(every)
        allowed = {"settings": LIGHT + SETTINGS}
        wrong = {name: too_much(modules, allowed.get(name, LIGHT)) for name, modules in loaded.items()}
        assert {name: modules for name, modules in wrong.items() if modules} == {}

    def test_the_measure_sees_what_is_loaded(self) -> None:
        assert "asyncpg" in loaded_by("outbox")
        assert too_much(["asyncpg", "consumer.wiring.tables", "consumer.cli.lazy", "consumer.flows"]) == [
            "asyncpg",
            "consumer.wiring.tables",
        ]


def test_what_is_logged_does_not_stand_among_a_commands_output() -> None:
    program = (
        "import sys, structlog, consumer.wiring.database\n"
        "from consumer.cli.ending import ended\n"
        "log = structlog.stdlib.get_logger('escalation.test')\n"
        "sys.exit(ended(lambda: (log.error('It is so.', event_name='so'), print('{}'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")


class TestLazyCommands:
    def test_each_says_of_itself_what_the_list_of_commands_says(self) -> None:
        known = commands().commands
        assert len(known) > 20
        for name, lazy in Commands.lazy.items():
            words = " ".join(known[name].help.split())
            assert words.startswith(lazy.does), name

    def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "consumer", "setings"], cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "Did you mean 'settings'?" in done.stderr


@pytest.fixture
def walker(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Walker:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe not JSON")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    return Walker(tmp_path, capsys)


class TestBadInput:
    def test_every_command_takes_it_without_a_traceback(
        self, walker: Walker, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With a database that answers: a value may be one that it cannot hold. `make faults` tries more values."""
        assert len(dict(leaves(commands()))) > 30
        monkeypatch.setenv("DATABASE_URL", database)
        walker.walk_all(most=2)
        assert not walker.faults, "\n".join(walker.faults)
        assert walker.calls > 150


def started(*arguments: str, stdout: int, **variables: str) -> "subprocess.Popen[str]":
    """A command in a process of its own, which is not waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "consumer", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestOutputThatCannotBeWritten:
    @pytest.mark.parametrize("arguments", [("settings",), ("schemas", "session.snapshot.v1"), ("--help",)])
    def test_a_reader_who_has_gone_is_no_error_to_tell(self, arguments: tuple[str, ...]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        process = started(*arguments, stdout=writing)
        os.close(writing)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode in (0, 1), errors) == (True, "")

    def test_nor_is_it_where_a_command_writes_by_itself(self, capsys: pytest.CaptureFixture[str]) -> None:
        def write() -> None:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        assert ended(write) == 1
        assert capsys.readouterr().err == ""

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    @pytest.mark.parametrize("arguments", [("settings", "--json"), ("schemas", "session.snapshot.v1"), ("--help",)])
    def test_a_full_disk_is_one_line(self, arguments: tuple[str, ...]) -> None:
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            process = started(*arguments, stdout=full.fileno())
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert errors.strip() == "Failed: No space left on device; make room, or write elsewhere"

    def test_closed_output_is_no_error(self) -> None:
        script = f"exec {sys.executable} -m consumer schemas >&- 2>&-"
        assert subprocess.run(["/bin/sh", "-c", script], cwd=ROOT, check=False, timeout=60).returncode == 0

    def test_a_terminal_that_knows_ascii_alone_is_printed_to(self) -> None:
        process = started("settings", stdout=subprocess.PIPE, PYTHONIOENCODING="ascii", ESCALATION_SOURCE="/dépôt")
        shown, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert r"/d\xe9p\xf4t" in shown


class TestWaiting:
    @pytest.mark.parametrize(("arguments", "number"), [(("doctor",), signal.SIGINT), (("outbox",), signal.SIGINT)])
    def test_ctrl_c_ends_it_in_one_line(self, arguments: tuple[str, ...], number: int) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
            port = silent.getsockname()[1]
            process = started(
                *arguments,
                stdout=subprocess.DEVNULL,
                KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}",
                DATABASE_URL=f"postgresql://127.0.0.1:{port}/none",
            )
            silent.settimeout(60)
            connection, _ = silent.accept()  # it waits for an answer
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
            connection.close()
        assert process.returncode == 1
        assert errors.strip().splitlines() == ["Stopped by a signal; what was done so far stays done."]


class TestCertificates:
    @pytest.mark.parametrize(
        ("variable", "kind", "code"),
        [
            *(("ESCALATION_KAFKA_SSL_CAFILE", kind, 2) for kind in ("none", "binary", "folder")),
            *(("SSL_CERT_FILE", kind, 2) for kind in ("none", "binary", "folder")),
            *(("SSL_CERT_DIR", kind, 2) for kind in ("none", "binary")),
            *(("DATABASE_URL", kind, 1) for kind in ("none", "binary", "folder")),
        ],
    )
    def test_a_file_of_authorities_that_cannot_be_read_is_told(
        self, walker: Walker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, kind: str, code: int
    ) -> None:
        del walker
        path = tmp_path / kind
        monkeypatch.setenv(variable, f"postgresql://127.0.0.1:1/x?sslmode=verify-full&sslrootcert={path}")
        if code == 2:
            monkeypatch.setenv(variable, str(path))
        shown = io.StringIO()
        with contextlib.redirect_stderr(shown):
            assert ended(lambda: app(args=["outbox"], prog_name="escalation-consumer")) == code
        (line,) = shown.getvalue().splitlines()
        assert line.startswith(f"Wrong configuration: {variable}: " if code == 2 else "Failed: PostgreSQL: ")
